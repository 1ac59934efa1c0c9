/* placeholder.c: templates: literals and expressions, put together. */
#include "mapping/placeholder.h"

#include <stdlib.h>

#include "mapping/expression.h"

#include "base/banned.h"

/* A literal, or an expression if source is there. */
struct part {
    struct slice literal;
    struct slice source; /* as it stands between the braces */
    struct expression expression;
    struct ditto_error *error; /* why it cannot be resolved; NULL: it can */
};

/* --- compiling ---------------------------------------------------------------------------------------------------- */

static struct part *add_part(struct template *t)
{
    t->parts = xrealloc_array(t->parts, t->n + 1, sizeof *t->parts);
    t->parts[t->n] = (struct part){.error = NULL};
    return &t->parts[t->n++];
}

static void add_expression(struct template *t, struct slice source, unsigned allowed)
{
    struct ditto_error err = {.status = 0};
    struct part *p = add_part(t);
    p->source = source;
    if (expression_compile(&p->expression, source, allowed, EXPRESSION_WHOLE, &err) == 0)
        return;
    p->error = xmalloc(sizeof err);
    *p->error = err;
}

void template_compile_anyway(struct template *t, struct slice text, unsigned allowed)
{
    struct slice rest = text, literal, expression;
    *t = (struct template){.text = text};
    while (template_next(&rest, &literal, &expression)) {
        if (literal.len)
            add_part(t)->literal = literal;
        if (expression.p)
            add_expression(t, expression, allowed);
    }
}

int template_compile(struct template *t, struct slice text, unsigned allowed, struct ditto_error *err)
{
    template_compile_anyway(t, text, allowed);
    for (size_t i = 0; i < t->n; i++)
        if (t->parts[i].error) {
            if (!err->status)
                *err = *t->parts[i].error;
            template_free(t);
            return -1;
        }
    return 0;
}

void template_free(struct template *t)
{
    for (size_t i = 0; i < t->n; i++) {
        expression_free(&t->parts[i].expression);
        free(t->parts[i].error);
    }
    free(t->parts);
    *t = (struct template){.n = 0};
}

/* --- resolving ---------------------------------------------------------------------------------------------------- */

/* What an expression stands for that has no value. */
struct stand_in {
    const struct slice *forbidden; /* prefixes of those that nothing stands in for */
    size_t n;
};

static bool is_forbidden(const struct part *p, const struct stand_in *s)
{
    for (size_t i = 0; i < s->n; i++)
        if (slice_starts(p->source, s->forbidden[i]))
            return true;
    return false;
}

static int put_itself(const struct part *p, struct scratch *s, struct values *v, struct ditto_error *err)
{
    buf_cut(&s->work, 0);
    buf_puts(&s->work, "{{");
    buf_put_slice(&s->work, p->source);
    buf_puts(&s->work, "}}");
    *v = (struct values){.n = 0};
    return values_add(v, scratch_copy(s, buf_slice(&s->work)), s, err);
}

static int fail_with(const struct ditto_error *why, struct ditto_error *err)
{
    if (!err->status)
        *err = *why;
    return -1;
}

/* stand_in: NULL for none. */
static int resolve_part(const struct part *p, const struct facts *f, const struct stand_in *stand_in,
                        struct scratch *s, struct values *v, struct ditto_error *err)
{
    *v = (struct values){.n = 0};
    if (!p->source.p)
        return values_add(v, p->literal, s, err);
    bool unresolved = p->error && slice_eq(slice_str(p->error->code), S("placeholder:unresolved"));
    if (p->error && (!unresolved || !stand_in || is_forbidden(p, stand_in)))
        return fail_with(p->error, err);
    if (!p->error && expression_resolve(&p->expression, f, s, v, err) < 0)
        return -1;
    if (!stand_in || v->state != VALUE_UNRESOLVED)
        return 0;
    return is_forbidden(p, stand_in) ? template_unresolved(p->source, err) : put_itself(p, s, v, err);
}

/* Looks at every part even if one has no value: another one may fail. */
static enum value_state resolve_all(const struct template *t, const struct facts *f,
                                    const struct stand_in *stand_in, struct scratch *s, struct values *out,
                                    struct ditto_error *err)
{
    bool unresolved = false, deleted = t->n > 0;
    *out = (struct values){.n = 0};
    scratch_reset(s);
    if (values_add(out, S(""), s, err) < 0)
        return VALUE_FAILED;
    for (size_t i = 0; i < t->n; i++) {
        struct values part;
        if (resolve_part(&t->parts[i], f, stand_in, s, &part, err) < 0)
            return VALUE_FAILED;
        unresolved |= part.state == VALUE_UNRESOLVED;
        deleted &= part.state == VALUE_DELETED;
        if (part.state == VALUE_RESOLVED && !unresolved && values_multiply(out, &part, s, err) < 0)
            return VALUE_FAILED;
    }
    out->state = unresolved ? VALUE_UNRESOLVED : deleted ? VALUE_DELETED : VALUE_RESOLVED;
    return out->state;
}

enum value_state template_resolve_all(const struct template *t, const struct facts *f, struct scratch *s,
                                      struct values *out, struct ditto_error *err)
{
    return resolve_all(t, f, NULL, s, out, err);
}

enum value_state template_resolve_partially(const struct template *t, const struct facts *f,
                                            const struct slice *forbidden, size_t n_forbidden,
                                            struct scratch *s, struct values *out, struct ditto_error *err)
{
    return resolve_all(t, f, &(struct stand_in){forbidden, n_forbidden}, s, out, err);
}

/* The first value is put together of the first values of the parts. */
static enum value_state resolve_first(const struct template *t, const struct facts *f, struct scratch *s,
                                      struct slice *out, struct ditto_error *err)
{
    bool unresolved = false, deleted = t->n > 0;
    buf_cut(&s->text, 0);
    for (size_t i = 0; i < t->n; i++) {
        struct values part;
        if (resolve_part(&t->parts[i], f, NULL, s, &part, err) < 0)
            return VALUE_FAILED;
        unresolved |= part.state == VALUE_UNRESOLVED;
        deleted &= part.state == VALUE_DELETED;
        if (part.n)
            buf_put_slice(&s->text, part.v[0]);
    }
    *out = buf_slice(&s->text);
    return unresolved ? VALUE_UNRESOLVED : deleted ? VALUE_DELETED : VALUE_RESOLVED;
}

enum value_state template_resolve(const struct template *t, const struct facts *f, struct scratch *s,
                                  struct slice *out, struct ditto_error *err)
{
    struct values only;
    scratch_reset(s);
    if (t->n != 1)
        return resolve_first(t, f, s, out, err);
    if (resolve_part(t->parts, f, NULL, s, &only, err) < 0)
        return VALUE_FAILED;
    *out = values_first(&only);
    return only.state;
}

int template_unresolved(struct slice text, struct ditto_error *err)
{
    return ditto_fail(err, 400, "placeholder:unresolved", NULL, NULL,
                      "The placeholder <%.*s> could not be resolved.", SLICE_ARG(text));
}

int template_require(const struct template *t, const struct facts *f, struct scratch *s, struct slice *out,
                     struct ditto_error *err)
{
    switch (template_resolve(t, f, s, out, err)) {
    case VALUE_RESOLVED: return 0;
    case VALUE_FAILED: return -1;
    default: return template_unresolved(t->text, err);
    }
}
