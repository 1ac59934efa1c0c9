/* engine.h: what the source's and the sink's engine have in common: stdin as lines, stdout as a buffer, counters, the life
 * of the connection in logs and reports (private to lib/transport).
 *
 * Nothing here blocks. The engine's owner reads lines from e->in after e->readable, appends to e->out, and calls
 * engine_flush and, last before every poll, engine_await. */
#ifndef TRANSPORT_ENGINE_H
#define TRANSPORT_ENGINE_H

#include "base/lines.h"
#include "base/loop.h"
#include "connection/connection.h"
#include "line/report.h"

struct engine {
    struct loop *loop;
    const struct connection *connection;
    int ready_fd; /* -1: none */
    struct counter *counters;
    size_t n_counters;
    struct lines in;
    struct buf out;
    struct watch in_watch, out_watch;
    void (*readable)(void *arg); /* stdin was filled, maybe with its end */
    void (*deaf)(void *arg);     /* nobody reads stdout any more; once */
    void *arg;
    void (*reopen)(void *arg); /* engine_retry's; NULL: a lost channel is the end */
    struct timer retry;
    msec pause_ms, opened_at;
    bool waiting; /* the channel is lost, no call but free may be made; reopen follows */
    bool ready;   /* the peer confirmed the connection */
    bool over;    /* exit_code stands */
    int exit_code;
};

/* counters, connection and loop are borrowed; engine_clear frees what is in between, the loop too. */
void engine_init(struct engine *e, const struct connection *c, int ready_fd, struct counter *counters,
                 size_t n);
void engine_clear(struct engine *e);
/* Ends the loop; the first exit code counts. */
void engine_finish(struct engine *e, int exit_code);
/* One more. */
void engine_count(struct engine *e, unsigned which);
/* Writes what does not block. True if all of it is written; a write that fails is the end (111). */
bool engine_flush(struct engine *e);
/* Polls stdout for room if something is left to write, else only for its end. */
void engine_await(struct engine *e);

/* For -r: a channel that is lost, or does not come up (111), is not the end. After a pause (1 s, doubling up to 60 s, short
 * again once the connection held for 60 s) reopen frees the old channel and opens a new one. */
void engine_retry(struct engine *e, void (*reopen)(void *arg));

/* The channel is open: logs, reports, announces readiness. */
void engine_opened(struct engine *e);
/* The channel is gone: logs and reports why, and finishes. exit_code 0: as asked for, with `asked`. */
void engine_closed(struct engine *e, int exit_code, const char *reason, int asked);

#endif
