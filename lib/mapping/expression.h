/* expression.h: what stands between the braces of a template: a placeholder and functions, or functions only.
 *
 * Ownership: an expression owns its stages and borrows the text. */
#ifndef MAPPING_EXPRESSION_H
#define MAPPING_EXPRESSION_H

#include "mapping/placeholder.h"
#include "protocol/time_expression.h"

struct expression {
    const struct template_prefix *prefix; /* NULL: it begins with a function */
    struct slice name;
    int which; /* of the prefix's names */
    struct time_expression time;
    size_t n;
    struct call *calls;
};

/* A function and its parameters. Each is a text, or an expression to be resolved. */
struct parameter {
    struct slice text;
    struct expression *expression; /* NULL: the text */
};
struct call {
    const struct function *function;
    size_t n;
    struct parameter parameters[TEMPLATE_PARAMETERS_MAX];
    void *own; /* what the function made of its parameters */
};

enum expression_start {
    EXPRESSION_WHOLE,
    EXPRESSION_CONTINUES /* functions only, applied to what is there already */
};

/* 0, or -1 with an error of template_compile; *e is to be freed in any case. */
int expression_compile(struct expression *e, struct slice text, unsigned allowed, enum expression_start start,
                       struct ditto_error *err);
void expression_free(struct expression *e);
/* *v: in the values that it continues (a placeholder takes their place), out those that it has. 0, or -1 with *err. */
int expression_resolve(const struct expression *e, const struct facts *f, struct scratch *s, struct values *v,
                       struct ditto_error *err);

/* The values of a placeholder (fact.c). *v is empty. */
int fact_values(const struct expression *e, const struct facts *f, struct scratch *s, struct values *v,
                struct ditto_error *err);

#endif
