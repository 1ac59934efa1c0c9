#include "supervise/reports.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

/* A program of a ring at a place. */
struct reporter {
    struct reporter *next;
    struct reporting who;
    char from[32];
    struct place place;
    int64_t life;
    char *address;                   /* the place's name */
    uint64_t last[MEASURES][LEVELS]; /* totals reported last */
    char state[16], *detail;         /* "": not told */
    int64_t since;
    bool over; /* its life has ended, and what it held is written off */
};

#define SUPERVISOR "conn-supervise"

static const struct place whole = {CATEGORY_CONNECTION, 0, ALL_ADDRESSES};

static bool same_place(const struct place *a, const struct place *b)
{
    return a->category == b->category && a->index == b->index && a->address == b->address;
}

static bool same_ring(const struct reporting *a, const struct reporting *b)
{
    return a->client == b->client && a->direction == b->direction;
}

static void reporter_free(struct reporter *r)
{
    free(r->address);
    free(r->detail);
    free(r);
}

void reports_forget(struct vitals *v)
{
    while (v->reporters) {
        struct reporter *r = v->reporters;
        v->reporters = r->next;
        reporter_free(r);
    }
}

/* --- names -------------------------------------------------------------------------------------------------------- */

static char *name_of(const struct connection *c, const struct place *p)
{
    struct buf b = {0};
    if (p->category == CATEGORY_SOURCE && p->index < c->n_sources)
        source_address_put(&b, &c->sources[p->index], p->address);
    else if (p->category == CATEGORY_TARGET && p->index < c->n_targets)
        connection_put_shown_address(&b, c->targets[p->index].address);
    else if (p->category == CATEGORY_RESPONSE)
        buf_puts(&b, RESPONSES);
    char *name = xstrndup(buf_slice(&b).p, b.len);
    buf_free(&b);
    return name;
}

/* --- who reports -------------------------------------------------------------------------------------------------- */

static void set_state(struct reporter *r, struct slice state, struct slice detail)
{
    bool changed = !slice_eq(slice_str(r->state), state);
    (void)snprintf(r->state, sizeof r->state, "%.*s", SLICE_ARG(state));
    free(r->detail);
    r->detail = detail.p && detail.len ? xstrndup(detail.p, detail.len) : NULL;
    if (changed)
        r->since = wall_ms();
}

static void begin_life(struct reporter *r, int64_t life, const struct connection *c)
{
    r->life = life;
    free(r->address);
    r->address = name_of(c, &r->place);
    memset(r->last, 0, sizeof r->last);
    r->over = false;
    set_state(r, S(""), SLICE_NONE);
}

/* All of a program begin anew together: what it does not tell in this life, nobody told. */
static void begin_lives(struct vitals *v, const struct reporting *who, struct slice from, int64_t life,
                        const struct connection *c)
{
    for (struct reporter *r = v->reporters; r; r = r->next)
        if (same_ring(&r->who, who) && slice_eq(slice_str(r->from), from) && r->life != life)
            begin_life(r, life, c);
}

static struct reporter *reporter_of(struct vitals *v, const struct reporting *who, struct slice from,
                                    const struct place *p)
{
    struct reporter **at = &v->reporters;
    for (; *at; at = &(*at)->next)
        if (same_ring(&(*at)->who, who) && same_place(&(*at)->place, p) &&
            slice_eq(slice_str((*at)->from), from))
            return *at;
    struct reporter *r = *at = xcalloc(1, sizeof *r);
    r->who = *who;
    r->place = *p;
    (void)snprintf(r->from, sizeof r->from, "%.*s", SLICE_ARG(from));
    r->life = -1;
    return r;
}

/* --- what it says ------------------------------------------------------------------------------------------------- */

static void take_counts(struct vitals *v, struct reporter *r, struct json report)
{
    uint64_t counts[MEASURES][LEVELS];
    msec now = clock_ms();
    int64_t wall = wall_ms();
    meter_read_counts(report, counts);
    for (enum measure m = 0; m < MEASURES; m++)
        for (enum outcome_level l = 0; l < LEVELS; l++) {
            uint64_t *last = &r->last[m][l];
            if (counts[m][l] <= *last)
                continue;
            struct cell *c = vitals_cell(v, r->place.category, slice_str(r->address), m, l);
            windows_add(&c->windows, counts[m][l] - *last, now, wall);
            *last = counts[m][l];
        }
}

