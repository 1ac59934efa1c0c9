/* leg.c: lines that were handed on, and what waits learn from their fate. */
#include <stdlib.h>

#include "hub/enrich.h"
#include "hub/reply.h"
#include "hub/route.h"

#include "base/banned.h"

/* ---- claims ---- */

void claim_drop(struct claim *c)
{
    struct wait *w = c->wait;
    if (c->next)
        c->next->prev = c->prev;
    if (c->prev)
        c->prev->next = c->next;
    else
        w->claims = c->next;
    c->wait = NULL;
}

static bool claims_label(const struct claim *c, struct slice label, size_t i)
{
    if (c->about >= 0)
        return (size_t)c->about == i;
    for (size_t k = 0; c->about == CLAIM_LABELS && k < c->leg->outlet->n_labels; k++)
        if (slice_eq(c->leg->outlet->labels[k], label))
            return true;
    return false;
}

bool wait_has_leg(const struct wait *w, size_t label)
{
    for (const struct claim *c = w->claims; c; c = c->next)
        if (claims_label(c, w->answers[label].label, label))
            return true;
    return false;
}

/* ---- life of a leg ---- */

struct leg *leg_new(struct member *to, const struct outlet *outlet, char *id)
{
    struct leg *l = xcalloc(1, sizeof *l);
    l->to = to;
    l->outlet = outlet;
    l->claims[0].leg = l->claims[1].leg = l;
    l->entry = pending_add(&to->unsettled, l, id);
    return l;
}

void leg_claim(struct leg *l, struct wait *w, int about)
{
    struct claim *c = &l->claims[l->claims[0].wait != NULL];
    c->wait = w;
    c->about = about;
    c->prev = NULL;
    c->next = w->claims;
    if (c->next)
        c->next->prev = c;
    w->claims = c;
    w->open += about == CLAIM_ARRIVED;
}

void leg_drop(struct leg *l)
{
    pending_remove(&l->to->unsettled, l->entry);
    enrich_unclaimed(l);
    free(l);
}

static void answer_labels(struct wait *w, const struct outlet *o, int status, const struct said *s)
{
    wait_hold(w);
    for (size_t i = 0; i < o->n_labels; i++) {
        int label = wait_missing(w, o->labels[i]);
        if (label >= 0)
            wait_answer(w, (size_t)label, status, s);
    }
    wait_release(w);
}

/* The service that was asked left without an answer: what it caused, if anything, is not known. */
static void give_up(struct wait *w)
{
    wait_hold(w);
    for (size_t i = 0; i < w->n_answers; i++)
        wait_unavailable(w, i, "the service that it was for left");
    wait_release(w);
}

static void answer_claim(struct wait *w, int about, const struct outlet *o, int status, const struct said *s)
{
    if (about <= CLAIM_REPLY) {
        reply_settled(w, (size_t)(CLAIM_REPLY - about), status);
        return;
    }
    bool asked = !o && about > CLAIM_REPLY && !s->by_hub;
    wait_hold(w);
    if (asked && w->kind == REQUEST_OF_TWIN) /* its events have been written before */
        route_others(w, NULL);
    if (about >= 0)
        wait_answer(w, (size_t)about, status, s);
    else if (about == CLAIM_ARRIVED)
        wait_missed(w, status, s);
    else if (about == CLAIM_LABELS)
        answer_labels(w, o, status, s);
    else if (about == CLAIM_NOTHING && s->by_hub)
        give_up(w);
    wait_release(w);
}

void leg_settle(struct leg *l, int status, const struct said *s)
{
    struct claim claims[2] = {l->claims[0], l->claims[1]};
    const struct outlet *o = l->outlet;
    if (l->fetch) {
        enrich_answered(l, status, s);
        return;
    }
    for (size_t i = 0; i < 2; i++)
        if (l->claims[i].wait)
            claim_drop(&l->claims[i]);
    leg_drop(l);
    for (size_t i = 0; i < 2; i++)
        if (claims[i].wait)
            answer_claim(claims[i].wait, claims[i].about, o, status, s);
}

void leg_lose(struct leg *l, const char *reason)
{
    struct ditto_error err = {0};
    struct buf text = {0};
    struct slice label = SLICE_NONE;
    for (size_t i = 0; i < 2; i++) {
        struct claim *c = &l->claims[i];
        if (c->wait && c->about >= 0) {
            label = c->wait->answers[c->about].label;
            c->wait->lost = true;
        }
    }
    wait_put_unavailable(&err, label, reason);
    if (l->outlet || label.p)
        l->to->hub->counters[HUB_UNAVAILABLE].n++;
    struct said s = said_error(&text, &err);
    leg_settle(l, err.status, &s);
    buf_free(&text);
}

/* ---- legs come home ---- */

bool wait_settlement(struct member *m, const struct line *l)
{
    uint64_t unknown = m->unsettled.unknown;
    struct entry *e;
    int64_t parts;
    if (!pending_owns(&m->unsettled, l->id))
        return false;
    if (l->kind == LINE_SETTLEMENT)
        e = pending_settle(&m->unsettled, l->id, pending_status_of(l));
    else if (json_int(l->parts, &parts) == 0 && parts >= 0)
        e = pending_parts(&m->unsettled, l->id, (size_t)parts);
    else
        return false;
    if (!e)
        return m->unsettled.unknown == unknown;
    struct json payload = json_present(l->value) ? l->value : json_present(l->text) ? l->text : l->bytes;
    struct said s = {
        .error = l->error, .value = payload, .headers = l->headers, .weak = json_is(l->weak, JSON_TRUE)};
    leg_settle(e->data, e->status, &s);
    return true;
}

size_t wait_lost(struct member *m, const char *reason)
{
    size_t n = 0;
    for (; m->unsettled.oldest; n++)
        leg_lose(m->unsettled.oldest->data, reason);
    return n;
}

void wait_unsent(struct member *m, struct slice id, const char *reason)
{
    struct entry *e = pending_owns(&m->unsettled, id) ? pending_settle(&m->unsettled, id, 503) : NULL;
    if (e)
        leg_lose(e->data, reason);
}
