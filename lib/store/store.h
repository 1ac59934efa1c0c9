/* store.h: the event log and what it adds up to, kept in step.
 *
 * Commands append events and see their effect at once; store_commit makes all of it durable, or takes all of it back.
 * Whoever answers for a command does so after the commit. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "protocol/error.h"
#include "store/event.h"
#include "store/log.h"
#include "store/state.h"

struct store {
    struct event_log *log;
    struct state state;
    int refusing; /* errno: every event is refused, because a commit with it just failed; 0: they are taken */
    uint64_t events, commits, failures;
};

/* Rebuilds the state from the log. 0, or -1 with *err; nothing is to be closed then. */
int store_open(struct store *s, const struct log_backend *backend, const char *dir, enum log_mode mode,
               struct log_error *err);
/* 0, or -1 with errno when the log is not marked as closed in order. */
int store_close(struct store *s);

/* Appends an event of a connection (held: as it is now; NULL: never was) and applies it. 0, or -1 with *err:
 * connectivity:connection.unavailable (503) when it cannot be kept. doc as for event_put. */
int store_append(struct store *s, enum event_type type, struct slice id, struct slice doc,
                 struct ditto_error *err);
/* 0, or -1 with errno: then log and state are as they were after the last commit. */
int store_commit(struct store *s);
/* Newest durable position. */
uint64_t store_position(const struct store *s);

#endif
