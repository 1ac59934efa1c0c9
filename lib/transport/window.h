/* window.h: how many deliveries of a lane may be unsettled.
 *
 * A place is granted (the peer may send), then taken (a delivery is there), then given back (it was settled at its peer).
 * Granted and taken together are at most `size`; but a window that is full of unsettled deliveries and still for 2 s
 * lets in one more each second, up to twice its size, so that an answer waiting behind its own command can arrive. Pure
 * arithmetic: `now` is the caller's clock. */
#ifndef TRANSPORT_WINDOW_H
#define TRANSPORT_WINDOW_H

#include <stdbool.h>

#include "base/clock.h"

struct window {
    unsigned size;
    unsigned granted; /* let in, not yet arrived */
    unsigned taken;   /* arrived, not yet settled at the peer */
    msec
        stirred; /* when it filled, or was settled from last; an extra place counts as the latter, but earlier */
};

/* How many more may be let in now; they count as granted. */
unsigned window_open(struct window *w);
/* A delivery came. One that nobody was allowed to send (a peer that ignores credit) takes a place, too. */
void window_take(struct window *w, msec now);
/* It was settled. */
void window_give(struct window *w, msec now);
/* When an extra place is due, NEVER if none will be unless something happens. */
msec window_extra_at(const struct window *w);
/* Grants the extra place if it is due. */
bool window_extra(struct window *w, msec now);

#endif
