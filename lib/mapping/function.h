/* function.h: the functions of templates ("fn:…"), one table for all of them.
 *
 * Source: mapping reference 2.4, 2.5; Ditto's documentation, "Placeholders", "Function library". */
#ifndef MAPPING_FUNCTION_H
#define MAPPING_FUNCTION_H

#include "mapping/expression.h"

/* The call at hand: its parameters resolved. Texts are resolved to themselves. */
struct application {
    const struct call *call;
    const struct values *parameters;
    struct scratch *scratch;
    struct ditto_error *err;
};

struct function {
    const char *name;
    /* Turns *v into what the function gives. 0, or -1 with *a->err. */
    int (*apply)(const struct application *a, struct values *v);
    /* Looks at the parameters that are texts, once. 0, or -1 with *err. NULL: nothing to look at. */
    int (*prepare)(struct call *c, struct ditto_error *err);
    void (*release)(struct call *c);
};

/* NULL if there is none. */
const struct function *function_named(struct slice name);
/* What a later stage gives that lacks its "fn:": nothing. */
extern const struct function function_nothing;

/* A function cannot be applied to its value: connectivity:message.mapping.failed (400). Returns -1. */
int application_fail(const struct application *a, const char *why);
/* Puts into *v what change makes of each value. change appends to dst; it gives VALUE_RESOLVED, VALUE_UNRESOLVED if the value
 * is dropped, or VALUE_FAILED with *a->err. */
typedef enum value_state change(const struct application *a, struct slice value, struct buf *dst);
int application_change(const struct application *a, struct values *v, change *how);

/* Families of functions (function_text.c, function_filter.c, function_split.c, function_format.c). */
change change_lower, change_upper, change_trim, change_url_encode, change_url_decode, change_base64_encode,
    change_base64_decode, change_replace;
int filter_apply(const struct application *a, struct values *v);
int split_apply(const struct application *a, struct values *v);
int format_prepare(struct call *c, struct ditto_error *err);
void format_release(struct call *c);
int format_apply(const struct application *a, struct values *v);
/* Loads what letters need (before anything is locked down). */
int letters_prepare(struct call *c, struct ditto_error *err);

#endif
