/* trial.h: testing a connection without keeping it (testConnection).
 *
 * Each part is tried by the program that would serve it: the transports connect, attach or subscribe until they are
 * ready, and are then asked to end; ditto-map checks what it would map with (-n). No hub takes part, so no message goes
 * anywhere: what a source is given meanwhile is left to its broker. Client ids are made up, and sessions clean, so that a
 * running connection with the same document keeps its session.
 *
 * Source: Ditto's documentation, "Connection test"; the limit of 10 s is Ditto's. */
#ifndef SUPERVISE_TRIAL_H
#define SUPERVISE_TRIAL_H

#include "base/loop.h"
#include "json/json.h"
#include "supervise/ring.h"

struct trial;

struct trials {
    struct loop *loop;
    struct part_limits limits;
    /* A test is over: answer as it was given to trial_start, signal is the response. */
    void (*done)(void *arg, struct slice answer, struct slice signal);
    void *arg;
    struct trial *first;
    size_t n;
};

enum { TRIALS_MAX = 16, TRIAL_MS = 10000 };

/* connection: a document with its secrets. answer is copied. done may be called from within. */
void trial_start(struct trials *t, struct json connection, struct slice answer);
/* To be told of children that are of no ring. */
void trials_reaped(struct trials *t, pid_t pid, int wait_status);
/* Kills what runs; nobody is answered. */
void trials_free(struct trials *t);

#endif
