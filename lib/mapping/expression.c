/* expression.c: pipelines, compiled and resolved. */
#include "mapping/expression.h"

#include <stdlib.h>

#include "mapping/function.h"

#include "base/banned.h"

/* --- compiling ---------------------------------------------------------------------------------------------------- */

static int unresolved(struct slice what, const char *why, struct ditto_error *err)
{
    return ditto_fail(err, 400, "placeholder:unresolved", why, NULL,
                      "The placeholder <%.*s> could not be resolved.", SLICE_ARG(what));
}

static int compile_placeholder(struct expression *e, struct slice text, unsigned allowed,
                               struct ditto_error *err)
{
    struct slice name = text;
    e->prefix = template_prefix(slice_cut(&name, ':'));
    if (!name.p)
        return unresolved(text, "It must have the form prefix:name.", err);
    if (!e->prefix)
        return unresolved(text, "There is no such prefix.", err);
    if (!(e->prefix->kind & allowed))
        return unresolved(text, "Its prefix is not available at this place.", err);
    e->name = name;
    e->which = template_name(e->prefix, name);
    if (e->which < 0)
        return unresolved(text, "Its prefix has no such name.", err);
    if (e->prefix->kind == PLACEHOLDER_TIME)
        (void)time_expression_parse(name, &e->time);
    return 0;
}

static int compile_parameter(struct parameter *p, struct slice text, unsigned allowed,
                             struct ditto_error *err)
{
    p->expression = xcalloc(1, sizeof *p->expression);
    return expression_compile(p->expression, text, allowed, EXPRESSION_WHOLE, err);
}

static struct call *add_call(struct expression *e)
{
    e->calls = xrealloc_array(e->calls, e->n + 1, sizeof *e->calls);
    e->calls[e->n] = (struct call){.n = 0};
    return &e->calls[e->n++];
}

static int compile_call(struct expression *e, struct slice stage, unsigned allowed, struct ditto_error *err)
{
    struct template_call read;
    struct call *c = add_call(e);
    if (template_call(stage, &read, err) < 0)
        return -1;
    c->function = function_named(slice_str(read.function->text));
    for (; c->n < read.n; c->n++) {
        struct parameter *p = &c->parameters[c->n];
        *p = (struct parameter){read.parameters[c->n].text, NULL};
        if (read.parameters[c->n].placeholder && compile_parameter(p, p->text, allowed, err) < 0)
            return c->n++, -1;
    }
    return c->function->prepare ? c->function->prepare(c, err) : 0;
}

static int compile_stage(struct expression *e, struct slice stage, bool first, unsigned allowed,
                         struct ditto_error *err)
{
    if (slice_starts(stage, S("fn:")))
        return compile_call(e, stage, allowed, err);
    if (first)
        return compile_placeholder(e, stage, allowed, err);
    if (!template_is_bare_call(stage))
        return ditto_fail(err, 400, "placeholder:function.unknown",
                          "After '|' stands a function, fn:name(…).", NULL,
                          "The function <%.*s> cannot be applied.", SLICE_ARG(stage));
    add_call(e)->function = &function_nothing;
    return 0;
}

/* Cuts, before anything is looked at: how many stages there are, -1 if it cannot be cut. */
static int cut_stages(struct slice text, struct slice *stages)
{
    int n = 0;
    for (struct slice rest = text; rest.p; n++) {
        struct slice stage;
        if (!template_stage(&rest, &stage))
            return -1;
        if (n < TEMPLATE_STAGES_MAX)
            stages[n] = stage;
    }
    return n;
}

int expression_compile(struct expression *e, struct slice text, unsigned allowed, enum expression_start start,
                       struct ditto_error *err)
{
    struct slice stages[TEMPLATE_STAGES_MAX];
    int n = cut_stages(text, stages), most = TEMPLATE_STAGES_MAX - (start == EXPRESSION_CONTINUES);
    *e = (struct expression){.n = 0};
    if (n < 0)
        return unresolved(text, "A quote is left open, or there is nothing in it.", err);
    if (n > most)
        return ditto_fail(err, 400, "placeholder:function.too.complex",
                          "At most 10 functions can be chained.", NULL,
                          "The placeholder <%.*s> has too many functions.", SLICE_ARG(text));
    for (int i = 0; i < n; i++)
        if (compile_stage(e, stages[i], i == 0 && start == EXPRESSION_WHOLE, allowed, err) < 0)
            return -1;
    return 0;
}

static void call_free(struct call *c)
{
    if (c->own)
        c->function->release(c);
    for (size_t i = 0; i < c->n; i++) {
        if (c->parameters[i].expression)
            expression_free(c->parameters[i].expression);
        free(c->parameters[i].expression);
    }
}

void expression_free(struct expression *e)
{
    for (size_t i = 0; i < e->n; i++)
        call_free(&e->calls[i]);
    free(e->calls);
    *e = (struct expression){.n = 0};
}

/* --- resolving ---------------------------------------------------------------------------------------------------- */

static int resolve_parameter(const struct parameter *p, const struct facts *f, struct scratch *s,
                             struct values *v, struct ditto_error *err)
{
    *v = (struct values){.n = 0};
    if (p->expression)
        return expression_resolve(p->expression, f, s, v, err);
    return values_add(v, p->text, s, err);
}

static int apply(const struct call *c, const struct facts *f, struct scratch *s, struct values *v,
                 struct ditto_error *err)
{
    struct values parameters[TEMPLATE_PARAMETERS_MAX];
    for (size_t i = 0; i < c->n; i++)
        if (resolve_parameter(&c->parameters[i], f, s, &parameters[i], err) < 0)
            return -1;
    return c->function->apply(&(struct application){c, parameters, s, err}, v);
}

int expression_resolve(const struct expression *e, const struct facts *f, struct scratch *s, struct values *v,
                       struct ditto_error *err)
{
    if (e->prefix && (*v = (struct values){.n = 0}, fact_values(e, f, s, v, err) < 0))
        return -1;
    for (size_t i = 0; i < e->n; i++)
        if (apply(&e->calls[i], f, s, v, err) < 0)
            return -1;
    return 0;
}
