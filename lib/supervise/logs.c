#include <stdlib.h>

#include "supervise/vitals.h"

#include "base/banned.h"

/* --- keeping ------------------------------------------------------------------------------------------------------ */

static void put_optional(struct buf *dst, struct slice name, struct slice text)
{
    if (text.p)
        json_put_member_text(dst, name, text);
}

static void put_entry(struct buf *dst, enum category category, struct slice address, enum measure measure,
                      enum outcome_level level, int64_t at, const struct log_text *text)
{
    char iso[ISO_SIZE];
    buf_putc(dst, '{');
    json_put_member_text(dst, S("correlationId"),
                         text->correlation_id.p ? text->correlation_id : S("<not-provided>"));
    json_put_member_text(dst, S("timestamp"), slice_str(clock_iso(iso, at)));
    json_put_member_text(dst, S("category"), slice_str(category_text(category)));
    json_put_member_text(dst, S("type"), slice_str(measure_text(measure)));
    json_put_member_text(dst, S("level"), slice_str(level_text(level)));
    json_put_member_text(dst, S("message"), text->message);
    put_optional(dst, S("address"), address.len ? address : SLICE_NONE);
    put_optional(dst, S("entityType"), text->entity_type);
    put_optional(dst, S("entityId"), text->entity_id);
    buf_putc(dst, '}');
}

static bool logging(const struct vitals *v, int64_t wall)
{
    return wall < v->logs_until;
}

/* A delivery is not accepted because something failed before, which is the error. */
static bool is_consequence(enum category category, enum measure measure)
{
    return category == CATEGORY_SOURCE && measure == MEASURE_ACKNOWLEDGED;
}

static void keep_error(struct vitals *v, int64_t at, struct slice message)
{
    free(v->last_error.json);
    v->last_error = (struct log_entry){.at = at, .json = xstrndup(message.p, message.len)};
}

void vitals_log(struct vitals *v, enum category category, struct slice address, enum measure measure,
                enum outcome_level level, int64_t at, const struct log_text *text, int64_t wall)
{
    struct buf b = {0};
    if (level == LEVEL_FAILURE && !is_consequence(category, measure))
        keep_error(v, at, text->message);
    if (!logging(v, wall))
        return;
    struct cell *c = vitals_cell(v, category, address, measure, level);
    struct log_entry *e = &c->entries[c->next];
    put_entry(&b, category, address, measure, level, at, text);
    free(e->json);
    *e = (struct log_entry){at, measure, xstrndup(buf_p(&b), b.len)};
    buf_free(&b);
    c->next = (c->next + 1) % LOG_CAPACITY;
    if (c->n_entries < LOG_CAPACITY)
        c->n_entries++;
}

/* --- all cells ---------------------------------------------------------------------------------------------------- */

/* for (struct cursor at = {v->records}; cursor_next(&at);) at.cell … */
struct cursor {
    struct record *record;
    size_t next;
    struct cell *cell;
    enum measure measure;
    enum outcome_level level;
};

static bool cursor_next(struct cursor *at)
{
    for (; at->record; at->record = at->record->next, at->next = 0)
        while (at->next < (size_t)MEASURES * LEVELS) {
            at->measure = (enum measure)(at->next / LEVELS);
            at->level = (enum outcome_level)(at->next++ % LEVELS);
            at->cell = at->record->cells[at->measure][at->level];
            if (at->cell)
                return true;
        }
    return false;
}

void vitals_reset_logs(struct vitals *v)
{
    for (struct cursor at = {.record = v->records}; cursor_next(&at);) {
        struct cell *c = at.cell;
        for (size_t i = 0; i < LOG_CAPACITY; i++)
            free(c->entries[i].json);
        memset(c->entries, 0, sizeof c->entries);
        c->n_entries = c->next = 0;
        c->logged_from = c->windows.total;
    }
}

void vitals_enable_logs(struct vitals *v, int64_t wall)
{
    if (!logging(v, wall)) {
        vitals_reset_logs(v);
        v->logs_since = wall;
    }
    v->logs_until = wall + LOG_MS;
}

/* --- the answer --------------------------------------------------------------------------------------------------- */

