/* tally.h: what the hub counts for each target of an outbound ring, and tells control as reports (HACKING.md, "Reports"):
 *
 *   {"report":"meter","from":"conn-hub","life":L,"connection":"id","client":0,"category":"target","index":0,"dispatched":[9,0],…}
 *
 * with running totals of this membership, L: when something changed, within REPORT_MS, if control has joined. The last
 * one comes before that of a ring which takes its place. Answers for reply targets count for the place response 0. */
#ifndef HUB_TALLY_H
#define HUB_TALLY_H

#include "line/report.h"

struct hub;
struct member;

struct tally {
    struct meter *
        meters; /* of each target, then of responses, then of what is for no target of them; NULL: none counted */
    int64_t life;
    bool dirty, closed;
};

/* Of a member that is no outbound ring nothing is counted. */
void tally_target(struct member *m, size_t target, enum measure what, bool success);
void tally_response(struct member *m);
/* Messages whose targets are not known any more were dropped with its queue. */
void tally_lost(struct member *m, uint64_t n);
/* Tells what was not told yet, and counts nothing after that. */
void tally_close(struct member *m);

void tally_start(struct hub *h);
void tally_stop(struct hub *h);

#endif
