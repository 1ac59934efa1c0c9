#include "supervise/facet.h"

#include "base/banned.h"

static bool key_is_one_of(struct slice key, const char *const *names)
{
    for (; *names; names++)
        if (json_key_is(key, slice_str(*names)))
            return true;
    return false;
}

/* The members of object that are (or are not) among names. */
static void put_members(struct buf *dst, struct json object, const char *const *names, bool listed)
{
    struct json_iter it = json_iter(object);
    buf_putc(dst, '{');
    while (json_next(&it)) {
        if (key_is_one_of(it.key, names) != listed)
            continue;
        json_put_item(dst);
        buf_putc(dst, '"');
        buf_put_slice(dst, it.key);
        buf_puts(dst, "\":");
        json_put_compact(dst, it.value);
    }
    buf_putc(dst, '}');
}

static bool answers(struct json source)
{
    struct json reply = json_get(source, S("replyTarget"));
    return json_is(reply, JSON_OBJECT) && !json_is(json_get(reply, S("enabled")), JSON_FALSE);
}

/* Sources are named by their index. */
static void put_answering(struct buf *dst, struct json sources)
{
    static const char *const names[] = {"replyTarget", "payloadMapping", NULL};
    struct json_iter it = json_iter(sources);
    buf_putc(dst, '[');
    for (unsigned index = 0; json_next(&it); index++) {
        if (!answers(it.value))
            continue;
        json_put_item(dst);
        buf_printf(dst, "%u", index);
        json_put_item(dst);
        put_members(dst, it.value, names, true);
    }
    buf_putc(dst, ']');
}

void facet_put(struct buf *dst, struct json document, enum direction d)
{
    static const char *const of_none[] = {"name",      "tags",      "connectionStatus", "_created",
                                          "_modified", "_revision", "targets",          NULL};
    static const char *const of_outbound[] = {"name",      "tags",      "connectionStatus", "_created",
                                              "_modified", "_revision", "sources",          NULL};
    put_members(dst, document, d == INBOUND ? of_none : of_outbound, false);
    if (d == OUTBOUND)
        put_answering(dst, json_get(document, S("sources")));
}

bool facet_same(struct json a, struct json b, enum direction d)
{
    struct buf x = {0}, y = {0};
    facet_put(&x, a, d);
    facet_put(&y, b, d);
    bool same = slice_eq(buf_slice(&x), buf_slice(&y));
    buf_wipe(&x);
    buf_wipe(&y);
    return same;
}
