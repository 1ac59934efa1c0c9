/* outbound.c: Ditto Protocol messages to external messages. */
#include "base/base64.h"
#include "base/lines.h"
#include "mapping/acks.h"
#include "mapping/explain.h"
#include "mapping/tally.h"
#include "protocol/acks.h"

#include "base/banned.h"

enum { LINE_ROOM = 16 * 1024 }; /* for what stands in a line beside its payload */

/* --- route -------------------------------------------------------------------------------------------------------- */

static int no_route(struct ditto_error *err, const char *why)
{
    return ditto_fail(err, 400, "connectivity:message.sending.failed", why, NULL,
                      "The message goes to no target that there is.");
}

static bool find(const struct target_route *routes, size_t n, int64_t i, const struct target_route **r)
{
    *r = i >= 0 && (uint64_t)i < n && routes[i].present ? &routes[i] : NULL;
    return *r != NULL;
}

static const struct target_route *route_of(const struct plan *p, const struct line *l,
                                           struct ditto_error *err)
{
    const struct target_route *r = NULL;
    int64_t only = p->options.only, n;
    if (!p->options.connection)
        return &p->targets[0];
    if (only >= 0 && !(p->options.reply ? find(p->replies, p->n_replies, only, &r)
                                        : find(p->targets, p->n_targets, only, &r)))
        (void)no_route(err, "Its source has no reply target.");
    if (only >= 0)
        return r;
    if (!p->options.reply && json_int(json_get(l->context, S("target")), &n) == 0)
        (void)find(p->targets, p->n_targets, n, &r);
    else if (json_int(json_get(l->context, S("reply")), &n) == 0)
        (void)find(p->replies, p->n_replies, n, &r);
    if (!r)
        (void)no_route(err,
                       "Its context names no target, and no source with a reply target, of the connection.");
    return r;
}

/* SLICE_NONE: it is no answer. */
static struct slice kind_of_answer(const struct line *l, const struct topic *t)
{
    int64_t status;
    if (json_int(l->status, &status) < 0 || t->criterion == CRITERION_SEARCH ||
        t->criterion == CRITERION_STREAMING)
        return SLICE_NONE;
    if (t->criterion == CRITERION_ERRORS)
        return S("error");
    return t->criterion == CRITERION_ACKS && (status < 200 || status >= 300) ? S("nack") : S("response");
}

/* A reply target takes the answers that it says it expects. */
static bool is_expected(const struct line *l, const struct topic *t)
{
    struct slice kind = kind_of_answer(l, t);
    struct json expects = json_get(l->context, S("expects"));
    struct json_iter it = json_iter(expects);
    bool found = !kind.p || expects.type != JSON_ARRAY;
    while (!found && json_next(&it))
        found = json_text_is(it.value, kind);
    return found;
}

/* A reply leaves through the mapper that its command came in by. */
static size_t mappers_of(const struct plan *p, const struct target_route *r, const struct line *l,
                         const struct topic *t, const struct mapper **mappers)
{
    struct buf scratch = {0};
    if (r->is_reply && !is_expected(l, t))
        return 0;
    for (size_t i = 0; i < r->mappers.n; i++)
        mappers[i] = r->mappers.v[i];
    if (r->mappers.n)
        return r->mappers.n;
    mappers[0] = plan_mapper(p, json_text(json_get(l->context, S("mapper")), &scratch));
    if (!mappers[0])
        mappers[0] = p->ditto;
    buf_free(&scratch);
    return 1;
}

/* --- the message that mappers see ----------------------------------------------------------------------------------- */

static bool all_visible(const struct headers *headers)
{
    for (size_t i = 0; i < headers->n; i++) {
        const struct header_rule *rule = header_rule(headers->v[i].name);
        if (rule && (!rule->out || rule->kind == HEADER_OF_LABELS))
            return false;
    }
    return !headers->nulls;
}

static void put_visible_acks(struct buf *dst, const struct header *h, struct slice issued)
{
    struct buf scratch = {0};
    size_t before = dst->len;
    header_put_key(dst, h->raw);
    if (!acks_put_shown(dst, acks_list(h->value, &scratch), issued))
        buf_cut(dst, before);
    buf_free(&scratch);
}

static void put_visible_headers(struct buf *dst, const struct headers *headers, struct slice issued)
{
    buf_putc(dst, '{');
    for (size_t i = 0; i < headers->n; i++) {
        const struct header *h = &headers->v[i];
        const struct header_rule *rule = header_rule(h->name);
        if (rule && !rule->out)
            continue;
        if (rule && rule->kind == HEADER_OF_LABELS) {
            put_visible_acks(dst, h, issued);
            continue;
        }
        json_put_item(dst);
        buf_putc(dst, '"');
        buf_put_slice(dst, h->raw);
        buf_put_slice(dst, S("\":"));
        envelope_splice(dst, h->value);
    }
    buf_putc(dst, '}');
}

static void put_envelope(struct flow *f, const struct target_route *r, const struct line *l, struct buf *dst)
{
    envelope_put_topic(dst, l);
    if (l->headers.type == JSON_OBJECT && all_visible(&f->headers))
        envelope_splice(dst, l->headers);
    else
        put_visible_headers(dst, &f->headers, r ? r->issued_label : SLICE_NONE);
    envelope_put_rest(dst, l);
    buf_putc(dst, '}');
}

