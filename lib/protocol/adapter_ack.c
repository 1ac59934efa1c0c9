/* adapter_ack.c: acknowledgements, single and aggregated. */
#include "protocol/adapter_way.h"
#include "protocol/errors.h"

#include "base/banned.h"

/* --- to a signal ------------------------------------------------------------------------------------------------ */

static int check_label(struct way *w, struct slice label)
{
    if (ack_label_check(label, w->err) < 0)
        return -1;
    if (!ack_label_builtin(label))
        return 0;
    return ditto_fail(w->err, 400, "acknowledgement:ditto.acklabel.forbidden", "Choose a label of your own.",
                      "/topic", "The label '%.*s' is Ditto's own.", SLICE_ARG(label));
}

/* What every acknowledgement of an entity says, up to its headers. */
static void put_ack(struct way *w, struct slice raw_label, int status, struct json payload)
{
    PUT(w->out, "\"label\":\"");
    buf_put_slice(w->out, raw_label);
    PUT(w->out, "\",\"entityId\":");
    way_put_topic_id(w, w->out);
    PUT(w->out, ",\"entityType\":\"thing\"");
    json_put_member_int(w->out, S("status"), status);
    if (payload.type != JSON_ABSENT)
        json_put_member(w->out, S("payload"), json_slice(payload));
    PUT(w->out, ",\"headers\":{");
}

int ack_in(struct way *w)
{
    if (way_check_topic_id(w) < 0 || check_label(w, w->topic.subject) < 0)
        return -1;
    buf_putc(w->out, ',');
    put_ack(w, w->topic.subject, w->status, way_value(w)); /* a label has nothing to be escaped */
    /* its headers are those of the envelope, to the end */
    size_t len = w->headers_len + sizeof "\"response-required\":false" - 1 + (w->headers_len > 0);
    char *to = buf_room(w->out, len);
    memcpy(to, buf_p(w->out) + w->headers_at, len);
    buf_added(w->out, len);
    buf_putc(w->out, '}');
    return 0;
}

static int put_ack_headers(struct way *w, struct json headers)
{
    struct header_values seen;
    size_t before = w->out->len;
    if (json_present(headers) && headers.type != JSON_OBJECT)
        return way_wrong_type(w, "headers", "json.invalid");
    if (headers_put(w->out, headers, BORDER_NONE, WITHOUT_RESPONSE_REQUIRED | WITHOUT_REQUESTED_ACKS, &seen,
                    w->err) < 0)
        return -1;
    if (w->out->len > before)
        buf_putc(w->out, ',');
    PUT(w->out, "\"response-required\":false}");
    return 0;
}

/* {status, payload?, headers?} of the aggregate as an acknowledgement of its own */
static int put_one(struct way *w, struct slice raw_label, struct json ack)
{
    if (ack.type != JSON_OBJECT)
        return way_wrong_type(w, "value", "json.invalid");
    struct json number = json_get(ack, S("status"));
    int status = status_of(number);
    if (!json_present(number))
        return way_missing(w, "status");
    if (!status)
        return way_wrong_type(w, "status", "json.invalid");
    PUT(w->out, "{\"type\":\"acknowledgement\",");
    put_ack(w, raw_label, status, json_get(ack, S("payload")));
    if (put_ack_headers(w, json_get(ack, S("headers"))) < 0)
        return -1;
    buf_putc(w->out, '}');
    return 0;
}

static int put_of_label(struct way *w, struct slice raw_label, struct json acks)
{
    if (ack_label_check(texts_decode_raw(&w->texts, raw_label), w->err) < 0)
        return -1;
    json_put_item(w->out);
    buf_putc(w->out, '"');
    buf_put_slice(w->out, raw_label);
    PUT(w->out, "\":");
    if (acks.type != JSON_ARRAY)
        return put_one(w, raw_label, acks);
    struct json_iter it = json_iter(acks);
    buf_putc(w->out, '[');
    while (json_next(&it)) {
        json_put_item(w->out);
        if (put_one(w, raw_label, it.value) < 0)
            return -1;
    }
    buf_putc(w->out, ']');
    return 0;
}

int acks_in(struct way *w)
{
    struct json value = way_value(w);
    if (way_check_topic_id(w) < 0)
        return -1;
    if (value.type == JSON_ABSENT)
        return way_missing(w, "value");
    if (value.type != JSON_OBJECT)
        return way_wrong_type(w, "value", "json.invalid");
    PUT(w->out, ",\"entityId\":");
    way_put_topic_id(w, w->out);
    PUT(w->out, ",\"entityType\":\"thing\"");
    json_put_member_int(w->out, S("statusCode"), w->status);
    PUT(w->out, ",\"acknowledgements\":{");
    struct json_iter it = json_iter(value);
    while (json_next(&it))
        if (put_of_label(w, it.key, it.value) < 0)
            return -1;
    buf_putc(w->out, '}');
    return 0;
}

/* --- to an envelope --------------------------------------------------------------------------------------------- */

/* An acknowledgement in the short form. */
static int put_short(struct way *w, struct json ack)
{
    if (ack.type != JSON_OBJECT)
        return way_wrong_type(w, "acknowledgements", "json.invalid");
    int status = status_of(json_get(ack, S("status")));
    struct json payload = json_get(ack, S("payload"));
    if (!status)
        return way_missing(w, "status");
    buf_putc(w->out, '{');
    json_put_member_int(w->out, S("status"), status);
    if (payload.type != JSON_ABSENT)
        json_put_member(w->out, S("payload"), json_slice(payload));
    PUT(w->out, ",\"headers\":{");
    size_t before = w->out->len;
    struct header_values seen;
    if (headers_put(w->out, json_get(ack, S("headers")), BORDER_OUT,
                    WITHOUT_RESPONSE_REQUIRED | WITHOUT_REQUESTED_ACKS, &seen, w->err) < 0)
        return -1;
    if (w->out->len > before)
        buf_putc(w->out, ',');
    PUT(w->out, "\"response-required\":false}}");
    return 0;
}

/* Of several with one label an envelope shows the last, as Ditto's do. */
static int put_short_last(struct way *w, struct json acks)
{
    if (acks.type != JSON_ARRAY)
        return put_short(w, acks);
    struct json last = {JSON_ABSENT, NULL, 0};
    struct json_iter it = json_iter(acks);
    while (json_next(&it))
        last = it.value;
    return put_short(w, last);
}

int acks_out(struct way *w)
{
    struct json acks = way_member(w, "acknowledgements");
    if (acks.type != JSON_OBJECT)
        return acks.type == JSON_ABSENT ? way_missing(w, "acknowledgements")
                                        : way_wrong_type(w, "acknowledgements", "json.invalid");
    struct json_iter it = json_iter(acks);
    PUT(w->out, ",\"value\":{");
    while (json_next(&it)) {
        json_put_item(w->out);
        buf_putc(w->out, '"');
        buf_put_slice(w->out, it.key);
        PUT(w->out, "\":");
        if (put_short_last(w, it.value) < 0)
            return -1;
    }
    buf_putc(w->out, '}');
    return 0;
}
