#include "hub/wait.h"

#include <stdlib.h>

#include "hub/settle.h"

#include "base/banned.h"

enum { REASON_MAX_BYTES = 4096 };

struct answer {
    struct slice label; /* in the wait's own bytes */
    int status;         /* 0: still to come */
};

struct wait {
    struct hub *hub;
    struct member *from;
    struct wait *prev, *next; /* of from */
    struct slice id;          /* in the wait's own bytes */
    msec timeout;
    struct timer timer;
    size_t open; /* labels without an answer, and one more until wait_start */
    struct buf reason;
    enum line_class reason_class;
    size_t n_answers, n_legs;
    struct answer *answers;
    struct leg *legs;
};

/* ---- settlements of the hub's own ---- */

static const enum hub_counter counter_of[] = {
    [CLASS_ACCEPT] = HUB_ACCEPTED, [CLASS_REJECT] = HUB_REJECTED, [CLASS_REDELIVER] = HUB_REDELIVERED};

void settle_accept(struct hub *h, struct member *from, struct slice id)
{
    if (!id.p)
        return;
    h->counters[HUB_ACCEPTED].n++;
    line_put_settlement(member_queue(from), id, 200);
}

void settle_refuse(struct hub *h, struct member *from, struct slice id, const struct ditto_error *err)
{
    if (!id.p)
        return;
    h->counters[counter_of[line_class_of(err->status)]].n++;
    ditto_error_settle(member_queue(from), id, err);
}

static void settle_wait(struct wait *w, enum line_class c)
{
    struct buf *q = member_queue(w->from);
    w->hub->counters[counter_of[c]].n++;
    if (c == CLASS_ACCEPT || w->reason.len == 0) {
        line_put_settlement(q, w->id, line_class_status(c));
        return;
    }
    buf_puts(q, "{\"id\":\"");
    buf_put_slice(q, w->id);
    buf_putc(q, '"');
    json_put_member_int(q, S("status"), line_class_status(c));
    json_put_member(q, S("error"), buf_slice(&w->reason));
    buf_puts(q, "}\n");
}

/* ---- life of a wait ---- */

static void wait_timed_out(struct timer *t);

static struct slice keep(char **at, struct slice s)
{
    struct slice kept = {*at, s.len};
    memcpy(*at, s.p, s.len);
    *at += s.len;
    return kept;
}

/* One allocation: the wait, its answers, its legs, its texts. */
struct wait *wait_new(struct hub *h, struct member *from, struct slice id, const struct request *r,
                      size_t max_legs)
{
    size_t text = id.len;
    for (size_t i = 0; i < r->n; i++)
        text += r->labels[i].len;
    size_t fixed = sizeof(struct wait) + r->n * sizeof(struct answer) + max_legs * sizeof(struct leg);
    struct wait *w = xmalloc(fixed + text);
    char *at = (char *)w + fixed;
    *w = (struct wait){.hub = h, .from = from, .timeout = r->timeout, .open = r->n + 1, .n_answers = r->n};
    w->answers = (struct answer *)(w + 1);
    w->legs = (struct leg *)(w->answers + r->n);
    w->timer = (struct timer){.at = NEVER, .fire = wait_timed_out, .arg = w};
    w->id = keep(&at, id);
    for (size_t i = 0; i < r->n; i++)
        w->answers[i] = (struct answer){keep(&at, r->labels[i]), 0};
    w->next = from->waits;
    if (w->next)
        w->next->prev = w;
    from->waits = w;
    from->n_waits++;
    h->n_waits++;
    return w;
}

static void wait_free(struct wait *w)
{
    for (size_t i = 0; i < w->n_legs; i++)
        if (w->legs[i].entry)
            pending_remove(&w->legs[i].to->unsettled, w->legs[i].entry);
    if (w->timer.at != NEVER)
        loop_timer(w->hub->loop, &w->timer, NEVER);
    if (w->next)
        w->next->prev = w->prev;
    if (w->prev)
        w->prev->next = w->next;
    else
        w->from->waits = w->next;
    w->from->n_waits--;
    w->hub->n_waits--;
    buf_free(&w->reason);
    free(w);
}

static enum line_class decide(const struct wait *w)
{
    int acks[REQUEST_MAX_LABELS];
    struct response all = {.acks = acks, .n_acks = w->n_answers};
    for (size_t i = 0; i < w->n_answers; i++)
        acks[i] = w->answers[i].status;
    return settle_responses(1, &all, 1);
}

static void release(struct wait *w)
{
    if (--w->open > 0)
        return;
    settle_wait(w, decide(w));
    wait_free(w);
}

