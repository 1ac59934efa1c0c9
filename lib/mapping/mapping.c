#include "mapping/mapping.h"

#include <stdio.h>
#include <stdlib.h>

#include "mapping/explain.h"
#include "mapping/tally.h"

#include "base/lines.h"
#include "base/log.h"

#include "base/banned.h"

enum { COMPLAINTS_A_SECOND = 10, KEEP_BYTES = 1024 * 1024, ID_SIZE = 300 };

static const struct mapping_direction *direction_of(const struct mapping *m)
{
    return m->plan->options.way == WAY_IN ? &mapping_inbound : &mapping_outbound;
}

void mapping_init(struct mapping *m, const struct plan *p)
{
    *m = (struct mapping){.plan = p,
                          .counts = {[COUNT_RECEIVED] = {"received", 0},
                                     [COUNT_MAPPED] = {"mapped", 0},
                                     [COUNT_DROPPED] = {"dropped", 0},
                                     [COUNT_REJECTED] = {"rejected", 0}},
                          .failures = xcalloc(p->n_mappers + 1, sizeof *m->failures),
                          .flow = xcalloc(1, sizeof *m->flow)};
    m->flow->explains = p->options.explains;
}

void mapping_free(struct mapping *m)
{
    struct flow *f = m->flow;
    if (f->kept_back)
        warn("cannot map %zu more messages", f->kept_back);
    struct buf *const bufs[] = {&f->payload, &f->topic, &f->input, &f->context, &f->envelope,
                                &f->acks,    &f->taken, &f->type,  &f->judged,  &f->steps};
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
        buf_free(bufs[i]);
    for (size_t i = 0; i < MAPPERS_MAX; i++)
        buf_free(&f->rooms[i]);
    headers_free(&f->external.headers);
    headers_free(&f->headers);
    scratch_free(&f->scratch);
    free(f);
    free(m->failures);
    *m = (struct mapping){.plan = NULL};
}

static bool has(const struct line *l, struct slice member)
{
    return json_present(json_get(l->context, member));
}

/* One of reply.c's. */
static bool is_error_reply(const struct line *l)
{
    struct slice topic = json_raw(l->topic);
    return topic.p && slice_ends(topic, S("/errors")) && has(l, S("reply")) && !has(l, S("source")) &&
           !has(l, S("target"));
}

bool mapping_takes(const struct mapping *m, const struct line *l)
{
    const struct plan_options *o = &m->plan->options;
    bool only_target = o->way == WAY_OUT && o->only >= 0 && !o->reply;
    return l->kind == direction_of(m)->consumes && !(only_target && is_error_reply(l));
}

size_t mapping_scripts(struct mapping *m, const struct line *l, unsigned *scripts)
{
    return m->plan->scripts.n ? direction_of(m)->scripts(m, l, scripts) : 0;
}

void mapping_put_message(struct mapping *m, const struct line *l, struct buf *dst)
{
    direction_of(m)->put_message(m, l, dst);
}

void mapping_finish(struct mapping *m, const struct line *l, struct answers answers, struct buf *out)
{
    m->counts[COUNT_RECEIVED].n++;
    direction_of(m)->finish(m, l, &answers, out);
}

/* --- outcomes --------------------------------------------------------------------------------------------------- */

void flow_begin(struct flow *f, const struct line *l)
{
    f->line = l;
    f->n = 0;
    f->enforcement = ENFORCEMENT_PASSED;
    f->facts.entity = NULL;
    buf_reset(&f->payload, KEEP_BYTES);
    buf_reset(&f->envelope, KEEP_BYTES);
}

struct buf *flow_room(struct flow *f, size_t turn)
{
    buf_reset(&f->rooms[turn], KEEP_BYTES);
    return &f->rooms[turn];
}

struct ditto_error *flow_error(struct flow *f, size_t mapper)
{
    f->errors[mapper].status = 0;
    return &f->errors[mapper];
}

void flow_fail(struct flow *f, const struct mapper *mapper, const struct ditto_error *err)
{
    struct outcome *o = &f->outcomes[f->n++];
    o->mapper = mapper;
    o->error = err;
}

