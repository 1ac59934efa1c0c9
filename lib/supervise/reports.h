/* reports.h: what programs report (HACKING.md, "Reports"), added up.
 *
 * Counters are running totals of a program's life, which its reports name. What a report adds is the difference to the
 * last one of the same life; a new life begins at 0. So a lost report is made up for by the next one, and counts go on
 * over restarts of a ring. Names of places are those that the document had when a life first counted there. */
#ifndef SUPERVISE_REPORTS_H
#define SUPERVISE_REPORTS_H

#include "supervise/runner.h"
#include "supervise/vitals.h"

/* Whose report it is: a ring's, or of the hub about a ring. */
struct reporting {
    unsigned client;
    enum direction direction;
};

/* A line that is none is ignored. c: the document that the ring runs with. */
void reports_take(struct vitals *v, const struct connection *c, const struct reporting *who,
                  struct slice line);

/* How a source or target is, as far as its transport told in the life that runs. False: it did not. */
struct place_state {
    const char *state, *detail; /* borrowed until the next report; detail may be NULL */
    int64_t since;              /* wall clock */
};
bool reports_place(const struct vitals *v, const struct reporting *who, const struct place *p,
                   struct place_state *out);

/* The status of a ring with those of its places that were told, put together by worse. */
const char *reports_fold(const struct vitals *v, const struct reporting *who, const char *status,
                         const char *(*worse)(const char *, const char *));

/* Messages that the rings that are open hold: what came in and is not settled, what was mapped and is not confirmed. */
uint64_t reports_backlog(const struct vitals *v, enum direction d);

/* The processes of a ring have ended, and their last reports are read. What was mapped for a target and has no fate is
 * dropped: the hub answered 503 to who waited for it, nobody else hears of it. */
void reports_over(struct vitals *v, const struct reporting *who);

/* Notes the status of a ring, as in Ditto's live status; one that is new is told in the connection's log. detail may be
 * empty. */
void reports_ring(struct vitals *v, const struct reporting *who, const char *status, const char *detail);

/* Frees what is kept of reporters. */
void reports_forget(struct vitals *v);

#endif
