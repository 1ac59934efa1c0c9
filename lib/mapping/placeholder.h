/* placeholder.h: templates such as "{{ header:device_id }}/{{ thing:name | fn:default('none') }}", and what they resolve to.
 *
 * The grammar and the names are those of protocol/template.h; which placeholders a template may name is decided by where it
 * stands. It is compiled once. Resolved, it has one value, several (the Cartesian product of what its expressions have, the
 * leftmost varying slowest), none if one of its expressions has none, or it is deleted if they all are; next to something
 * else a deleted expression leaves nothing at its place. Most places take the first value. Source: mapping reference 2;
 * Ditto's documentation, "Placeholders".
 *
 * Ownership: a template owns its parts and borrows the text it was compiled from. What is resolved borrows the facts, the
 * template or the scratch, until the next resolving with the same scratch. */
#ifndef MAPPING_PLACEHOLDER_H
#define MAPPING_PLACEHOLDER_H

#include "line/line.h"
#include "mapping/header.h"
#include "mapping/values.h"
#include "protocol/ids.h"
#include "protocol/template.h"
#include "protocol/topic.h"

/* --- facts -------------------------------------------------------------------------------------------------------- */

struct entity {
    enum entity_type type;
    struct slice namespace, name;
};

/* What is known about the message at hand. Zeroed: nothing, and so no placeholder has a value. */
struct facts {
    unsigned placeholders; /* those that may have a value now, a set of enum placeholder */
    const struct headers *headers;
    bool exact_names; /* of headers: the case of letters counts */
    const struct entity
        *entity; /* entity:; thing: and policy: if it is one and they say nothing; NULL: none */
    const struct entity *thing, *policy; /* thing:, policy: */
    const struct topic *topic;           /* topic: */
    const struct line *message;          /* feature:, resource:, thing-json: of a Ditto Protocol message */
    const struct topic *message_topic;   /* its topic; there if message is */
    struct json subjects;                /* request: array of strings */
    struct slice connection_id, source_address;
    int64_t now_ms; /* time: since 1970; 0: the time of the day */
    /* Instead of what the message says: */
    struct json feature_ids; /* array of strings */
    struct slice resource_type, resource_path;
    struct json thing_json; /* object */
    struct json jwt;        /* object: claims of a token */
};

/* The entity that a topic names; false if it is of none. */
bool entity_of_topic(const struct topic *t, struct entity *e);
/* What of a Ditto Protocol message feature: and resource: see. The path is appended to dst. */
int message_feature_ids(const struct line *l, const struct topic *t, struct scratch *s, struct values *to,
                        struct ditto_error *err);
struct slice message_resource_type(const struct topic *t);
void message_put_resource_path(struct buf *dst, const struct line *l);

/* --- templates ---------------------------------------------------------------------------------------------------- */

struct template
{
    struct slice text;
    size_t n;
    struct part *parts; /* literals and expressions */
};

/* allowed: a set of enum placeholder. 0, or -1 with placeholder:unresolved, placeholder:function.unknown,
 * …function.signature.invalid or …function.too.complex (400) in *err; *t is only valid (and to be freed) after 0. */
int template_compile(struct template *t, struct slice text, unsigned allowed, struct ditto_error *err);
/* The same for where Ditto does not look before a message comes: what is wrong fails each resolving. */
void template_compile_anyway(struct template *t, struct slice text, unsigned allowed);
void template_free(struct template *t);

/* Each gives what the template is resolved to; VALUE_FAILED with *err: one of the codes above, or
 * connectivity:message.mapping.failed (400) if a function cannot be applied to what it gets. */

/* VALUE_RESOLVED: the first value in *out. */
enum value_state template_resolve(const struct template *t, const struct facts *f, struct scratch *s,
                                  struct slice *out, struct ditto_error *err);
/* VALUE_RESOLVED: all of them in *out. */
enum value_state template_resolve_all(const struct template *t, const struct facts *f, struct scratch *s,
                                      struct values *out, struct ditto_error *err);
/* The same, an expression that has no value or names what there is not standing for itself, in braces; unless it begins with
 * one of these prefixes: then placeholder:unresolved. */
enum value_state template_resolve_partially(const struct template *t, const struct facts *f,
                                            const struct slice *forbidden, size_t n_forbidden,
                                            struct scratch *s, struct values *out, struct ditto_error *err);
/* For those who need a value: 0, or -1 with placeholder:unresolved (or why it failed) in *err. */
int template_require(const struct template *t, const struct facts *f, struct scratch *s, struct slice *out,
                     struct ditto_error *err);
int template_unresolved(struct slice text, struct ditto_error *err);

#endif
