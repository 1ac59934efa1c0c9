/* route.h: a Ditto Protocol line of an inbound ring, to every target that subscribes it.
 *
 * Live messages, live commands and live and twin events go to the targets of the directory; with requested
 * acknowledgements a wait begins, without the delivery is settled 200 once the copies are queued. A line that is
 * wrong, or that nobody serves (twin commands, responses, acknowledgements, …), is refused with an error. */
#ifndef HUB_ROUTE_H
#define HUB_ROUTE_H

#include "hub/hub.h"

/* False: a queue is full and the hub blocks. Nothing has happened then; offer the line again. */
bool route(struct hub *h, struct member *from, const struct line *l);
/* Appends the line's object without its `id` and `context`, and without its '{': `"topic":…}`. */
void route_rest(struct slice line, struct buf *dst);

#endif
