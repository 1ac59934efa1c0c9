/* inbound.c: external messages to Ditto Protocol messages. */
#include "base/base64.h"
#include "mapping/acks.h"
#include "mapping/charset.h"
#include "mapping/explain.h"
#include "mapping/tally.h"
#include "mapping/uuid.h"

#include "base/banned.h"

enum { SUBJECTS_MAX = 100 };

/* --- route and message -------------------------------------------------------------------------------------------- */

static const struct source_route *route_of(const struct plan *p, const struct line *l,
                                           struct ditto_error *err)
{
    int64_t n = p->options.only;
    if (!p->options.connection)
        return &p->sources[0];
    bool known = n >= 0 || json_int(json_get(l->context, S("source")), &n) == 0;
    if (!known && p->n_sources == 1)
        n = 0;
    else if (!known || n < 0 || (uint64_t)n >= p->n_sources)
        n = -1;
    if (n >= 0)
        return &p->sources[n];
    (void)ditto_fail(err, 400, "connectivity:message.mapping.failed",
                     "Its context names no source of the connection.", NULL,
                     "The message comes from no source that there is.");
    return NULL;
}

static struct slice content_type(struct flow *f)
{
    buf_cut(&f->type, 0);
    return header_text(headers_get(&f->external.headers, S("content-type"), false), &f->type);
}

/* Bytes are text in the charset of their content type, which is UTF-8 unless it says otherwise. */
static void decode_bytes(struct flow *f, struct json bytes)
{
    f->external.has_payload = base64_get(&f->payload, json_raw(bytes)) == 0;
    f->external.payload = buf_slice(&f->payload);
    if (charset_is_utf8(content_type(f)))
        return;
    buf_cut(&f->envelope, 0);
    charset_put(&f->envelope, f->external.payload, content_type(f));
    f->external.payload = buf_slice(&f->envelope);
}

static void decode(struct flow *f, const struct line *l)
{
    f->external.line = l;
    f->external.payload = json_text(l->text, &f->payload);
    f->external.has_payload = f->external.payload.p != NULL;
    if (!f->external.has_payload && l->bytes.type == JSON_STRING)
        decode_bytes(f, l->bytes);
}

static void begin(struct flow *f, const struct line *l)
{
    flow_begin(f, l);
    headers_index(&f->external.headers, l->headers);
}

struct facts inbound_facts(const struct mapping *m, const struct source_route *r)
{
    const struct connection *c = m->plan->options.connection;
    return (struct facts){.placeholders = PLACEHOLDERS_OF_MESSAGE,
                          .headers = &m->flow->external.headers,
                          .subjects = r->subjects_as_set,
                          .connection_id = c ? c->id : SLICE_NONE};
}

/* --- payload mapping ---------------------------------------------------------------------------------------------- */

static enum turn turn_of(const struct mapping *m, const struct source_route *r, const struct mapper *mapper,
                         struct ditto_error *err)
{
    if (mapper_blocks(mapper, content_type(m->flow)))
        return TURN_BLOCKED;
    if (!mapper->n_conditions)
        return TURN_MAPS;
    struct facts facts = inbound_facts(m, r);
    return mapper_turn(mapper, &facts, &m->flow->scratch, err);
}

static size_t scripts(struct mapping *m, const struct line *l, unsigned *numbers)
{
    struct flow *f = m->flow;
    const struct source_route *r = route_of(m->plan, l, flow_error(f, MAPPERS_MAX));
    size_t n = 0;
    begin(f, l);
    for (size_t i = 0; r && i < r->mappers.n; i++)
        if (r->mappers.v[i]->script >= 0 && turn_of(m, r, r->mappers.v[i], flow_error(f, i)) == TURN_MAPS)
            numbers[n++] = (unsigned)r->mappers.v[i]->script;
    return n;
}

static void put_message(struct mapping *m, const struct line *l, struct buf *dst)
{
    (void)m;
    buf_putc(dst, '{');
    json_put_member(dst, S("address"), json_slice(l->address));
    json_put_member(dst, S("headers"), l->headers.type == JSON_OBJECT ? json_slice(l->headers) : S("{}"));
    if (l->text.type == JSON_STRING)
        json_put_member(dst, S("text"), json_slice(l->text));
    else if (l->bytes.type == JSON_STRING)
        json_put_member(dst, S("bytes"), json_slice(l->bytes));
    buf_putc(dst, '}');
}

