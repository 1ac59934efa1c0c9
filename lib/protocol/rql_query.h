/* rql_query.h: a filter, ready to be evaluated on many things or messages.
 *
 * Compiled once, evaluated without allocation once the scratch has grown. Three-valued: with extraFields that are still to be
 * fetched (view.unknown) what they will say is unknown, and so may be the whole. Source: protocol reference 10.3-10.5.
 *
 *   missing field   eq, gt, ge, lt, le, like, in, exists are false, ne and empty true
 *   arrays          any element may match, also of arrays in arrays; the path goes on into each element that is an object
 *   exists, empty   do not see _namespace, _revision, _created, _modified, _metadata, though comparisons do */
#ifndef PROTOCOL_RQL_QUERY_H
#define PROTOCOL_RQL_QUERY_H

#include "protocol/rql_field.h"
#include "protocol/selector.h"
#include "protocol/topic.h"

/* What the right side of a comparison is, when it is "time:…". */
struct rql_moment {
    bool known; /* else it resolves to null */
    struct time_expression time;
};

struct rql_query {
    struct rql tree;
    struct rql_field *fields;   /* of each node; of and, or, not nothing */
    struct rql_moment *moments; /* of each literal; of placeholders only */
};

/* 0, or -1 with rql.expression.invalid (400) in *err; *q is only to be freed after 0. */
int rql_compile(struct rql_query *q, struct slice text, unsigned scope, struct ditto_error *err);
void rql_query_free(struct rql_query *q);

/* What a filter is evaluated on: a thing, of which perhaps only the part is known that an event carries. Zeroed: an empty
 * thing, no message. Everything is borrowed, and may be skimmed only (json/skim.h): what is looked at is checked then. */
struct rql_view {
    struct json base; /* JSON_ABSENT: nothing */
    struct slice
        at; /* pointer, without its first and last "/", to where in the thing it stands; empty: it is the thing */
    bool patch;        /* base is a merge patch: null members are not there, null is {} */
    struct json extra; /* more of the thing; what base says wins */

    /* The message, for placeholders. */
    const struct topic *topic; /* NULL: there is none */
    struct slice path;
    struct json value;

    bool event;            /* thingId and _namespace are the topic's, _revision and _modified are these: */
    struct json revision;  /* JSON_ABSENT: what base says */
    struct json timestamp; /* the same */

    const struct selector *unknown; /* NULL: nothing is */
};

struct rql_scratch {
    struct buf text, instant, literal;
    int64_t now_ms; /* what time: is; 0: the time of the day */
};
void rql_scratch_free(struct rql_scratch *s);

enum rql_truth { RQL_NO, RQL_YES, RQL_UNKNOWN };
enum rql_truth rql_eval(const struct rql_query *q, const struct rql_view *v, struct rql_scratch *s);

#endif
