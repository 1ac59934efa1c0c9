/* placeholder.h: templates such as "{{ header:device_id }}/{{ thing:name }}".
 *
 *   template := ( literal | "{{" expression "}}" | "${" expression "}" )*
 *   expression := stage ( "|" stage )*      quotes '..' and ".." protect "|"
 *   first stage := prefix ":" name
 *
 * Functions ("fn:…") and the prefixes that the table in placeholder.c marks so are not there yet: a template that uses one
 * is refused when it is compiled, so that nothing resolves to less than was meant.
 *
 * Where a template stands decides which prefixes it may use: its scope. Source: mapping reference 2.1-2.7; Ditto's
 * documentation, "Placeholders".
 *
 * Ownership: a template owns its parts and borrows the text it was compiled from. Resolved text borrows the facts or the
 * scratch, until the next call with the same scratch. */
#ifndef MAPPING_PLACEHOLDER_H
#define MAPPING_PLACEHOLDER_H

#include "mapping/header.h"
#include "protocol/topic.h"

enum prefix_bit {
    PREFIX_HEADER = 1 << 0,
    PREFIX_ENTITY = 1 << 1,
    PREFIX_THING = 1 << 2,
    PREFIX_POLICY = 1 << 3,
    PREFIX_TOPIC = 1 << 4,
    PREFIX_CONNECTION = 1 << 5,
    PREFIX_SOURCE = 1 << 6,
};

/* Scopes: sets of prefixes. */
enum scope {
    /* header mappings, addresses of targets and reply targets */
    SCOPE_MESSAGE = PREFIX_HEADER | PREFIX_ENTITY | PREFIX_THING | PREFIX_TOPIC | PREFIX_CONNECTION,
    SCOPE_SUBJECT = PREFIX_HEADER, /* authorization subjects of a source */
    SCOPE_ENFORCEMENT_INPUT = PREFIX_HEADER | PREFIX_SOURCE,
    SCOPE_ENFORCEMENT_FILTER = PREFIX_ENTITY | PREFIX_THING | PREFIX_POLICY,
    SCOPE_LABEL = PREFIX_CONNECTION, /* acknowledgement labels */
};

struct stage {
    const struct prefix *prefix;
    struct slice name;
    int which; /* of the prefix's own names */
};
struct part { /* a literal, or an expression when it has stages */
    struct slice literal;
    size_t n_stages;
    struct stage *stages;
};
struct template
{
    struct slice text;
    size_t n;
    struct part *parts;
};

/* 0, or -1 with placeholder:unresolved, placeholder:function.unknown or placeholder:function.too.complex (400) in *err;
 * *t is only valid (and to be freed) after 0. */
int template_compile(struct template *t, struct slice text, unsigned scope, struct ditto_error *err);
void template_free(struct template *t);

/* What is known about the message at hand. Zeroed: nothing. */
struct facts {
    unsigned prefixes; /* those that may resolve now; the others are unresolved */
    struct slice connection_id, source_address;
    const struct topic *topic;
    const struct headers *headers;
    bool exact_names; /* header names: the case of letters counts */
};

struct scratch {
    struct buf value, text;
};
void scratch_free(struct scratch *s);

enum value_state { VALUE_UNRESOLVED, VALUE_DELETED, VALUE_RESOLVED };

/* VALUE_RESOLVED with *out, or why not: one unresolved expression makes the whole unresolved; a deleted one leaves
 * nothing at its place, unless nothing else is there. */
enum value_state template_resolve(const struct template *t, const struct facts *f, struct scratch *s,
                                  struct slice *out);

#endif
