/* cloud_events.c: the CloudEvents mapper: Ditto Protocol messages as events of CloudEvents 1.0.
 *
 * Inbound the content type says how: structured (the event is the payload, the message its data) or binary (the payload is
 * the message, the event's attributes are headers). Outbound: structured. Payloads of other types are dropped. */
#include "base/base64.h"
#include "base/clock.h"
#include "mapping/mapper.h"
#include "mapping/uuid.h"

#include "base/banned.h"

#define DITTO_TYPE      "application/vnd.eclipse.ditto+json"
#define STRUCTURED_TYPE "application/cloudevents+json"
#define EVENT_SOURCE    "https://github.com/eclipse-ditto/ditto"
#define EVENT_TYPE      "org.eclipse.ditto.outbound:"

/* --- inbound ---------------------------------------------------------------------------------------------------- */

static int no_event(const struct mapper *m, struct ditto_error *err)
{
    return mapper_fail(m, err,
                       "The message is no cloud event: it lacks an attribute that is required, or its data.");
}

static int parse(struct slice text, struct json *out, struct ditto_error *err)
{
    struct json_error why;
    if (json_parse(text, out, &why) == 0)
        return 0;
    return ditto_fail(err, 400, "json.invalid", NULL, NULL, "The payload is not valid JSON: %s at byte %zu.",
                      why.reason, why.offset);
}

/* The message with the id of the event as correlation id; id is JSON. */
static int put_message(struct json message, struct slice id, struct incoming *to, struct ditto_error *err)
{
    struct buf headers = {0};
    if (message.type != JSON_OBJECT)
        return ditto_fail(err, 400, "json.invalid", NULL, NULL,
                          "The data of the event is no Ditto Protocol message.");
    json_put_with(&headers, json_get(message, S("headers")), S("correlation-id"), id);
    json_put_with(to->room, message, S("headers"), buf_slice(&headers));
    buf_free(&headers);
    to->v[to->n++] = buf_slice(to->room);
    return 0;
}

static int binary(const struct mapper *m, const struct external *msg, struct incoming *to,
                  struct ditto_error *err)
{
    static const char *const required[] = {"ce-id", "ce-source", "ce-type", "ce-specversion"};
    struct json message, id = headers_get(&msg->headers, S("ce-id"), true);
    for (size_t i = 0; i < sizeof required / sizeof *required; i++)
        if (!json_present(headers_get(&msg->headers, slice_str(required[i]), true)))
            return no_event(m, err);
    return parse(msg->payload, &message, err) < 0 ? -1 : put_message(message, json_slice(id), to, err);
}

static int structured(const struct mapper *m, const struct external *msg, struct incoming *to,
                      struct ditto_error *err)
{
    static const char *const required[] = {"specversion", "type", "id", "source"};
    struct json event, data;
    struct buf decoded = {0};
    if (json_parse(msg->payload, &event, NULL) < 0)
        return no_event(m, err);
    for (size_t i = 0; i < sizeof required / sizeof *required; i++)
        if (!json_present(json_get(event, slice_str(required[i]))))
            return no_event(m, err);
    struct json encoded = json_get(event, S("data_base64"));
    data = json_get(event, S("data"));
    int r = 0;
    if (encoded.type == JSON_STRING)
        r = base64_get(&decoded, json_raw(encoded)) < 0 ? no_event(m, err)
                                                        : parse(buf_slice(&decoded), &data, err);
    else if (data.type == JSON_ABSENT)
        r = no_event(m, err);
    if (r == 0)
        r = put_message(data, json_slice(json_get(event, S("id"))), to, err);
    buf_free(&decoded);
    return r;
}

static int incoming(const struct mapper *m, const struct external *msg, struct incoming *to,
                    struct ditto_error *err)
{
    struct buf scratch = {0};
    struct slice type = header_text(headers_get(&msg->headers, S("content-type"), false), &scratch);
    int r = 0;
    if (!msg->payload.len) {
        buf_free(&scratch);
        return mapper_fail(m, err, "The payload was absent or empty.");
    }
    if (slice_eq(type, S(DITTO_TYPE)))
        r = binary(m, msg, to, err);
    else if (slice_eq(type, S(STRUCTURED_TYPE)))
        r = structured(m, msg, to, err);
    buf_free(&scratch);
    return r;
}

/* --- outbound --------------------------------------------------------------------------------------------------- */

static void put_id(struct buf *dst, struct json correlation_id)
{
    json_put_key(dst, S("id"));
    if (correlation_id.type == JSON_STRING) {
        buf_put_slice(dst, json_slice(correlation_id));
        return;
    }
    buf_putc(dst, '"');
    uuid_put(dst);
    buf_putc(dst, '"');
}

static int outgoing(const struct mapper *m, struct slice envelope, struct json correlation_id,
                    struct outgoing *to, struct ditto_error *err)
{
    struct json message;
    struct buf *dst = to->room;
    char now[ISO_SIZE];
    (void)m, (void)err;
    (void)json_parse(envelope, &message, NULL);
    struct slice rest = json_raw(json_get(message, S("topic")));
    struct slice namespace = slice_cut(&rest, '/'), name = slice_cut(&rest, '/');
    buf_putc(dst, '{');
    json_put_member(dst, S("data"), envelope);
    json_put_member_text(dst, S("specversion"), S("1.0"));
    put_id(dst, correlation_id);
    json_put_member_text(dst, S("source"), S(EVENT_SOURCE));
    buf_printf(dst, ",\"type\":\"" EVENT_TYPE "%.*s\"", SLICE_ARG(rest));
    json_put_member_text(dst, S("datacontenttype"), S(DITTO_TYPE));
    json_put_member_text(dst, S("time"), slice_str(clock_iso(now, wall_ms())));
    buf_printf(dst, ",\"subject\":\"%.*s:%.*s\"}", SLICE_ARG(namespace), SLICE_ARG(name));
    to->v[to->n++] = (struct published){
        .content_type = S(STRUCTURED_TYPE), .kind = PAYLOAD_TEXT, .payload = buf_slice(dst)};
    return 0;
}

const struct engine mapper_cloud_events = {
    .alias = "CloudEvents",
    .class_name = MAPPER_CLASS("CloudEventsMapper"),
    .incoming = incoming,
    .outgoing = outgoing,
};
