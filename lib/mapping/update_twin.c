/* update_twin.c: the UpdateTwinWithLiveResponse mapper: what a live retrieve answers is merged into the twin.
 *
 * It makes a merge command of a response and nothing of anything else, so it stands in a list beside the mapper that hands
 * the response on. */
#include <stdlib.h>

#include "mapping/envelope.h"
#include "mapping/option.h"
#include "mapping/uuid.h"

#include "base/banned.h"

struct update {
    struct option_headers headers;
    struct scratch scratch;
};

static void release(struct mapper *m)
{
    struct update *own = m->own;
    option_headers_free(&own->headers);
    scratch_free(&own->scratch);
    free(own);
}

static int configure(struct mapper *m, struct json options, enum way way, struct scripts *scripts,
                     struct ditto_error *err)
{
    struct json headers = json_get(options, S("dittoHeadersForMerge")), standard;
    struct update *own = m->own = xcalloc(1, sizeof *own);
    (void)way, (void)scripts, (void)err;
    (void)json_parse(S("{\"response-required\":false,\"if-match\":\"*\"}"), &standard, NULL);
    option_headers_add(&own->headers, headers.type == JSON_OBJECT ? headers : standard);
    return 0;
}

/* --- messages --------------------------------------------------------------------------------------------------- */

static bool answers_live_retrieve(const struct envelope *e)
{
    const struct topic *t = &e->topic;
    return t->group == GROUP_THINGS && t->channel == CHANNEL_LIVE && t->criterion == CRITERION_COMMANDS &&
           t->verb == ACTION_RETRIEVE && json_present(e->line.status) && e->line.value.type != JSON_ABSENT;
}

static int put_header(struct buf *dst, struct update *own, const struct option_header *h,
                      const struct facts *f, struct ditto_error *err)
{
    struct values v;
    if (header_is(slice_str(h->name), S("correlation-id")) ||
        header_is(slice_str(h->name), S("content-type")))
        return 0;
    switch (template_resolve_partially(&h->value.template, f, NULL, 0, &own->scratch, &v, err)) {
    case VALUE_FAILED: return -1;
    case VALUE_RESOLVED: json_put_member_text(dst, slice_str(h->name), values_first(&v)); break;
    default: json_put_member_text(dst, slice_str(h->name), slice_str(h->value.text)); break;
    }
    return 0;
}

static void put_correlation_id(struct buf *dst, const struct line *l)
{
    struct json own = json_get(l->headers, S("correlation-id"));
    json_put_key(dst, S("correlation-id"));
    buf_putc(dst, '"');
    if (own.type == JSON_STRING)
        buf_put_slice(dst, json_raw(own));
    else
        uuid_put(dst);
    buf_puts(dst, "-merge-into-twin\"");
}

static int incoming(const struct mapper *m, const struct external *msg, struct incoming *to,
                    struct ditto_error *err)
{
    struct update *own = m->own;
    struct ditto_error why = {.status = 0};
    struct buf scratch = {0}, *dst = to->room;
    struct envelope e;
    struct facts f = option_facts(msg);
    int r = 0;
    if (!msg->payload.len || envelope_read(&e, msg->payload, &scratch, &why) < 0 ||
        !answers_live_retrieve(&e)) {
        buf_free(&scratch);
        return 0;
    }
    buf_puts(dst, "{\"topic\":\"");
    json_put_escaped(dst, e.topic.namespace);
    buf_putc(dst, '/');
    json_put_escaped(dst, e.topic.name);
    buf_puts(dst, "/things/twin/commands/merge\",\"headers\":{");
    for (size_t i = 0; i < own->headers.n && r == 0; i++)
        r = put_header(dst, own, &own->headers.v[i], &f, err);
    put_correlation_id(dst, &e.line);
    json_put_member_text(dst, S("content-type"), S("application/merge-patch+json"));
    buf_putc(dst, '}');
    json_put_member(dst, S("path"), json_slice(e.line.path));
    json_put_member(dst, S("value"), json_slice(e.line.value));
    buf_putc(dst, '}');
    to->v[to->n++] = buf_slice(dst);
    buf_free(&scratch);
    return r;
}

const struct engine mapper_update_twin = {
    .alias = "UpdateTwinWithLiveResponse",
    .class_name = MAPPER_CLASS("UpdateTwinWithLiveResponseMessageMapper"),
    .blocked = MAPPER_HONO_NOTICES,
    .configure = configure,
    .release = release,
    .incoming = incoming,
    .outgoing = mapper_publishes_nothing,
};
