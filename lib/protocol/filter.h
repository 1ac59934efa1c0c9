/* filter.h: what a target subscribes, ready to be applied to messages: stream, namespaces, RQL, extraFields.
 *
 * A message that a filter asks about is seen as Ditto sees it: an event as the part of the thing that it carries (with
 * thingId, _namespace, _revision and _modified), other messages as a thing without anything, of which only placeholders know
 * something. Where extraFields are asked for and the message has no `extra` yet, what they will say is unknown, and only a
 * filter that is false whatever they say stops the message; where it has `extra`, that belongs to the thing, and what the
 * event says wins. Events about the definition of a feature match no RQL filter. Source: protocol reference 10.5.
 *
 * Ownership: a filter owns its texts. */
#ifndef PROTOCOL_FILTER_H
#define PROTOCOL_FILTER_H

#include "line/line.h"
#include "protocol/rql_query.h"

struct filter {
    char *text; /* the target topic */
    struct target_topic topic;
    bool has_rql;
    struct rql_query rql;
    struct selector extra_fields; /* n == 0: none */
};

/* Of a target topic. 0, or -1 with connectivity:topic.invalid, rql.expression.invalid, things:field.selection.invalid,
 * json.fieldselector.invalid or json.pointer.invalid (400) in *err; *f is only to be freed after 0. */
int filter_compile(struct filter *f, struct slice target_topic, struct ditto_error *err);
void filter_free(struct filter *f);

struct filter_scratch {
    struct rql_scratch rql;
    struct buf topic, path; /* those that are written with escapes */
    struct buf
        tail; /* of the last topic: what stands behind namespace and name; as most lines have the same */
    struct topic parsed; /* from it */
};
void filter_scratch_free(struct filter_scratch *s);

/* Does the message match? l is a Ditto Protocol message, and may be skimmed only: what is looked at is checked then. Allocates
 * nothing once the scratch has grown. */
bool filter_matches(const struct filter *f, const struct line *l, struct filter_scratch *s);

/* A part of that: what RQL is evaluated on. t is the topic of l. false: on nothing, no RQL filter matches it. */
bool filter_view(struct rql_view *v, const struct line *l, const struct topic *t, struct filter_scratch *s);

#endif
