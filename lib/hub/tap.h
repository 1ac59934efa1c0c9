/* tap.h: members that only look: each line that is handed to a member, or that nobody gets, as a record.
 *
 *   {"from":"in:src/0","to":"out:sink/0","line":{…}}      {"lost":12}
 *
 * from and to are in:ID/CLIENT, out:ID/CLIENT, service:NAME, control or hub; to is null if nobody gets it. A tap whose queue is
 * full misses records, and is told how many. Without taps this costs one comparison a line. */
#ifndef HUB_TAP_H
#define HUB_TAP_H

#include "hub/hub.h"

/* lines: what is handed to `to` (NULL: nobody), with or without its '\n', by h->speaker (NULL: the hub). */
void tap_saw(struct hub *h, const struct member *to, struct slice line);

#endif
