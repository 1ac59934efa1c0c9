/* instant.h: points in time as Ditto reads and prints them (ISO 8601, RFC 3339). */
#ifndef PROTOCOL_INSTANT_H
#define PROTOCOL_INSTANT_H

#include "base/buf.h"

/* Appends "2024-05-06T07:08:09.120Z": in UTC, with 0, 3, 6 or 9 digits of a second. An offset (+02:00, Z) has to be there,
 * the seconds too. 24:00:00 is the next day's start, a leap second the one before it. 0, or -1 with dst as it was. */
int instant_put(struct buf *dst, struct slice text);

#endif