static void add_results(struct flow *f, const struct mapper *mapper, struct ditto_error *err)
{
    struct outcome *o = flow_add(f, mapper, f->incoming.n, err);
    for (size_t i = 0; o && i < f->incoming.n; i++)
        o[i].text = f->incoming.v[i];
}

/* Every mapper gets the same message; one with a script has been asked, if it was its turn. */
static void map_payload(struct mapping *m, const struct source_route *r, const struct mapper *mapper,
                        size_t i, struct answers *answers)
{
    struct flow *f = m->flow;
    struct ditto_error *err = flow_error(f, i);
    const struct answer *answer = answers_next(answers, mapper);
    enum turn turn = answer ? TURN_MAPS : turn_of(m, r, mapper, err);
    int result = 0;
    f->incoming.n = 0;
    f->incoming.room = flow_room(f, i);
    if (answer)
        result = answer_incoming(mapper, answer, &f->incoming, err);
    else if (turn == TURN_MAPS && mapper->script < 0)
        result = mapper->engine->incoming(mapper, &f->external, &f->incoming, err);
    struct facts facts = inbound_facts(m, r);
    explain_mapper(m, mapper, &facts, turn, err);
    if (turn == TURN_FAILS || result < 0)
        flow_fail(f, mapper, err);
    else
        add_results(f, mapper, err);
}

/* --- headers ------------------------------------------------------------------------------------------------------ */

struct writing {
    const struct source_route *route;
    const struct facts *facts;
    struct flow *flow;
    struct buf *out;
    struct json requested; /* acknowledgements, kept back to be completed */
    bool complete_acks;    /* they are to be */
    bool has_correlation_id;
};

/* Headers that the payload has win over mapped ones. */
static void note_header(struct writing *w, struct slice name)
{
    w->has_correlation_id |= header_is(name, S("correlation-id"));
    for (size_t i = 0; i < w->route->headers.n; i++)
        if (header_is(name, w->route->headers.v[i].name))
            buf_p(&w->flow->taken)[i] = 1;
}

static void put_payload_headers(struct writing *w, const struct headers *headers)
{
    for (size_t i = 0; i < headers->n; i++) {
        const struct header *h = &headers->v[i];
        note_header(w, h->name);
        if (w->complete_acks && header_is(h->name, S("requested-acks"))) {
            w->requested = h->value;
            continue;
        }
        header_put_key(w->out, h->raw);
        envelope_splice(w->out, h->value);
    }
}

static int put_mapped_header(struct writing *w, const struct mapped_header *h, struct ditto_error *err)
{
    struct slice text;
    enum value_state state = template_resolve(&h->value, w->facts, &w->flow->scratch, &text, err);
    if (state != VALUE_RESOLVED)
        return state == VALUE_FAILED ? -1 : 0;
    if (!w->complete_acks || !slice_eq(h->name, S("requested-acks")))
        return header_put_member(w->out, h->rule, h->name, text, err);
    struct buf *acks = &w->flow->acks;
    struct json object;
    buf_putc(acks, '{');
    if (header_put_member(acks, h->rule, h->name, text, err) < 0)
        return -1;
    buf_putc(acks, '}');
    (void)json_parse(buf_slice(acks), &object, NULL);
    w->requested = json_get(object, h->name);
    return 0;
}

/* A mapping of the correlation id, resolved or not, keeps a random one away, as in Ditto. */
static int put_mapped_headers(struct writing *w, struct ditto_error *err)
{
    for (size_t i = 0; i < w->route->headers.n; i++) {
        const struct mapped_header *h = &w->route->headers.v[i];
        w->has_correlation_id |= slice_eq(h->name, S("correlation-id"));
        if (!buf_p(&w->flow->taken)[i] && put_mapped_header(w, h, err) < 0)
            return -1;
    }
    return 0;
}

