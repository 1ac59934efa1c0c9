#include "mapping/tree.h"

#include "json/members.h"

#include "base/banned.h"

static void put_raw_key(struct buf *dst, struct slice raw_name)
{
    json_put_item(dst);
    buf_putc(dst, '"');
    buf_put_slice(dst, raw_name);
    buf_puts(dst, "\":");
}

static void put_merged(struct buf *dst, struct json low, struct json high);

/* Element by element; of the longer one the rest. */
static void put_merged_arrays(struct buf *dst, struct json low, struct json high)
{
    struct json_iter l = json_iter(low), h = json_iter(high);
    bool more_low = json_next(&l), more_high = json_next(&h);
    buf_putc(dst, '[');
    while (more_low || more_high) {
        json_put_item(dst);
        if (more_low && more_high)
            put_merged(dst, l.value, h.value);
        else
            buf_put_slice(dst, json_slice(more_high ? h.value : l.value));
        more_low = more_low && json_next(&l);
        more_high = more_high && json_next(&h);
    }
    buf_putc(dst, ']');
}

static void put_merged(struct buf *dst, struct json low, struct json high)
{
    if (low.type == JSON_OBJECT && high.type == JSON_OBJECT)
        tree_put_merged(dst, low, high);
    else if (low.type == JSON_ARRAY && high.type == JSON_ARRAY)
        put_merged_arrays(dst, low, high);
    else
        buf_put_slice(dst, json_slice(high));
}

void tree_put_merged(struct buf *dst, struct json low, struct json high)
{
    struct members first = {0}, second = {0};
    members_index(&first, low);
    members_index(&second, high);
    buf_putc(dst, '{');
    for (size_t i = 0; i < first.n; i++) {
        const struct member *m = &first.v[i];
        struct member *other = members_find(&second, m->name);
        put_raw_key(dst, m->raw_name);
        if (other)
            other->used = true;
        if (other)
            put_merged(dst, m->value, other->value);
        else
            buf_put_slice(dst, json_slice(m->value));
    }
    for (size_t i = 0; i < second.n; i++) {
        if (second.v[i].used)
            continue;
        put_raw_key(dst, second.v[i].raw_name);
        buf_put_slice(dst, json_slice(second.v[i].value));
    }
    buf_putc(dst, '}');
    members_free(&first);
    members_free(&second);
}

/* Appends the members that put does not leave out. False, and nothing appended, if there are none. */
static bool put_some(struct buf *dst, struct json object, struct slice leaf,
                     bool (*put)(struct buf *dst, struct slice raw_name, struct json v, struct slice leaf))
{
    size_t start = dst->len;
    bool any = false;
    struct json_iter it = json_iter(object);
    buf_putc(dst, '{');
    while (json_next(&it)) {
        size_t before = dst->len;
        put_raw_key(dst, it.key);
        if (put(dst, it.key, it.value, leaf))
            any = true;
        else
            buf_cut(dst, before);
    }
    buf_putc(dst, '}');
    if (!any)
        buf_cut(dst, start);
    return any;
}

static bool put_pruned(struct buf *dst, struct slice raw_name, struct json v, struct slice leaf)
{
    (void)raw_name;
    if (v.type == JSON_OBJECT)
        return put_some(dst, v, leaf, put_pruned);
    if (v.type == JSON_NULL)
        return false;
    buf_put_slice(dst, json_slice(v));
    return true;
}

bool tree_put_pruned(struct buf *dst, struct json v)
{
    return put_pruned(dst, SLICE_NONE, v, SLICE_NONE);
}

/* Ditto does not look closer than this, either. */
static bool is_pattern(struct slice name)
{
    return slice_starts(name, S("{{")) && slice_ends(name, S("}}")) &&
           (memchr(name.p, '~', name.len) || memchr(name.p, '/', name.len));
}

static bool put_null(struct buf *dst, struct slice raw_name, struct json v, struct slice leaf)
{
    if (is_pattern(raw_name))
        return false;
    if (v.type == JSON_OBJECT)
        return put_some(dst, v, leaf, put_null);
    if (v.type != JSON_NULL)
        return false;
    buf_put_slice(dst, leaf);
    return true;
}

bool tree_put_nulls(struct buf *dst, struct json v, struct slice leaf)
{
    return put_null(dst, SLICE_NONE, v, leaf);
}