void wait_leg(struct wait *w, size_t label, struct member *to, char *id)
{
    struct leg *leg = &w->legs[w->n_legs++];
    *leg = (struct leg){w, to, NULL, label};
    leg->entry = pending_add(&to->unsettled, leg, id);
}

bool wait_has_answer(const struct wait *w, size_t label)
{
    return w->answers[label].status != 0;
}

bool wait_has_leg(const struct wait *w, size_t label)
{
    for (size_t i = 0; i < w->n_legs; i++)
        if (w->legs[i].label == label)
            return true;
    return false;
}

/* The error of the worst answer tells most; the first of its class. */
static void keep_reason(struct wait *w, int status, struct slice error)
{
    enum line_class c = line_class_of(status);
    if (c == CLASS_ACCEPT || c < w->reason_class || error.len > REASON_MAX_BYTES)
        return;
    if (c == w->reason_class && w->reason.len)
        return;
    buf_reset(&w->reason, REASON_MAX_BYTES);
    buf_put_slice(&w->reason, error);
    w->reason_class = c;
}

void wait_answer(struct wait *w, size_t label, int status, struct slice error)
{
    if (wait_has_answer(w, label))
        return;
    w->answers[label].status = status;
    keep_reason(w, status, error);
    release(w);
}

static void answer_error(struct wait *w, size_t label, const struct ditto_error *err)
{
    struct buf error = {0};
    ditto_error_put(&error, err, false);
    wait_answer(w, label, err->status, buf_slice(&error));
    buf_free(&error);
}

void wait_unavailable(struct wait *w, size_t label, const char *reason)
{
    struct ditto_error err = {0};
    struct slice text = w->answers[label].label;
    if (wait_has_answer(w, label))
        return;
    ditto_fail(
        &err, 503, "connectivity:connection.unavailable",
        "The requested Connection is temporarily not available, please retry the performed action in order to "
        "improve resiliency.",
        NULL, "The acknowledgement '%.*s' is not available: %s.", SLICE_ARG(text), reason);
    w->hub->counters[HUB_UNAVAILABLE].n++;
    answer_error(w, label, &err);
}

void wait_start(struct wait *w)
{
    if (w->open > 1)
        loop_timer(w->hub->loop, &w->timer, clock_ms() + w->timeout);
    release(w);
}

static void answer_late(struct wait *w, size_t label)
{
    struct ditto_error err = {0};
    ditto_fail(
        &err, 408, "acknowledgement:request.timeout",
        "Try increasing the timeout and make sure that the requested acknowledgement is sent back in time.",
        NULL, "The acknowledgement '%.*s' did not come within %lld ms.", SLICE_ARG(w->answers[label].label),
        (long long)w->timeout);
    w->hub->counters[HUB_TIMED_OUT].n++;
    answer_error(w, label, &err);
}

static void wait_timed_out(struct timer *t)
{
    struct wait *w = t->arg;
    w->open++; /* so that the last answer does not free it under our hands */
    for (size_t i = 0; i < w->n_answers; i++)
        if (!wait_has_answer(w, i))
            answer_late(w, i);
    release(w);
}

/* ---- legs come home ---- */

/* The entry is complete, or will never be. Its wait may be gone afterwards. */
static struct wait *take_leg(struct member *m, struct entry *e, size_t *label)
{
    struct leg *leg = e->data;
    leg->entry = NULL;
    *label = leg->label;
    pending_remove(&m->unsettled, e);
    return leg->wait;
}

bool wait_settlement(struct member *m, const struct line *l)
{
    uint64_t unknown = m->unsettled.unknown;
    struct entry *e;
    int64_t parts;
    size_t label;
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
    int status = e->status;
    struct wait *w = take_leg(m, e, &label);
    wait_answer(w, label, status, json_is(l->error, JSON_OBJECT) ? json_slice(l->error) : SLICE_NONE);
    return true;
}

static void lose(struct member *m, struct entry *e, const char *reason)
{
    size_t label;
    struct wait *w = take_leg(m, e, &label);
    wait_unavailable(w, label, reason);
}

size_t wait_lost(struct member *m, const char *reason)
{
    size_t n = 0;
    for (; m->unsettled.oldest; n++)
        lose(m, m->unsettled.oldest, reason);
    return n;
}

void wait_unsent(struct member *m, struct slice id, const char *reason)
{
    struct entry *e = pending_owns(&m->unsettled, id) ? pending_settle(&m->unsettled, id, 503) : NULL;
    if (e)
        lose(m, e, reason);
}

void wait_abandon(struct member *from)
{
    from->hub->counters[HUB_ABANDONED].n += from->n_waits;
    while (from->waits)
        wait_free(from->waits);
}
