/* mapping.h: one line in, its lines out.
 *
 * Inbound an external message becomes Ditto Protocol messages, in Ditto's order: input of the enforcement, payload mapping,
 * then for each result authorization subjects, header mapping, requested acknowledgements, enforcement. Outbound a Ditto
 * Protocol message becomes external messages: headers that may not be seen outside go, payload mapping, address, header
 * mapping. Source: mapping reference 4.1, 4.6; Ditto's documentation, "Header mapping".
 *
 * What comes out for a message with id x: one result: it has that id. Several: {"id":"x","parts":N}, then results x/1 to
 * x/N. None: the settlement 200. A result that fails is the settlement of its id with the error. Without an id nobody waits:
 * no settlements.
 *
 * A mapper with a program of the user's is asked apart: mapping_scripts says which are to run, mapping_put_message on what,
 * and their answers are given to mapping_finish.
 *
 * Members of a Ditto Protocol line stand in Ditto's order (topic, headers, path, value, …), then id and context; of an
 * external line: address, headers, text or bytes, id, context. */
#ifndef MAPPING_MAPPING_H
#define MAPPING_MAPPING_H

#include "line/line.h"
#include "line/report.h"
#include "mapping/order.h"
#include "mapping/plan.h"

enum { COUNT_RECEIVED, COUNT_MAPPED, COUNT_DROPPED, COUNT_REJECTED, COUNTS };

struct mapping {
    const struct plan *plan;
    struct counter counts[COUNTS]; /* of messages and, mapped and rejected, of their parts */
    uint64_t *failures;            /* what was rejected, for each mapper of the plan; private */
    struct flow *flow;             /* private: see flow.h */
};

void mapping_init(struct mapping *m, const struct plan *p);
void mapping_free(struct mapping *m);
/* For USR1: a line, and one for each mapper that failed. */
void mapping_print_counts(const struct mapping *m);

/* Is it a line that is mapped? All others pass: they are of other kinds, or an error reply where only one target is wanted,
 * as replies are for reply targets. */
bool mapping_takes(const struct mapping *m, const struct line *l);
/* Numbers of the scripts to run on this line, at most MAPPERS_MAX; returns how many. */
size_t mapping_scripts(struct mapping *m, const struct line *l, unsigned *scripts);
/* Appends the message as those scripts get it. */
void mapping_put_message(struct mapping *m, const struct line *l, struct buf *dst);
/* Appends the lines that come of it. answers: one for each of those scripts, in order. */
void mapping_finish(struct mapping *m, const struct line *l, struct answers answers, struct buf *out);
/* For what is no line, or too long for one: head is what there is of it. Settles it if it has an id. */
void mapping_refuse_line(struct mapping *m, struct slice head, int status, const char *why, struct buf *out);

#endif
