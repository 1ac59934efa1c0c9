/* script.h: what a script engine offers to the worker process it runs in.
 *
 * One language an adapter file. There are two kinds of engines:
 *
 *             compiles        is bounded by                    a worker lives
 *   plain     in the zygote   address space, CPU time          until it has grown: the engine may leak
 *   threaded  in each worker  resident memory, CPU time; it    until something goes wrong: scripts may keep
 *                             may stop scripts in time itself  state in it
 *
 * A threaded engine starts threads and reserves more address space than it uses. It is opened in the zygote, so that
 * workers share what was loaded, warmed in each worker while that may still open files, and compiles after that. */
#ifndef MAPPING_SCRIPT_H
#define MAPPING_SCRIPT_H

#include "mapping/mapper.h"

/* Exit codes of a worker: without memory (die_oom's too), and when a message took too long. */
enum { SCRIPT_NO_MEMORY = 111, SCRIPT_NO_TIME = 99 };

struct worker_limits {
    unsigned cpu_ms; /* of CPU time for one message */
    size_t memory_bytes;
};

struct script_engine {
    enum language language;
    bool threaded;
    /* NULL for a plain engine. 0, or -1 with a reason of one line appended to why. */
    int (*open)(const struct worker_limits *limits, struct buf *why);
    void (*warm)(const struct worker_limits *limits);
    /* The compiled program, for the life of the process; or NULL with a reason of one line appended to why. */
    void *(*compile)(struct slice program, struct buf *why);
    /* Runs it on a message, a JSON object that passed json_parse and is followed by a byte that is in no number. Inbound
     * {headers, text|bytes, address}, outbound an envelope. Appends its results to out, compact JSON and '\n' each, but
     * not more than RESULTS_MAX + 1. 0, or -1 with a reason of one line appended to why (out is then to be ignored). */
    int (*run)(void *program, enum way way, struct json message, struct buf *out, struct buf *why);
};

extern const struct script_engine jq_engine, javascript_engine;

#endif
