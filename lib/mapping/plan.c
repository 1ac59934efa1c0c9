#include "mapping/plan.h"

#include <stdlib.h>

#include "base/log.h"

#include "base/banned.h"

/* Where a problem is: "source 0". */
struct place {
    const char *kind;
    size_t index;
};

static void problem(struct plan *p, struct place at, const struct ditto_error *err)
{
    error("cannot use %s %zu: %s: %s%s%s", at.kind, at.index, err->code, err->message,
          err->description[0] ? " " : "", err->description);
    p->problems++;
}

/* --- parts ------------------------------------------------------------------------------------------------------ */

const struct mapper *plan_mapper(const struct plan *p, struct slice id)
{
    for (size_t i = 0; i < p->n_mappers; i++)
        if (slice_eq(p->mappers[i]->id, id))
            return p->mappers[i];
    return NULL;
}

static const struct mapper *add_mapper(struct plan *p, struct place at, const struct mapping_definition *d,
                                       struct slice id)
{
    struct ditto_error err = {.status = 0};
    struct mapper *m = xcalloc(1, sizeof *m);
    p->mappers = xrealloc_array(p->mappers, p->n_mappers + 1, sizeof(struct mapper *));
    p->mappers[p->n_mappers++] = m;
    if (mapper_compile(m, p->options.connection, d, id, p->options.way, &p->scripts, &err) < 0)
        problem(p, at, &err);
    return m;
}

static void add_mappers(struct plan *p, struct place at, const struct slices *ids, struct mapper_list *to)
{
    struct ditto_error err = {.status = 0};
    if (ids->n > MAPPERS_MAX) {
        (void)ditto_fail(&err, 400, "connectivity:connection.configuration.invalid", NULL, NULL,
                         "It has %zu payload mappers, %d are allowed.", ids->n, MAPPERS_MAX);
        problem(p, at, &err);
    }
    for (size_t i = 0; i < ids->n && i < MAPPERS_MAX; i++) {
        const struct mapper *known = plan_mapper(p, ids->v[i]);
        const struct mapping_definition *d = connection_definition(p->options.connection, ids->v[i]);
        to->v[to->n++] = known ? known : add_mapper(p, at, d, ids->v[i]);
    }
}

static void add_template(struct plan *p, struct place at, struct slice text, unsigned allowed,
                         struct template *t)
{
    struct ditto_error err = {.status = 0};
    if (template_compile(t, text, allowed, &err) < 0)
        problem(p, at, &err);
}

static struct templates add_templates(struct plan *p, struct place at, const struct slices *from,
                                      unsigned allowed)
{
    struct templates t = {from->n, xcalloc(from->n + 1, sizeof *t.v)};
    for (size_t i = 0; i < t.n; i++)
        add_template(p, at, from->v[i], allowed, &t.v[i]);
    return t;
}

static void templates_free(struct templates *t)
{
    for (size_t i = 0; i < t->n; i++)
        template_free(&t->v[i]);
    free(t->v);
}

static void lower(char *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (p[i] >= 'A' && p[i] <= 'Z')
            p[i] |= 0x20;
}

/* A header that may not come from outside is not set by a mapping either. */
static struct header_mapping add_headers(struct plan *p, struct place at, const struct pairs *from)
{
    struct header_mapping to = {0, xcalloc(from->n + 1, sizeof *to.v)};
    for (size_t i = 0; i < from->n; i++) {
        struct mapped_header *h = &to.v[to.n];
        h->rule = header_rule(from->v[i].name);
        if (p->options.way == WAY_IN && h->rule && !h->rule->in)
            continue;
        h->name = slice_dup(from->v[i].name);
        if (p->options.way == WAY_IN)
            lower((char *)(uintptr_t)h->name.p, h->name.len);
        add_template(p, at, from->v[i].value, PLACEHOLDERS_OF_MESSAGE, &h->value);
        to.n++;
    }
    return to;
}

static void headers_mapping_free(struct header_mapping *m)
{
    for (size_t i = 0; i < m->n; i++) {
        template_free(&m->v[i].value);
        free((void *)(uintptr_t)m->v[i].name.p);
    }
    free(m->v);
}

/* --- sources ---------------------------------------------------------------------------------------------------- */

