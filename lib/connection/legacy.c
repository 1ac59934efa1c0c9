#include "connection/legacy.h"

#include "base/banned.h"

#define OLD_PLACEHOLDER S("topic:action|subject")
#define NEW_PLACEHOLDER S("topic:action-subject")

struct legacy {
    struct json subjects; /* of the connection */
    bool mqtt;
};

static void put_current_text(struct buf *dst, struct json v)
{
    struct buf decoded = {0}, current = {0};
    struct slice rest = json_text(v, &decoded);
    if (!rest.p) {
        json_put_compact(dst, v);
        return;
    }
    for (;;) {
        const char *at = rest.len ? memmem(rest.p, rest.len, OLD_PLACEHOLDER.p, OLD_PLACEHOLDER.len) : NULL;
        size_t n = at ? (size_t)(at - rest.p) : rest.len;
        buf_put(&current, rest.p, n);
        if (!at)
            break;
        buf_put_slice(&current, NEW_PLACEHOLDER);
        rest = slice_skip(rest, n + OLD_PLACEHOLDER.len);
    }
    json_put_text(dst, buf_slice(&current));
    buf_free(&decoded);
    buf_free(&current);
}

static void put_key(struct buf *dst, struct slice raw_key)
{
    json_put_item(dst);
    buf_putc(dst, '"');
    buf_put_slice(dst, raw_key);
    buf_puts(dst, "\":");
}

static void put_mapping(struct buf *dst, struct json mapping)
{
    struct json_iter it = json_iter(mapping);
    if (mapping.type != JSON_OBJECT) {
        json_put_compact(dst, mapping);
        return;
    }
    buf_putc(dst, '{');
    while (json_next(&it)) {
        put_key(dst, it.key);
        put_current_text(dst, it.value);
    }
    buf_putc(dst, '}');
}

static void put_enforcement(struct buf *dst, struct json filters)
{
    buf_putc(dst, '{');
    json_put_member_text(dst, S("input"), S("{{ source:address }}"));
    json_put_key(dst, S("filters"));
    json_put_compact(dst, filters);
    buf_putc(dst, '}');
}

static bool has(struct json v, struct slice name)
{
    return json_present(json_get(v, name));
}

/* Members that sources and targets share. */
static void put_end_member(struct buf *dst, struct slice raw_key, struct json value, bool target)
{
    put_key(dst, raw_key);
    if (json_key_is(raw_key, S("headerMapping")))
        put_mapping(dst, value);
    else if (target && json_key_is(raw_key, S("address")))
        put_current_text(dst, value);
    else
        json_put_compact(dst, value);
}

static void put_subjects(struct buf *dst, const struct legacy *l, struct json end)
{
    if (json_present(l->subjects) && !json_count(json_get(end, S("authorizationContext"))))
        json_put_member(dst, S("authorizationContext"), json_slice(l->subjects));
}

static void put_source(struct buf *dst, const struct legacy *l, struct json v)
{
    struct json filters = json_get(v, S("filters"));
    bool old = json_is(filters, JSON_ARRAY) && !has(v, S("enforcement"));
    struct json_iter it = json_iter(v);
    buf_putc(dst, '{');
    while (json_next(&it)) {
        if (!json_key_is(it.key, S("filters")))
            put_end_member(dst, it.key, it.value, false);
    }
    put_subjects(dst, l, v);
    if (old && json_count(filters)) {
        json_put_key(dst, S("enforcement"));
        put_enforcement(dst, filters);
    }
    buf_putc(dst, '}');
}

static void put_target(struct buf *dst, const struct legacy *l, struct json v)
{
    struct json_iter it = json_iter(v);
    buf_putc(dst, '{');
    while (json_next(&it))
        put_end_member(dst, it.key, it.value, true);
    put_subjects(dst, l, v);
    if (!l->mqtt && !has(v, S("headerMapping")))
        json_put_member(
            dst, S("headerMapping"),
            S("{\"correlation-id\":\"{{header:correlation-id}}\",\"reply-to\":\"{{header:reply-to}}\"}"));
    buf_putc(dst, '}');
}

typedef void put_end(struct buf *dst, const struct legacy *l, struct json v);

static void put_ends(struct buf *dst, const struct legacy *l, struct json ends, put_end *put)
{
    struct json_iter it = json_iter(ends);
    buf_putc(dst, '[');
    while (json_next(&it)) {
        json_put_item(dst);
        if (it.value.type == JSON_OBJECT)
            put(dst, l, it.value);
        else
            json_put_compact(dst, it.value);
    }
    buf_putc(dst, ']');
}

static void put_member(struct buf *dst, const struct legacy *l, const struct json_iter *it)
{
    bool sources = json_key_is(it->key, S("sources")), targets = json_key_is(it->key, S("targets"));
    put_key(dst, it->key);
    if ((sources || targets) && it->value.type == JSON_ARRAY)
        put_ends(dst, l, it->value, sources ? put_source : put_target);
    else
        json_put_compact(dst, it->value);
}

void connection_put_migrated(struct buf *dst, struct json stored)
{
    struct json_iter it = json_iter(stored);
    struct json type = json_get(stored, S("connectionType"));
    struct legacy l = {json_get(stored, S("authorizationContext")),
                       json_text_is(type, S("mqtt")) || json_text_is(type, S("mqtt-5"))};
    if (stored.type != JSON_OBJECT) {
        json_put_compact(dst, stored);
        return;
    }
    buf_putc(dst, '{');
    while (json_next(&it)) {
        if (!json_key_is(it.key, S("authorizationContext")))
            put_member(dst, &l, &it);
    }
    buf_putc(dst, '}');
}
