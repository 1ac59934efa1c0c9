#include "hub/tally.h"

#include <stdlib.h>
#include <unistd.h>

#include "hub/hub.h"

#include "base/banned.h"

enum {
    CONTROL_MAX_BYTES = 1024 * 1024 /* queued for control: what exceeds them waits for the next report */
};

/* --- counting ----------------------------------------------------------------------------------------------------- */

/* Lives differ between members, and between hubs. */
static int64_t new_life(void)
{
    static int64_t n;
    return (int64_t)getpid() << 32 | ++n;
}

static size_t n_meters(const struct member *m)
{
    return m->n_outlets + 2;
}

static void open_meters(struct member *m)
{
    struct tally *t = &m->tally;
    t->meters = xcalloc(n_meters(m), sizeof *t->meters);
    t->life = new_life();
    for (size_t i = 0; i < m->n_outlets; i++)
        t->meters[i].place = (struct place){CATEGORY_TARGET, (unsigned)i, ALL_ADDRESSES};
    t->meters[m->n_outlets].place = (struct place){CATEGORY_RESPONSE, 0, ALL_ADDRESSES};
    t->meters[m->n_outlets + 1].place = (struct place){CATEGORY_CONNECTION, 0, ALL_ADDRESSES};
}

static void count(struct member *m, size_t at, enum measure what, bool success, uint64_t n)
{
    struct hub *h = m->hub;
    struct tally *t = &m->tally;
    if (m->role != ROLE_OUT || t->closed || !n)
        return;
    if (!t->meters)
        open_meters(m);
    t->meters[at].counts[what][success] += n;
    t->meters[at].dirty = t->dirty = true;
    if (h->telling.at == NEVER)
        loop_timer(h->loop, &h->telling, clock_ms() + REPORT_MS);
}

void tally_target(struct member *m, size_t target, enum measure what, bool success)
{
    count(m, target, what, success, 1);
}

void tally_response(struct member *m)
{
    count(m, m->n_outlets, MEASURE_DISPATCHED, true, 1);
}

void tally_lost(struct member *m, uint64_t n)
{
    count(m, m->n_outlets + 1, MEASURE_DROPPED, false, n);
}

/* --- telling ------------------------------------------------------------------------------------------------------ */

static struct member *control_of(const struct hub *h)
{
    struct member *m = h->members;
    while (m && m->role != ROLE_CONTROL)
        m = m->next;
    return m;
}

static void put_meter(struct buf *dst, const struct member *m, struct meter *meter)
{
    buf_puts(dst, "{\"report\":\"meter\",\"from\":\"conn-hub\"");
    json_put_member_int(dst, S("life"), m->tally.life);
    json_put_member_text(dst, S("connection"), m->connection.id);
    json_put_member_int(dst, S("client"), m->client);
    place_put(dst, &meter->place);
    meter_put_counts(dst, meter);
    buf_puts(dst, "}\n");
    meter->dirty = false;
}

/* False: control has no room, or is not there. */
static bool tell(struct member *m)
{
    struct member *control = control_of(m->hub);
    struct tally *t = &m->tally;
    if (!t->dirty)
        return true;
    if (!control || control->queue.len > CONTROL_MAX_BYTES)
        return false;
    for (size_t i = 0; i < n_meters(m); i++)
        if (t->meters[i].dirty)
            put_meter(member_queue(control), m, &t->meters[i]);
    t->dirty = false;
    return true;
}

void tally_close(struct member *m)
{
    struct tally *t = &m->tally;
    if (!t->closed)
        (void)tell(m);
    t->closed = true;
    free(t->meters);
    t->meters = NULL;
    t->dirty = false;
}

/* Without control nobody wants to know, until something else is counted. */
static void on_telling(struct timer *t)
{
    struct hub *h = t->arg;
    bool all = true;
    for (struct member *m = h->members; m; m = m->next)
        all &= tell(m);
    if (!all && control_of(h))
        loop_timer(h->loop, t, clock_ms() + REPORT_MS);
}

void tally_start(struct hub *h)
{
    h->telling = (struct timer){.at = NEVER, .fire = on_telling, .arg = h};
}

void tally_stop(struct hub *h)
{
    loop_timer(h->loop, &h->telling, NEVER);
}
