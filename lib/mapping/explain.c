#include "mapping/explain.h"

#include "base/lines.h"

#include "base/banned.h"

enum { STEP_ROOM = 1024 };

/* --- steps -------------------------------------------------------------------------------------------------------- */

static size_t begin(struct buf *dst, const char *step)
{
    size_t start = dst->len;
    buf_printf(dst, "{\"step\":\"%s\"", step);
    return start;
}

/* A step that is too long for a line says only what it is. */
static void end(struct buf *dst, size_t start, const char *step)
{
    if (dst->len - start > LINE_MAX_BYTES - STEP_ROOM) {
        buf_cut(dst, start);
        (void)begin(dst, step);
        json_put_member(dst, S("too-long"), S("true"));
    }
    buf_puts(dst, "}\n");
}

static void put_error(struct buf *dst, const struct ditto_error *err)
{
    json_put_key(dst, S("error"));
    ditto_error_put(dst, err, true);
}

void explain_dropped(struct flow *f)
{
    if (f->explains)
        end(&f->steps, begin(&f->steps, "dropped"), "dropped");
}

void explain_refused(struct flow *f, const struct ditto_error *err)
{
    if (!f->explains)
        return;
    size_t start = begin(&f->steps, "refused");
    put_error(&f->steps, err);
    end(&f->steps, start, "refused");
}

void explain_output(struct flow *f, struct buf *out, size_t start)
{
    struct buf lines = {0};
    if (!f->explains)
        return;
    buf_put(&lines, buf_p(out) + start, out->len - start);
    buf_cut(out, start);
    buf_put_slice(out, buf_slice(&f->steps));
    buf_cut(&f->steps, 0);
    for (struct slice rest = buf_slice(&lines); rest.len;) {
        size_t at = begin(out, "output");
        json_put_member(out, S("line"), slice_cut(&rest, '\n'));
        end(out, at, "output");
    }
    buf_free(&lines);
}

/* --- templates ---------------------------------------------------------------------------------------------------- */

static void put_values(struct buf *dst, const struct values *v)
{
    json_put_key(dst, S("values"));
    buf_putc(dst, '[');
    for (size_t i = 0; i < v->n; i++) {
        json_put_item(dst);
        json_put_text(dst, v->v[i]);
    }
    buf_putc(dst, ']');
}

void explain_template(struct flow *f, const char *of, struct slice name, const struct template *t,
                      const struct facts *facts)
{
    struct ditto_error err = {.status = 0};
    struct values values;
    if (!f->explains)
        return;
    struct buf *dst = &f->steps;
    size_t start = begin(dst, "template");
    json_put_member_text(dst, S("of"), slice_str(of));
    if (name.p)
        json_put_member_text(dst, S("name"), name);
    json_put_member_text(dst, S("template"), t->text);
    switch (template_resolve_all(t, facts, &f->scratch, &values, &err)) {
    case VALUE_RESOLVED: put_values(dst, &values); break;
    case VALUE_UNRESOLVED: json_put_member(dst, S("unresolved"), S("true")); break;
    case VALUE_DELETED: json_put_member(dst, S("deleted"), S("true")); break;
    case VALUE_FAILED: put_error(dst, &err); break;
    }
    end(dst, start, "template");
}

void explain_templates(struct flow *f, const char *of, const struct template *t, size_t n,
                       const struct facts *facts)
{
    for (size_t i = 0; i < n; i++)
        explain_template(f, of, SLICE_NONE, &t[i], facts);
}

void explain_headers(struct flow *f, const struct header_mapping *headers, const struct facts *facts)
{
    for (size_t i = 0; i < headers->n; i++)
        explain_template(f, "header", headers->v[i].name, &headers->v[i].value, facts);
}

/* --- mappers ------------------------------------------------------------------------------------------------------ */

