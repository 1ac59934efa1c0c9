/* adapter_message.c: live messages, to things and from them. */
#include "base/base64.h"
#include "base/scan.h"
#include "protocol/adapter_way.h"
#include "protocol/content_type.h"
#include "protocol/instant.h"

#include "base/banned.h"

enum { PAYLOAD_MAX_BYTES = 250000 };

static bool of_feature(enum shape s)
{
    return s == SHAPE_FEATURE_INBOX || s == SHAPE_FEATURE_OUTBOX;
}

static bool outgoing(enum shape s)
{
    return s == SHAPE_OUTBOX || s == SHAPE_FEATURE_OUTBOX;
}

static enum content_class class_of(struct way *w, struct json content_type)
{
    struct slice type = texts_decode(&w->texts, content_type);
    return type.p ? content_class_of(type) : CONTENT_BINARY;
}

/* --- headers ----------------------------------------------------------------------------------------------------- */

static bool is_instant(struct slice text)
{
    struct buf printed = {0};
    bool is = text.p && instant_put(&printed, text) == 0;
    buf_free(&printed);
    return is;
}

static bool is_status(struct slice text)
{
    int64_t n;
    return scan_i64(text, &n) == 0 && n >= 100 && n <= 599;
}

static bool is_thing_id(struct slice text)
{
    struct ditto_error ignored;
    ignored.status = 0;
    return text.p && entity_id_parse(text, ENTITY_THING, NULL, &ignored) == 0;
}

/* Is it a value that this header of a message may have? The rules of all other headers are in headers.c. */
static bool header_fits(struct way *w, struct slice name, struct json value)
{
    struct slice text = texts_decode(&w->texts, value);
    if (slice_eq(name, S("timestamp")))
        return is_instant(text);
    if (slice_eq(name, S("status")))
        return is_status(value.type == JSON_STRING ? text : json_slice(value));
    if (slice_eq(name, S("ditto-message-direction")))
        return slice_eq(text, S("TO")) || slice_eq(text, S("FROM"));
    if (slice_eq(name, S("ditto-message-subject")))
        return text.p && !has_control(text);
    return !slice_eq(name, S("ditto-message-thing-id")) || is_thing_id(text);
}

static int check_header(struct way *w, struct slice name, struct json value)
{
    if (!json_present(value) || header_fits(w, name, value))
        return 0;
    return ditto_fail(w->err, 400, "header.invalid",
                      "See the documentation of that header for what it takes.", NULL,
                      "The value of the header '%.*s' is not valid.", SLICE_ARG(name));
}

int message_check_headers(struct way *w, struct json headers)
{
    struct json_iter it = json_iter(headers);
    while (json_next(&it))
        if (check_header(w, texts_decode_raw(&w->texts, it.key), it.value) < 0)
            return -1;
    return 0;
}

/* --- to a signal ------------------------------------------------------------------------------------------------ */

static int too_large(struct way *w, size_t bytes)
{
    if (bytes <= PAYLOAD_MAX_BYTES)
        return 0;
    return ditto_fail(w->err, 413, "messages:payload.toolarge", "Send less in one message.", "/value",
                      "The payload of the message has %zu bytes, %d are allowed.", bytes, PAYLOAD_MAX_BYTES);
}

/* What the value of a text message says: of a string its text, else its JSON. */
static int put_text_payload(struct way *w, struct json value)
{
    if (value.type == JSON_STRING)
        buf_put_slice(w->out, json_slice(value));
    else
        json_put_text(w->out, json_slice(value));
    return 0;
}

/* Bytes: a string is base64, or, if it is none, the bytes themselves. */
static int put_binary_payload(struct way *w, struct json value)
{
    struct slice text = value.type == JSON_STRING ? texts_decode(&w->texts, value) : json_slice(value);
    size_t before = w->scratch->len;
    bool encoded = value.type == JSON_STRING && base64_get(w->scratch, text) == 0;
    buf_cut(w->scratch, before);
    buf_putc(w->out, '"');
    if (encoded)
        buf_put_slice(w->out, text);
    else
        base64_put(w->out, text.p, text.len);
    buf_putc(w->out, '"');
    return 0;
}