static void take_entry(struct vitals *v, const struct reporter *r, struct json report)
{
    struct buf text[4] = {{0}, {0}, {0}, {0}};
    enum measure m = measure_of(json_raw(json_get(report, S("type"))));
    enum outcome_level l = level_of(json_raw(json_get(report, S("level"))));
    int64_t at, wall = wall_ms();
    struct log_text entry = {.correlation_id = json_text(json_get(report, S("correlationId")), &text[0]),
                             .entity_type = json_text(json_get(report, S("entityType")), &text[1]),
                             .entity_id = json_text(json_get(report, S("entityId")), &text[2]),
                             .message = json_text(json_get(report, S("message")), &text[3])};
    if (m < MEASURES && l < LEVELS && entry.message.p && json_int(json_get(report, S("at")), &at) == 0)
        vitals_log(v, r->place.category, slice_str(r->address), m, l, at, &entry, wall);
    for (size_t i = 0; i < 4; i++)
        buf_free(&text[i]);
}

static void take_state(struct reporter *r, struct json report)
{
    struct buf state = {0}, detail = {0};
    struct slice text = json_text(json_get(report, S("state")), &state);
    if (text.p)
        set_state(r, text, json_text(json_get(report, S("detail")), &detail));
    buf_free(&state);
    buf_free(&detail);
}

void reports_take(struct vitals *v, const struct connection *c, const struct reporting *who,
                  struct slice line)
{
    struct json report;
    struct place place;
    int64_t life = 0;
    if (json_parse(line, &report, NULL) < 0)
        return;
    struct json kind = json_get(report, S("report"));
    struct slice from = json_raw(json_get(report, S("from")));
    (void)json_int(json_get(report, S("life")), &life);
    if (!from.p)
        return;
    begin_lives(v, who, from, life, c);
    if (place_read(report, &place) < 0)
        return;
    struct reporter *r = reporter_of(v, who, from, &place);
    if (r->life < 0)
        begin_life(r, life, c);
    if (json_text_is(kind, S("meter")))
        take_counts(v, r, report);
    else if (json_text_is(kind, S("log")))
        take_entry(v, r, report);
    else if (json_text_is(kind, S("state")))
        take_state(r, report);
}

bool reports_place(const struct vitals *v, const struct reporting *who, const struct place *p,
                   struct place_state *out)
{
    for (const struct reporter *r = v->reporters; r; r = r->next)
        if (r->state[0] && same_ring(&r->who, who) && same_place(&r->place, p)) {
            *out = (struct place_state){r->state, r->detail, r->since};
            return true;
        }
    return false;
}

const char *reports_fold(const struct vitals *v, const struct reporting *who, const char *status,
                         const char *(*worse)(const char *, const char *))
{
    for (const struct reporter *r = v->reporters; r; r = r->next)
        if (r->state[0] && r->place.category != CATEGORY_CONNECTION && same_ring(&r->who, who))
            status = worse(status, r->state);
    return status;
}

static bool is_open(const struct vitals *v, const struct reporting *who)
{
    for (const struct reporter *r = v->reporters; r; r = r->next)
        if (same_ring(&r->who, who) && same_place(&r->place, &whole) && strcmp(r->from, SUPERVISOR) == 0)
            return strcmp(r->state, "open") == 0;
    return false;
}

/* Where messages begin to be held, and where that ends. */
static int64_t held(const struct reporter *r)
{
    const uint64_t(*n)[LEVELS] = r->last;
    const uint64_t *begin = n[r->who.direction == INBOUND ? MEASURE_CONSUMED : MEASURE_MAPPED];
    const uint64_t *end = n[r->who.direction == INBOUND ? MEASURE_ACKNOWLEDGED : MEASURE_PUBLISHED];
    uint64_t begun = begin[LEVEL_SUCCESS] + (r->who.direction == INBOUND ? begin[LEVEL_FAILURE] : 0);
    return (int64_t)(begun - end[LEVEL_SUCCESS] - end[LEVEL_FAILURE]);
}