static void begin(struct flow *f, const struct line *l)
{
    flow_begin(f, l);
    headers_index(&f->headers, l->headers);
}

/* Reads the message, and what is known of it. */
static int read_message(struct mapping *m, const struct line *l, struct ditto_error *err)
{
    const struct connection *c = m->plan->options.connection;
    struct flow *f = m->flow;
    struct topic *t = &f->mapped.topic;
    f->mapped.line = *l;
    buf_cut(&f->topic, 0);
    if (envelope_check(&f->mapped, &f->topic, err) < 0)
        return -1;
    f->facts = (struct facts){.placeholders = PLACEHOLDERS_OF_MESSAGE,
                              .headers = &f->headers,
                              .entity = entity_of_topic(t, &f->entity) ? &f->entity : NULL,
                              .topic = t,
                              .message = l,
                              .message_topic = t,
                              .subjects = json_get(l->context, S("subjects")),
                              .connection_id = c ? c->id : SLICE_NONE};
    return 0;
}

static enum turn turn_of(struct flow *f, const struct mapper *mapper, struct ditto_error *err)
{
    return mapper->n_conditions ? mapper_turn(mapper, &f->facts, &f->scratch, err) : TURN_MAPS;
}

static size_t scripts(struct mapping *m, const struct line *l, unsigned *numbers)
{
    const struct mapper *mappers[MAPPERS_MAX];
    struct flow *f = m->flow;
    struct ditto_error *err = flow_error(f, MAPPERS_MAX);
    const struct target_route *r = route_of(m->plan, l, err);
    begin(f, l);
    bool can = r && read_message(m, l, err) == 0;
    size_t n_mappers = can ? mappers_of(m->plan, r, l, &f->mapped.topic, mappers) : 0, n = 0;
    for (size_t i = 0; i < n_mappers; i++)
        if (mappers[i]->script >= 0 && turn_of(f, mappers[i], flow_error(f, i)) == TURN_MAPS)
            numbers[n++] = (unsigned)mappers[i]->script;
    return n;
}

static void put_message(struct mapping *m, const struct line *l, struct buf *dst)
{
    begin(m->flow, l);
    put_envelope(m->flow, route_of(m->plan, l, flow_error(m->flow, 0)), l, dst);
}

/* --- payload mapping ------------------------------------------------------------------------------------------------ */

static void add_results(struct flow *f, const struct mapper *mapper, struct ditto_error *err)
{
    struct outcome *o = flow_add(f, mapper, f->outgoing.n, err);
    for (size_t i = 0; o && i < f->outgoing.n; i++)
        o[i].published = f->outgoing.v[i];
}

/* Every mapper gets the same message; one with a script has been asked, if it was its turn. */
static void map_payload(struct mapping *m, const struct mapper *mapper, size_t i, struct answers *answers)
{
    struct flow *f = m->flow;
    struct ditto_error *err = flow_error(f, i);
    struct json correlation_id = headers_get(&f->headers, S("correlation-id"), false);
    const struct answer *answer = answers_next(answers, mapper);
    enum turn turn = answer ? TURN_MAPS : turn_of(f, mapper, err);
    int result = 0;
    f->outgoing.n = 0;
    f->outgoing.room = flow_room(f, i);
    if (answer)
        result = answer_outgoing(mapper, answer, &f->outgoing, err);
    else if (turn == TURN_MAPS && mapper->script < 0)
        result = mapper->engine->outgoing(mapper, buf_slice(&f->envelope), correlation_id, &f->outgoing, err);
    explain_mapper(m, mapper, &f->facts, turn, err);
    if (turn == TURN_FAILS || result < 0)
        flow_fail(f, mapper, err);
    else
        add_results(f, mapper, err);
}

/* --- the external message --------------------------------------------------------------------------------------------- */

static int put_address(struct flow *f, const struct target_route *r, const struct published *p,
                       const struct facts *facts, struct buf *out, struct ditto_error *err)
{
    struct slice address;
    buf_put_slice(out, S("{\"address\":"));
    if (json_present(p->address)) {
        envelope_splice(out, p->address);
        return 0;
    }
    enum value_state state = template_resolve(&r->address, facts, &f->scratch, &address, err);
    if (state == VALUE_FAILED)
        return -1;
    if (state != VALUE_RESOLVED)
        return ditto_fail(err, 400, "connectivity:message.sending.failed", NULL, NULL,
                          "The address <%.*s> could not be resolved.", SLICE_ARG(r->address.text));
    json_put_text(out, address);
    return 0;
}

/* Headers that are mapped; those that did not resolve are left to the mapper. */
static int put_mapped_headers(struct flow *f, const struct target_route *r, const struct facts *facts,
                              struct buf *out, struct ditto_error *err)
{
    buf_cut(&f->taken, 0);
    for (size_t i = 0; i < r->headers.n; i++) {
        struct slice text;
        enum value_state state = template_resolve(&r->headers.v[i].value, facts, &f->scratch, &text, err);
        if (state == VALUE_FAILED)
            return -1;
        buf_putc(&f->taken, state == VALUE_RESOLVED);
        if (state == VALUE_RESOLVED)
            json_put_member_text(out, r->headers.v[i].name, text);
    }
    return 0;
}

