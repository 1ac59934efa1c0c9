/* reply.c: error replies: what a device is told, through the reply target of its source, of a message that was refused.
 *
 * They are Ditto Protocol messages without an id: the settlement has that. Source: mapping reference 1.13, 7.3. */
#include "mapping/flow.h"
#include "mapping/uuid.h"
#include "protocol/ids.h"

#include "base/banned.h"

/* --- topic -------------------------------------------------------------------------------------------------------- */

static bool valid_id(struct slice namespace, struct slice name)
{
    struct ditto_error ignored = {.status = 0};
    return entity_id_check(namespace, name, ENTITY_NAMESPACED, &ignored) == 0;
}

/* The entity that the message is about; else the one that the header of gateways names. */
static struct entity entity_of(struct flow *f)
{
    struct entity e = {.type = ENTITY_THING};
    buf_cut(&f->type, 0);
    struct slice id = header_text(headers_get(&f->external.headers, S("device_id"), true), &f->type);
    if (f->known && entity_of_topic(&f->mapped.topic, &e) && valid_id(e.namespace, e.name))
        return e;
    e.namespace = slice_cut(&id, ':');
    e.name = id;
    if (!e.namespace.p || !e.name.p || !valid_id(e.namespace, e.name))
        e = (struct entity){ENTITY_THING, S("unknown"), S("unknown")};
    return e;
}

static bool is_live(const struct flow *f)
{
    const struct headers *h = f->known == KNOWN_HEADERS ? &f->headers : &f->external.headers;
    return (f->known && f->mapped.topic.channel == CHANNEL_LIVE) ||
           json_text_is(headers_get(h, S("channel"), false), S("live"));
}

static void put_topic(struct flow *f, const struct entity *e, const struct ditto_error *err, struct buf *out)
{
    bool policy = slice_starts(slice_str(err->code), S("policies:")) ||
                  (f->known && f->mapped.topic.group == GROUP_POLICIES);
    struct topic t = {.namespace = e->namespace,
                      .name = e->name,
                      .group = policy ? GROUP_POLICIES : GROUP_THINGS,
                      .channel = policy       ? CHANNEL_NONE
                                 : is_live(f) ? CHANNEL_LIVE
                                              : CHANNEL_TWIN,
                      .criterion = CRITERION_ERRORS};
    struct buf text = {0};
    topic_put(&text, &t);
    json_put_member_text(out, S("topic"), buf_slice(&text));
    buf_free(&text);
}

/* --- headers ------------------------------------------------------------------------------------------------------ */

struct writing {
    struct buf *out;
    const struct header_mapping *mapping;
    char *taken; /* by the mapping, for each of its headers */
    size_t size;
    bool has_correlation_id;
};

/* Those that do not resolve, or whose value their header cannot have, are left out: there is nobody to tell. */
static void put_mapped(struct writing *w, const struct facts *facts, struct scratch *s)
{
    for (size_t i = 0; i < w->mapping->n; i++) {
        const struct mapped_header *h = &w->mapping->v[i];
        struct ditto_error ignored = {.status = 0};
        struct slice text;
        w->has_correlation_id |= slice_eq(h->name, S("correlation-id"));
        w->taken[i] = template_resolve(&h->value, facts, s, &text, &ignored) == VALUE_RESOLVED &&
                      header_put_member(w->out, h->rule, h->name, text, &ignored) == 0;
        w->size += w->taken[i] ? h->name.len + text.len : 0;
    }
}

static bool is_taken(const struct writing *w, struct slice name)
{
    for (size_t i = 0; i < w->mapping->n; i++)
        if (w->taken[i] && header_is(name, w->mapping->v[i].name))
            return true;
    return header_is(name, S("response-required")) || header_is(name, S("content-type"));
}

/* One of the message's own, as far as there is room. */
static void put_own(struct writing *w, const struct header *h)
{
    struct ditto_error ignored = {.status = 0};
    struct buf name = {0}, key = {0}, text = {0};
    const struct header_rule *rule = header_rule(h->name);
    if (is_taken(w, h->name) || (rule && !rule->in) ||
        w->size + h->name.len + h->value.len > HEADERS_MAX_BYTES)
        return;
    header_put_key(&key, h->raw);
    struct slice lower = json_raw_text(slice_of(buf_p(&key) + 1, key.len - 3), &name);
    if (header_put_member(w->out, rule, lower, header_text(h->value, &text), &ignored) == 0) {
        w->size += h->name.len + h->value.len;
        w->has_correlation_id |= slice_eq(lower, S("correlation-id"));
    }
    buf_free(&name);
    buf_free(&key);
    buf_free(&text);
}

static void put_headers(struct mapping *m, const struct source_route *r, const struct entity *e,
                        struct buf *out)
{
    struct flow *f = m->flow;
    struct facts facts = inbound_facts(m, r);
    struct writing w = {.out = out, .mapping = &r->headers};
    const struct headers *own = f->known == KNOWN_HEADERS ? &f->headers : &f->external.headers;
    facts.entity = slice_eq(e->name, S("unknown")) ? NULL : e;
    buf_cut(&f->taken, 0);
    w.taken = buf_room(&f->taken, r->headers.n + 1);
    buf_puts(out, ",\"headers\":{");
    put_mapped(&w, &facts, &f->scratch);
    for (size_t i = 0; i < own->n; i++)
        put_own(&w, &own->v[i]);
    if (!w.has_correlation_id) {
        json_put_key(out, S("correlation-id"));
        buf_putc(out, '"');
        uuid_put(out);
        buf_putc(out, '"');
    }
    json_put_member(out, S("response-required"), S("false"));
    json_put_member_text(out, S("content-type"), S("application/json"));
    buf_putc(out, '}');
}

/* --- the whole ---------------------------------------------------------------------------------------------------- */

/* Without a source: it comes from none. It leaves through the mapper that its message came in by, if that could map it. */
static void put_context(struct mapping *m, const struct source_route *r, const struct outcome *o,
                        struct buf *out)
{
    struct flow *f = m->flow;
    struct json client = json_get(f->line->context, S("client"));
    buf_puts(out, ",\"context\":{");
    json_put_member_text(out, S("connection"), m->plan->options.connection->id);
    if (client.type == JSON_NUMBER)
        json_put_member(out, S("client"), json_slice(client));
    if (f->known == KNOWN_HEADERS)
        json_put_member_text(out, S("mapper"), o->mapper->id);
    buf_put_slice(out, buf_slice(&r->reply_context));
    buf_puts(out, "}}\n");
}

void reply_put_error(struct mapping *m, const struct source_route *r, const struct outcome *o,
                     const struct ditto_error *err, struct buf *out)
{
    struct flow *f = m->flow;
    struct entity e = entity_of(f);
    buf_putc(out, '{');
    put_topic(f, &e, err, out);
    put_headers(m, r, &e, out);
    buf_puts(out, ",\"path\":\"/\",\"value\":");
    ditto_error_put(out, err, false);
    json_put_member_int(out, S("status"), err->status);
    put_context(m, r, o, out);
}
