/* followers.h: whoever wants to see events, all of them, in order, from any point on (HACKING.md, "The store's socket").
 *
 *            ┌─ from given ──▶ TAIL: the log from there on ─────────┐
 *   follow ──┤                                                      ├─▶ "live" ─▶ LIVE: every event, as it is committed
 *            └─ else, or too old, or unknown ─▶ STATE: connections ─┘
 *
 * Nothing is buffered for a follower that catches up: it is fed from state and log as fast as it reads. A live one may
 * have FOLLOW_QUEUE_BYTES in its queue. Ownership: a zeroed follower follows nothing; follower_free gives back the rest. */
#ifndef STORE_FOLLOWERS_H
#define STORE_FOLLOWERS_H

#include "store/store.h"

enum { FOLLOW_FILL_BYTES = 256 * 1024, FOLLOW_QUEUE_BYTES = 8 * 1024 * 1024 };

enum follow_phase { FOLLOW_NOTHING, FOLLOW_STATE, FOLLOW_TAIL, FOLLOW_LIVE, FOLLOW_EXPORT };

struct follower {
    enum follow_phase phase;
    bool secrets, supervise;
    bool verdicts;     /* it says what becomes of changes (verdicts.h) */
    bool stated;       /* it got the state, not the log from `from` on */
    uint64_t position; /* newest event that is in its queue, or does not concern it */
    struct slice sent; /* FOLLOW_STATE: id of the connection sent last */
    uint64_t end, cut; /* FOLLOW_EXPORT: newest position that is wanted; where the log began then */
    struct buf late;   /* FOLLOW_STATE: events of connections that were sent before they happened */
};

/* request: {"from":…,"secrets":…,"role":…,"verdicts":…}, all optional. trusted: may see secrets. Following again starts anew. 0, or -1
 * with *err. */
int follower_start(struct follower *f, const struct store *s, struct json request, bool trusted,
                   struct ditto_error *err);
/* The log itself, as it is now, for a copy (export.h), and then nothing more: "end" says that it is complete. */
void follower_export(struct follower *f, const struct store *s, struct buf *out);
/* Appends to out what f should see of what is committed, as long as out has room (FOLLOW_FILL_BYTES, for a live one
 * FOLLOW_QUEUE_BYTES). 0, or -1 with *err when the log cannot be read. */
int follower_feed(struct follower *f, const struct store *s, struct buf *out, struct ditto_error *err);
/* Is it live, with events waiting that found no room? */
bool follower_lags(const struct follower *f, const struct store *s);
void follower_free(struct follower *f);

#endif
