/* function.c: the table of functions, and those that only look at whether there are values. */
#include "mapping/function.h"

#include "base/banned.h"

static int nothing_apply(const struct application *a, struct values *v)
{
    (void)a;
    *v = (struct values){.state = VALUE_UNRESOLVED};
    return 0;
}

static int default_apply(const struct application *a, struct values *v)
{
    if (v->state == VALUE_UNRESOLVED)
        *v = a->parameters[0];
    return 0;
}

static int delete_apply(const struct application *a, struct values *v)
{
    (void)a;
    *v = (struct values){.state = VALUE_DELETED};
    return 0;
}

/* Forgets that something was deleted, as in Ditto. */
static int join_apply(const struct application *a, struct values *v)
{
    struct buf *text = &a->scratch->work;
    struct values one = {.n = 0};
    buf_cut(text, 0);
    for (size_t i = 0; i < v->n; i++) {
        if (i)
            buf_put_slice(text, values_first(&a->parameters[0]));
        buf_put_slice(text, v->v[i]);
        if (text->len > SCRATCH_MAX_BYTES)
            return values_too_many(a->err);
    }
    if (v->n && values_add(&one, scratch_copy(a->scratch, buf_slice(text)), a->scratch, a->err) < 0)
        return -1;
    *v = one;
    return 0;
}

/* --- functions of one value --------------------------------------------------------------------------------------- */

int application_fail(const struct application *a, const char *why)
{
    return ditto_fail(a->err, 400, "connectivity:message.mapping.failed", why, NULL,
                      "The function fn:%s() cannot be applied to its value.", a->call->function->name);
}

int application_change(const struct application *a, struct values *v, change *how)
{
    struct values changed = {.n = 0};
    struct buf *text = &a->scratch->work;
    for (size_t i = 0; i < v->n; i++) {
        buf_cut(text, 0);
        enum value_state state = how(a, v->v[i], text);
        if (state == VALUE_FAILED)
            return -1;
        if (state == VALUE_RESOLVED &&
            values_add(&changed, scratch_copy(a->scratch, buf_slice(text)), a->scratch, a->err) < 0)
            return -1;
    }
    if (v->state == VALUE_RESOLVED)
        *v = changed;
    return 0;
}

#define CHANGE(name)                                                                                         \
    static int name##_apply(const struct application *a, struct values *v)                                   \
    {                                                                                                        \
        return application_change(a, v, change_##name);                                                      \
    }
CHANGE(lower)
CHANGE(upper)
CHANGE(trim)
CHANGE(url_encode)
CHANGE(url_decode)
CHANGE(base64_encode)
CHANGE(base64_decode)

static int replace_apply(const struct application *a, struct values *v)
{
    if (!a->parameters[1].n)
        return ditto_fail(a->err, 400, "placeholder:function.signature.invalid",
                          "What to put in has no value.", NULL,
                          "The function fn:replace() cannot be applied.");
    return application_change(a, v, change_replace);
}

/* The part of each value that stands before or behind the parameter; values without it are dropped. */
static int cut_apply(const struct application *a, struct values *v, bool before)
{
    struct slice needle = values_first(&a->parameters[0]);
    struct values parts = {.n = 0};
    for (size_t i = 0; i < v->n; i++) {
        struct slice text = v->v[i];
        const char *at = needle.len ? memmem(text.p, text.len, needle.p, needle.len) : text.p;
        size_t start = at ? (size_t)(at - text.p) : 0, end = start + needle.len;
        struct slice part = before ? slice_of(text.p, start) : slice_of(text.p + end, text.len - end);
        if (at && values_add(&parts, part, a->scratch, a->err) < 0)
            return -1;
    }
    if (v->state == VALUE_RESOLVED)
        *v = parts;
    return 0;
}

static int before_apply(const struct application *a, struct values *v)
{
    return cut_apply(a, v, true);
}

static int after_apply(const struct application *a, struct values *v)
{
    return cut_apply(a, v, false);
}

/* --- the table ---------------------------------------------------------------------------------------------------- */

static const struct function functions[] = {
    {.name = "filter", .apply = filter_apply},
    {.name = "default", .apply = default_apply},
    {.name = "substring-before", .apply = before_apply},
    {.name = "substring-after", .apply = after_apply},
    {.name = "lower", .apply = lower_apply, .prepare = letters_prepare},
    {.name = "upper", .apply = upper_apply, .prepare = letters_prepare},
    {.name = "trim", .apply = trim_apply},
    {.name = "url-encode", .apply = url_encode_apply},
    {.name = "url-decode", .apply = url_decode_apply},
    {.name = "base64-encode", .apply = base64_encode_apply},
    {.name = "base64-decode", .apply = base64_decode_apply},
    {.name = "delete", .apply = delete_apply},
    {.name = "replace", .apply = replace_apply},
    {.name = "split", .apply = split_apply},
    {.name = "join", .apply = join_apply},
    {.name = "format", .apply = format_apply, .prepare = format_prepare, .release = format_release},
};

const struct function function_nothing = {.name = "", .apply = nothing_apply};

const struct function *function_named(struct slice name)
{
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (slice_eq(name, slice_str(functions[i].name)))
            return &functions[i];
    return NULL;
}
