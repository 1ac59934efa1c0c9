/* selection.h: the extra fields of one message: a selector, its placeholders resolved, applied to a thing.
 *
 * A pointer with a placeholder becomes one for each value that it has for the message, none if it has none. Source: protocol
 * reference 10.6. */
#ifndef HUB_SELECTION_H
#define HUB_SELECTION_H

#include "line/line.h"
#include "protocol/selector.h"
#include "protocol/topic.h"

/* Appends what of the thing (JSON_ABSENT: nothing is known of it) goes with the message l. t is its topic. */
void selection_put(struct buf *dst, const struct selector *s, struct json thing, const struct line *l,
                   const struct topic *t);

#endif