static int put_payload(struct way *w)
{
    struct json value = way_value(w);
    if (value.type == JSON_ABSENT)
        return 0;
    if (too_large(w, value.len) < 0)
        return -1;
    PUT(w->out, ",\"payload\":");
    switch (class_of(w, w->headers.content_type)) {
    case CONTENT_TEXT: return put_text_payload(w, value);
    case CONTENT_JSON: buf_put_slice(w->out, json_slice(value)); return 0;
    default: return put_binary_payload(w, value);
    }
}

/* Of a response "status" is what the envelope says, however its headers spell it. */
static bool says_status(struct way *w, struct slice raw_name)
{
    const struct header_rule *rule = header_rule(texts_decode_raw(&w->texts, raw_name));
    return rule && slice_eq(rule->name, S("status"));
}

static int put_header(struct way *w, struct slice raw_name, struct json value)
{
    if (w->row->form == FORM_MESSAGE_RESPONSE && says_status(w, raw_name))
        return 0;
    if (check_header(w, texts_decode_raw(&w->texts, raw_name), value) < 0)
        return -1;
    buf_putc(w->out, '"');
    buf_put_slice(w->out, raw_name);
    PUT(w->out, "\":");
    buf_put_slice(w->out, json_slice(value));
    buf_putc(w->out, ',');
    return 0;
}

/* They stand in out already, which may move. */
static int put_envelope_headers(struct way *w)
{
    size_t at = w->scratch->len, len = w->headers_len + 2;
    buf_putc(w->scratch, '{');
    buf_put(w->scratch, buf_p(w->out) + w->headers_at, w->headers_len);
    buf_putc(w->scratch, '}');
    struct json_iter it = json_iter((struct json){JSON_OBJECT, buf_p(w->scratch) + at, len});
    int r = 0;
    while (r == 0 && json_next(&it))
        r = put_header(w, it.key, it.value);
    buf_cut(w->scratch, at);
    return r;
}

/* The headers of the message are those of the envelope, and what topic and path say. */
static int put_message_headers(struct way *w)
{
    PUT(w->out, ",\"message\":{\"headers\":{");
    if (put_envelope_headers(w) < 0)
        return -1;
    PUT(w->out, "\"ditto-message-thing-id\":");
    way_put_topic_id(w, w->out);
    json_put_member_text(w->out, S("ditto-message-subject"), w->topic.subject);
    json_put_member(w->out, S("ditto-message-direction"),
                    outgoing(w->path.shape) ? S("\"FROM\"") : S("\"TO\""));
    if (of_feature(w->path.shape))
        json_put_member_text(w->out, S("ditto-message-feature-id"), w->path.keys[0]);
    if (w->row->form == FORM_MESSAGE_RESPONSE)
        json_put_member_int(w->out, S("status"), w->status);
    buf_putc(w->out, '}');
    return 0;
}

static int check_subject(struct way *w)
{
    if (!has_control(w->topic.subject))
        return 0;
    return ditto_fail(w->err, 400, "messages:subject.invalid", "Leave control characters out.", "/topic",
                      "The subject of the message is not valid.");
}

int message_in(struct way *w)
{
    if (way_check_topic_id(w) < 0 || check_subject(w) < 0)
        return -1;
    if (w->row->form == FORM_MESSAGE_RESPONSE)
        json_put_member_int(w->out, S("status"), w->status);
    PUT(w->out, ",\"thingId\":");
    way_put_topic_id(w, w->out);
    if (w->row->shape == SHAPE_FEATURE_INBOX)
        json_put_member_text(w->out, S("featureId"), w->path.keys[0]);
    if (put_message_headers(w) < 0 || put_payload(w) < 0)
        return -1;
    buf_putc(w->out, '}');
    return 0;
}

/* --- to an envelope --------------------------------------------------------------------------------------------- */

int message_out(struct way *w)
{
    struct json payload = json_get(way_member(w, "message"), S("payload"));
    if (payload.type == JSON_ABSENT)
        return 0;
    PUT(w->out, ",\"value\":");
    buf_put_slice(w->out, json_slice(payload));
    return 0;
}
