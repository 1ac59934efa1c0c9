/* raw_message.c: the RawMessage mapper: the payload of a live message as the payload of an external one.
 *
 *            what the message is        what its value is
 *   inbound  headers say (templates)    text, JSON or base64, as the content type says
 *   outbound headers that tell it       likewise
 *
 * What already is a Ditto Protocol message, by its content type, and outbound all that is no live message, is mapped as the
 * Ditto mapper does. */
#include <stdio.h>
#include <stdlib.h>

#include "base/base64.h"
#include "base/scan.h"
#include "mapping/option.h"
#include "protocol/content_type.h"
#include "protocol/ids.h"
#include "protocol/path.h"

#include "base/banned.h"

enum { TYPE, DIRECTION, THING_ID, SUBJECT, FEATURE_ID, STATUS, KNOWN };
static const char *const names[KNOWN] = {
    [TYPE] = "content-type",
    [DIRECTION] = "ditto-message-direction",
    [THING_ID] = "ditto-message-thing-id",
    [SUBJECT] = "ditto-message-subject",
    [FEATURE_ID] = "ditto-message-feature-id",
    [STATUS] = "status",
};

#define STANDARD_HEADERS                                                                                     \
    "{\"content-type\":\"{{header:content-type|fn:default('application/octet-stream')}}\","                  \
    "\"ditto-message-direction\":\"{{header:ditto-message-direction|fn:default('TO')}}\","                   \
    "\"ditto-message-thing-id\":\"{{header:ditto-message-thing-id}}\","                                      \
    "\"ditto-message-subject\":\"{{header:ditto-message-subject}}\","                                        \
    "\"ditto-message-feature-id\":\"{{header:ditto-message-feature-id}}\",\"status\":\"{{header:status}}\"}"

struct raw {
    struct buf outgoing_type;
    struct option_headers headers; /* the known ones first, in their order */
    struct scratch scratch;
    struct buf values[KNOWN]; /* of the message at hand */
};

/* --- options ---------------------------------------------------------------------------------------------------- */

static void release(struct mapper *m)
{
    struct raw *own = m->own;
    buf_free(&own->outgoing_type);
    option_headers_free(&own->headers);
    scratch_free(&own->scratch);
    for (size_t i = 0; i < KNOWN; i++)
        buf_free(&own->values[i]);
    free(own);
}

static void put_lower(struct buf *dst, struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        buf_putc(dst, text.p[i] >= 'A' && text.p[i] <= 'Z' ? (char)(text.p[i] | 0x20) : text.p[i]);
}

static int configure(struct mapper *m, struct json options, enum way way, struct scripts *scripts,
                     struct ditto_error *err)
{
    struct buf scratch = {0};
    struct json standard;
    struct slice type = option_text(options, S("outgoingContentType"), &scratch);
    struct raw *own = m->own = xcalloc(1, sizeof *own);
    (void)way, (void)scripts, (void)err;
    put_lower(&own->outgoing_type, type.p ? type : S("text/plain; charset=utf-8"));
    (void)json_parse(S(STANDARD_HEADERS), &standard, NULL);
    option_headers_add(&own->headers, standard);
    option_headers_add(&own->headers, json_get(options, S("incomingMessageHeaders")));
    buf_free(&scratch);
    return 0;
}

/* --- inbound ---------------------------------------------------------------------------------------------------- */

struct told {
    struct slice v[KNOWN]; /* what the headers resolve to; SLICE_NONE: to nothing */
    struct entity_id thing;
    bool outbox;
    int64_t status; /* 0: none */
};

static int resolve_one(struct raw *own, const struct external *msg, size_t i, struct told *told,
                       struct ditto_error *err)
{
    struct facts f = option_facts(msg);
    struct slice text;
    switch (template_resolve(&own->headers.v[i].value.template, &f, &own->scratch, &text, err)) {
    case VALUE_FAILED: return -1;
    case VALUE_RESOLVED: break;
    default: return 0;
    }
    buf_cut(&own->values[i], 0);
    buf_put_slice(&own->values[i], text);
    told->v[i] = buf_slice(&own->values[i]);
    return 0;
}

/* Of other headers that are configured nobody ever hears, as in Ditto. */
static int resolve(struct raw *own, const struct external *msg, struct told *told, struct ditto_error *err)
{
    for (size_t i = TYPE + 1; i < KNOWN; i++)
        if (resolve_one(own, msg, i, told, err) < 0)
            return -1;
    return 0;
}

