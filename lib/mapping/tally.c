#include "mapping/tally.h"

#include "protocol/ids.h"

#include "base/banned.h"

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
    struct buf correlation_id, entity_id;
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

/* Headers of the Ditto Protocol message if they are known; those of the external message else. */
static struct about about(const struct mapping *m)
{
    struct about a = {.of = {SLICE_NONE, SLICE_NONE, SLICE_NONE}};
    struct flow *f = m->flow;
    bool inbound = m->plan->options.way == WAY_IN;
    const struct headers *h = inbound && f->known < KNOWN_HEADERS ? &f->external.headers : &f->headers;
    a.of.correlation_id = json_text(headers_get(h, S("correlation-id"), inbound), &a.correlation_id);
    about_entity(&a, f, inbound);
    return a;
}

static void about_free(struct about *a)
{
    buf_free(&a->correlation_id);
    buf_free(&a->entity_id);
}

static void say(const struct mapping *m, enum measure what, bool success, const char *text)
{
    struct about a = about(m);
    report_log(m->flow->meter, what, success, &a.of, "%s", text);
    about_free(&a);
}

static void say_why(const struct mapping *m, enum measure what, const struct ditto_error *err)
{
    struct about a = about(m);
    report_log(m->flow->meter, what, false, &a.of, "%s: %s%s%s", err->code, err->message,
               err->description[0] ? " " : "", err->description);
    about_free(&a);
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