static int newest_first(const void *a, const void *b)
{
    const struct log_entry *x = *(const struct log_entry *const *)a, *y = *(const struct log_entry *const *)b;
    if (x->at != y->at)
        return x->at < y->at ? 1 : -1;
    return (x->measure < y->measure) - (x->measure > y->measure);
}

/* Of a cell, oldest first. */
static const struct log_entry *entry_of(const struct cell *c, unsigned i)
{
    return &c->entries[(c->next + LOG_CAPACITY - c->n_entries + i) % LOG_CAPACITY];
}

static const struct log_entry **collect(struct vitals *v, size_t *n)
{
    const struct log_entry **all;
    size_t k = 0;
    *n = 0;
    for (struct cursor at = {.record = v->records}; cursor_next(&at);)
        *n += at.cell->n_entries;
    all = xcalloc(*n + 1, sizeof(const struct log_entry *));
    for (struct cursor at = {.record = v->records}; cursor_next(&at);)
        for (unsigned i = 0; i < at.cell->n_entries; i++)
            all[k++] = entry_of(at.cell, i);
    qsort(all, *n, sizeof(const struct log_entry *), newest_first);
    return all;
}

/* How many of the newest ones fit into an answer. */
static size_t fitting(const struct log_entry **all, size_t n)
{
    size_t bytes = 2, i = 0;
    while (i < n && (bytes += strlen(all[i]->json) + 1) <= LOG_MAX_BYTES)
        i++;
    return i;
}

static bool is_among(const struct log_entry *e, const struct log_entry **all, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (all[i] == e)
            return true;
    return false;
}

/* What was counted since logging is on, and is not shown. */
static uint64_t suppressed(const struct cell *c, const struct log_entry **shown, size_t n)
{
    uint64_t counted = c->windows.total - c->logged_from, entries = 0;
    for (unsigned i = 0; i < c->n_entries; i++)
        entries += is_among(entry_of(c, i), shown, n);
    return counted > entries ? counted - entries : 0;
}

static void put_suppressed(struct buf *dst, struct vitals *v, const struct log_entry **shown, size_t n)
{
    json_put_key(dst, S("suppressed"));
    buf_putc(dst, '[');
    for (struct cursor at = {.record = v->records}; cursor_next(&at);) {
        uint64_t count = suppressed(at.cell, shown, n);
        if (!count)
            continue;
        json_put_item(dst);
        buf_putc(dst, '{');
        json_put_member_text(dst, S("category"), slice_str(category_text(at.record->category)));
        json_put_member_text(dst, S("type"), slice_str(measure_text(at.measure)));
        json_put_member_text(dst, S("level"), slice_str(level_text(at.level)));
        put_optional(dst, S("address"), at.record->address[0] ? slice_str(at.record->address) : SLICE_NONE);
        json_put_member_int(dst, S("count"), (int64_t)count);
        buf_putc(dst, '}');
    }
    buf_putc(dst, ']');
}

static void put_entries(struct buf *dst, struct vitals *v, bool on)
{
    size_t n = 0, shown;
    const struct log_entry **all = collect(v, &n);
    shown = fitting(all, n);
    json_put_key(dst, S("connectionLogs"));
    buf_putc(dst, '[');
    for (size_t i = shown; i-- > 0;) {
        json_put_item(dst);
        buf_puts(dst, all[i]->json);
    }
    buf_putc(dst, ']');
    if (on)
        put_suppressed(dst, v, all, shown);
    free(all);
}

void vitals_put_logs(struct buf *dst, struct vitals *v, struct slice id, int64_t wall)
{
    char iso[ISO_SIZE];
    bool on = logging(v, wall);
    if (on)
        v->logs_until = wall + LOG_MS;
    else
        vitals_reset_logs(v);
    buf_puts(dst, "{\"type\":\"connectivity.responses:retrieveConnectionLogs\",\"status\":200");
    json_put_member_text(dst, S("connectionId"), id);
    put_entries(dst, v, on);
    if (on) {
        json_put_member_text(dst, S("enabledSince"), slice_str(clock_iso(iso, v->logs_since)));
        json_put_member_text(dst, S("enabledUntil"), slice_str(clock_iso(iso, v->logs_until)));
    }
    buf_putc(dst, '}');
}