static int read_status(struct told *t, struct ditto_error *err)
{
    enum { LEAST = 100, MOST = 599 };
    if (!t->v[STATUS].p)
        return 0;
    if (scan_i64(t->v[STATUS], &t->status) == 0 && t->status >= LEAST && t->status <= MOST)
        return 0;
    return ditto_fail(err, 400, "header.invalid", NULL, NULL,
                      "The value <%.*s> of the header <status> is no status.", SLICE_ARG(t->v[STATUS]));
}

static int judge(const struct mapper *m, struct told *t, struct ditto_error *err)
{
    if (!t->v[THING_ID].p)
        return mapper_fail(m, err, "The header <%s> is missing.", names[THING_ID]);
    if (!t->v[SUBJECT].len)
        return mapper_fail(m, err, "The header <%s> is missing.", names[SUBJECT]);
    t->outbox = header_is(t->v[DIRECTION], S("FROM"));
    if (!t->outbox && !header_is(t->v[DIRECTION], S("TO")))
        return mapper_fail(m, err, "The header <%s> is neither TO nor FROM.", names[DIRECTION]);
    if (entity_id_parse(t->v[THING_ID], ENTITY_THING, &t->thing, err) < 0)
        return -1;
    return read_status(t, err);
}

static void put_topic_and_path(struct buf *dst, const struct told *t)
{
    buf_puts(dst, "{\"topic\":\"");
    json_put_escaped(dst, t->thing.namespace);
    buf_putc(dst, '/');
    json_put_escaped(dst, t->thing.name);
    buf_puts(dst, "/things/live/messages/");
    json_put_escaped(dst, t->v[SUBJECT]);
    buf_puts(dst, "\",\"path\":\"");
    if (t->v[FEATURE_ID].p) {
        buf_puts(dst, "/features/");
        json_put_escaped(dst, t->v[FEATURE_ID]);
    }
    buf_puts(dst, t->outbox ? "/outbox/messages/" : "/inbox/messages/");
    json_put_escaped(dst, t->v[SUBJECT]);
    buf_putc(dst, '"');
}

static int put_json_value(const struct mapper *m, struct slice payload, struct buf *dst,
                          struct ditto_error *err)
{
    struct json v;
    struct json_error why;
    if (json_parse(payload, &v, &why) < 0)
        return mapper_fail(m, err, "The payload is not valid JSON: %s at byte %zu.", why.reason, why.offset);
    json_put_member(dst, S("value"), json_slice(v));
    return 0;
}

static void put_bytes_value(const struct external *msg, struct buf *dst)
{
    json_put_key(dst, S("value"));
    if (msg->line->text.type != JSON_STRING) { /* they came as base64 */
        buf_put_slice(dst, json_slice(msg->line->bytes));
        return;
    }
    buf_putc(dst, '"');
    base64_put(dst, msg->payload.p, msg->payload.len);
    buf_putc(dst, '"');
}

static int put_value(const struct mapper *m, const struct external *msg, struct slice type, struct buf *dst,
                     struct ditto_error *err)
{
    if (!msg->has_payload)
        return 0;
    switch (content_class_of(type)) {
    case CONTENT_TEXT: json_put_member_text(dst, S("value"), msg->payload); return 0;
    case CONTENT_JSON:
    case CONTENT_MERGE_PATCH: return put_json_value(m, msg->payload, dst, err);
    default: put_bytes_value(msg, dst); return 0;
    }
}

static int incoming(const struct mapper *m, const struct external *msg, struct incoming *to,
                    struct ditto_error *err)
{
    struct told told = {.status = 0};
    struct buf *dst = to->room;
    if (resolve_one(m->own, msg, TYPE, &told, err) < 0)
        return -1;
    struct slice type = told.v[TYPE];
    if (!type.p)
        return ditto_fail(err, 400, "messages:messageformat.invalid", NULL, NULL,
                          "The message has no content type.");
    if (content_is_ditto(type))
        return ditto_incoming(m, msg, to, err);
    if (resolve(m->own, msg, &told, err) < 0 || judge(m, &told, err) < 0)
        return -1;
    put_topic_and_path(dst, &told);
    buf_puts(dst, ",\"headers\":{");
    json_put_member_text(dst, slice_str(names[TYPE]), type);
    buf_putc(dst, '}');
    if (told.status)
        json_put_member_int(dst, S("status"), told.status);
    if (put_value(m, msg, type, dst, err) < 0)
        return -1;
    buf_putc(dst, '}');
    to->v[to->n++] = buf_slice(dst);
    return 0;
}