static bool is_taken(const struct flow *f, const struct target_route *r, struct slice name)
{
    for (size_t i = 0; i < r->headers.n; i++)
        if (buf_p(&f->taken)[i] && header_is(name, r->headers.v[i].name))
            return true;
    return false;
}

/* A header of ours is a string. */
static void put_header_text(struct buf *out, struct json value)
{
    if (value.type == JSON_STRING)
        buf_put_slice(out, json_slice(value));
    else
        json_put_text(out, json_slice(value));
}

static bool has_header(const struct headers *h, struct slice name)
{
    return headers_get(h, name, false).type != JSON_ABSENT;
}

/* Headers of the mapper, except those that the mapping overrides. */
static void put_mapper_headers(struct flow *f, const struct target_route *r, const struct published *p,
                               struct buf *out)
{
    struct headers *own = &f->external.headers;
    headers_index(own, p->headers);
    for (size_t i = 0; i < own->n; i++) {
        if (is_taken(f, r, own->v[i].name))
            continue;
        json_put_key(out, own->v[i].name);
        put_header_text(out, own->v[i].value);
    }
    if (p->content_type.p && !has_header(own, S("content-type")) && !is_taken(f, r, S("content-type")))
        json_put_member_text(out, S("content-type"), p->content_type);
    if (json_present(p->correlation_id) && !has_header(own, S("correlation-id")) &&
        !is_taken(f, r, S("correlation-id"))) {
        json_put_key(out, S("correlation-id"));
        put_header_text(out, p->correlation_id);
    }
}

/* Text whose escaped form would not fit into a line travels as bytes. */
static void put_text(struct buf *out, size_t start, struct slice text)
{
    size_t before = out->len;
    buf_put_slice(out, S(",\"text\":"));
    json_put_text(out, text);
    if (out->len - start + LINE_ROOM <= LINE_MAX_BYTES)
        return;
    buf_cut(out, before);
    buf_put_slice(out, S(",\"bytes\":\""));
    base64_put(out, text.p, text.len);
    buf_putc(out, '"');
}

static void put_payload(struct buf *out, size_t start, const struct published *p)
{
    switch (p->kind) {
    case PAYLOAD_NONE: break;
    case PAYLOAD_TEXT: put_text(out, start, p->payload); break;
    case PAYLOAD_RAW:
        buf_put_slice(out, S(",\"text\":"));
        buf_put_slice(out, p->payload);
        break;
    case PAYLOAD_BYTES:
        buf_put_slice(out, S(",\"bytes\":"));
        buf_put_slice(out, p->payload);
        break;
    }
}

static int put(struct mapping *m, const void *route, const struct outcome *o, struct buf *out,
               struct ditto_error *err)
{
    const struct target_route *r = route;
    struct flow *f = m->flow;
    size_t start = out->len;
    if (!json_present(o->published.address))
        explain_template(f, "address", SLICE_NONE, &r->address, &f->facts);
    explain_headers(f, &r->headers, &f->facts);
    if (put_address(f, r, &o->published, &f->facts, out, err) < 0)
        return -1;
    buf_put_slice(out, S(",\"headers\":{"));
    if (put_mapped_headers(f, r, &f->facts, out, err) < 0)
        return -1;
    put_mapper_headers(f, r, &o->published, out);
    buf_putc(out, '}');
    put_payload(out, start, &o->published);
    buf_put_slice(&f->context, buf_slice(&r->context));
    return 0;
}

static void explain_target(struct mapping *m, const struct target_route *r,
                           const struct mapper *const *mappers, size_t n)
{
    const struct plan *p = m->plan;
    if (r->is_reply)
        explain_message(m, S("reply"), (size_t)(r - p->replies), mappers, n);
    else
        explain_message(m, S("target"), (size_t)(r - p->targets), mappers, n);
}

static void finish(struct mapping *m, const struct line *l, struct answers *answers, struct buf *out)
{
    const struct mapper *mappers[MAPPERS_MAX];
    struct flow *f = m->flow;
    struct ditto_error *err = flow_error(f, MAPPERS_MAX);
    const struct target_route *r = route_of(m->plan, l, err);
    begin(f, l);
    f->meter = tally_target(m, r);
    if (!r || read_message(m, l, err) < 0)
        flow_fail(f, NULL, err);
    else
        put_envelope(f, r, l, &f->envelope);
    size_t n = err->status ? 0 : mappers_of(m->plan, r, l, &f->mapped.topic, mappers);
    if (!err->status)
        explain_target(m, r, mappers, n);
    for (size_t i = 0; i < n; i++)
        map_payload(m, mappers[i], i, answers);
    flow_put(m, r, out);
}

const struct mapping_direction mapping_outbound = {
    .consumes = LINE_DITTO, .scripts = scripts, .put_message = put_message, .finish = finish, .put = put};
