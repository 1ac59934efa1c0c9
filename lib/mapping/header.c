#include "mapping/header.h"

#include <stdlib.h>

#include "base/banned.h"

bool header_is(struct slice name, struct slice other)
{
    return slice_eq_nocase(name, other);
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

/* The way through the rules of all kinds of headers, for those that are not simply text. */
static int put_judged(struct buf *dst, struct slice name, struct slice text, struct ditto_error *err)
{
    struct buf object = {0};
    struct json v;
    size_t before = dst->len;
    buf_putc(&object, '{');
    json_put_member_text(&object, name, text);
    buf_putc(&object, '}');
    (void)json_parse(buf_slice(&object), &v, NULL);
    int r = headers_put_strings(dst, v, err);
    if (r < 0)
        buf_cut(dst, before);
    buf_free(&object);
    return r;
}

int header_put_member(struct buf *dst, const struct header_rule *rule, struct slice name, struct slice text,
                      struct ditto_error *err)
{
    bool is_bool =
        rule && rule->kind == HEADER_OF_BOOL && (slice_eq(text, S("true")) || slice_eq(text, S("false")));
    if (is_bool)
        json_put_member(dst, name, text);
    else if (rule && rule->kind != HEADER_OF_TEXT)
        return put_judged(dst, name, text, err);
    else
        json_put_member_text(dst, name, text);
    return 0;
}

static bool as_written(struct slice raw_name)
{
    for (size_t i = 0; i < raw_name.len; i++)
        if ((raw_name.p[i] >= 'A' && raw_name.p[i] <= 'Z') || raw_name.p[i] == '\\')
            return false;
    return true;
}

static void put_lower(struct buf *dst, struct slice raw_name)
{
    struct buf name = {0};
    struct slice text = json_raw_text(raw_name, &name);
    if (!name.len)
        buf_put_slice(&name, text);
    for (size_t i = 0; i < name.len; i++)
        if (buf_p(&name)[i] >= 'A' && buf_p(&name)[i] <= 'Z')
            buf_p(&name)[i] |= 0x20;
    json_put_escaped(dst, buf_slice(&name));
    buf_free(&name);
}

void header_put_key(struct buf *dst, struct slice raw_name)
{
    json_put_item(dst);
    buf_putc(dst, '"');
    if (as_written(raw_name))
        buf_put_slice(dst, raw_name);
    else
        put_lower(dst, raw_name);
    buf_put(dst, "\":", 2);
}

/* --- header objects --------------------------------------------------------------------------------------------- */

static struct header *add(struct headers *h)
{
    if (h->n == h->cap) {
        h->cap = h->cap ? h->cap * 2 : 32;
        h->v = xrealloc_array(h->v, h->cap, sizeof *h->v);
    }
    return &h->v[h->n++];
}

/* Names that hold an escape are decoded once there are no more: their memory may move before. */
static void decode_names(struct headers *h)
{
    size_t at = 0;
    for (size_t i = 0; i < h->n; i++)
        if (!h->v[i].name.p)
            h->v[i].name.len = json_raw_text(h->v[i].raw, &h->names).len;
    for (size_t i = 0; i < h->n; i++)
        if (!h->v[i].name.p) {
            h->v[i].name.p = buf_p(&h->names) + at;
            at += h->v[i].name.len;
        }
}

void headers_index(struct headers *h, struct json object)
{
    bool escapes = false;
    h->n = 0;
    h->nulls = false;
    buf_cut(&h->names, 0);
    if (object.type != JSON_OBJECT)
        return;
    struct json_iter it = json_iter(object);
    while (json_next(&it)) {
        if (it.value.type == JSON_NULL) {
            h->nulls = true;
            continue;
        }
        bool escaped = it.key.len && memchr(it.key.p, '\\', it.key.len);
        *add(h) = (struct header){it.key, escaped ? SLICE_NONE : it.key, it.value};
        escapes |= escaped;
    }
    if (escapes)
        decode_names(h);
}

/* --- headers that come in --------------------------------------------------------------------------------------------- */

enum { SIMPLE_MAX = 32 };

/* A value that is as Ditto prints it, whatever else the header may say. */
static bool is_simple_value(const struct header_rule *rule, struct json v)
{
    if (!rule)
        return v.type == JSON_STRING;
    switch (rule->kind) {
    case HEADER_OF_TEXT: return v.type == JSON_STRING;
    case HEADER_OF_SOMETHING: return v.type == JSON_STRING && v.len > 2;
    case HEADER_OF_BOOL: return v.type == JSON_TRUE || v.type == JSON_FALSE;
    case HEADER_OF_CHANNEL:
        return slice_eq(json_slice(v), S("\"live\"")) || slice_eq(json_slice(v), S("\"twin\""));
    default: return false;
    }
}

static bool is_repeated(const struct headers *h, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (slice_eq(h->v[i].raw, h->v[n].raw))
            return true;
    return false;
}

/* Are they fine as they stand? So are those of nearly all messages. */
static bool are_simple(const struct headers *h, size_t *size)
{
    *size = 0;
    if (h->nulls || h->names.len || h->n > SIMPLE_MAX)
        return false;
    for (size_t i = 0; i < h->n; i++) {
        const struct header *v = &h->v[i];
        const struct header_rule *rule = header_rule(v->name);
        if (!as_written(v->raw) || (rule && !rule->in) || !is_simple_value(rule, v->value) ||
            is_repeated(h, i))
            return false;
        *size += v->name.len + v->value.len - (v->value.type == JSON_STRING ? 2 : 0);
    }
    return true;
}

static int judge(struct headers *h, struct json object, struct buf *judged, size_t *size,
                 struct ditto_error *err)
{
    struct header_values seen = {.size = 0};
    struct json v;
    size_t start = judged->len;
    buf_putc(judged, '{');
    if (headers_put(judged, object, BORDER_IN, 0, &seen, err) < 0)
        return -1;
    buf_putc(judged, '}');
    (void)json_parse(slice_skip(buf_slice(judged), start), &v, NULL);
    headers_index(h, v);
    *size = seen.size;
    return 0;
}

int headers_take(struct headers *h, struct json object, struct buf *judged, struct ditto_error *err)
{
    size_t size;
    headers_index(h, object);
    if (!are_simple(h, &size) && judge(h, object, judged, &size, err) < 0)
        return -1;
    if (size <= HEADERS_MAX_BYTES)
        return 0;
    return ditto_fail(err, 431, "headers.too.large", NULL, NULL,
                      "The headers have %zu bytes, %d are allowed.", size, HEADERS_MAX_BYTES);
}

void headers_free(struct headers *h)
{
    free(h->v);
    buf_free(&h->names);
    *h = (struct headers){0};
}

struct json headers_get(const struct headers *h, struct slice name, bool exact)
{
    for (size_t i = h->n; i-- > 0;)
        if (exact ? slice_eq(h->v[i].name, name) : header_is(h->v[i].name, name))
            return h->v[i].value;
    return (struct json){JSON_ABSENT, NULL, 0};
}

struct slice header_text(struct json value, struct buf *scratch)
{
    if (!json_present(value))
        return SLICE_NONE;
    return value.type == JSON_STRING ? json_text(value, scratch) : json_slice(value);
}