/* --- outbound --------------------------------------------------------------------------------------------------- */

struct message {
    struct json json;
    struct topic topic;
    struct path path;
    struct slice type;
    struct buf texts[3];
};

static struct json member(const struct message *msg, struct slice name)
{
    return json_get(msg->json, name);
}

/* Is it a live message, and not to be sent as the Ditto Protocol message that it is? */
static bool is_raw(struct message *msg, const struct raw *own)
{
    struct ditto_error why = {.status = 0};
    struct json type = json_get(member(msg, S("headers")), S("content-type"));
    msg->type = json_present(type) ? header_text(type, &msg->texts[0]) : buf_slice(&own->outgoing_type);
    return topic_parse(json_text(member(msg, S("topic")), &msg->texts[1]), &msg->topic, &why) == 0 &&
           msg->topic.criterion == CRITERION_MESSAGES && !content_is_ditto(msg->type) &&
           path_parse_message(json_text(member(msg, S("path")), &msg->texts[2]), &msg->path, &why) == 0;
}

static void put_headers(struct buf *dst, const struct message *msg)
{
    const struct topic *t = &msg->topic;
    enum shape shape = msg->path.shape;
    bool outbox = shape == SHAPE_OUTBOX || shape == SHAPE_FEATURE_OUTBOX;
    bool of_feature = shape == SHAPE_FEATURE_INBOX || shape == SHAPE_FEATURE_OUTBOX;
    int64_t status;
    buf_putc(dst, '{');
    json_put_member_text(dst, slice_str(names[TYPE]), msg->type);
    json_put_member_text(dst, slice_str(names[DIRECTION]), outbox ? S("FROM") : S("TO"));
    json_put_member_text(dst, slice_str(names[SUBJECT]), t->subject);
    json_put_key(dst, slice_str(names[THING_ID]));
    buf_putc(dst, '"');
    json_put_escaped(dst, t->namespace);
    buf_putc(dst, ':');
    json_put_escaped(dst, t->name);
    buf_putc(dst, '"');
    if (of_feature)
        json_put_member_text(dst, slice_str(names[FEATURE_ID]), msg->path.keys[0]);
    if (json_int(member(msg, S("status")), &status) == 0)
        buf_printf(dst, ",\"status\":\"%d\"", (int)status);
    buf_putc(dst, '}');
}

static bool is_base64(struct json value)
{
    struct buf bytes = {0};
    bool is = value.type == JSON_STRING && base64_get(&bytes, json_raw(value)) == 0;
    buf_free(&bytes);
    return is;
}

static int set_payload(const struct message *msg, struct published *p, struct ditto_error *err)
{
    struct json value = member(msg, S("value"));
    bool bytes = content_class_of(msg->type) == CONTENT_BINARY;
    if (value.type == JSON_ABSENT)
        return 0;
    if (bytes && !is_base64(value))
        return ditto_fail(err, 400, "messages:messageformat.invalid",
                          "Of a content type that is neither text nor JSON the value is a text in base64.",
                          NULL, "The value of the message does not fit its content type <%.*s>.",
                          SLICE_ARG(msg->type));
    p->kind = bytes ? PAYLOAD_BYTES : value.type == JSON_STRING ? PAYLOAD_RAW : PAYLOAD_TEXT;
    p->payload = json_slice(value);
    return 0;
}

static int publish(const struct message *msg, struct outgoing *to, struct ditto_error *err)
{
    struct published *p = &to->v[to->n++];
    put_headers(to->room, msg);
    *p = (struct published){.headers = {JSON_OBJECT, buf_p(to->room), to->room->len}, .kind = PAYLOAD_NONE};
    return set_payload(msg, p, err);
}

static int outgoing(const struct mapper *m, struct slice envelope, struct json correlation_id,
                    struct outgoing *to, struct ditto_error *err)
{
    struct message msg = {.texts = {{0}}};
    (void)json_parse(envelope, &msg.json, NULL);
    int r =
        is_raw(&msg, m->own) ? publish(&msg, to, err) : ditto_outgoing(m, envelope, correlation_id, to, err);
    for (size_t i = 0; i < sizeof msg.texts / sizeof *msg.texts; i++)
        buf_free(&msg.texts[i]);
    return r;
}

const struct engine mapper_raw_message = {
    .alias = "RawMessage",
    .class_name = MAPPER_CLASS("RawMessageMapper"),
    .blocked = MAPPER_HONO_NOTICES,
    .configure = configure,
    .release = release,
    .incoming = incoming,
    .outgoing = outgoing,
};