struct outcome *flow_add(struct flow *f, const struct mapper *mapper, size_t n, struct ditto_error *err)
{
    if (n > RESULTS_MAX) {
        (void)mapper_fail(mapper, err, "It made more than %d messages of one.", RESULTS_MAX);
        flow_fail(f, mapper, err);
        return NULL;
    }
    struct outcome *first = &f->outcomes[f->n];
    for (size_t i = 0; i < n; i++) {
        first[i].mapper = mapper;
        first[i].error = NULL;
    }
    f->n += n;
    return first;
}

/* "x/2"; the id itself if the message has one outcome. */
static struct slice part_id(const struct flow *f, size_t i, char *text)
{
    struct slice id = f->line->id;
    if (!id.p || f->n == 1)
        return id;
    int n = snprintf(text, ID_SIZE, "%.*s/%zu", SLICE_ARG(id), i + 1);
    return slice_of(text, (size_t)n);
}

static void put_end(struct buf *out, struct slice id, const struct buf *context, struct json own_context)
{
    if (id.p) {
        buf_put_slice(out, S(",\"id\":\""));
        buf_put_slice(out, id);
        buf_putc(out, '"');
    }
    if (context->len || own_context.type == JSON_OBJECT)
        buf_put_slice(out, S(",\"context\":"));
    if (context->len)
        buf_put_slice(out, buf_slice(context));
    else if (own_context.type == JSON_OBJECT)
        envelope_splice(out, own_context);
    buf_put_slice(out, S("}\n"));
}

static int too_long(struct ditto_error *err)
{
    return ditto_fail(err, 400, "connectivity:message.mapping.failed", NULL, NULL,
                      "The mapped message is too long for a line.");
}

void flow_put(struct mapping *m, const void *route, struct buf *out)
{
    const struct mapping_direction *d = direction_of(m);
    struct flow *f = m->flow;
    char text[ID_SIZE];
    size_t start = out->len;
    m->counts[COUNT_DROPPED].n += f->n == 0;
    if (f->n == 0) {
        f->known = KNOWN_NOTHING;
        tally_dropped(m);
        explain_dropped(f);
    }
    if (f->line->id.p && f->n == 0)
        line_put_settlement(out, f->line->id, 200);
    if (f->line->id.p && f->n > 1)
        line_put_parts(out, f->line->id, f->n);
    explain_output(f, out, start);
    for (size_t i = 0; i < f->n; i++) {
        const struct outcome *o = &f->outcomes[i];
        struct slice id = part_id(f, i, text);
        struct ditto_error err;
        start = out->len;
        err.status = 0;
        buf_cut(&f->context, 0);
        f->known = KNOWN_NOTHING;
        f->mapper = o->mapper;
        if (o->mapper)
            f->enforcement = ENFORCEMENT_PASSED;
        explain_part(f, i);
        if (o->error || d->put(m, route, o, out, &err) < 0 ||
            (out->len - start > LINE_MAX_BYTES - ID_SIZE && too_long(&err) < 0)) {
            buf_cut(out, start);
            tally_failed(m, o->error ? o->error : &err);
            if (d->refused)
                d->refused(m, route, o, o->error ? o->error : &err, out);
            flow_refuse(m, id, o->error ? o->error : &err, out);
        } else {
            put_end(out, id, &f->context, f->line->context);
            m->counts[COUNT_MAPPED].n++;
            tally_mapped(m);
        }
        explain_output(f, out, start);
    }
}

/* --- refusals --------------------------------------------------------------------------------------------------- */

/* One line a refusal, but not more than some a second: a device may send nonsense as fast as it can. */
static bool may_complain(struct flow *f)
{
    msec now = clock_ms();
    if (now - f->second >= 1000) {
        if (f->kept_back)
            warn("cannot map %zu more messages", f->kept_back);
        f->second = now;
        f->complaints = f->kept_back = 0;
    }
    if (f->complaints++ < COMPLAINTS_A_SECOND)
        return true;
    f->kept_back++;
    return false;
}

void flow_put_why(const struct flow *f, const struct ditto_error *err, struct buf *dst)
{
    buf_printf(dst, "%s: %s%s%s", err->code, err->message, err->description[0] ? " " : "", err->description);
    if (f->mapper && !slice_eq(slice_str(err->code), S("connectivity:message.mapping.failed")))
        buf_printf(dst, " Mapper <%.*s>.", SLICE_ARG(f->mapper->id));
}