/* Labels may name the connection, which is known. What does not resolve stays as it is written. */
static void add_ack(struct plan *p, struct place at, struct source_route *r, struct slice text)
{
    struct facts f = {.placeholders = PLACEHOLDERS_OF_LABEL, .connection_id = p->options.connection->id};
    struct template t;
    struct scratch s = {0};
    struct slice label;
    struct ditto_error err = {.status = 0};
    if (template_compile(&t, text, PLACEHOLDERS_OF_LABEL, &err) < 0) {
        problem(p, at, &err);
        return;
    }
    if (template_resolve(&t, &f, &s, &label, &err) != VALUE_RESOLVED)
        label = text;
    struct slices *labels = &r->acks.labels;
    labels->v = xrealloc_array(labels->v, labels->n + 1, sizeof *labels->v);
    labels->v[labels->n++] = slice_dup(label);
    template_free(&t);
    scratch_free(&s);
}

static void add_acks(struct plan *p, struct place at, struct source_route *r, const struct source *s)
{
    struct ditto_error err = {.status = 0};
    for (size_t i = 0; i < s->ack_includes.n; i++)
        add_ack(p, at, r, s->ack_includes.v[i]);
    r->acks.filtered = s->ack_filter.p != NULL;
    if (r->acks.filtered && expression_compile(&r->acks.filter, s->ack_filter, PLACEHOLDERS_OF_MESSAGE,
                                               EXPRESSION_CONTINUES, &err) < 0)
        problem(p, at, &err);
}

static void put_context(struct buf *dst, const struct connection *c, struct slice member, size_t index)
{
    buf_putc(dst, '{');
    json_put_member_text(dst, S("connection"), c->id);
    json_put_member_int(dst, member, (int64_t)index);
}

/* Which source's reply target the answers go to, and which of them it takes. */
static void put_reply_context(struct buf *dst, const struct reply_target *t, size_t index)
{
    buf_printf(dst, ",\"reply\":%zu,\"expects\":[", index);
    if (t->response)
        buf_puts(dst, "\"response\"");
    if (t->error)
        buf_puts(dst, t->response ? ",\"error\"" : "\"error\"");
    if (t->nack)
        buf_puts(dst, t->response || t->error ? ",\"nack\"" : "\"nack\"");
    buf_putc(dst, ']');
}

static bool names_request(const struct header_mapping *m)
{
    for (size_t i = 0; i < m->n; i++)
        if (template_placeholders(m->v[i].value.text) & PLACEHOLDER_REQUEST)
            return true;
    return false;
}

static void add_source(struct plan *p, struct source_route *r, const struct source *s, size_t index)
{
    struct place at = {"source", index};
    struct ditto_error err = {.status = 0};
    r->index = index;
    put_context(&r->context, p->options.connection, S("source"), index);
    r->subjects = add_templates(p, at, &s->subjects, PLACEHOLDERS_OF_SUBJECT);
    r->headers = add_headers(p, at, &s->header_mapping);
    add_mappers(p, at, &s->payload_mapping, &r->mappers);
    add_acks(p, at, r, s);
    r->error_reply = s->reply.present && s->reply.error;
    if (s->reply.present)
        put_reply_context(&r->reply_context, &s->reply, index);
    r->tells_subjects = names_request(&r->headers);
    r->subjects_as_set = json_get(json_at(json_get(p->options.connection->json, S("sources")), s->index),
                                  S("authorizationContext"));
    if (enforcement_compile(&r->enforcement, s, &err) < 0)
        problem(p, at, &err);
}

static void source_free(struct source_route *r)
{
    buf_free(&r->context);
    buf_free(&r->reply_context);
    templates_free(&r->subjects);
    headers_mapping_free(&r->headers);
    enforcement_free(&r->enforcement);
    ack_requests_free(&r->acks);
}

/* --- targets ---------------------------------------------------------------------------------------------------- */

static void add_target(struct plan *p, struct target_route *r, const struct target *t, size_t index)
{
    struct place at = {"target", index};
    r->present = true;
    put_context(&r->context, p->options.connection, S("target"), index);
    buf_putc(&r->context, '}');
    add_template(p, at, t->address, PLACEHOLDERS_OF_MESSAGE, &r->address);
    r->headers = add_headers(p, at, &t->header_mapping);
    add_mappers(p, at, &t->payload_mapping, &r->mappers);
    r->issued_label = t->issued_label;
}

/* A reply leaves through the mapper that its command came in by, so all mappers of the source are needed. */
static void add_reply(struct plan *p, struct target_route *r, const struct source *s, size_t index)
{
    struct place at = {"the reply target of source", index};
    struct mapper_list unused = {0};
    r->is_reply = true;
    r->present = s->reply.present;
    if (!r->present)
        return;
    put_context(&r->context, p->options.connection, S("reply"), index);
    buf_putc(&r->context, '}');
    add_template(p, at, s->reply.address, PLACEHOLDERS_OF_MESSAGE, &r->address);
    r->headers = add_headers(p, at, &s->reply.header_mapping);
    add_mappers(p, at, &s->payload_mapping, &unused);
}