static int put_headers(struct mapping *m, const struct source_route *r, const struct envelope *e,
                       const struct facts *facts, struct buf *out, struct ditto_error *err)
{
    struct flow *f = m->flow;
    struct writing w = {.route = r, .facts = facts, .flow = f, .out = out};
    w.complete_acks = (r->acks.labels.n || r->acks.filtered) &&
                      acks_can_be_requested(&e->topic, json_present(e->line.status));
    buf_cut(&f->taken, 0);
    buf_cut(&f->acks, 0);
    memset(buf_room(&f->taken, r->headers.n + 1), 0, r->headers.n + 1);
    buf_putc(out, '{');
    put_payload_headers(&w, &f->headers);
    if (put_mapped_headers(&w, err) < 0)
        return -1;
    if (w.complete_acks) {
        struct facts external = inbound_facts(m, r);
        if (acks_put_requested(out, w.requested, &r->acks, &external, &f->scratch, err) < 0)
            return -1;
    }
    if (!w.has_correlation_id) {
        json_put_key(out, S("correlation-id"));
        buf_putc(out, '"');
        uuid_put(out);
        buf_putc(out, '"');
    }
    buf_putc(out, '}');
    return 0;
}

/* --- context ------------------------------------------------------------------------------------------------------ */

/* All values that a template has are subjects. */
static int put_subject(struct flow *f, const struct template *t, const struct facts *facts, struct buf *dst,
                       size_t *n, struct ditto_error *err)
{
    struct values v;
    switch (template_resolve_all(t, facts, &f->scratch, &v, err)) {
    case VALUE_RESOLVED: break;
    case VALUE_FAILED: return -1;
    default: return template_unresolved(t->text, err);
    }
    for (size_t i = 0; i < v.n; i++) {
        json_put_item(dst);
        json_put_text(dst, v.v[i]);
    }
    *n += v.n;
    return 0;
}

static int put_subjects(struct flow *f, const struct source_route *r, struct buf *dst,
                        struct ditto_error *err)
{
    struct facts facts = {
        .placeholders = PLACEHOLDERS_OF_SUBJECT, .headers = &f->external.headers, .exact_names = true};
    size_t n = 0;
    explain_templates(f, "subject", r->subjects.v, r->subjects.n, &facts);
    json_put_key(dst, S("subjects"));
    f->subjects_at = dst->len;
    buf_putc(dst, '[');
    for (size_t i = 0; i < r->subjects.n; i++)
        if (put_subject(f, &r->subjects.v[i], &facts, dst, &n, err) < 0)
            return -1;
    buf_putc(dst, ']');
    f->subjects_len = dst->len - f->subjects_at;
    if (n <= SUBJECTS_MAX)
        return 0;
    return ditto_fail(err, 431, "headers.too.large", NULL, NULL,
                      "The message has %zu authorization subjects, %d are allowed.", n, SUBJECTS_MAX);
}

static int put_context(struct flow *f, const struct source_route *r, const struct outcome *o,
                       struct ditto_error *err)
{
    struct buf *dst = &f->context;
    struct json client = json_get(f->line->context, S("client"));
    if (!r->context.len)
        return 0;
    buf_put_slice(dst, buf_slice(&r->context));
    if (client.type == JSON_NUMBER)
        json_put_member(dst, S("client"), json_slice(client));
    if (put_subjects(f, r, dst, err) < 0)
        return -1;
    json_put_member_text(dst, S("mapper"), o->mapper->id);
    buf_put_slice(dst, buf_slice(&r->reply_context));
    buf_putc(dst, '}');
    return 0;
}

/* What is known once the message is mapped. */
static struct facts mapped_facts(const struct mapping *m, const struct source_route *r, struct entity *entity)
{
    const struct flow *f = m->flow;
    struct facts facts = inbound_facts(m, r);
    facts.topic = facts.message_topic = &f->mapped.topic;
    facts.message = &f->mapped.line;
    facts.entity = entity_of_topic(&f->mapped.topic, entity) ? entity : NULL;
    if (r->tells_subjects && f->context.len)
        (void)json_parse(slice_of(buf_p(&f->context) + f->subjects_at, f->subjects_len), &facts.subjects,
                         NULL);
    return facts;
}

