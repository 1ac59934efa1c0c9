/* zygote.h: the process that forks the workers that run the scripts of one language.
 *
 * It is forked before the filter reads its first line, sees no message, and only compiles what can be compiled ahead
 * (script.h) and forks. Filter and zygote talk over a SOCK_SEQPACKET pair: the zygote reports once that it is ready, then
 * answers each byte it is sent with a new worker; the worker before is killed and reaped first. Filter and worker talk
 * over a SOCK_STREAM pair in frames: the worker's first frame says that it is ready, or which script it cannot load.
 * A worker takes its messages one after the other and sends the answers in the same order, several at once when there are
 * more messages to take; which message it is at stands in shared memory, so that its death costs that message only.
 * None of them outlives the one that made it. */
#ifndef MAPPING_ZYGOTE_H
#define MAPPING_ZYGOTE_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

#include "mapping/script.h"

enum { FRAME_MAX_BYTES = 64 * 1024 * 1024, FRAME_READY = UINT16_MAX };

/* Before each message and each answer on the stream. */
struct frame {
    uint32_t bytes; /* that follow */
    /* message: the script; answer: 0 for its results, 1 for the reason why there are none; first frame: FRAME_READY, or
     * the script that the reason is about */
    uint32_t number;
};

/* What the zygote says: with a worker's descriptor, except at first. */
struct zygote_report {
    int status;    /* wait status of the worker before; -1: there was none */
    char why[400]; /* why it is not ready, "" if it is */
    int script;    /* which one that is about, or NO_SCRIPT */
};

struct worker_shared {
    _Atomic uint64_t at;   /* number of the message that the worker is at, from 1; 0: none */
    _Atomic int compiling; /* the script that it compiles, or NO_SCRIPT */
};

/* Never returns. parent: the process that forked it. Only scripts in the language of the engine are looked at. */
_Noreturn void zygote_run(pid_t parent, int control, struct worker_shared *shared,
                          const struct script_engine *engine, const struct scripts *scripts,
                          const struct worker_limits *limits);
/* Compiles them: programs[i] of script i. 0, or -1 with the script and the reason. */
int zygote_compile(const struct script_engine *engine, const struct scripts *scripts, void **programs,
                   _Atomic int *compiling, struct buf *why);
/* The worker's part, in worker_run.c. */
_Noreturn void worker_run(int fd, struct worker_shared *shared, const struct script_engine *engine,
                          const struct scripts *scripts, void **programs, const struct worker_limits *limits);

#endif
