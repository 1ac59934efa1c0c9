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

void vitals_free(struct vitals *v)
{
    while (v->records) {
        struct record *r = v->records;
        v->records = r->next;
        for (size_t m = 0; m < MEASURES; m++)
            for (size_t l = 0; l < LEVELS; l++)
                cell_free(r->cells[m][l]);
        free(r->address);
        free(r);
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
