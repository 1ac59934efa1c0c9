#include <stdlib.h>

#include "supervise/reports.h"
#include "supervise/vitals.h"

#include "base/banned.h"

/* --- figures ------------------------------------------------------------------------------------------------------ */

struct figures {
    uint64_t sums[WINDOWS];
    int64_t last;
};

static void add(struct figures *f, const struct cell *c, msec now)
{
    if (!c)
        return;
    for (enum window w = 0; w < WINDOWS; w++)
        f->sums[w] += windows_sum(&c->windows, w, now);
    if (c->windows.last > f->last)
        f->last = c->windows.last;
}

static void put_figures(struct buf *dst, enum outcome_level level, const struct figures *f)
{
    char iso[ISO_SIZE];
    json_put_key(dst, slice_str(level_text(level)));
    buf_putc(dst, '{');
    for (enum window w = 0; w < WINDOWS; w++)
        json_put_member_int(dst, slice_str(window_text(w)), (int64_t)f->sums[w]);
    if (f->last)
        json_put_member_text(dst, S("lastMessageAt"), slice_str(clock_iso(iso, f->last)));
    else
        json_put_member(dst, S("lastMessageAt"), S("null"));
    buf_putc(dst, '}');
}

static void put_measure(struct buf *dst, enum measure m, const struct figures f[LEVELS])
{
    json_put_key(dst, slice_str(measure_text(m)));
    buf_putc(dst, '{');
    put_figures(dst, LEVEL_SUCCESS, &f[LEVEL_SUCCESS]);
    put_figures(dst, LEVEL_FAILURE, &f[LEVEL_FAILURE]);
    buf_putc(dst, '}');
}

/* --- places ------------------------------------------------------------------------------------------------------- */

/* Those that a place of this kind has; "other" shows only where it counts. */
static bool applies(enum measure m, bool inbound)
{
    switch (m) {
    case MEASURE_CONSUMED:
    case MEASURE_ENFORCED:
    case MEASURE_THROTTLED: return inbound;
    case MEASURE_DISPATCHED:
    case MEASURE_FILTERED:
    case MEASURE_PUBLISHED: return !inbound;
    case MEASURE_OTHER:
    case MEASURES: return false;
    default: return true;
    }
}

static bool is_inbound(enum category c)
{
    return c == CATEGORY_SOURCE;
}

static bool is_outbound(enum category c)
{
    return c == CATEGORY_TARGET || c == CATEGORY_RESPONSE;
}

static void put_record(struct buf *dst, const struct record *r, bool inbound, msec now)
{
    buf_putc(dst, '{');
    for (enum measure m = 0; m < MEASURES; m++) {
        struct figures f[LEVELS] = {{{0}, 0}, {{0}, 0}};
        bool counted = false;
        for (size_t l = 0; r && l < LEVELS; l++) {
            add(&f[l], r->cells[m][l], now);
            counted |= r->cells[m][l] != NULL;
        }
        if (counted || applies(m, inbound))
            put_measure(dst, m, f);
    }
    buf_putc(dst, '}');
}

static const struct record *find(const struct vitals *v, enum category category, struct slice address)
{
    for (const struct record *r = v->records; r; r = r->next)
        if (r->category == category && slice_eq(slice_str(r->address), address))
            return r;
    return NULL;
}

/* Places that were shown: of the document first, and those that only counted after them. */
struct shown {
    struct buf *dst;
    const struct vitals *v;
    bool inbound;
    msec now;
    size_t start;     /* of the object */
    struct buf names; /* NUL-ended, one after the other */
};

static bool was_shown(const struct shown *s, struct slice name)
{
    const char *p = buf_p(&s->names);
    for (size_t at = 0; at < s->names.len; at += strlen(p + at) + 1)
        if (slice_eq(slice_str(p + at), name))
            return true;
    return false;
}

static void show(struct shown *s, enum category category, struct slice address)
{
    if (was_shown(s, address))
        return;
    buf_put_slice(&s->names, address);
    buf_putc(&s->names, '\0');
    json_put_key(s->dst, address.len ? address : S("<empty>"));
    put_record(s->dst, find(s->v, category, address), s->inbound, s->now);
}

static void show_source(struct shown *s, const struct connection *c, const struct source *source)
{
    bool joined = c->type == TYPE_MQTT || c->type == TYPE_MQTT_5;
    struct buf name = {0};
    for (int i = joined ? ALL_ADDRESSES : 0; i < (joined ? 0 : (int)source->addresses.n); i++) {
        buf_cut(&name, 0);
        source_address_put(&name, source, i);
        show(s, CATEGORY_SOURCE, buf_slice(&name));
    }
    buf_free(&name);
}

static void show_target(struct shown *s, const struct target *target)
{
    struct buf name = {0};
    connection_put_shown_address(&name, target->address);
    show(s, CATEGORY_TARGET, buf_slice(&name));
    buf_free(&name);
}

static void show_document(struct shown *s, const struct connection *c)
{
    for (size_t i = 0; s->inbound && i < c->n_sources; i++)
        show_source(s, c, &c->sources[i]);
    for (size_t i = 0; !s->inbound && i < c->n_targets; i++)
        show_target(s, &c->targets[i]);
    for (size_t i = 0; !s->inbound && i < c->n_sources; i++)
        if (c->sources[i].reply.present)
            show(s, CATEGORY_RESPONSE, S(RESPONSES));
}

