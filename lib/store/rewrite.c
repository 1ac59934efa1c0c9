#include "store/rewrite.h"

#include <errno.h>
#include <stdlib.h>

#include "base/banned.h"

void rewrite_stop(struct rewrite *w)
{
    if (w->phase > REWRITE_PLAN)
        w->store->log->backend->rewrite_abandon(w->store->log);
    state_free(&w->past);
    free((char *)w->done.p);
    *w = (struct rewrite){.dropped = w->dropped};
}

void rewrite_start(struct rewrite *w, struct store *s, int64_t before)
{
    rewrite_stop(w);
    *w = (struct rewrite){
        .phase = REWRITE_PLAN, .store = s, .before = before, .seal = s->stale, .cut = store_cut(s)};
}

/* --- what is old -------------------------------------------------------------------------------------------------- */

static bool plan(void *arg, const struct record *r)
{
    struct rewrite *w = arg;
    bool base = r->position <= store_cut(w->store);
    if (!w->steps_left-- || (!base && r->time >= w->before))
        return false;
    state_apply(&w->past, r);
    state_keep(&w->past);
    w->position = r->position;
    w->dropped++;
    if (!base)
        w->cut = r->position;
    return true;
}

static int begin(struct rewrite *w)
{
    const struct log_backend *b = w->store->log->backend;
    w->dropped -= w->past.n;
    if (!w->dropped && !w->seal) {
        rewrite_stop(w);
        return 0;
    }
    if (b->rewrite_begin(w->store->log, w->cut, w->past.n) != 0)
        return -1;
    w->phase = REWRITE_BASES;
    return 1;
}

static int plan_more(struct rewrite *w)
{
    uint64_t before = w->position;
    if (store_read(w->store, w->position, plan, w) != 0)
        return -1;
    return w->position == before || w->position == store_position(w->store) ? begin(w) : 1;
}

/* --- what is written ---------------------------------------------------------------------------------------------- */

static int put(struct rewrite *w, const struct record *plain)
{
    struct record r = *plain;
    struct buf sealed = {0};
    int rc = vault_seal(&w->store->vault, &sealed, plain->payload);
    r.payload = buf_slice(&sealed);
    if (rc == 0)
        rc = w->store->log->backend->rewrite_put(w->store->log, &r);
    int why = errno;
    buf_wipe(&sealed);
    errno = why;
    return rc;
}

static int put_base(struct rewrite *w, const struct held *h)
{
    struct buf payload = {0};
    held_put_snapshot(&payload, h, w->store->vault.mark);
    struct record r = {.kind = RECORD_SNAPSHOT,
                       .id = h->id,
                       .revision = h->revision,
                       .position = h->position,
                       .time = h->time,
                       .payload = buf_slice(&payload)};
    int rc = put(w, &r);
    buf_wipe(&payload);
    free((char *)w->done.p);
    w->done = slice_dup(h->id);
    return rc;
}

static int put_bases(struct rewrite *w)
{
    const struct held *h = NULL;
    while (w->steps_left-- && (h = state_next(&w->past, w->done)))
        if (put_base(w, h) != 0)
            return -1;
    if (h)
        return 1;
    state_free(&w->past);
    w->position = w->cut;
    w->phase = REWRITE_TAIL;
    return 1;
}

static bool put_event(void *arg, const struct record *r)
{
    struct rewrite *w = arg;
    if (!w->steps_left)
        return false;
    w->steps_left--;
    if (put(w, r) != 0) {
        w->steps_left = UINT64_MAX; /* a sign for put_tail */
        return false;
    }
    w->position = r->position;
    return true;
}

static int put_tail(struct rewrite *w)
{
    if (store_read(w->store, w->position, put_event, w) != 0 || w->steps_left == UINT64_MAX)
        return -1;
    if (w->position < store_position(w->store))
        return 1;
    if (w->store->log->backend->rewrite_end(w->store->log) != 0)
        return -1;
    w->store->stale &= !w->seal;
    w->phase = REWRITE_NOTHING;
    rewrite_stop(w);
    return 0;
}

int rewrite_step(struct rewrite *w)
{
    int rc = 0;
    w->steps_left = REWRITE_STEP;
    switch (w->phase) {
    case REWRITE_NOTHING: return 0;
    case REWRITE_PLAN: rc = plan_more(w); break;
    case REWRITE_BASES: rc = put_bases(w); break;
    case REWRITE_TAIL: rc = put_tail(w); break;
    }
    if (rc < 0) {
        int why = errno;
        rewrite_stop(w);
        errno = why;
    }
    return rc;
}
