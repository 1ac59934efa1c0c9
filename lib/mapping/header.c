#include "mapping/header.h"

#include <stdlib.h>
#include <strings.h>

#include "base/scan.h"

#include "base/banned.h"

/* --- definitions ------------------------------------------------------------------------------------------------ */

#define DEFINE(name, type, in, out)                                                                          \
    {                                                                                                        \
        {name, sizeof(name) - 1}, HEADER_##type, in, out                                                     \
    }

/* The six that describe a message are typed there only and are plain strings elsewhere. */
static const struct header_definition definitions[] = {
    DEFINE("accept", STRING, true, false),
    DEFINE("allow-policy-lockout", BOOL, true, false),
    DEFINE("at-historical-revision", INT, true, false),
    DEFINE("at-historical-timestamp", STRING, true, false),
    DEFINE("authorization", STRING, true, false),
    DEFINE("channel", CHANNEL, true, true),
    DEFINE("condition", STRING, true, false),
    DEFINE("content-type", STRING, true, true),
    DEFINE("correlation-id", NOT_EMPTY, true, true),
    DEFINE("declared-acks", ARRAY, true, false),
    DEFINE("delete-metadata", STRING, true, false),
    DEFINE("ditto-ackgregator-address", NOT_EMPTY, false, false),
    DEFINE("ditto-auth-context", OBJECT, false, false),
    DEFINE("ditto-connection-id", STRING, false, true),
    DEFINE("ditto-dry-run", BOOL, false, false),
    DEFINE("ditto-entity-id", STRING, false, false),
    DEFINE("ditto-event-journal-tags", ARRAY, false, false),
    DEFINE("ditto-expected-response-types", ARRAY, false, false),
    DEFINE("ditto-inbound-payload-mapper", STRING, false, false),
    DEFINE("ditto-message-direction", STRING, false, true),
    DEFINE("ditto-message-feature-id", STRING, false, true),
    DEFINE("ditto-message-subject", STRING, false, true),
    DEFINE("ditto-message-thing-id", STRING, false, true),
    DEFINE("ditto-metadata", OBJECT, false, true),
    DEFINE("ditto-origin", STRING, false, false),
    DEFINE("ditto-originator", STRING, false, true),
    DEFINE("ditto-partial-access-paths", OBJECT, false, false),
    DEFINE("ditto-policy-view-fields-selector", STRING, false, false),
    DEFINE("ditto-pre-defined-extra-fields", ARRAY, false, false),
    DEFINE("ditto-pre-defined-extra-fields-object", OBJECT, false, false),
    DEFINE("ditto-pre-defined-extra-fields-read-grant", OBJECT, false, false),
    DEFINE("ditto-read-revoked-subjects", ARRAY, false, false),
    DEFINE("ditto-read-subjects", ARRAY, false, false),
    DEFINE("ditto-reply-target", INT, false, false),
    DEFINE("ditto-retrieve-deleted", BOOL, false, false),
    DEFINE("ditto-sudo", BOOL, false, false),
    DEFINE("ditto-weak-ack", BOOL, false, true),
    DEFINE("divert-expected-response-types", NOT_EMPTY, true, false),
    DEFINE("divert-response-to-connection", NOT_EMPTY, true, false),
    DEFINE("diverted-response-from-connection", NOT_EMPTY, true, true),
    DEFINE("dry-run", BOOL, true, true),
    DEFINE("entity-revision", INT, false, true),
    DEFINE("etag", STRING, false, true),
    DEFINE("get-metadata", STRING, true, false),
    DEFINE("historical-headers", OBJECT, false, true),
    DEFINE("if-equal", STRING, true, false),
    DEFINE("if-match", ETAGS, true, false),
    DEFINE("if-none-match", ETAGS, true, false),
    DEFINE("live-channel-condition", STRING, true, false),
    DEFINE("live-channel-condition-matched", BOOL, false, true),
    DEFINE("live-channel-timeout-strategy", STRING, true, false),
    DEFINE("location", STRING, true, true),
    DEFINE("merge-thing-patch-conditions", OBJECT, true, false),
    DEFINE("policy-view", STRING, true, false),
    DEFINE("put-metadata", ARRAY, true, false),
    DEFINE("reply-to", STRING, true, true),
    DEFINE("requested-acks", ARRAY, true, true),
    DEFINE("response-required", BOOL, true, true),
    DEFINE("status", STRING, true, true),
    DEFINE("timeout", DURATION, true, true),
    DEFINE("timestamp", STRING, true, true),
    DEFINE("traceparent", STRING, true, true),
    DEFINE("tracestate", STRING, true, true),
    DEFINE("www-authenticate", STRING, false, true),
};
enum { N_DEFINITIONS = sizeof definitions / sizeof *definitions };

/* Open addressing over length, first and last letter; places are indexes + 1. */
enum { N_SLOTS = 256 };
static unsigned char slots[N_SLOTS];

static unsigned char letter(char c)
{
    return (unsigned char)(c | 0x20); /* digits and '-' stay apart enough */
}

static unsigned slot_of(struct slice name)
{
    return (unsigned)(name.len * 31 + letter(name.p[0]) * 7u + letter(name.p[name.len - 1]) * 3u) % N_SLOTS;
}

