/* effective.c: the connection as Ditto would print it. Members are copied from the document; those whose meaning parsing
 * completed (defaults, legacy inputs) come from the struct. */
#include "connection/reader.h"

#include "base/banned.h"

/* An object of the document and what it was parsed into. */
struct part {
    const struct connection *c;
    const struct source *source;
    const struct target *target;
    struct json v;
};

struct member {
    const char *name;
    const char *fallback;                              /* JSON; NULL: left out when absent */
    void (*put)(struct buf *dst, const struct part *); /* instead of copying */
};

static bool has_elements(struct json v)
{
    return (v.type != JSON_OBJECT && v.type != JSON_ARRAY) || json_count(v) > 0;
}

/* Members without a fallback that hold nothing are left out. */
static void put_members(struct buf *dst, const struct part *part, const struct member *m)
{
    buf_putc(dst, '{');
    for (; m->name; m++) {
        struct json v = json_get(part->v, slice_str(m->name));
        if (m->put) {
            m->put(dst, part);
        } else if (json_present(v) && (m->fallback || has_elements(v))) {
            json_put_key(dst, slice_str(m->name));
            json_put_compact(dst, v);
        } else if (m->fallback) {
            json_put_member(dst, slice_str(m->name), slice_str(m->fallback));
        }
    }
    buf_putc(dst, '}');
}

static void put_pairs(struct buf *dst, const struct pairs *p)
{
    buf_putc(dst, '{');
    for (size_t i = 0; i < p->n; i++)
        json_put_member_text(dst, p->v[i].name, p->v[i].value);
    buf_putc(dst, '}');
}

static void put_texts(struct buf *dst, const struct slices *s)
{
    buf_putc(dst, '[');
    for (size_t i = 0; i < s->n; i++) {
        json_put_item(dst);
        json_put_text(dst, s->v[i]);
    }
    buf_putc(dst, ']');
}

static void put_addresses(struct buf *dst, const struct part *part)
{
    json_put_key(dst, S("addresses"));
    put_texts(dst, &part->source->addresses);
}

/* Elements that are no texts were skipped. */
static void put_subjects(struct buf *dst, const struct part *part)
{
    json_put_key(dst, S("authorizationContext"));
    put_texts(dst, part->source ? &part->source->subjects : &part->target->subjects);
}

static bool stands_before(struct json array, size_t index, struct slice text)
{
    struct json_iter it = json_iter(array);
    for (size_t i = 0; i < index && json_next(&it); i++) {
        if (slice_eq(json_slice(it.value), text))
            return true;
    }
    return false;
}

/* A set, as it was written: each once. */
static void put_topics(struct buf *dst, const struct part *part)
{
    struct json topics = json_get(part->v, S("topics"));
    struct json_iter it = json_iter(topics);
    json_put_key(dst, S("topics"));
    buf_putc(dst, '[');
    for (size_t i = 0; json_next(&it); i++) {
        if (stands_before(topics, i, json_slice(it.value)))
            continue;
        json_put_item(dst);
        json_put_compact(dst, it.value);
    }
    buf_putc(dst, ']');
}

static void put_header_mapping(struct buf *dst, const struct part *part)
{
    json_put_key(dst, S("headerMapping"));
    put_pairs(dst, part->source ? &part->source->header_mapping : &part->target->header_mapping);
}

static bool was_migrated(const struct part *part)
{
    return json_is(json_get(part->c->json, S("mappingContext")), JSON_OBJECT);
}

static void put_payload_mapping(struct buf *dst, const struct part *part)
{
    struct json v = json_get(part->v, S("payloadMapping"));
    if (!was_migrated(part) && !(json_present(v) && json_count(v)))
        return; /* the default mapper is not spelled out */
    json_put_key(dst, S("payloadMapping"));
    put_texts(dst, part->source ? &part->source->payload_mapping : &part->target->payload_mapping);
}

static void put_response_types(struct buf *dst, const struct reply_target *reply)
{
    json_put_key(dst, S("expectedResponseTypes"));
    buf_putc(dst, '[');
    const struct {
        bool wanted;
        struct slice name;
    } types[] = {{reply->response, S("response")}, {reply->error, S("error")}, {reply->nack, S("nack")}};
    for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
        if (!types[i].wanted)
            continue;
        json_put_item(dst);
        json_put_text(dst, types[i].name);
    }
    buf_putc(dst, ']');
}

static void put_reply_target(struct buf *dst, const struct part *part)
{
    const struct reply_target *reply = &part->source->reply;
    struct json enabled = json_get(json_get(part->v, S("replyTarget")), S("enabled"));
    json_put_key(dst, S("replyTarget"));
    buf_putc(dst, '{');
    if (reply->present) {
        json_put_member_text(dst, S("address"), reply->address);
        json_put_key(dst, S("headerMapping"));
        put_pairs(dst, &reply->header_mapping);
        put_response_types(dst, reply);
    }
    json_put_member(dst, S("enabled"), enabled.type == JSON_FALSE ? S("false") : S("true"));
    buf_putc(dst, '}');
}

