/* flow.h: what the two ways of mapping share (not for other directories).
 *
 * inbound.c and outbound.c collect the outcomes of the mappers first, since parts are announced before their first, and
 * then put them out one by one. All buffers are kept from line to line. */
#ifndef MAPPING_FLOW_H
#define MAPPING_FLOW_H

#include "mapping/envelope.h"
#include "mapping/mapping.h"

/* One result of a message, or why there is none. */
struct outcome {
    const struct mapper *mapper; /* NULL: no mapper had its turn */
    struct slice text;           /* inbound */
    struct published published;  /* outbound */
    const struct ditto_error *error;
};

/* How much of the message at hand is known: what an error can be told of. */
enum known { KNOWN_NOTHING, KNOWN_TOPIC, KNOWN_HEADERS };
/* What the enforcement said of it, inbound. */
enum enforced { ENFORCEMENT_PASSED, ENFORCEMENT_FAILED };

struct flow {
    const struct line *line;
    size_t n;
    struct outcome outcomes[MAPPERS_MAX * RESULTS_MAX];
    struct ditto_error errors[MAPPERS_MAX + 1];
    struct incoming incoming;
    struct outgoing outgoing;
    struct external external;
    struct headers headers; /* of a Ditto Protocol message */
    struct envelope mapped; /* the message; inbound the result at hand */
    enum known known;
    enum enforced enforcement;
    struct meter *meter;               /* of its source or target; NULL: nobody wants to know */
    const struct source_route *source; /* inbound: whose meter that is */
    const struct mapper *mapper;       /* of the outcome that is put out; NULL: none */
    struct facts facts;                /* outbound */
    struct entity entity;
    struct scratch scratch;
    struct buf payload, topic, input, context, envelope, acks, taken, type, judged;
    size_t subjects_at, subjects_len; /* the array in context */
    struct buf rooms[MAPPERS_MAX];    /* for what mappers make, by their turn */
    bool explains;
    struct buf steps;             /* noted, but not put out yet */
    size_t complaints, kept_back; /* in this second */
    msec second;
};

/* What one way does; the first ones are the siblings of mapping.h's. */
struct mapping_direction {
    enum line_kind consumes;
    size_t (*scripts)(struct mapping *m, const struct line *l, unsigned *scripts);
    void (*put_message)(struct mapping *m, const struct line *l, struct buf *dst);
    void (*finish)(struct mapping *m, const struct line *l, struct answers *answers, struct buf *out);
    /* Appends the line of an outcome, without id, context and end, or returns -1 with *err. */
    int (*put)(struct mapping *m, const void *route, const struct outcome *o, struct buf *out,
               struct ditto_error *err);
    /* Appends what is to be told of an outcome that failed, beside the settlement. NULL: nothing. */
    void (*refused)(struct mapping *m, const void *route, const struct outcome *o,
                    const struct ditto_error *err, struct buf *out);
};
extern const struct mapping_direction mapping_inbound, mapping_outbound;

void flow_begin(struct flow *f, const struct line *l);
/* Where the mapper whose turn it is makes its results: empty, and kept as long as the outcomes. */
struct buf *flow_room(struct flow *f, size_t turn);
/* An error that lives as long as the outcomes; status 0. */
struct ditto_error *flow_error(struct flow *f, size_t mapper);
void flow_fail(struct flow *f, const struct mapper *mapper, const struct ditto_error *err);
/* Room for the n results of a mapper; NULL, with the failure noted, if there are too many. */
struct outcome *flow_add(struct flow *f, const struct mapper *mapper, size_t n, struct ditto_error *err);
/* Puts the outcomes out. */
void flow_put(struct mapping *m, const void *route, struct buf *out);
/* Appends what is logged of an error of the outcome at hand: its texts, and the mapper if they do not name it. */
void flow_put_why(const struct flow *f, const struct ditto_error *err, struct buf *dst);
/* Rejects the message or part with this id (SLICE_NONE: none): counter, log, settlement. */
void flow_refuse(struct mapping *m, struct slice id, const struct ditto_error *err, struct buf *out);

/* What is known of an external message before it is mapped. */
struct facts inbound_facts(const struct mapping *m, const struct source_route *r);
/* Appends the error reply to the external message at hand, a Ditto Protocol line without id (reply.c). */
void reply_put_error(struct mapping *m, const struct source_route *r, const struct outcome *o,
                     const struct ditto_error *err, struct buf *out);

/* The answer that the mapper's script gave, taken off the front; NULL if it was not asked. */
const struct answer *answers_next(struct answers *a, const struct mapper *m);
/* What a script answered, as results of its mapper. 0, or -1 with *err. */
int answer_incoming(const struct mapper *m, const struct answer *a, struct incoming *to,
                    struct ditto_error *err);
/* *err says what is wrong with the message that m made: for a script of JavaScript that counts as its failure, as in Ditto.
 * Returns -1. */
int answer_is_no_message(const struct mapper *m, struct ditto_error *err);
int answer_outgoing(const struct mapper *m, const struct answer *a, struct outgoing *to,
                    struct ditto_error *err);

#endif