static void fill_slots(void)
{
    for (size_t i = 0; i < N_DEFINITIONS; i++) {
        unsigned slot = slot_of(definitions[i].name);
        while (slots[slot])
            slot = (slot + 1) % N_SLOTS;
        slots[slot] = (unsigned char)(i + 1);
    }
}

bool header_is(struct slice name, struct slice other)
{
    return name.len == other.len && strncasecmp(name.p, other.p, name.len) == 0;
}

const struct header_definition *header_definition(struct slice name)
{
    static bool filled;
    if (!filled)
        fill_slots(), filled = true;
    if (!name.len)
        return NULL;
    for (unsigned slot = slot_of(name); slots[slot]; slot = (slot + 1) % N_SLOTS)
        if (header_is(name, definitions[slots[slot] - 1].name))
            return &definitions[slots[slot] - 1];
    return NULL;
}

/* --- values ----------------------------------------------------------------------------------------------------- */

static bool is_json(struct slice text, enum json_type type, struct json *v)
{
    return json_parse(text, v, NULL) == 0 && v->type == type;
}

static void put_comma_list(struct buf *dst, struct slice text)
{
    buf_putc(dst, '[');
    while (text.p && slice_trim(text).len) {
        json_put_item(dst);
        json_put_text(dst, slice_trim(slice_cut(&text, ',')));
    }
    buf_putc(dst, ']');
}

static bool put_array(struct buf *dst, struct slice text)
{
    struct json v;
    if (is_json(text, JSON_ARRAY, &v))
        json_put_compact(dst, v);
    else
        put_comma_list(dst, text);
    return true;
}

static bool put_object(struct buf *dst, struct slice text)
{
    struct json v;
    if (!is_json(text, JSON_OBJECT, &v))
        return false;
    json_put_compact(dst, v);
    return true;
}

/* [+]digits, a unit of ms s m h d w mo y or none */
static bool is_duration(struct slice text)
{
    static const char *const units[] = {"", "ms", "s", "m", "h", "d", "w", "mo", "y"};
    text = slice_skip(text, text.len && text.p[0] == '+');
    size_t digits = 0;
    while (digits < text.len && text.p[digits] >= '0' && text.p[digits] <= '9')
        digits++;
    struct slice unit = slice_skip(text, digits);
    for (size_t i = 0; digits && i < sizeof units / sizeof *units; i++)
        if (slice_eq(unit, slice_str(units[i])))
            return true;
    return false;
}

/* [W/]"…" without quotes and stars inside */
static bool is_etag(struct slice tag)
{
    tag = slice_skip(tag, slice_starts(tag, S("W/")) ? 2 : 0);
    if (tag.len < 2 || tag.p[0] != '"' || tag.p[tag.len - 1] != '"')
        return false;
    struct slice inner = slice_of(tag.p + 1, tag.len - 2);
    return !inner.len || (!memchr(inner.p, '"', inner.len) && !memchr(inner.p, '*', inner.len));
}

static bool are_etags(struct slice text)
{
    if (!slice_trim(text).len)
        return false;
    while (text.p && slice_trim(text).len) {
        struct slice tag = slice_trim(slice_cut(&text, ','));
        if (!slice_eq(tag, S("*")) && !is_etag(tag))
            return false;
    }
    return true;
}

static bool is_channel(struct slice text)
{
    text = slice_trim(text);
    return text.len == 4 && (strncasecmp(text.p, "twin", 4) == 0 || strncasecmp(text.p, "live", 4) == 0);
}

static bool put_if(struct buf *dst, bool fits, struct slice text, bool quoted)
{
    if (fits && quoted)
        json_put_text(dst, text);
    else if (fits)
        buf_put_slice(dst, text);
    return fits;
}

static bool put_integer(struct buf *dst, struct slice text)
{
    int64_t n;
    struct json v;
    return put_if(dst, scan_i64(text, &n) == 0 && is_json(text, JSON_NUMBER, &v), text, false);
}

static bool put_bool(struct buf *dst, struct slice text)
{
    bool b;
    return put_if(dst, scan_bool(text, &b) == 0, text, false);
}

int header_put_value(struct buf *dst, const struct header_definition *d, struct slice name, struct slice text,
                     struct ditto_error *err)
{
    bool fits = true;
    switch (d ? d->type : HEADER_STRING) {
    case HEADER_STRING: json_put_text(dst, text); break;
    case HEADER_NOT_EMPTY: fits = put_if(dst, text.len > 0, text, true); break;
    case HEADER_BOOL: fits = put_bool(dst, text); break;
    case HEADER_INT: fits = put_integer(dst, text); break;
    case HEADER_ARRAY: fits = put_array(dst, text); break;
    case HEADER_OBJECT: fits = put_object(dst, text); break;
    case HEADER_DURATION: fits = put_if(dst, is_duration(text), text, true); break;
    case HEADER_ETAGS: fits = put_if(dst, are_etags(text), text, true); break;
    case HEADER_CHANNEL: fits = put_if(dst, is_channel(text), text, true); break;
    }
    if (fits)
        return 0;
    return ditto_fail(err, 400, d->type == HEADER_DURATION ? "timeout.invalid" : "header.invalid", NULL, NULL,
                      "The value <%.*s> does not suit the header <%.*s>.", SLICE_ARG(text), SLICE_ARG(name));
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
