/* tally.h: what mapping counts and logs of each message, for the supervisor (line/report.h; not for other directories). */
#ifndef MAPPING_TALLY_H
#define MAPPING_TALLY_H

#include "line/report.h"
#include "mapping/flow.h"

/* Of the source that the message at hand comes from, or of where it goes; NULL: nobody wants to know, or it is nowhere. */
struct meter *tally_source(const struct mapping *m, const struct source_route *r, const struct line *l);
struct meter *tally_target(const struct mapping *m, const struct target_route *r);

/* Of the message at hand: its mappers made nothing of it; they made this one; they could not, or it may not pass. */
void tally_dropped(const struct mapping *m);
void tally_mapped(const struct mapping *m);
void tally_failed(const struct mapping *m, const struct ditto_error *err);

#endif
