/* template.h: the grammar of templates such as "{{ header:device_id }}/{{ thing:name | fn:default('none') }}", and all
 * the names in it. Cutting and judging only: values are the business of mapping/placeholder.h.
 *
 *   template   := ( literal | "{{" expression "}}" | "${" expression "}" )*
 *   expression := stage ( "|" stage )*            a '|' inside quotes does not count; at most 11 stages, or 10 functions
 *   stage      := prefix ":" name                 only the first; the name may hold colons
 *               | "fn:" name "(" [ parameter ( "," parameter )* ] ")"
 *   parameter  := "'" text "'" | '"' text '"'     the enclosing quote may be escaped with '\', which stays
 *               | prefix ":" name                 letters, digits and '_' before the colon; fn:delete() counts as one
 *
 * Source: Ditto's documentation, "Placeholders"; where it and the code differ, the code. Nothing is owned: parts borrow the
 * text, tables are static. */
#ifndef PROTOCOL_TEMPLATE_H
#define PROTOCOL_TEMPLATE_H

#include "protocol/error.h"

enum placeholder {
    PLACEHOLDER_CONNECTION = 1 << 0,
    PLACEHOLDER_ENTITY = 1 << 1,
    PLACEHOLDER_FEATURE = 1 << 2,
    PLACEHOLDER_HEADER = 1 << 3,
    PLACEHOLDER_POLICY = 1 << 4,
    PLACEHOLDER_REQUEST = 1 << 5,
    PLACEHOLDER_RESOURCE = 1 << 6,
    PLACEHOLDER_SOURCE = 1 << 7,
    PLACEHOLDER_THING = 1 << 8,
    PLACEHOLDER_THING_JSON = 1 << 9,
    PLACEHOLDER_TIME = 1 << 10,
    PLACEHOLDER_TOPIC = 1 << 11,
    PLACEHOLDER_JWT = 1 << 12, /* claims of a token: not in connections */
};

/* Where a template stands decides which placeholders it may name. */
enum placeholders {
    /* header mappings, addresses of targets and reply targets, conditions, extra fields */
    PLACEHOLDERS_OF_MESSAGE = PLACEHOLDER_CONNECTION | PLACEHOLDER_ENTITY | PLACEHOLDER_FEATURE |
                              PLACEHOLDER_HEADER | PLACEHOLDER_REQUEST | PLACEHOLDER_RESOURCE |
                              PLACEHOLDER_THING | PLACEHOLDER_THING_JSON | PLACEHOLDER_TIME |
                              PLACEHOLDER_TOPIC,
    PLACEHOLDERS_OF_SUBJECT = PLACEHOLDER_HEADER, /* authorization subjects of a source */
    PLACEHOLDERS_OF_ENFORCEMENT_INPUT =
        PLACEHOLDER_HEADER | PLACEHOLDER_SOURCE, /* by type of connection one or both */
    PLACEHOLDERS_OF_ENFORCEMENT_FILTER = PLACEHOLDER_THING | PLACEHOLDER_POLICY | PLACEHOLDER_ENTITY,
    PLACEHOLDERS_OF_LABEL = PLACEHOLDER_CONNECTION, /* acknowledgement labels, Kafka's group id */
    PLACEHOLDERS_OF_OPTIONS = PLACEHOLDER_HEADER | PLACEHOLDER_REQUEST | PLACEHOLDER_TIME, /* of mappers */
};

/* --- cutting --- */

/* Takes literal text, up to the next expression, and that expression off *rest. False, with nothing taken, at the end. The
 * expression is what stands between the braces, without blanks before it; SLICE_NONE if the text ends before there is one. */
bool template_next(struct slice *rest, struct slice *literal, struct slice *expression);

/* Takes the next stage, trimmed, off *expression, which is SLICE_NONE after the last. False if a quote is left open, or there
 * is not even a blank. */
bool template_stage(struct slice *expression, struct slice *stage);
/* Is it a function that lacks its "fn:"? Behind a '|' that is no error, and has no value. */
bool template_is_bare_call(struct slice stage);

struct template_prefix {
    enum placeholder kind;
    const char *text;
    const char *const *names; /* those that it has, ended by NULL; NULL: see template_name */
};
/* NULL if there is none. */
const struct template_prefix *template_prefix(struct slice text);
/* Which of the names it is; 0 for a name that fits where any is taken (header:, thing-json:, time:, jwt:); -1 if it has none
 * such. */
int template_name(const struct template_prefix *p, struct slice name);

enum { TEMPLATE_STAGES_MAX = 11, TEMPLATE_PARAMETERS_MAX = 3 };

struct template_function {
    const char *text;
    unsigned min, max; /* parameters */
    bool placeholders; /* a parameter may be a placeholder */
};
struct template_call {
    const struct template_function *function;
    size_t n;
    struct {
        bool placeholder;
        struct slice text; /* between the quotes, or prefix:name */
    } parameters[TEMPLATE_PARAMETERS_MAX];
};
/* Reads a stage that starts with "fn:". 0, or -1 with placeholder:function.unknown or placeholder:function.signature.invalid
 * (400) in *err. */
int template_call(struct slice stage, struct template_call *out, struct ditto_error *err);

/* --- judging --- */

/* Is all of the template well formed, and does it name placeholders of the set only? 0, or -1 with what is wrong first in *err:
 * placeholder:unresolved, placeholder:function.unknown, …function.signature.invalid or …function.too.complex (400). */
int template_check(struct slice text, unsigned allowed, struct ditto_error *err);
/* Which placeholders does it name? A set. Names that there are not are passed over. */
unsigned template_placeholders(struct slice text);

#endif
