/* worker.h: a filter's side of its script worker: jobs in, answers out, in order.
 *
 * Jobs wait in a list of the caller's structures and go to the worker as room is there, many at once, so that neither side
 * waits for the other. When the worker dies, or does not answer in time, the job that it was at has failed; the ones behind
 * it go to a new worker. Never blocks, except for the fork of a new worker (under a millisecond).
 *
 * Ownership: jobs are the caller's and must live until they are answered; the rest is the worker's own. */
#ifndef MAPPING_WORKER_H
#define MAPPING_WORKER_H

#include <sys/types.h>

#include "base/loop.h"
#include "mapping/zygote.h"

struct job {
    unsigned script;
    struct job *next; /* private */
};

struct worker {
    /* set by the caller before worker_start */
    const struct script_engine *engine;
    const struct scripts *scripts;
    struct worker_limits limits;
    void (*put_message)(void *arg, const struct job *job, struct buf *dst); /* appends its JSON */
    void (*on_answer)(void *arg, struct job *job, bool failed, struct slice text);
    void *arg;

    /* private */
    pid_t zygote;
    int control, fd;
    struct worker_shared *shared;
    struct loop *loop;
    struct watch watch;
    struct timer watchdog;
    struct buf in, out;
    bool ready;                        /* the worker process has said so */
    struct job *first, *unsent, *last; /* from first on: sent and not answered; from unsent on: not sent */
    size_t in_flight;
    uint64_t answered; /* by this worker process */
    msec since;        /* when it last made progress */
    unsigned useless;  /* workers in a row that ended without a job */
};

/* Forks the zygote and its first worker, which has compiled all scripts in the language of the engine then. Before any
 * lockdown. 0, or -1 with one line of reason in why, *script being the one that it is about (NO_SCRIPT: none). */
int worker_start(struct worker *w, struct buf *why, int *script);
/* From then on answers come from the loop. */
void worker_attach(struct worker *w, struct loop *loop);
void worker_submit(struct worker *w, struct job *job);
/* Sends what there is to send: to be called before every poll. */
void worker_flush(struct worker *w);
/* Ends the processes and waits for them. Jobs that are not answered are forgotten. */
void worker_stop(struct worker *w);

#endif
