/* route.h: a Ditto Protocol line, to whoever it is for.
 *
 * Commands go to the service that serves them; live signals to that and to every target and service that subscribes them;
 * events and announcements to those that subscribe them. With acknowledgements or a response to wait for a wait begins,
 * without a delivery of a ring is settled 200 once it is handed on; what a service sends is awaited in any case. A line that
 * is wrong, or that nobody serves, is refused with an error: to the reply target, and in the settlement. */
#ifndef HUB_ROUTE_H
#define HUB_ROUTE_H

#include "hub/wait.h"

/* False: a queue is full and the hub blocks. Nothing has happened then; offer the line again. */
bool route(struct hub *h, struct member *from, const struct line *l);
/* Appends the line's object without its `id` and `context`, and without its '{': `"topic":…}`. */
void route_rest(struct slice line, struct buf *dst);
/* Labels that a wait misses and no leg will answer: of a member whose filter the message did not pass (a weak
 * acknowledgement), of a ring that should be there. all: who got the message; NULL: it is not known. True: one was away. */
bool route_others(struct wait *w, const struct matches *all);

#endif
