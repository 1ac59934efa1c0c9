/* announce.h: announcements of a connection to its own targets, as lines of `control` to the hub (HACKING.md, "The hub's
 * socket"). Source: Ditto's documentation, "Connection announcements". */
#ifndef SUPERVISE_ANNOUNCE_H
#define SUPERVISE_ANNOUNCE_H

#include "json/json.h"

/* Appends {"topic":"_/<connection>/connections/announcements/opened|closed",…,"id":…,"context":{"connection":…}}\n. The
 * id is the connection's, so that the settlement says whose announcement arrived. */
void announcement_put(struct buf *dst, struct slice connection, bool opened);
/* Whose announcement of its closing does this settlement settle? SLICE_NONE: it is none. */
struct slice announcement_settled(struct json line, struct buf *scratch);

#endif
