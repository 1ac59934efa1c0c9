/* zygote.h: the process that compiles the scripts once and forks the workers that run them.
 *
 * It is forked before the filter reads its first line, sees no message, and only forks. Filter and zygote talk over a
 * SOCK_SEQPACKET pair: the zygote reports once that it has compiled, then answers each byte it is sent with a new worker;
 * the worker before is killed and reaped first. Filter and worker talk over a SOCK_STREAM pair in frames.
 * A worker takes its messages one after the other and sends the answers in the same order, several at once when there are
 * more messages to take; which message it is at stands in shared memory, so that its death costs that message only.
 * None of them outlives the one that made it. */
#ifndef MAPPING_ZYGOTE_H
#define MAPPING_ZYGOTE_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

#include "mapping/script.h"

enum { FRAME_MAX_BYTES = 64 * 1024 * 1024 };

/* Before each message and each answer on the stream. */
struct frame {
    uint32_t bytes;  /* that follow */
    uint32_t number; /* message: the script; answer: 0 for its results, 1 for the reason why there are none */
};

/* What the zygote says: with a worker's descriptor, except at first. */
struct zygote_report {
    int status;    /* wait status of the worker before; -1: there was none */
    char why[400]; /* why a script could not be compiled, "" for none */
    int script;    /* which one */
};

struct worker_limits {
    unsigned cpu_ms; /* of user CPU time for one message */
    size_t memory_bytes;
};

struct worker_shared {
    _Atomic uint64_t at; /* number of the message that the worker is at, from 1; 0: none */
};

/* Never returns. parent: the process that forked it. */
_Noreturn void zygote_run(pid_t parent, int control, struct worker_shared *shared,
                          const struct script_engine *engine, const struct scripts *scripts,
                          const struct worker_limits *limits);
/* The worker's part, in worker_run.c. */
_Noreturn void worker_run(int fd, struct worker_shared *shared, const struct script_engine *engine,
                          const struct scripts *scripts, void *const *programs,
                          const struct worker_limits *limits);

#endif
