#include "hub/wait.h"

#include <stdlib.h>

#include "hub/hash.h"
#include "hub/reply.h"
#include "hub/settle.h"

#include "base/banned.h"

enum { REASON_MAX_BYTES = 4096, PAYLOAD_MAX_BYTES = 100000 };

/* ---- settlements of the hub's own ---- */

static const enum hub_counter counter_of[] = {
    [CLASS_ACCEPT] = HUB_ACCEPTED, [CLASS_REJECT] = HUB_REJECTED, [CLASS_REDELIVER] = HUB_REDELIVERED};

void settle_accept(struct hub *h, struct member *from, struct slice id)
{
    if (!id.p)
        return;
    struct buf *q = member_queue(from);
    size_t at = q->len;
    h->counters[HUB_ACCEPTED].n++;
    line_put_settlement(q, id, 200);
    member_told(from, at);
}

void settle_refuse(struct hub *h, struct member *from, struct slice id, const struct ditto_error *err)
{
    if (!id.p)
        return;
    struct buf *q = member_queue(from);
    size_t at = q->len;
    h->counters[counter_of[line_class_of(err->status)]].n++;
    ditto_error_settle(q, id, err);
    member_told(from, at);
}

static void settle_wait(struct wait *w, enum line_class c)
{
    struct buf *q = member_queue(w->from);
    size_t at = q->len;
    w->hub->counters[counter_of[c]].n++;
    if (c == CLASS_ACCEPT || w->reason.len == 0) {
        line_put_settlement(q, w->id, line_class_status(c));
    } else {
        buf_puts(q, "{\"id\":\"");
        buf_put_slice(q, w->id);
        buf_putc(q, '"');
        json_put_member_int(q, S("status"), line_class_status(c));
        json_put_member(q, S("error"), buf_slice(&w->reason));
        buf_puts(q, "}\n");
    }
    member_told(w->from, at);
}

/* ---- life of a wait ---- */

static void on_timer(struct timer *t);

static size_t bucket(struct slice correlation_id)
{
    return hash_of(correlation_id) % CORRELATIONS;
}

/* In front: of several with one correlation id the newest, which a redelivery is, is answered first. */
static void remember(struct wait *w)
{
    struct wait **at = &w->hub->by_correlation[bucket(w->correlation_id)];
    w->same = *at;
    w->same_at = at;
    if (w->same)
        w->same->same_at = &w->same;
    *at = w;
}

static void forget(struct wait *w)
{
    if (!w->same_at)
        return;
    *w->same_at = w->same;
    if (w->same)
        w->same->same_at = w->same_at;
    w->same_at = NULL;
    w->same = NULL;
}

static struct slice keep(char **at, struct slice s)
{
    struct slice kept = {s.p ? *at : NULL, s.len};
    if (s.len)
        memcpy(*at, s.p, s.len);
    *at += s.len;
    return kept;
}

static void keep_message(struct wait *w, char **at, const struct line *l, const struct topic *t,
                         const struct request *r, const struct reply_to *to)
{
    w->topic = keep(at, t->full);
    w->path = keep(at, json_slice(l->path));
    w->correlation_id = keep(at, r->correlation_id);
    w->divert_to = keep(at, json_raw(r->divert_to));
    w->divert_types = keep(at, json_raw(r->divert_types));
    w->to = *to;
    w->to.connection = keep(at, to->connection);
    w->to.context = keep(at, to->context);
    struct slice expects = keep(at, json_slice(to->expects));
    w->to.expects = (struct json){to->expects.type, expects.p, expects.len};
}

/* A query is answered by its response, which has no label; what requests no acknowledgement, but a response, by that. */
static bool is_lenient(enum request_kind k, const struct request *r)
{
    return k == REQUEST_OF_QUERY || (r->n == 0 && r->response);
}

static size_t answers_of(enum request_kind k, const struct request *r)
{
    return is_lenient(k, r) ? r->response : r->n;
}

static struct slice label_of(enum request_kind k, const struct request *r, size_t i)
{
    struct slice implied = request_implied(k);
    return !is_lenient(k, r) ? r->labels[i] : implied.p ? implied : S("");
}

