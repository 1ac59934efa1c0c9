#include "supervise/vitals.h"

#include <stdlib.h>

#include "supervise/reports.h"

#include "base/banned.h"

static void cell_free(struct cell *c)
{
    for (size_t i = 0; c && i < LOG_CAPACITY; i++)
        free(c->entries[i].json);
    free(c);
}

static void record_free(struct record *r)
{
    for (size_t m = 0; m < MEASURES; m++)
        for (size_t l = 0; l < LEVELS; l++)
            cell_free(r->cells[m][l]);
    free(r->address);
    free(r);
}

void vitals_free(struct vitals *v)
{
    while (v->records) {
        struct record *r = v->records;
        v->records = r->next;
        record_free(r);
    }
    free(v->last_error.json);
    reports_forget(v);
}

static struct record *record_of(struct vitals *v, enum category category, struct slice address)
{
    struct record **at = &v->records;
    for (; *at; at = &(*at)->next)
        if ((*at)->category == category && slice_eq(slice_str((*at)->address), address))
            return *at;
    struct record *r = *at = xcalloc(1, sizeof *r);
    r->category = category;
    r->address = xstrndup(address.p, address.len);
    return r;
}

struct cell *vitals_cell(struct vitals *v, enum category category, struct slice address, enum measure measure,
                         enum outcome_level level)
{
    struct cell **at = &record_of(v, category, address)->cells[measure][level];
    if (!*at)
        *at = xcalloc(1, sizeof **at);
    return *at;
}

void source_address_put(struct buf *dst, const struct source *s, int address)
{
    if (address != ALL_ADDRESSES) {
        if ((size_t)address < s->addresses.n)
            connection_put_shown_address(dst, s->addresses.v[address]);
        return;
    }
    for (size_t i = 0; i < s->addresses.n; i++) {
        if (i)
            buf_putc(dst, ';');
        connection_put_shown_address(dst, s->addresses.v[i]);
    }
}

/* --- places of former documents ----------------------------------------------------------------------------------- */

static bool names_source(const struct connection *c, struct slice address)
{
    struct buf b = {0};
    bool found = false;
    for (size_t i = 0; i < c->n_sources && !found; i++)
        for (int a = ALL_ADDRESSES; a < (int)c->sources[i].addresses.n && !found; a++) {
            buf_cut(&b, 0);
            source_address_put(&b, &c->sources[i], a);
            found = slice_eq(buf_slice(&b), address);
        }
    buf_free(&b);
    return found;
}

static bool names_target(const struct connection *c, struct slice address)
{
    struct buf b = {0};
    bool found = false;
    for (size_t i = 0; i < c->n_targets && !found; i++) {
        buf_cut(&b, 0);
        connection_put_shown_address(&b, c->targets[i].address);
        found = slice_eq(buf_slice(&b), address);
    }
    buf_free(&b);
    return found;
}

static bool is_former(const struct record *r, const struct connection *c)
{
    return (r->category == CATEGORY_SOURCE && !names_source(c, slice_str(r->address))) ||
           (r->category == CATEGORY_TARGET && !names_target(c, slice_str(r->address)));
}

/* When it counted last, on the wall clock; 0: not within a day. */
static int64_t last_count(const struct record *r, msec now)
{
    int64_t last = 0;
    for (size_t m = 0; m < MEASURES; m++)
        for (size_t l = 0; l < LEVELS; l++) {
            const struct cell *cell = r->cells[m][l];
            if (cell && windows_sum(&cell->windows, WINDOW_DAY, now) && cell->windows.last > last)
                last = cell->windows.last;
        }
    return last;
}

void vitals_prune(struct vitals *v, const struct connection *c, msec now)
{
    for (;;) {
        struct record **oldest = NULL;
        int64_t last = 0;
        size_t n = 0;
        for (struct record **at = &v->records; *at; at = &(*at)->next) {
            int64_t counted = is_former(*at, c) ? last_count(*at, now) : INT64_MAX;
            n += counted < INT64_MAX;
            if (counted < INT64_MAX && (!oldest || counted < last)) {
                oldest = at;
                last = counted;
            }
        }
        if (!oldest || (last && n <= FORMER_PLACES))
            return;
        struct record *gone = *oldest;
        *oldest = gone->next;
        record_free(gone);
    }
}
