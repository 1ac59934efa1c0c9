#include "store/fields.h"

#include "base/banned.h"

struct parser {
    struct fields *f;
    const char *p, *end;
    bool bad;
};

static bool ends_segment(char c)
{
    return c == '/' || c == ',' || c == '(' || c == ')';
}

static bool at(const struct parser *in, char c)
{
    return in->p < in->end && *in->p == c;
}

static bool skip(struct parser *in, char c)
{
    bool there = at(in, c);
    in->p += there;
    return there;
}

static void parse_list(struct parser *in, const struct pointer *prefix);

static void add(struct parser *in, const struct pointer *p)
{
    if (in->f->n < FIELDS_MAX && p->n)
        in->f->v[in->f->n++] = *p;
    else
        in->bad = true;
}

static void parse_segment(struct parser *in, struct pointer *p)
{
    const char *start = in->p;
    while (in->p < in->end && !ends_segment(*in->p))
        in->p++;
    if (in->p > start && p->n < FIELDS_MAX_DEPTH)
        p->segment[p->n++] = slice_of(start, (size_t)(in->p - start));
    else
        in->bad = true;
}

/* a/b or a/b(list) */
static void parse_item(struct parser *in, const struct pointer *prefix)
{
    struct pointer p = *prefix;
    (void)skip(in, '/');
    do
        parse_segment(in, &p);
    while (!in->bad && skip(in, '/'));
    if (!skip(in, '(')) {
        add(in, &p);
        return;
    }
    if (!in->bad)
        parse_list(in, &p);
    in->bad |= !skip(in, ')');
}

static void parse_list(struct parser *in, const struct pointer *prefix)
{
    do
        parse_item(in, prefix);
    while (!in->bad && skip(in, ','));
}

int fields_parse(struct fields *f, struct slice text, struct ditto_error *err)
{
    struct parser in = {f, text.p, text.p + text.len, false};
    struct pointer none = {0};
    f->n = 0;
    parse_list(&in, &none);
    if (!in.bad && in.p == in.end)
        return 0;
    return ditto_fail(err, 400, "json.fieldselector.invalid",
                      "Give a comma separated list of fields, like id,sources/addresses,credentials(type).",
                      NULL, "The field selector '%.*s' is not valid.", SLICE_ARG(text));
}

/* --- selecting -------------------------------------------------------------------------------------------------- */

/* The pointers that go on below this key, out of those that lead to its object; *whole if one ends here. */
static uint64_t narrow(const struct fields *f, uint64_t set, size_t depth, struct slice key, bool *whole)
{
    uint64_t below = 0;
    *whole = false;
    for (size_t i = 0; i < f->n; i++) {
        const struct pointer *p = &f->v[i];
        if (!(set >> i & 1) || p->n <= depth || !json_key_is(key, p->segment[depth]))
            continue;
        below |= UINT64_C(1) << i;
        *whole |= p->n == depth + 1;
    }
    return below;
}

static void put_selected(struct buf *dst, struct json v, const struct fields *f, uint64_t set, size_t depth);

static void put_members(struct buf *dst, struct json object, const struct fields *f, uint64_t set,
                        size_t depth)
{
    struct json_iter it = json_iter(object);
    buf_putc(dst, '{');
    while (json_next(&it)) {
        bool whole;
        uint64_t below = narrow(f, set, depth, it.key, &whole);
        if (!below)
            continue;
        json_put_item(dst);
        buf_putc(dst, '"');
        buf_put_slice(dst, it.key);
        buf_puts(dst, "\":");
        if (whole)
            buf_put_slice(dst, json_slice(it.value));
        else
            put_selected(dst, it.value, f, below, depth + 1);
    }
    buf_putc(dst, '}');
}

static void put_elements(struct buf *dst, struct json array, const struct fields *f, uint64_t set,
                         size_t depth)
{
    struct json_iter it = json_iter(array);
    buf_putc(dst, '[');
    while (json_next(&it)) {
        json_put_item(dst);
        put_selected(dst, it.value, f, set, depth);
    }
    buf_putc(dst, ']');
}

static void put_selected(struct buf *dst, struct json v, const struct fields *f, uint64_t set, size_t depth)
{
    if (v.type == JSON_OBJECT)
        put_members(dst, v, f, set, depth);
    else if (v.type == JSON_ARRAY)
        put_elements(dst, v, f, set, depth);
    else
        buf_put_slice(dst, json_slice(v));
}

void fields_put(struct buf *dst, struct json object, const struct fields *f)
{
    put_members(dst, object, f, UINT64_MAX, 0);
}