static void target_free(struct target_route *r)
{
    buf_free(&r->context);
    template_free(&r->address);
    headers_mapping_free(&r->headers);
}

/* --- the whole -------------------------------------------------------------------------------------------------- */

static bool wanted(const struct plan *p, size_t index)
{
    return p->options.only < 0 || (size_t)p->options.only == index;
}

static void make_sources(struct plan *p, const struct connection *c)
{
    p->n_sources = c->n_sources;
    p->sources = xcalloc(c->n_sources + 1, sizeof *p->sources);
    for (size_t i = 0; i < c->n_sources; i++)
        if (wanted(p, i))
            add_source(p, &p->sources[i], &c->sources[i], i);
}

static void make_targets(struct plan *p, const struct connection *c)
{
    p->n_targets = c->n_targets;
    p->targets = xcalloc(c->n_targets + 1, sizeof *p->targets);
    for (size_t i = 0; i < c->n_targets; i++)
        if (wanted(p, i))
            add_target(p, &p->targets[i], &c->targets[i], i);
}

static void make_replies(struct plan *p, const struct connection *c)
{
    p->n_replies = c->n_sources;
    p->replies = xcalloc(c->n_sources + 1, sizeof *p->replies);
    for (size_t i = 0; i < c->n_sources; i++)
        if (wanted(p, i))
            add_reply(p, &p->replies[i], &c->sources[i], i);
}

/* Without a connection: one route of everything. */
static void make_plain(struct plan *p)
{
    p->n_sources = p->n_targets = 1;
    p->sources = xcalloc(1, sizeof *p->sources);
    p->targets = xcalloc(1, sizeof *p->targets);
    struct mapper_list list = {1, {p->ditto}};
    for (size_t i = 0; i < p->options.n_mappers && i < MAPPERS_MAX; i++) {
        const struct mapping_definition *d = &p->options.mappers[i];
        list.v[i] = add_mapper(p, (struct place){"mapper", i}, d->engine.p ? d : NULL, d->id);
        list.n = i + 1;
    }
    p->sources->mappers = p->targets->mappers = list;
    p->targets->present = true;
    add_template(p, (struct place){"target", 0}, S("{{topic:full}}"), PLACEHOLDERS_OF_MESSAGE,
                 &p->targets->address);
}

static void check_only(struct plan *p, const char *kind, size_t n)
{
    if (p->options.only < 0 || (size_t)p->options.only < n)
        return;
    error("cannot use %s %ld: the connection has %zu", kind, p->options.only, n);
    p->problems++;
}

static void make(struct plan *p, const struct connection *c)
{
    bool in = p->options.way == WAY_IN, replies = !in && (p->options.reply || p->options.only < 0);
    bool targets = !in && !p->options.reply;
    if (in)
        make_sources(p, c);
    if (targets)
        make_targets(p, c);
    if (replies)
        make_replies(p, c);
    check_only(p, targets ? "target" : "source", targets ? c->n_targets : c->n_sources);
}

size_t plan_make(struct plan *p, const struct plan_options *options)
{
    struct ditto_error err = {.status = 0};
    *p = (struct plan){.options = *options, .ditto = xcalloc(1, sizeof *p->ditto)};
    if (mapper_compile(p->ditto, NULL, NULL, S("Ditto"), options->way, &p->scripts, &err) < 0)
        bug("%s", err.message);
    if (options->connection)
        make(p, options->connection);
    else
        make_plain(p);
    return p->problems;
}

void plan_free(struct plan *p)
{
    for (size_t i = 0; p->sources && i < p->n_sources; i++)
        source_free(&p->sources[i]);
    for (size_t i = 0; p->targets && i < p->n_targets; i++)
        target_free(&p->targets[i]);
    for (size_t i = 0; p->replies && i < p->n_replies; i++)
        target_free(&p->replies[i]);
    for (size_t i = 0; i < p->n_mappers; i++) {
        mapper_free(p->mappers[i]);
        free(p->mappers[i]);
    }
    if (p->ditto)
        mapper_free(p->ditto);
    free(p->ditto);
    free(p->sources);
    free(p->targets);
    free(p->replies);
    free(p->mappers);
    scripts_free(&p->scripts);
    *p = (struct plan){.n_mappers = 0};
}
