/* script.h: what a script engine offers to the worker process it runs in.
 *
 * One engine an adapter file. A program is compiled once, in the zygote, and run in workers forked from it. */
#ifndef MAPPING_SCRIPT_H
#define MAPPING_SCRIPT_H

#include "mapping/mapper.h"

/* Exit code of a worker without memory; die_oom's too. */
enum { SCRIPT_NO_MEMORY = 111 };

struct script_engine {
    const char *name;
    /* The compiled program, for the life of the process; or NULL with a reason of one line appended to why. */
    void *(*compile)(struct slice program, struct buf *why);
    /* Runs it on a message, a JSON object that passed json_parse and is followed by a byte that is in no number. Inbound
     * {headers, text|bytes, address}, outbound an envelope. Appends its results to out, compact JSON and '\n' each, but
     * not more than RESULTS_MAX + 1. 0, or -1 with a reason of one line appended to why (out is then to be ignored). */
    int (*run)(void *program, enum way way, struct json message, struct buf *out, struct buf *why);
};

extern const struct script_engine jq_engine;

#endif
