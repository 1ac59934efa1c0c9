/* meter.h: what is counted of a connection, and as which line it is told.
 *
 * A *meter* is one place where messages pass: an address of a source, a target, the reply target of a source. For each
 * measure it has running totals of successes and failures:
 *
 *   {"report":"meter","from":"amqp-in","category":"source","index":0,"address":1,"consumed":[12,0],"acknowledged":[11,1]}
 *
 * with successes first, without the measures that count nothing, without address if it stands for all. Each measure of a
 * place is counted by one program only, so that nothing is counted twice. Source of measures and categories: Ditto's
 * documentation, "Connection metrics", "Connection logs". */
#ifndef LINE_METER_H
#define LINE_METER_H

#include <stdbool.h>
#include <stdint.h>

#include "json/json.h"

enum measure {
    MEASURE_CONSUMED,     /* in: a delivery arrived; failure: refused before it was a line */
    MEASURE_DISPATCHED,   /* out: the hub had a message for the target */
    MEASURE_FILTERED,     /* out: … that a filter of the target kept back */
    MEASURE_MAPPED,       /* in, out: a message was made; failure: the mapping failed */
    MEASURE_ENFORCED,     /* in: a mapped message passed the enforcement, or there is none */
    MEASURE_DROPPED,      /* in, out: a mapper made nothing of it; failure: there was no room for it */
    MEASURE_PUBLISHED,    /* out: the peer confirmed it; failure: it did not, or it could not be sent */
    MEASURE_ACKNOWLEDGED, /* in: settled, accepted or not; out: the label that the target issues was answered */
    MEASURE_THROTTLED,    /* in: the window was full; at most once a minute */
    MEASURE_OTHER,        /* what else is logged */
    MEASURES
};
enum category { CATEGORY_SOURCE, CATEGORY_TARGET, CATEGORY_RESPONSE, CATEGORY_CONNECTION, CATEGORIES };
enum outcome_level { LEVEL_FAILURE, LEVEL_SUCCESS, LEVELS };

/* Ditto's word: "consumed" …, "source" …, "success" … */
const char *measure_text(enum measure m);
const char *category_text(enum category c);
const char *level_text(enum outcome_level l);
/* The other way round, for a member of a report; MEASURES, CATEGORIES, LEVELS: it is none of them. */
enum measure measure_of(struct slice text);
enum category category_of(struct slice text);
enum outcome_level level_of(struct slice text);

enum { ALL_ADDRESSES = -1 };

struct place {
    enum category category;
    unsigned index; /* into sources or targets of the connection; of a response: its source */
    int address;    /* into the addresses of the source; ALL_ADDRESSES */
};

struct meter {
    struct place place;
    uint64_t counts[MEASURES][LEVELS];
    unsigned char entries[MEASURES][LEVELS]; /* log entries that may still be told (report.h) */
    bool dirty;                              /* counted since it was last told */
    struct meter *next;
};

/* Appends `,"category":…,"index":…,"address":…`, and `,"consumed":[…],…`. */
void place_put(struct buf *dst, const struct place *p);
void meter_put_counts(struct buf *dst, const struct meter *m);
/* Of a report that names a place. 0, or -1: it names none. */
int place_read(struct json report, struct place *p);
/* The counts of a report; those that it does not name are 0. */
void meter_read_counts(struct json report, uint64_t counts[MEASURES][LEVELS]);

#endif
