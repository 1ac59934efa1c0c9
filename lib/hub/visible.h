/* visible.h: events for targets that may read parts of a thing only (protocol/access.h). */
#ifndef HUB_VISIBLE_H
#define HUB_VISIBLE_H

#include "hub/outlet.h"
#include "line/line.h"

/* Does the event l say that some may read it in part? */
bool visible_judges(const struct line *l);
/* Appends what the outlet's subjects may see of it, as route_rest does: the line's object behind id and context. readers: those
 * that may read it at all. False: nothing is left, the event is not for them. */
bool visible_put(struct buf *dst, const struct line *l, struct json readers, const struct outlet *o);

#endif