/* One allocation: the wait, its answers, its texts. */
struct wait *wait_new(struct hub *h, struct member *from, const struct line *l, const struct topic *t,
                      const struct request *r, const struct reply_to *to)
{
    enum request_kind kind = request_kind(t);
    size_t n = answers_of(kind, r), fixed = sizeof(struct wait) + n * sizeof(struct answer);
    size_t text = l->id.len + t->full.len + l->path.len + r->correlation_id.len + r->divert_to.len +
                  r->divert_types.len + to->connection.len + to->context.len + to->expects.len;
    for (size_t i = 0; i < n; i++)
        text += label_of(kind, r, i).len;
    struct wait *w = xmalloc(fixed + text);
    char *at = (char *)w + fixed;
    *w = (struct wait){
        .hub = h, .from = from, .kind = kind, .timeout = r->timeout ? r->timeout : REQUEST_MAX_MS};
    w->open = n + 1;
    w->n_answers = n;
    w->lenient = is_lenient(kind, r);
    w->response = r->response;
    w->answers = (struct answer *)(w + 1);
    w->timer = (struct timer){.at = NEVER, .fire = on_timer, .arg = w};
    w->id = keep(&at, l->id);
    keep_message(w, &at, l, t, r, to);
    for (size_t i = 0; i < n; i++)
        w->answers[i] = (struct answer){.label = keep(&at, label_of(kind, r, i))};
    w->next = from->waits;
    if (w->next)
        w->next->prev = w;
    from->waits = w;
    from->n_waits++;
    h->n_waits++;
    if (w->correlation_id.len && n && kind != REQUEST_OF_QUERY)
        remember(w);
    return w;
}

static void drop_claims(struct wait *w)
{
    while (w->claims) {
        struct leg *l = w->claims->leg;
        claim_drop(w->claims);
        if (!l->claims[0].wait && !l->claims[1].wait)
            leg_drop(l);
    }
}

static void wait_free(struct wait *w)
{
    drop_claims(w);
    forget(w);
    reply_forget(w);
    if (w->timer.at != NEVER)
        loop_timer(w->hub->loop, &w->timer, NEVER);
    if (w->next)
        w->next->prev = w->prev;
    if (w->prev)
        w->prev->next = w->next;
    else
        w->from->waits = w->next;
    w->from->n_waits--;
    w->from->held -= w->texts.len;
    w->hub->n_waits--;
    buf_free(&w->reason);
    buf_free(&w->texts);
    free(w);
}

void wait_close(struct wait *w, enum line_class c)
{
    if (w->id.p)
        settle_wait(w, c);
    wait_free(w);
}

static void end(struct wait *w)
{
    w->over = true;
    drop_claims(w);
    forget(w);
    if (w->timer.at != NEVER)
        loop_timer(w->hub->loop, &w->timer, NEVER);
    reply_finish(w);
}

void wait_hold(struct wait *w)
{
    w->open++;
}

void wait_release(struct wait *w)
{
    if (--w->open == 0 && !w->over)
        end(w);
}

enum line_class wait_decide(const struct wait *w)
{
    int acks[REQUEST_MAX_LABELS];
    struct response all = {.acks = acks, .n_acks = w->n_answers};
    const struct answer *first = w->answers;
    enum line_class c;
    if (w->error_status && (!w->lenient || w->lost))
        return settle_error(w->error_status);
    if (w->lenient)
        return w->lost ? CLASS_REDELIVER : CLASS_ACCEPT;
    if (w->n_answers == 0)
        return w->worst;
    for (size_t i = 0; i < w->n_answers; i++)
        acks[i] = w->answers[i].status;
    if (w->n_answers == 1 && slice_eq(first->label, request_implied(w->kind)))
        all =
            (struct response){.status = first->status, .live = w->kind == REQUEST_OF_LIVE && !first->by_hub};
    c = settle_responses(1, &all, 1);
    return c > w->worst ? c : w->worst;
}

/* ---- answers ---- */

int wait_missing(const struct wait *w, struct slice label)
{
    for (size_t i = 0; !w->over && i < w->n_answers; i++)
        if (slice_eq(w->answers[i].label, label))
            return w->answers[i].status ? -1 : (int)i;
    return -1;
}

/* The error of the worst answer tells most; the first of its class. */
static void keep_reason(struct wait *w, int status, struct json error)
{
    enum line_class c = line_class_of(status);
    if (c == CLASS_ACCEPT || c < w->reason_class || error.len > REASON_MAX_BYTES ||
        !json_is(error, JSON_OBJECT))
        return;
    if (c == w->reason_class && w->reason.len)
        return;
    buf_reset(&w->reason, REASON_MAX_BYTES);
    buf_put_slice(&w->reason, json_slice(error));
    w->reason_class = c;
}

struct span wait_keep_text(struct wait *w, struct slice s)
{
    struct span kept = {w->texts.len, s.len};
    buf_put_slice(&w->texts, s);
    w->from->held += s.len;
    return kept;
}

struct slice wait_text(const struct wait *w, struct span s)
{
    return slice_of(buf_slice(&w->texts).p + s.at, s.len); /* there may be no text at all */
}

static struct span keep_payload(struct wait *w, struct json v)
{
    bool fits = v.type != JSON_ABSENT && v.len <= PAYLOAD_MAX_BYTES;
    return wait_keep_text(w, fits && w->response ? json_slice(v) : SLICE_NONE);
}

void wait_answer(struct wait *w, size_t label, int status, const struct said *s)
{
    struct answer *a = &w->answers[label];
    if (a->status || w->over)
        return;
    a->status = status;
    a->weak = s->weak;
    a->by_hub = s->by_hub;
    a->value = keep_payload(w, s->value.type == JSON_ABSENT ? s->error : s->value);
    a->headers = keep_payload(w, s->headers);
    keep_reason(w, status, s->error.type == JSON_ABSENT ? s->value : s->error);
    wait_release(w);
}

