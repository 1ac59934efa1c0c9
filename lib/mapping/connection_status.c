/* connection_status.c: the ConnectionStatus mapper: what Hono tells of a device's connection becomes a feature.
 *
 * Headers creation-time (ms since 1970) and ttd: how many seconds the device stays reachable; 0: no more, -1: until
 * further notice. The payload does not matter. What does not make sense is dropped, as in Ditto. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/scan.h"
#include "mapping/option.h"
#include "protocol/ids.h"

#include "base/banned.h"

#define STATUS_DEFINITION "org.eclipse.ditto:ConnectionStatus:1.0.0"
#define NEVER_ENDS        "9999-12-31T23:59:59Z"

static const int64_t latest_s = INT64_C(253402300799); /* that date */

struct status {
    struct option thing_id, feature_id;
    struct scratch scratch;
    struct buf id; /* of the thing at hand */
};

static void release(struct mapper *m)
{
    struct status *own = m->own;
    option_free(&own->thing_id);
    option_free(&own->feature_id);
    scratch_free(&own->scratch);
    buf_free(&own->id);
    free(own);
}

static int configure(struct mapper *m, struct json options, enum way way, struct scripts *scripts,
                     struct ditto_error *err)
{
    struct buf scratch = {0}, other = {0};
    struct ditto_error why = {.status = 0};
    struct slice thing_id = option_text(options, S("thingId"), &scratch);
    struct slice feature_id = option_text(options, S("featureId"), &other);
    struct status *own = m->own = xcalloc(1, sizeof *own);
    (void)way, (void)scripts;
    option_compile(&own->thing_id, thing_id);
    option_compile(&own->feature_id, feature_id.p ? feature_id : S("ConnectionStatus"));
    int r = 0;
    if (!thing_id.p)
        r = option_refuse(m, "thingId", "It is missing.", err);
    else if (!option_is_template(thing_id) && entity_id_parse(thing_id, ENTITY_THING, NULL, &why) < 0)
        r = option_refuse(m, "thingId", why.message, err);
    buf_free(&scratch);
    buf_free(&other);
    return r;
}

/* --- messages --------------------------------------------------------------------------------------------------- */

struct reading {
    struct entity_id thing;
    struct slice feature;
    int64_t since_ms, ttd_s;
};

static bool read_number(const struct external *msg, struct slice name, int64_t least, int64_t *out)
{
    struct buf scratch = {0};
    bool fits = scan_i64(header_text(headers_get(&msg->headers, name, true), &scratch), out) == 0;
    buf_free(&scratch);
    return fits && *out >= least;
}

static bool read(struct status *own, const struct external *msg, struct reading *r)
{
    struct ditto_error why = {.status = 0};
    struct facts f = option_facts(msg);
    struct slice thing_id;
    f.placeholders = PLACEHOLDER_HEADER;
    buf_cut(&own->id, 0);
    if (!read_number(msg, S("creation-time"), 0, &r->since_ms) ||
        !read_number(msg, S("ttd"), -1, &r->ttd_s) || r->since_ms / 1000 > latest_s ||
        r->ttd_s > latest_s - r->since_ms / 1000)
        return false;
    if (template_require(&own->thing_id.template, &f, &own->scratch, &thing_id, &why) < 0)
        return false;
    buf_put_slice(&own->id, thing_id);
    return entity_id_parse(buf_slice(&own->id), ENTITY_THING, &r->thing, &why) == 0 &&
           template_require(&own->feature_id.template, &f, &own->scratch, &r->feature, &why) == 0 &&
           key_valid(r->feature);
}

static void put_value(struct buf *dst, const struct reading *r)
{
    char since[ISO_SIZE], until[ISO_SIZE];
    (void)clock_iso(since, r->since_ms);
    (void)clock_iso(until, r->since_ms + (r->ttd_s > 0 ? r->ttd_s * 1000 : 0));
    if (r->ttd_s == 0)
        buf_printf(dst, "/properties/status/readyUntil\",\"value\":\"%s\"}", until);
    else
        buf_printf(dst,
                   "\",\"value\":{\"definition\":[\"" STATUS_DEFINITION "\"],\"properties\":{\"status\":"
                   "{\"readySince\":\"%s\",\"readyUntil\":\"%s\"}}}}",
                   since, r->ttd_s < 0 ? NEVER_ENDS : until);
}

static int incoming(const struct mapper *m, const struct external *msg, struct incoming *to,
                    struct ditto_error *err)
{
    struct reading r;
    struct buf *dst = to->room;
    (void)err;
    if (!read(m->own, msg, &r))
        return 0;
    buf_puts(dst, "{\"topic\":\"");
    json_put_escaped(dst, r.thing.namespace);
    buf_putc(dst, '/');
    json_put_escaped(dst, r.thing.name);
    buf_puts(dst,
             "/things/twin/commands/modify\",\"headers\":{\"response-required\":false,\"requested-acks\":[],"
             "\"content-type\":\"application/json\"},\"path\":\"/features/");
    json_put_escaped(dst, r.feature);
    put_value(dst, &r);
    to->v[to->n++] = buf_slice(dst);
    return 0;
}

const struct engine mapper_connection_status = {
    .alias = "ConnectionStatus",
    .class_name = MAPPER_CLASS("ConnectionStatusMessageMapper"),
    .needs_definition = true,
    .configure = configure,
    .release = release,
    .incoming = incoming,
    .outgoing = mapper_publishes_nothing,
};
