/* acks.c: acknowledgements. */
#include "protocol/acks.h"

#include <stdlib.h>

#include "protocol/duration.h"
#include "protocol/headers.h"

#include "base/banned.h"

static bool is_shown(struct json label, struct slice issued)
{
    struct buf scratch = {0};
    struct slice text = json_text(label, &scratch);
    bool shown = !text.p || !(ack_label_builtin(text) || (issued.p && slice_eq(text, issued)));
    buf_free(&scratch);
    return shown;
}

bool acks_put_shown(struct buf *dst, struct json list, struct slice issued)
{
    size_t before = dst->len, all = 0, left = 0;
    struct json_iter it = json_iter(list);
    buf_putc(dst, '[');
    for (; json_next(&it); all++) {
        if (!is_shown(it.value, issued))
            continue;
        json_put_item(dst);
        json_put_compact(dst, it.value);
        left++;
    }
    buf_putc(dst, ']');
    if (left || !all)
        return true;
    buf_cut(dst, before);
    return false;
}

/* --- defaults --------------------------------------------------------------------------------------------------- */

struct wishes {
    struct json labels; /* requested-acks, JSON_ABSENT without */
    struct json required;
    bool no_time; /* the timeout is zero */
};

static bool is_named(struct slice raw_name, const char *name)
{
    struct buf text = {0};
    const struct header_rule *rule = header_rule(json_raw_text(raw_name, &text));
    bool is = rule && slice_eq(rule->name, slice_str(name));
    buf_free(&text);
    return is;
}

static bool is_zero(struct json timeout)
{
    struct buf text = {0};
    struct duration d;
    struct ditto_error ignored;
    ignored.status = 0;
    bool zero = timeout.type == JSON_STRING && duration_parse(json_text(timeout, &text), &d, &ignored) == 0 &&
                d.amount == 0;
    buf_free(&text);
    return zero;
}

static struct wishes read_wishes(struct json headers)
{
    struct wishes w = {.no_time = false};
    struct json_iter it = json_iter(headers);
    while (json_next(&it)) {
        if (is_named(it.key, "requested-acks"))
            w.labels = it.value;
        else if (is_named(it.key, "response-required"))
            w.required = it.value;
        else if (is_named(it.key, "timeout"))
            w.no_time = is_zero(it.value);
    }
    return w;
}

/* Does such a command never get this acknowledgement? */
static bool pointless(struct json label, enum ack_kind kind)
{
    if (kind == ACK_OF_TWIN)
        return json_text_is(label, S("live-response"));
    return json_text_is(label, S("twin-persisted")) || json_text_is(label, S("search-persisted"));
}

static bool has_label(struct json labels, struct slice label)
{
    struct json_iter it = json_iter(labels);
    while (json_next(&it))
        if (json_text_is(it.value, label))
            return true;
    return false;
}

static bool has_pointless(struct json labels, enum ack_kind kind)
{
    struct json_iter it = json_iter(labels);
    while (json_next(&it))
        if (pointless(it.value, kind))
            return true;
    return false;
}

/* The list without what is pointless, or without the implied label. */
static void put_without(struct buf *dst, struct json labels, enum ack_kind kind, struct slice implied)
{
    struct json_iter it = json_iter(labels);
    while (json_next(&it)) {
        if (implied.p ? json_text_is(it.value, implied) : pointless(it.value, kind))
            continue;
        json_put_item(dst);
        buf_put_slice(dst, json_slice(it.value));
    }
}

static void put_labels(struct buf *dst, const struct wishes *w, enum ack_kind kind, bool required)
{
    struct slice implied = kind == ACK_OF_TWIN ? S("twin-persisted") : S("live-response");
    buf_putc(dst, '[');
    if (w->labels.type != JSON_ARRAY) {
        if (required && !w->no_time)
            json_put_text(dst, implied);
    } else if (has_pointless(w->labels, kind)) {
        put_without(dst, w->labels, kind, SLICE_NONE);
    } else if (kind == ACK_OF_LIVE && !required) {
        put_without(dst, w->labels, kind, implied);
    } else {
        put_without(dst, w->labels, kind, SLICE_NONE);
        if (kind == ACK_OF_LIVE && json_count(w->labels) && !has_label(w->labels, implied)) {
            json_put_item(dst);
            json_put_text(dst, implied);
        }
    }
    buf_putc(dst, ']');
}

/* All headers but those that follow from the wishes. */
static void put_others(struct buf *dst, struct json headers)
{
    struct json_iter it = json_iter(headers);
    while (json_next(&it)) {
        if (is_named(it.key, "requested-acks") || is_named(it.key, "response-required"))
            continue;
        json_put_item(dst);
        buf_putc(dst, '"');
        buf_put_slice(dst, it.key);
        buf_puts(dst, "\":");
        buf_put_slice(dst, json_slice(it.value));
    }
}