uint64_t reports_backlog(const struct vitals *v, enum direction d)
{
    int64_t n = 0;
    for (const struct reporter *r = v->reporters; r; r = r->next) {
        bool maps = strcmp(r->from, "ditto-map") == 0;
        if (r->who.direction != d || (d == INBOUND && maps) || !is_open(v, &r->who))
            continue;
        n += held(r);
    }
    return n > 0 ? (uint64_t)n : 0;
}

static const struct reporter *sink_of(const struct vitals *v, const struct reporter *mapper)
{
    for (const struct reporter *r = v->reporters; r; r = r->next)
        if (r != mapper && same_ring(&r->who, &mapper->who) && same_place(&r->place, &mapper->place) &&
            strcmp(r->from, "conn-hub") != 0)
            return r;
    return NULL;
}

static void write_off(struct vitals *v, struct reporter *mapper)
{
    const struct reporter *sink = sink_of(v, mapper);
    uint64_t mapped = mapper->last[MEASURE_MAPPED][LEVEL_SUCCESS];
    uint64_t told =
        sink ? sink->last[MEASURE_PUBLISHED][LEVEL_SUCCESS] + sink->last[MEASURE_PUBLISHED][LEVEL_FAILURE]
             : 0;
    struct buf b = {0};
    int64_t wall = wall_ms();
    mapper->over = true;
    if (mapped <= told)
        return;
    struct slice address = slice_str(mapper->address);
    struct cell *c = vitals_cell(v, mapper->place.category, address, MEASURE_DROPPED, LEVEL_FAILURE);
    windows_add(&c->windows, mapped - told, clock_ms(), wall);
    buf_printf(&b, "%llu messages were on their way when the connection was lost.",
               (unsigned long long)(mapped - told));
    struct log_text text = {SLICE_NONE, SLICE_NONE, SLICE_NONE, buf_slice(&b)};
    vitals_log(v, mapper->place.category, address, MEASURE_DROPPED, LEVEL_FAILURE, wall, &text, wall);
    buf_free(&b);
}

void reports_over(struct vitals *v, const struct reporting *who)
{
    for (struct reporter *r = v->reporters; r; r = r->next)
        if (who->direction == OUTBOUND && same_ring(&r->who, who) && !r->over &&
            (r->place.category == CATEGORY_TARGET || r->place.category == CATEGORY_RESPONSE) &&
            strcmp(r->from, "ditto-map") == 0)
            write_off(v, r);
}

/* --- the ring itself ---------------------------------------------------------------------------------------------- */

static void tell(struct vitals *v, const struct reporting *who, bool success, const char *status,
                 const char *detail)
{
    struct cell *c = vitals_cell(v, CATEGORY_CONNECTION, S(""), MEASURE_OTHER, success);
    struct buf b = {0};
    int64_t wall = wall_ms();
    buf_printf(&b, "The %s side of client %u is %s%s%s", direction_text(who->direction), who->client, status,
               detail[0] ? ": " : ".", detail);
    windows_add(&c->windows, 1, clock_ms(), wall);
    struct log_text text = {SLICE_NONE, SLICE_NONE, SLICE_NONE, buf_slice(&b)};
    vitals_log(v, CATEGORY_CONNECTION, S(""), MEASURE_OTHER, success, wall, &text, wall);
    buf_free(&b);
}

/* What it is between two attempts, or while it starts, is not worth an entry. */
void reports_ring(struct vitals *v, const struct reporting *who, const char *status, const char *detail)
{
    bool good = strcmp(status, "open") == 0 || strcmp(status, "closed") == 0;
    if (strcmp(status, "unknown") == 0)
        return;
    struct reporter *r = reporter_of(v, who, S(SUPERVISOR), &whole);
    if (strcmp(r->state, status) == 0 && (good || strcmp(r->detail ? r->detail : "", detail) == 0))
        return;
    set_state(r, slice_str(status), slice_str(detail));
    tell(v, who, good, status, good ? "" : detail);
}