static const struct member source_members[] = {
    {"addresses", NULL, put_addresses},
    {"consumerCount", "1", NULL},
    {"qos", NULL, NULL},
    {"authorizationContext", NULL, put_subjects},
    {"enforcement", NULL, NULL},
    {"acknowledgementRequests", NULL, NULL},
    {"headerMapping", NULL, put_header_mapping},
    {"payloadMapping", NULL, put_payload_mapping},
    {"replyTarget", NULL, put_reply_target},
    {"declaredAcks", NULL, NULL},
    {NULL, NULL, NULL},
};

static const struct member target_members[] = {
    {"address", NULL, NULL},
    {"topics", NULL, put_topics},
    {"qos", NULL, NULL},
    {"authorizationContext", NULL, put_subjects},
    {"issuedAcknowledgementLabel", NULL, NULL},
    {"headerMapping", NULL, put_header_mapping},
    {"payloadMapping", NULL, put_payload_mapping},
    {NULL, NULL, NULL},
};

static void put_sources(struct buf *dst, const struct part *part)
{
    const struct connection *c = part->c;
    struct json array = json_get(c->json, S("sources"));
    json_put_key(dst, S("sources"));
    buf_putc(dst, '[');
    for (size_t i = 0; i < c->n_sources; i++) {
        struct part p = {c, &c->sources[i], NULL, json_at(array, c->sources[i].index)};
        json_put_item(dst);
        put_members(dst, &p, source_members);
    }
    buf_putc(dst, ']');
}

static void put_targets(struct buf *dst, const struct part *part)
{
    const struct connection *c = part->c;
    struct json array = json_get(c->json, S("targets"));
    json_put_key(dst, S("targets"));
    buf_putc(dst, '[');
    for (size_t i = 0; i < c->n_targets; i++) {
        struct part p = {c, NULL, &c->targets[i], json_at(array, c->targets[i].index)};
        json_put_item(dst);
        put_members(dst, &p, target_members);
    }
    buf_putc(dst, ']');
}

static void put_specific(struct buf *dst, const struct part *part)
{
    if (!part->c->specific.n)
        return;
    json_put_key(dst, S("specificConfig"));
    put_pairs(dst, &part->c->specific);
}

static void put_definition(struct buf *dst, const struct mapping_definition *d)
{
    buf_putc(dst, '{');
    json_put_member_text(dst, S("mappingEngine"), d->engine);
    json_put_member(dst, S("options"), json_slice(d->options));
    if (json_present(d->incoming_conditions))
        json_put_member(dst, S("incomingConditions"), json_slice(d->incoming_conditions));
    if (json_present(d->outgoing_conditions))
        json_put_member(dst, S("outgoingConditions"), json_slice(d->outgoing_conditions));
    buf_putc(dst, '}');
}

static void put_definitions(struct buf *dst, const struct part *part)
{
    const struct connection *c = part->c;
    if (!c->n_definitions)
        return;
    json_put_key(dst, S("mappingDefinitions"));
    buf_putc(dst, '{');
    for (size_t i = 0; i < c->n_definitions; i++) {
        json_put_key(dst, c->definitions[i].id);
        put_definition(dst, &c->definitions[i]);
    }
    buf_putc(dst, '}');
}

static void put_ca(struct buf *dst, const struct part *part)
{
    if (part->c->ca.p)
        json_put_member_text(dst, S("ca"), part->c->ca);
}

static void put_tags(struct buf *dst, const struct part *part)
{
    json_put_key(dst, S("tags"));
    put_texts(dst, &part->c->tags);
}

static const struct member members[] = {
    {"id", NULL, NULL},
    {"name", NULL, NULL},
    {"connectionType", NULL, NULL},
    {"connectionStatus", NULL, NULL},
    {"uri", "\"\"", NULL},
    {"sources", NULL, put_sources},
    {"targets", NULL, put_targets},
    {"clientCount", "1", NULL},
    {"failoverEnabled", "true", NULL},
    {"validateCertificates", "true", NULL},
    {"processorPoolSize", "1", NULL},
    {"specificConfig", NULL, put_specific},
    {"mappingDefinitions", NULL, put_definitions},
    {"credentials", NULL, NULL},
    {"ca", NULL, put_ca},
    {"sshTunnel", NULL, NULL},
    {"tags", NULL, put_tags},
    {NULL, NULL, NULL},
};

void connection_put_effective(struct buf *dst, const struct connection *c)
{
    struct part root = {c, NULL, NULL, c->json};
    put_members(dst, &root, members);
}