static void complain(const struct flow *f, struct slice id, const struct ditto_error *err)
{
    struct buf why = {0};
    flow_put_why(f, err, &why);
    warn("cannot map message '%.*s': %s", SLICE_ARG(id), buf_z(&why));
    buf_free(&why);
}

/* The one at the end is for what names none. */
static const struct mapper *mapper_at(const struct plan *p, size_t i)
{
    return i < p->n_mappers ? p->mappers[i] : p->ditto;
}

static void count_failure(struct mapping *m)
{
    m->counts[COUNT_REJECTED].n++;
    for (size_t i = 0; m->flow->mapper && i <= m->plan->n_mappers; i++)
        m->failures[i] += mapper_at(m->plan, i) == m->flow->mapper;
}

void mapping_print_counts(const struct mapping *m)
{
    counters_print(m->counts, COUNTS);
    for (size_t i = 0; i <= m->plan->n_mappers; i++)
        if (m->failures[i])
            notice("mapper '%.*s' rejected=%llu", SLICE_ARG(mapper_at(m->plan, i)->id),
                   (unsigned long long)m->failures[i]);
}

void flow_refuse(struct mapping *m, struct slice id, const struct ditto_error *err, struct buf *out)
{
    count_failure(m);
    explain_refused(m->flow, err);
    if (may_complain(m->flow))
        complain(m->flow, id, err);
    if (id.p)
        ditto_error_settle(out, id, err);
}

/* --- an id in what is no line ------------------------------------------------------------------------------------- */

static const char *skip_space(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\r'))
        p++;
    return p;
}

/* What follows the string that starts at p, or NULL if it is cut off. */
static const char *skip_string(const char *p, const char *end)
{
    for (p++; p < end && *p != '"'; p++)
        p += *p == '\\';
    return p < end ? p + 1 : NULL;
}

/* The comma or brace after the value at p, or NULL if it is cut off. It need not be valid JSON. */
static const char *skip_value(const char *p, const char *end)
{
    size_t depth = 0;
    while (p && p < end) {
        if (!depth && (*p == ',' || *p == '}'))
            return p;
        depth += *p == '{' || *p == '[';
        depth -= depth && (*p == '}' || *p == ']');
        p = *p == '"' ? skip_string(p, end) : p + 1;
    }
    return NULL;
}

/* The key at p with its quotes; *p moved to its value. SLICE_NONE if there is none. */
static struct slice take_key(const char **p, const char *end)
{
    const char *from = *p = skip_space(*p, end);
    const char *to = from < end && *from == '"' ? skip_string(from, end) : NULL;
    if (!to)
        return SLICE_NONE;
    *p = skip_space(to, end);
    if (*p == end || **p != ':')
        return SLICE_NONE;
    *p = skip_space(*p + 1, end);
    return slice_of(from, (size_t)(to - from));
}

/* The id in the head of a line that is not valid as a whole: of its own members, not of what they hold. */
static struct slice id_in_head(struct slice head)
{
    const char *end = head.p + head.len, *p = skip_space(head.p, end);
    if (p == end || *p != '{')
        return SLICE_NONE;
    do {
        p++;
        struct slice key = take_key(&p, end);
        if (!key.p)
            return SLICE_NONE;
        const char *after = p < end && *p == '"' ? skip_string(p, end) : NULL;
        if (slice_eq(key, S("\"id\"")))
            return after ? slice_of(p + 1, (size_t)(after - p) - 2) : SLICE_NONE;
        p = skip_value(p, end);
    } while (p && *p == ',');
    return SLICE_NONE;
}

void mapping_refuse_line(struct mapping *m, struct slice head, int status, const char *why, struct buf *out)
{
    struct ditto_error err = {.status = 0};
    struct slice id = id_in_head(head);
    struct json quoted;
    if (id.p) /* it may have bad escapes, too */
        id = json_parse(slice_of(id.p - 1, id.len + 2), &quoted, NULL) == 0 ? line_id(quoted) : SLICE_NONE;
    size_t start = out->len;
    m->counts[COUNT_RECEIVED].n++;
    m->flow->mapper = NULL;
    (void)ditto_fail(&err, status, line_error_code(status), NULL, NULL, "The line is not valid: %s.", why);
    report_event(false, "A line that is no message was refused: %s.", why);
    flow_refuse(m, id, &err, out);
    explain_output(m->flow, out, start);
}