/* Those of enforcement try one kind of entity at a time; what they give is in all that this gives. */
static void explain_filters(struct flow *f, const struct source_route *r, const struct facts *facts)
{
    struct facts of_entity = {.placeholders = PLACEHOLDER_THING | PLACEHOLDER_POLICY | PLACEHOLDER_ENTITY,
                              .entity = facts->entity};
    for (size_t i = 0; i < r->enforcement.n_filters; i++)
        explain_template(f, "enforcement", S("filter"), &r->enforcement.filters[i], &of_entity);
}

/* --- the whole ---------------------------------------------------------------------------------------------------- */

static int put(struct mapping *m, const void *route, const struct outcome *o, struct buf *out,
               struct ditto_error *err)
{
    const struct source_route *r = route;
    struct flow *f = m->flow;
    struct envelope *e = &f->mapped;
    struct entity entity;
    buf_cut(&f->topic, 0);
    buf_cut(&f->judged, 0);
    if (envelope_read(e, o->text, &f->topic, err) < 0)
        return answer_is_no_message(o->mapper, err);
    f->known = KNOWN_TOPIC;
    if (headers_take(&f->headers, e->line.headers, &f->judged, err) < 0)
        return -1;
    f->known = KNOWN_HEADERS;
    if (put_context(f, r, o, err) < 0)
        return -1;
    struct facts facts = mapped_facts(m, r, &entity);
    explain_headers(f, &r->headers, &facts);
    if (r->enforcement.on)
        explain_filters(f, r, &facts);
    envelope_put_topic(out, &e->line);
    if (put_headers(m, r, e, &facts, out, err) < 0)
        return -1;
    if (r->enforcement.on &&
        enforcement_check(&r->enforcement, buf_slice(&f->input), &e->topic, &f->scratch, err) < 0) {
        f->enforcement = ENFORCEMENT_FAILED;
        return -1;
    }
    envelope_put_rest(out, &e->line);
    return 0;
}

static void refused(struct mapping *m, const void *route, const struct outcome *o,
                    const struct ditto_error *err, struct buf *out)
{
    const struct source_route *r = route;
    if (r && r->error_reply)
        reply_put_error(m, r, o, err, out);
}

static int resolve_input(struct flow *f, const struct source_route *r, const struct line *l,
                         struct ditto_error *err)
{
    struct facts facts = {.placeholders = PLACEHOLDERS_OF_ENFORCEMENT_INPUT,
                          .headers = &f->external.headers,
                          .exact_names = true};
    struct buf address = {0};
    if (!r->enforcement.on)
        return 0;
    facts.source_address = json_text(l->address, &address);
    buf_cut(&f->input, 0);
    explain_template(f, "enforcement", S("input"), &r->enforcement.input, &facts);
    int result = enforcement_input(&r->enforcement, &facts, &f->scratch, &f->input, err);
    f->enforcement = result < 0 ? ENFORCEMENT_FAILED : ENFORCEMENT_PASSED;
    buf_free(&address);
    return result;
}

static void finish(struct mapping *m, const struct line *l, struct answers *answers, struct buf *out)
{
    struct flow *f = m->flow;
    struct ditto_error *err = flow_error(f, MAPPERS_MAX);
    const struct source_route *r = route_of(m->plan, l, err);
    begin(f, l);
    decode(f, l);
    f->meter = tally_source(m, r, l);
    if (r)
        explain_message(m, S("source"), r->index, r->mappers.v, r->mappers.n);
    if (!r || resolve_input(f, r, l, err) < 0)
        flow_fail(f, NULL, err);
    f->external.subjects = r ? r->subjects_as_set : (struct json){JSON_ABSENT, NULL, 0};
    for (size_t i = 0; !err->status && i < r->mappers.n; i++)
        map_payload(m, r, r->mappers.v[i], i, answers);
    flow_put(m, r, out);
}

const struct mapping_direction mapping_inbound = {
    .consumes = LINE_EXTERNAL,
    .scripts = scripts,
    .put_message = put_message,
    .finish = finish,
    .put = put,
    .refused = refused,
};
