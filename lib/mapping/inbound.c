/* inbound.c: external messages to Ditto Protocol messages. */
#include "base/base64.h"
#include "mapping/acks.h"
#include "mapping/flow.h"
#include "mapping/uuid.h"

#include "base/banned.h"

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

static bool is_latin1(struct slice content_type)
{
    const char *at = content_type.len ? memmem(content_type.p, content_type.len, "charset=", 8) : NULL;
    struct slice name = at ? slice_skip(content_type, (size_t)(at - content_type.p) + 8) : SLICE_NONE;
    return header_is(slice_trim(slice_cut(&name, ';')), S("iso-8859-1"));
}

static void put_latin1(struct buf *dst, struct slice bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char c = (unsigned char)bytes.p[i];
        if (c >= 0x80)
            buf_putc(dst, (char)(0xc0 | c >> 6));
        buf_putc(dst, (char)(c < 0x80 ? c : 0x80 | (c & 0x3f)));
    }
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
    if (!is_latin1(content_type(f)))
        return;
    buf_cut(&f->envelope, 0);
    put_latin1(&f->envelope, f->external.payload);
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

/* --- payload mapping ---------------------------------------------------------------------------------------------- */

static size_t scripts(struct mapping *m, const struct line *l, unsigned *numbers)
{
    struct flow *f = m->flow;
    struct ditto_error *err = flow_error(f, 0);
    const struct source_route *r = route_of(m->plan, l, err);
    size_t n = 0;
    begin(f, l);
    for (size_t i = 0; r && i < r->mappers.n; i++)
        if (r->mappers.v[i]->script >= 0 && !mapper_blocks(r->mappers.v[i], content_type(f)))
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

/* Every mapper gets the same message; one with a script takes the next answer. */
static void map_payload(struct flow *f, const struct mapper *mapper, size_t turn,
                        const struct answer **answer)
{
    struct ditto_error *err = flow_error(f, turn);
    if (mapper_blocks(mapper, content_type(f)))
        return;
    f->incoming.n = 0;
    f->incoming.room = flow_room(f, turn);
    int r = mapper->script >= 0 ? answer_incoming(mapper, (*answer)++, &f->incoming, err)
                                : mapper->engine->incoming(mapper, &f->external, &f->incoming, err);
    if (r < 0)
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
        const struct header_definition *d = header_definition(h->name);
        if (d && !d->in)
            continue;
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
    w->has_correlation_id |= slice_eq(h->name, S("correlation-id"));
    if (w->complete_acks && slice_eq(h->name, S("requested-acks"))) {
        struct buf *acks = &w->flow->acks;
        if (header_put_value(acks, h->definition, h->name, text, err) < 0)
            return -1;
        return json_parse(buf_slice(acks), &w->requested, NULL);
    }
    json_put_key(w->out, h->name);
    return header_put_value(w->out, h->definition, h->name, text, err);
}

static int put_mapped_headers(struct writing *w, struct ditto_error *err)
{
    for (size_t i = 0; i < w->route->headers.n; i++)
        if (!buf_p(&w->flow->taken)[i] && put_mapped_header(w, &w->route->headers.v[i], err) < 0)
            return -1;
    return 0;
}

/* A list that is explicitly empty stays so. */
static void put_acks(struct writing *w)
{
    struct buf scratch = {0};
    struct json list = acks_list(w->requested, &scratch);
    json_put_key(w->out, S("requested-acks"));
    if (list.type == JSON_ARRAY && json_count(list) == 0)
        buf_put_slice(w->out, S("[]"));
    else
        acks_put_with(w->out, list, &w->route->acks);
    buf_free(&scratch);
}

static int put_headers(struct flow *f, const struct source_route *r, const struct envelope *e,
                       const struct facts *facts, struct buf *out, struct ditto_error *err)
{
    struct writing w = {.route = r, .facts = facts, .flow = f, .out = out};
    w.complete_acks = r->acks.n && acks_can_be_requested(&e->topic, json_present(e->line.status));
    buf_cut(&f->taken, 0);
    buf_cut(&f->acks, 0);
    memset(buf_room(&f->taken, r->headers.n + 1), 0, r->headers.n + 1);
    buf_putc(out, '{');
    headers_index(&f->headers, e->line.headers);
    put_payload_headers(&w, &f->headers);
    if (put_mapped_headers(&w, err) < 0)
        return -1;
    if (w.complete_acks)
        put_acks(&w);
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

static int put_subjects(struct flow *f, const struct source_route *r, struct buf *dst,
                        struct ditto_error *err)
{
    struct facts facts = {
        .placeholders = PLACEHOLDERS_OF_SUBJECT, .headers = &f->external.headers, .exact_names = true};
    json_put_key(dst, S("subjects"));
    buf_putc(dst, '[');
    for (size_t i = 0; i < r->subjects.n; i++) {
        struct slice text;
        const struct template *t = &r->subjects.v[i];
        if (template_require(t, &facts, &f->scratch, &text, err) < 0)
            return -1;
        json_put_item(dst);
        json_put_text(dst, text);
    }
    buf_putc(dst, ']');
    return 0;
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
    if (r->reply)
        json_put_member_int(dst, S("reply"), (int64_t)r->index);
    buf_putc(dst, '}');
    return 0;
}

/* --- the whole ---------------------------------------------------------------------------------------------------- */

static int put(struct mapping *m, const void *route, const struct outcome *o, struct buf *out,
               struct ditto_error *err)
{
    const struct source_route *r = route;
    const struct connection *c = m->plan->options.connection;
    struct flow *f = m->flow;
    struct envelope e;
    buf_cut(&f->topic, 0);
    if (envelope_read(&e, o->text, &f->topic, err) < 0 || put_context(f, r, o, err) < 0)
        return -1;
    struct entity entity;
    struct facts facts = {.placeholders = PLACEHOLDERS_OF_MESSAGE,
                          .topic = &e.topic,
                          .entity = entity_of_topic(&e.topic, &entity) ? &entity : NULL,
                          .message = &e.line,
                          .message_topic = &e.topic,
                          .headers = &f->external.headers,
                          .connection_id = SLICE_NONE};
    if (c)
        facts.connection_id = c->id;
    envelope_put_topic(out, &e.line);
    if (put_headers(f, r, &e, &facts, out, err) < 0)
        return -1;
    if (r->enforcement.on &&
        enforcement_check(&r->enforcement, buf_slice(&f->input), &e.topic, &f->scratch, err) < 0)
        return -1;
    envelope_put_rest(out, &e.line);
    return 0;
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
    int result = enforcement_input(&r->enforcement, &facts, &f->scratch, &f->input, err);
    buf_free(&address);
    return result;
}

static void finish(struct mapping *m, const struct line *l, const struct answer *answers, struct buf *out)
{
    struct flow *f = m->flow;
    struct ditto_error *err = flow_error(f, MAPPERS_MAX);
    const struct source_route *r = route_of(m->plan, l, err);
    begin(f, l);
    decode(f, l);
    if (!r || resolve_input(f, r, l, err) < 0)
        flow_fail(f, NULL, err);
    for (size_t i = 0; !err->status && i < r->mappers.n; i++)
        map_payload(f, r->mappers.v[i], i, &answers);
    flow_put(m, r, out, put);
}

const struct mapping_direction mapping_inbound = {
    .consumes = LINE_EXTERNAL, .scripts = scripts, .put_message = put_message, .finish = finish};
