/* rewrite.h: the log, written anew beside itself and put in its own place: without what is old, and with all secrets sealed
 * by the first key.
 *
 *   plan: which events are old, and what they add up to ─▶ bases ─▶ every later event ─▶ in force
 *
 * It goes on in steps, between which the store works as ever. What it needs: room for a second log, and memory for the state
 * as it was at the cut. A crash at any moment leaves the old log or the new one. Ownership: a zeroed rewrite does nothing. */
#ifndef STORE_REWRITE_H
#define STORE_REWRITE_H

#include "store/store.h"

struct rewrite {
    enum { REWRITE_NOTHING, REWRITE_PLAN, REWRITE_BASES, REWRITE_TAIL } phase;
    struct store *store;
    int64_t before; /* wall milliseconds: what is older is cut off */
    bool seal;      /* worth doing even if nothing is cut off */
    struct state past;
    uint64_t cut, position, dropped, steps_left;
    struct slice done; /* id of the base that was put last */
};

enum { REWRITE_STEP = 256 }; /* records */

/* Begins. before: see above; 0 cuts off nothing. */
void rewrite_start(struct rewrite *w, struct store *s, int64_t before);
/* 1: to be called again; 0: done (dropped says how many records went, 0 also if there was nothing to do); -1 with errno: given
 * up, the log is as it was. Not while something is appended and not committed. */
int rewrite_step(struct rewrite *w);
void rewrite_stop(struct rewrite *w);

#endif