int acks_put_defaults(struct buf *dst, struct json headers, enum ack_kind kind, struct ditto_error *err)
{
    struct wishes w = read_wishes(headers);
    bool given = json_present(w.required);
    bool required = !given || w.required.type == JSON_TRUE || json_text_is(w.required, S("true"));
    bool wanted = given ? required : !w.no_time;
    buf_putc(dst, '{');
    put_others(dst, headers);
    json_put_key(dst, S("requested-acks"));
    size_t before = dst->len;
    put_labels(dst, &w, kind, required);
    bool waits = dst->len - before > 2;
    json_put_member(dst, S("response-required"), wanted ? S("true") : S("false"));
    buf_putc(dst, '}');
    if (!w.no_time || (!waits && !wanted))
        return 0;
    return ditto_fail(err, 400, "header.invalid",
                      "Give it time, or ask for neither response nor acknowledgements.", "/headers/timeout",
                      "The timeout must not be zero.");
}

/* --- together --------------------------------------------------------------------------------------------------- */

bool acks_refuse(const struct ack *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (v[i].status < 200 || v[i].status > 299)
            return true;
    return false;
}

int acks_status(const struct ack *v, size_t n)
{
    if (n == 1)
        return v->status;
    return acks_refuse(v, n) ? 424 : 200;
}

static void put_headers(struct buf *dst, struct json headers)
{
    struct json_iter it = json_iter(headers);
    json_put_key(dst, S("headers"));
    buf_putc(dst, '{');
    while (json_next(&it)) {
        if (is_named(it.key, "response-required"))
            continue;
        json_put_item(dst);
        buf_putc(dst, '"');
        buf_put_slice(dst, it.key);
        buf_puts(dst, "\":");
        buf_put_slice(dst, json_slice(it.value));
    }
    json_put_member(dst, S("response-required"), S("false"));
    buf_putc(dst, '}');
}

void ack_put_signal(struct buf *dst, struct slice id, enum entity_type type, const struct ack *a)
{
    buf_puts(dst, "{\"type\":\"acknowledgement\"");
    json_put_member_text(dst, S("label"), a->label);
    json_put_member_text(dst, S("entityId"), id);
    json_put_member_text(dst, S("entityType"), slice_str(entity_type_text(type)));
    json_put_member_int(dst, S("status"), a->status);
    if (a->payload.type != JSON_ABSENT)
        json_put_member(dst, S("payload"), json_slice(a->payload));
    put_headers(dst, a->headers);
    buf_putc(dst, '}');
}

static bool said_before(const struct ack *v, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (slice_eq(v[k].label, v[i].label))
            return true;
    return false;
}

/* The acknowledgements of one label, from the i-th on: one, or a list. */
static void put_of_label(struct buf *dst, struct slice id, enum entity_type type, const struct ack *v,
                         size_t n, size_t i)
{
    size_t same = 0;
    for (size_t k = i; k < n; k++)
        same += slice_eq(v[k].label, v[i].label);
    json_put_key(dst, v[i].label);
    if (same > 1)
        buf_putc(dst, '[');
    for (size_t k = i; k < n; k++) {
        if (!slice_eq(v[k].label, v[i].label))
            continue;
        if (k > i)
            buf_putc(dst, ',');
        ack_put_signal(dst, id, type, &v[k]);
    }
    if (same > 1)
        buf_putc(dst, ']');
}

void acks_put_signal(struct buf *dst, struct slice id, enum entity_type type, const struct ack *v, size_t n)
{
    buf_puts(dst, "{\"type\":\"acknowledgements\"");
    json_put_member_text(dst, S("entityId"), id);
    json_put_member_text(dst, S("entityType"), slice_str(entity_type_text(type)));
    json_put_member_int(dst, S("statusCode"), acks_status(v, n));
    json_put_key(dst, S("acknowledgements"));
    buf_putc(dst, '{');
    for (size_t i = 0; i < n; i++)
        if (!said_before(v, i))
            put_of_label(dst, id, type, v, n, i);
    buf_puts(dst, "}}");
}

struct ack ack_of_timeout(struct slice label, int64_t timeout_ms, struct buf *text)
{
    struct ditto_error err;
    size_t before = text->len;
    err.status = 0;
    ditto_fail(&err, 408, "acknowledgement:request.timeout",
               "Allow more time, or see why nobody acknowledges.", NULL,
               "The acknowledgement did not come within %lld ms.", (long long)timeout_ms);
    ditto_error_put(text, &err, false);
    struct slice payload = slice_skip(buf_slice(text), before);
    return (struct ack){.label = label, .status = 408, .payload = {JSON_OBJECT, payload.p, payload.len}};
}

struct ack ack_of_filtered(struct slice label)
{
    static const char payload[] = "\"Issued for a subscriber whose filter the message did not pass.\"";
    static const char headers[] = "{\"ditto-weak-ack\":true}";
    return (struct ack){.label = label,
                        .status = 200,
                        .payload = {JSON_STRING, payload, sizeof payload - 1},
                        .headers = {JSON_OBJECT, headers, sizeof headers - 1}};
}
