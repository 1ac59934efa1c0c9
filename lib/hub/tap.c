#include "hub/tap.h"

#include "json/skim.h"

#include "base/banned.h"

static void put_member(struct buf *dst, const struct member *m)
{
    struct buf text = {0};
    if (!m)
        buf_puts(&text, "hub");
    else if (m->role == ROLE_SERVICE)
        buf_printf(&text, "service:%.*s", SLICE_ARG(m->offer.name));
    else if (m->role == ROLE_CONTROL)
        buf_puts(&text, "control");
    else
        buf_printf(&text, "%s:%.*s/%u", m->role == ROLE_IN ? "in" : "out", SLICE_ARG(m->connection.id),
                   m->client);
    json_put_text(dst, buf_slice(&text));
    buf_free(&text);
}

static bool of_connection(const struct member *m, struct slice id)
{
    return m && (m->role == ROLE_IN || m->role == ROLE_OUT) && slice_eq(m->connection.id, id);
}

static bool has_topic(const struct offer *wanted, struct slice line)
{
    struct buf scratch = {0};
    struct slice topic = skim_text(skim_get(line, S("topic")), &scratch);
    bool found = false;
    for (size_t i = 0; topic.p && i < wanted->topics.n && !found; i++)
        found = pattern_matches(wanted->topics.v[i], topic);
    buf_free(&scratch);
    return found;
}

static bool has_correlation_id(const struct offer *wanted, struct slice line)
{
    struct buf scratch = {0};
    struct json headers = skim_get(line, S("headers"));
    struct slice id =
        headers.len ? skim_text(skim_get(json_slice(headers), S("correlation-id")), &scratch) : SLICE_NONE;
    bool same = id.p && slice_eq(id, wanted->correlation_id);
    buf_free(&scratch);
    return same;
}

static bool wants(const struct member *tap, const struct member *from, const struct member *to,
                  struct slice line)
{
    const struct offer *o = &tap->offer;
    return (!o->connection.p || of_connection(from, o->connection) || of_connection(to, o->connection)) &&
           (!o->topics.n || has_topic(o, line)) && (!o->correlation_id.p || has_correlation_id(o, line));
}

static void put_record(struct member *tap, const struct member *from, const struct member *to,
                       struct slice line)
{
    struct buf *q = member_queue(tap);
    if (tap->lost)
        buf_printf(q, "{\"lost\":%llu}\n", (unsigned long long)tap->lost);
    tap->lost = 0;
    buf_puts(q, "{\"from\":");
    put_member(q, from);
    buf_puts(q, ",\"to\":");
    if (to)
        put_member(q, to);
    else
        buf_puts(q, "null");
    buf_puts(q, ",\"line\":");
    buf_put_slice(q, line);
    buf_puts(q, "}\n");
    tap->queued++;
}

void tap_saw(struct hub *h, const struct member *to, struct slice line)
{
    line = slice_trim(line);
    for (struct member *m = h->members; m; m = m->next) {
        if (m->role != ROLE_TAP || m->deaf || !wants(m, h->speaker, to, line))
            continue;
        if (member_has_room(m, line.len))
            put_record(m, h->speaker, to, line);
        else
            m->lost++;
    }
}
