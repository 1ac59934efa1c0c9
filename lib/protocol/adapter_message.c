/* adapter_message.c: live messages, to things and from them. */
#include "base/base64.h"
#include "protocol/adapter_way.h"
#include "protocol/content_type.h"

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

/* The headers of the message are those of the envelope, and what topic and path say. */
static void put_message_headers(struct way *w)
{
    PUT(w->out, ",\"message\":{\"headers\":{");
    size_t len = w->headers_len;
    char *to = buf_room(w->out, len); /* may move what is copied */
    memcpy(to, buf_p(w->out) + w->headers_at, len);
    buf_added(w->out, len);
    if (len)
        buf_putc(w->out, ',');
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
    put_message_headers(w);
    if (put_payload(w) < 0)
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