static void put_addresses(struct buf *dst, struct slice member, const struct vitals *v,
                          const struct connection *c, bool inbound, msec now)
{
    struct shown s = {.dst = dst, .v = v, .inbound = inbound, .now = now};
    json_put_key(dst, member);
    buf_puts(dst, "{\"addressMetrics\":");
    s.start = dst->len;
    buf_putc(dst, '{');
    if (c)
        show_document(&s, c);
    for (const struct record *r = v->records; r; r = r->next)
        if (inbound ? is_inbound(r->category) : is_outbound(r->category))
            show(&s, r->category, slice_str(r->address));
    if (s.names.len == 0) { /* as Ditto has it */
        buf_cut(dst, s.start);
        buf_puts(dst, "null}");
    } else {
        buf_puts(dst, "}}");
    }
    buf_free(&s.names);
}

/* --- sums --------------------------------------------------------------------------------------------------------- */

static void put_direction(struct buf *dst, struct slice member, const struct vitals *v, bool inbound,
                          msec now)
{
    json_put_key(dst, member);
    buf_putc(dst, '{');
    for (enum measure m = 0; m < MEASURES; m++) {
        struct figures f[LEVELS] = {{{0}, 0}, {{0}, 0}};
        for (const struct record *r = v->records; r; r = r->next)
            for (size_t l = 0; l < LEVELS && (inbound ? is_inbound : is_outbound)(r->category); l++)
                add(&f[l], r->cells[m][l], now);
        if (applies(m, inbound))
            put_measure(dst, m, f);
    }
    buf_putc(dst, '}');
}

static bool contains_failures(const struct vitals *v, msec now)
{
    for (const struct record *r = v->records; r; r = r->next)
        for (size_t m = 0; m < MEASURES && r->category != CATEGORY_CONNECTION; m++)
            if (r->cells[m][LEVEL_FAILURE] &&
                windows_sum(&r->cells[m][LEVEL_FAILURE]->windows, WINDOW_DAY, now))
                return true;
    return false;
}

static void put_total(struct buf *dst, const struct record *r)
{
    json_put_key(dst, slice_str(r->address));
    buf_putc(dst, '{');
    for (enum measure m = 0; m < MEASURES; m++) {
        if (!r->cells[m][LEVEL_SUCCESS] && !r->cells[m][LEVEL_FAILURE])
            continue;
        json_put_key(dst, slice_str(measure_text(m)));
        buf_putc(dst, '{');
        for (enum outcome_level l = LEVELS; l-- > 0;)
            if (r->cells[m][l])
                json_put_member_int(dst, slice_str(level_text(l)), (int64_t)r->cells[m][l]->windows.total);
        buf_putc(dst, '}');
    }
    buf_putc(dst, '}');
}

static void put_totals(struct buf *dst, const struct vitals *v)
{
    json_put_key(dst, S("totals"));
    buf_putc(dst, '{');
    for (enum category c = 0; c < CATEGORY_CONNECTION; c++) {
        json_put_key(dst, slice_str(category_text(c)));
        buf_putc(dst, '{');
        for (const struct record *r = v->records; r; r = r->next)
            if (r->category == c)
                put_total(dst, r);
        buf_putc(dst, '}');
    }
    buf_putc(dst, '}');
}

static void put_backlog(struct buf *dst, const struct vitals *v)
{
    json_put_key(dst, S("backlog"));
    buf_putc(dst, '{');
    json_put_member_int(dst, S("inbound"), (int64_t)reports_backlog(v, INBOUND));
    json_put_member_int(dst, S("outbound"), (int64_t)reports_backlog(v, OUTBOUND));
    buf_putc(dst, '}');
}

static void put_last_error(struct buf *dst, const struct vitals *v)
{
    char iso[ISO_SIZE];
    if (!v->last_error.json)
        return;
    json_put_key(dst, S("lastError"));
    buf_putc(dst, '{');
    json_put_member_text(dst, S("at"), slice_str(clock_iso(iso, v->last_error.at)));
    json_put_member_text(dst, S("message"), slice_str(v->last_error.json));
    buf_putc(dst, '}');
}

/* --- the answer --------------------------------------------------------------------------------------------------- */

void vitals_put_metrics(struct buf *dst, const struct vitals *v, struct slice id, const struct connection *c,
                        msec now)
{
    buf_puts(dst, "{\"type\":\"connectivity.responses:retrieveConnectionMetrics\",\"status\":200");
    json_put_member_text(dst, S("connectionId"), id);
    json_put_member(dst, S("containsFailures"), contains_failures(v, now) ? S("true") : S("false"));
    json_put_key(dst, S("connectionMetrics"));
    buf_putc(dst, '{');
    put_direction(dst, S("inbound"), v, true, now);
    put_direction(dst, S("outbound"), v, false, now);
    buf_putc(dst, '}');
    put_addresses(dst, S("sourceMetrics"), v, c, true, now);
    put_addresses(dst, S("targetMetrics"), v, c, false, now);
    put_totals(dst, v);
    put_backlog(dst, v);
    put_last_error(dst, v);
    buf_putc(dst, '}');
}

void vitals_reset_metrics(struct vitals *v)
{
    for (struct record *r = v->records; r; r = r->next)
        for (size_t m = 0; m < MEASURES; m++)
            for (size_t l = 0; l < LEVELS; l++)
                if (r->cells[m][l])
                    windows_reset(&r->cells[m][l]->windows);
}