void wait_keep_response(struct wait *w, struct slice rest)
{
    if (!w->response || w->over)
        return;
    w->rest = wait_keep_text(w, rest);
    w->has_rest = true;
}

void wait_fail(struct wait *w, int status, struct json error, struct slice rest)
{
    if (w->over)
        return;
    w->error_status = status;
    keep_reason(w, status, error);
    wait_keep_response(w, rest);
    end(w);
}

void wait_forget_texts(struct wait *w)
{
    w->from->held -= w->texts.len;
    buf_reset(&w->texts, 0);
}

void wait_missed(struct wait *w, int status, const struct said *s)
{
    enum line_class c = line_class_of(status);
    if (c > w->worst)
        w->worst = c;
    keep_reason(w, status, s->error);
    wait_release(w);
}

struct said said_error(struct buf *text, const struct ditto_error *err)
{
    ditto_error_put(text, err, false);
    return (struct said){.error = {JSON_OBJECT, buf_p(text), text->len}, .by_hub = true};
}

void wait_put_unavailable(struct ditto_error *err, struct slice label, const char *reason)
{
    static const char advice[] =
        "The requested Connection is temporarily not available, please retry the performed "
        "action in order to improve resiliency.";
    if (label.len)
        ditto_fail(err, 503, "connectivity:connection.unavailable", advice, NULL,
                   "The acknowledgement '%.*s' is not available: %s.", SLICE_ARG(label), reason);
    else
        ditto_fail(err, 503, "connectivity:connection.unavailable", advice, NULL,
                   "The message was not delivered: %s.", reason);
}

void wait_unavailable(struct wait *w, size_t label, const char *reason)
{
    struct ditto_error err = {0};
    struct buf text = {0};
    if (w->answers[label].status || w->over)
        return;
    wait_put_unavailable(&err, w->answers[label].label, reason);
    w->lost = true;
    w->hub->counters[HUB_UNAVAILABLE].n++;
    struct said s = said_error(&text, &err);
    wait_answer(w, label, err.status, &s);
    buf_free(&text);
}

/* ---- the end of patience ---- */

static void answer_late(struct wait *w, size_t label)
{
    struct ditto_error err = {0};
    struct buf text = {0};
    struct slice name = w->answers[label].label;
    if (w->n_answers == 1 && (w->kind == REQUEST_OF_QUERY || slice_eq(name, request_implied(w->kind))))
        ditto_fail(&err, 408, "command.timeout", "Try increasing the command timeout.", NULL,
                   "The command reached the timeout of %lldms.", (long long)w->timeout);
    else
        ditto_fail(
            &err, 408, "acknowledgement:request.timeout",
            "Try increasing the timeout and make sure that the requested acknowledgement is sent back in time.",
            NULL, "The acknowledgement '%.*s' did not come within %lld ms.", SLICE_ARG(name),
            (long long)w->timeout);
    w->lost = true;
    w->hub->counters[HUB_TIMED_OUT].n++;
    struct said s = said_error(&text, &err);
    wait_answer(w, label, err.status, &s);
    buf_free(&text);
}

static void timed_out(struct wait *w)
{
    wait_hold(w);
    for (size_t i = 0; i < w->n_answers; i++)
        if (!w->answers[i].status)
            answer_late(w, i);
    for (struct claim *c = w->claims, *next; c; c = next) {
        next = c->next;
        if (c->about != CLAIM_ARRIVED)
            continue;
        w->worst = CLASS_REDELIVER;
        w->open--;
    }
    wait_release(w);
}

static void on_timer(struct timer *t)
{
    struct wait *w = t->arg;
    if (w->over)
        reply_again(w);
    else
        timed_out(w);
}

void wait_start(struct wait *w)
{
    if (w->open > 1)
        loop_timer(w->hub->loop, &w->timer, clock_ms() + w->timeout);
    wait_release(w);
}

void wait_abandon(struct member *from)
{
    from->hub->counters[HUB_ABANDONED].n += from->n_waits;
    while (from->waits)
        wait_free(from->waits);
}

/* ---- devices ---- */

static struct slice entity_of(struct slice topic)
{
    struct slice rest = topic;
    size_t namespace = slice_cut(&rest, '/').len, name = slice_cut(&rest, '/').len;
    return slice_of(topic.p, namespace + 1 + name);
}

struct wait *wait_for_device(struct hub *h, struct slice correlation_id, const struct topic *t,
                             struct slice label)
{
    for (struct wait *w = correlation_id.p ? h->by_correlation[bucket(correlation_id)] : NULL; w; w = w->same)
        if (slice_eq(w->correlation_id, correlation_id) &&
            slice_eq(entity_of(w->topic), entity_of(t->full)) && wait_missing(w, label) >= 0)
            return w;
    return NULL;
}
