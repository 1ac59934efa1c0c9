/* store.h: the event log and what it adds up to, kept in step.
 *
 * Commands append events and see their effect at once; store_commit makes all of it durable, or takes all of it back.
 * Whoever answers for a command does so after the commit. Secrets are sealed on their way into the log and opened on their
 * way out: everything above sees plain ones. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "protocol/error.h"
#include "store/event.h"
#include "store/log.h"
#include "store/state.h"
#include "store/vault.h"

struct store {
    struct event_log *log;
    struct state state;
    struct vault vault;
    bool stale;   /* something in the log is not sealed by the first key */
    int refusing; /* errno: every event is refused, because a commit with it just failed; 0: they are taken */
    uint64_t events, commits, failures;
};

/* Rebuilds the state from the log. vault: the keys, which the store takes over; NULL: none. 0, or -1 with *err; nothing is to
 * be closed, and nothing has changed, then. */
int store_open(struct store *s, const struct log_backend *backend, const char *dir, enum log_mode mode,
               struct vault *vault, struct log_error *err);
/* 0, or -1 with errno when the log is not marked as closed in order. */
int store_close(struct store *s);
/* Reads the file of keys anew. 0, or -1 with *err: it cannot be read, or lacks a key that is still needed; then the keys are
 * as before. */
int store_rekey(struct store *s, const char *keys, struct log_error *err);

/* Appends an event of a connection (held: as it is now; NULL: never was) and applies it. 0, or -1 with *err:
 * connectivity:connection.unavailable (503) when it cannot be kept, configuration.invalid (400) when a secret looks like a
 * sealed one and there is no key. doc as for event_put. */
int store_append(struct store *s, enum event_type type, struct slice id, struct slice doc,
                 struct ditto_error *err);
/* 0, or -1 with errno: then log and state are as they were after the last commit. */
int store_commit(struct store *s);
/* Newest durable position. */
uint64_t store_position(const struct store *s);
/* Up to here events were cut off; 0: none. */
uint64_t store_cut(const struct store *s);

/* As log_backend.read and .read_id, with secrets opened; errno EACCES: a key is missing. */
int store_read(const struct store *s, uint64_t after, log_visit *visit, void *arg);
int store_read_id(const struct store *s, struct slice id, uint64_t from, log_visit *visit, void *arg);

/* The connection as it was: at a revision, or (revision 0) at a time. past is to be freed with state_free after 0. 0, or -1
 * with *err: connectivity:connection.history.notfound (404) when that is before the oldest, or after the newest, or the
 * connection was deleted then. */
int store_at(const struct store *s, struct slice id, uint64_t revision, int64_t time, struct state *past,
             const struct held **held, struct ditto_error *err);

#endif
