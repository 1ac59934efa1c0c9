/* function_filter.c: fn:filter, which lets values pass that compare well.
 *
 *   filter(VALUE, 'exists')            VALUE is there and not empty: all pass, else none
 *   filter(VALUE, OPERATOR, COMPARED)  any pair of them holds: all pass, else none
 *   filter(OPERATOR, COMPARED)         those values pass that hold with any of COMPARED */
#include "mapping/function.h"
#include "protocol/rql_value.h"

#include "base/banned.h"

typedef bool holds(struct slice value, struct slice compared);

static bool equal(struct slice value, struct slice compared)
{
    return slice_eq(value, compared);
}

static bool different(struct slice value, struct slice compared)
{
    return !slice_eq(value, compared);
}

/* One of the patterns that '|' separates. */
static bool like(struct slice value, struct slice compared)
{
    while (compared.p)
        if (rql_like(slice_cut(&compared, '|'), value, false))
            return true;
    return false;
}

static bool is_true(struct slice text)
{
    static const char word[] = "true";
    for (size_t i = 0; text.len == sizeof word - 1 && i < text.len; i++)
        if ((text.p[i] | 0x20) != word[i])
            return false;
    return text.len == sizeof word - 1;
}

/* Whatever is not "true" asks for what is not there. */
static bool exists(struct slice value, struct slice compared)
{
    return is_true(compared) == (value.len > 0);
}

/* NULL if there is none: then nothing holds. */
static holds *operator_named(struct slice name)
{
    if (slice_eq(name, S("eq")))
        return equal;
    if (slice_eq(name, S("ne")))
        return different;
    if (slice_eq(name, S("like")))
        return like;
    return slice_eq(name, S("exists")) ? exists : NULL;
}

/* Something without values counts as an empty text. */
static bool any_holds(holds *operator, const struct values * values, const struct values *compared)
{
    static struct slice empty_text = {"", 0};
    const struct values empty = {.state = VALUE_RESOLVED, .n = 1, .v = &empty_text};
    values = values->n ? values : &empty;
    compared = compared->n ? compared : &empty;
    for (size_t i = 0; operator&& i<values->n; i++)
        for (size_t k = 0; k < compared->n; k++)
            if (operator(values->v[i], compared->v[k]))
                return true;
    return false;
}

static void let_pass(struct values *v, bool pass)
{
    if (v->state == VALUE_RESOLVED && !pass)
        *v = (struct values){.state = VALUE_UNRESOLVED};
}

static bool any_exists(const struct values *values)
{
    for (size_t i = 0; i < values->n; i++)
        if (values->v[i].len)
            return true;
    return false;
}

static int pass_each(const struct application *a, holds *operator, const struct values * compared,
                     struct values *v)
{
    struct values kept = {.n = 0};
    for (size_t i = 0; operator&& i<v->n; i++) {
        bool pass = false;
        for (size_t k = 0; !pass && k < compared->n; k++)
            pass = operator(v->v[i], compared->v[k]);
        if (pass && values_add(&kept, v->v[i], a->scratch, a->err) < 0)
            return -1;
    }
    if (v->state == VALUE_RESOLVED)
        *v = kept;
    return 0;
}

int filter_apply(const struct application *a, struct values *v)
{
    const struct values *p = a->parameters;
    struct slice second = values_first(&p[1]);
    if (a->call->n == 2 && slice_eq(second, S("exists")))
        let_pass(v, any_exists(&p[0]));
    else if (a->call->n == 2)
        return pass_each(a, operator_named(values_first(&p[0])), &p[1], v);
    else if (!second.p)
        return ditto_fail(a->err, 400, "placeholder:function.signature.invalid", "The operator has no value.",
                          NULL, "The function fn:filter() cannot be applied.");
    else
        let_pass(v, any_holds(operator_named(second), &p[0], &p[2]));
    return 0;
}