void explain_message(struct mapping *m, struct slice index_of, size_t index,
                     const struct mapper *const *mappers, size_t n)
{
    struct flow *f = m->flow;
    struct buf *dst = &f->steps;
    if (!f->explains)
        return;
    size_t start = begin(dst, "message");
    if (m->plan->options.connection)
        json_put_member_int(dst, index_of, (int64_t)index);
    json_put_key(dst, S("mappers"));
    buf_putc(dst, '[');
    for (size_t i = 0; i < n; i++) {
        json_put_item(dst);
        json_put_text(dst, mappers[i]->id);
    }
    buf_putc(dst, ']');
    json_put_key(dst, S("input"));
    if (m->plan->options.way == WAY_IN)
        mapping_inbound.put_message(m, f->line, dst);
    else
        buf_put_slice(dst, buf_slice(&f->envelope));
    end(dst, start, "message");
}

void explain_part(struct flow *f, size_t i)
{
    if (!f->explains || f->n == 1)
        return;
    size_t start = begin(&f->steps, "part");
    json_put_member_int(&f->steps, S("part"), (int64_t)i + 1);
    json_put_member_text(&f->steps, S("mapper"), f->outcomes[i].mapper->id);
    end(&f->steps, start, "part");
}

/* A Ditto Protocol message as a mapper made it, which need not be one. */
static void put_made_text(struct buf *dst, struct slice text)
{
    struct json v;
    if (json_parse(text, &v, NULL) == 0)
        envelope_splice(dst, v);
    else
        json_put_text(dst, text);
}

static void put_made_headers(struct buf *dst, const struct published *p)
{
    struct json headers = p->headers;
    json_put_key(dst, S("headers"));
    buf_putc(dst, '{');
    if (p->content_type.p && !json_present(json_get(headers, S("content-type"))))
        json_put_member_text(dst, S("content-type"), p->content_type);
    if (json_present(p->correlation_id) && !json_present(json_get(headers, S("correlation-id"))))
        json_put_member(dst, S("correlation-id"), json_slice(p->correlation_id));
    struct json_iter it = json_iter(headers);
    while (json_next(&it)) {
        json_put_item(dst);
        buf_printf(dst, "\"%.*s\":", SLICE_ARG(it.key));
        envelope_splice(dst, it.value);
    }
    buf_putc(dst, '}');
}

static void put_made_message(struct buf *dst, const struct published *p)
{
    buf_putc(dst, '{');
    if (json_present(p->address))
        json_put_member(dst, S("address"), json_slice(p->address));
    put_made_headers(dst, p);
    switch (p->kind) {
    case PAYLOAD_NONE: break;
    case PAYLOAD_TEXT: json_put_member_text(dst, S("text"), p->payload); break;
    case PAYLOAD_RAW: json_put_member(dst, S("text"), p->payload); break;
    case PAYLOAD_BYTES: json_put_member(dst, S("bytes"), p->payload); break;
    }
    buf_putc(dst, '}');
}

static void put_made(const struct mapping *m, struct buf *dst)
{
    const struct flow *f = m->flow;
    bool in = m->plan->options.way == WAY_IN;
    size_t n = in ? f->incoming.n : f->outgoing.n;
    json_put_key(dst, S("output"));
    buf_putc(dst, '[');
    for (size_t i = 0; i < n; i++) {
        json_put_item(dst);
        if (in)
            put_made_text(dst, f->incoming.v[i]);
        else
            put_made_message(dst, &f->outgoing.v[i]);
    }
    buf_putc(dst, ']');
}

void explain_mapper(struct mapping *m, const struct mapper *mapper, const struct facts *facts, enum turn turn,
                    const struct ditto_error *err)
{
    struct flow *f = m->flow;
    struct buf *dst = &f->steps;
    if (!f->explains)
        return;
    for (size_t i = 0; turn != TURN_BLOCKED && i < mapper->n_conditions; i++)
        explain_template(f, "condition", mapper->conditions[i].name, &mapper->conditions[i].template, facts);
    size_t start = begin(dst, "mapper");
    json_put_member_text(dst, S("mapper"), mapper->id);
    json_put_member_text(dst, S("engine"), slice_str(mapper->engine->alias));
    if (err->status)
        put_error(dst, err);
    else if (turn == TURN_MAPS)
        put_made(m, dst);
    else
        json_put_member_text(dst, S("skipped"), turn == TURN_BLOCKED ? S("content-type") : S("conditions"));
    end(dst, start, "mapper");
}
