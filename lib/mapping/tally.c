#include "mapping/tally.h"

#include "protocol/ids.h"

#include "base/banned.h"

#define DEBUG_LOG S("connectivity-debug-log")

/* --- whose it is -------------------------------------------------------------------------------------------------- */

/* As its transport counts: MQTT has one subscription for all filters of a source, the others a link for each address. */
static int address_of(const struct connection *c, const struct source *s, const struct line *l)
{
    if (c->type == TYPE_MQTT || c->type == TYPE_MQTT_5)
        return ALL_ADDRESSES;
    for (size_t i = 0; i < s->addresses.n; i++)
        if (json_text_is(l->address, s->addresses.v[i]))
            return (int)i;
    return ALL_ADDRESSES;
}

struct meter *tally_source(const struct mapping *m, const struct source_route *r, const struct line *l)
{
    const struct connection *c = m->plan->options.connection;
    if (!report_wanted() || !r || !c)
        return NULL;
    m->flow->source = r;
    return report_meter(CATEGORY_SOURCE, (unsigned)r->index, address_of(c, &c->sources[r->index], l));
}

struct meter *tally_target(const struct mapping *m, const struct target_route *r)
{
    const struct plan *p = m->plan;
    if (!report_wanted() || !r || !p->options.connection)
        return NULL;
    if (r->is_reply)
        return report_meter(CATEGORY_RESPONSE, (unsigned)(r - p->replies), ALL_ADDRESSES);
    return report_meter(CATEGORY_TARGET, (unsigned)(r - p->targets), ALL_ADDRESSES);
}

/* --- what is said of it ------------------------------------------------------------------------------------------- */

struct about {
    struct report_about of;
    struct buf correlation_id, entity_id, payload;
};

static void about_entity(struct about *a, const struct flow *f, bool inbound)
{
    struct entity e;
    if (!inbound && f->facts.entity)
        e = *f->facts.entity;
    else if (!inbound || !f->known || !entity_of_topic(&f->mapped.topic, &e))
        return;
    buf_put_slice(&a->entity_id, e.namespace);
    buf_putc(&a->entity_id, ':');
    buf_put_slice(&a->entity_id, e.name);
    a->of.entity_type = slice_str(entity_type_text(e.type));
    a->of.entity_id = buf_slice(&a->entity_id);
}

static const struct mapped_header *mapped_debug_log(const struct source_route *r)
{
    for (size_t i = 0; r && i < r->headers.n; i++)
        if (slice_eq(r->headers.v[i].name, DEBUG_LOG))
            return &r->headers.v[i];
    return NULL;
}

/* What the header says: of the message, or as the source maps it. Unlike in Ditto that counts for a message that could not
 * be mapped, too, since it is what a person can set. */
static struct slice debug_log(const struct mapping *m, bool inbound, struct buf *scratch)
{
    struct flow *f = m->flow;
    const struct mapped_header *h = inbound ? mapped_debug_log(f->source) : NULL;
    struct json own = headers_get(inbound ? &f->external.headers : &f->headers, DEBUG_LOG, false);
    if (inbound && f->known == KNOWN_HEADERS && !json_present(own))
        own = headers_get(&f->headers, DEBUG_LOG, false);
    if (json_present(own) || !h)
        return header_text(own, scratch);
    struct ditto_error ignored = {.status = 0};
    struct facts facts = inbound_facts(m, f->source);
    struct slice text = SLICE_NONE;
    return template_resolve(&h->value, &facts, &f->scratch, &text, &ignored) == VALUE_RESOLVED ? text
                                                                                               : SLICE_NONE;
}

static void about_content(struct about *a, const struct mapping *m, bool inbound)
{
    struct buf scratch = {0};
    const struct line *l = m->flow->line;
    struct slice asked = debug_log(m, inbound, &scratch);
    bool all = slice_eq(asked, S("ALL"));
    if (all || slice_eq(asked, S("HEADER")))
        a->of.headers = l->headers.type == JSON_OBJECT ? json_slice(l->headers) : S("{}");
    if ((all || slice_eq(asked, S("PAYLOAD"))) && inbound)
        a->of.payload = json_text(json_present(l->text) ? l->text : l->bytes, &a->payload);
    else if (all || slice_eq(asked, S("PAYLOAD")))
        a->of.payload = json_slice(l->value);
    buf_free(&scratch);
}

/* Headers of the Ditto Protocol message if they are known; those of the external message else. */
static struct about about(const struct mapping *m)
{
    struct about a = {.of = {.correlation_id = SLICE_NONE}};
    struct flow *f = m->flow;
    bool inbound = m->plan->options.way == WAY_IN;
    const struct headers *h = inbound && f->known < KNOWN_HEADERS ? &f->external.headers : &f->headers;
    a.of.correlation_id = json_text(headers_get(h, S("correlation-id"), inbound), &a.correlation_id);
    about_entity(&a, f, inbound);
    about_content(&a, m, inbound);
    return a;
}

static void about_free(struct about *a)
{
    buf_free(&a->correlation_id);
    buf_free(&a->entity_id);
    buf_free(&a->payload);
}

static void say(const struct mapping *m, enum measure what, bool success, const char *text)
{
    struct about a = about(m);
    report_log(m->flow->meter, what, success, &a.of, "%s", text);
    about_free(&a);
}

static void say_why(const struct mapping *m, enum measure what, const struct ditto_error *err)
{
    struct buf why = {0};
    flow_put_why(m->flow, err, &why);
    say(m, what, false, buf_z(&why));
    buf_free(&why);
}

/* --- counting ----------------------------------------------------------------------------------------------------- */

void tally_dropped(const struct mapping *m)
{
    if (meter_count(m->flow->meter, MEASURE_DROPPED, true))
        say(m, MEASURE_DROPPED, true, "The payload mapping made nothing of a message: it is dropped.");
}

void tally_mapped(const struct mapping *m)
{
    struct flow *f = m->flow;
    if (meter_count(f->meter, MEASURE_MAPPED, true))
        say(m, MEASURE_MAPPED, true, "Mapped a message.");
    if (m->plan->options.way == WAY_IN && meter_count(f->meter, MEASURE_ENFORCED, true))
        say(m, MEASURE_ENFORCED, true, "A message passed the enforcement.");
}

void tally_failed(const struct mapping *m, const struct ditto_error *err)
{
    struct flow *f = m->flow;
    if (f->enforcement == ENFORCEMENT_FAILED && f->known && meter_count(f->meter, MEASURE_MAPPED, true))
        say(m, MEASURE_MAPPED, true, "Mapped a message.");
    enum measure what = f->enforcement == ENFORCEMENT_FAILED ? MEASURE_ENFORCED : MEASURE_MAPPED;
    if (meter_count(f->meter, what, false))
        say_why(m, what, err);
}
