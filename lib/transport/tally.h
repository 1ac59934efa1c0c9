/* tally.h: what the engines of sources and sinks count and log of each message, for the supervisor (line/report.h;
 * private to lib/transport). All of it does nothing for a meter that is NULL: then nobody wants reports. */
#ifndef TRANSPORT_TALLY_H
#define TRANSPORT_TALLY_H

#include "line/line.h"
#include "line/report.h"
#include "transport/lanes.h"

/* Of a lane: its address, or all of its source's. */
struct meter *tally_of_lane(const struct connection *c, const struct lane *lane);
/* Of an external message on its way out: the target, or the source with the reply target, that its context names, else
 * the target `only` (-1: none). NULL if it names neither. */
struct meter *tally_of_line(const struct connection *c, int only, const struct line *l);

/* A delivery became this line. */
void tally_consumed(struct meter *m, struct slice line);
/* It became none: the reason. */
void tally_refused(struct meter *m, const char *reason);
/* It was settled at its peer. */
void tally_settled(struct meter *m, enum line_class fate);
/* Its window is full: told once a minute; *told is when it was told last, 0 at first. */
void tally_full(struct meter *m, msec *told);

/* The fate of a message on its way out; why NULL: the peer confirmed it. label: its target issues one. */
void tally_published(struct meter *m, bool label, struct slice correlation_id, const struct ditto_error *why);

#endif
