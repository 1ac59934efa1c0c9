#include "hub/route.h"

#include "base/log.h"
#include "hub/answer.h"
#include "hub/enrich.h"
#include "hub/reply.h"
#include "hub/tap.h"
#include "hub/visible.h"

#include "base/banned.h"

enum { REST_KEEP_BYTES = 256 * 1024, NO_CLAIM = -100 };

/* ---- the line without what is ours ---- */

static void put_run(struct buf *dst, size_t start, const char *from, const char *to)
{
    if (!from)
        return;
    if (dst->len > start)
        buf_putc(dst, ',');
    buf_put(dst, from, (size_t)(to - from));
}

/* Kept members that stand side by side are copied in one run. Every `id` and `context` goes, repeated ones too: a
 * second one would win over that of the hub. */
void route_rest(struct slice line, struct buf *dst)
{
    struct slice text = slice_trim(line);
    struct json object = {JSON_OBJECT, text.p, text.len};
    const char *from = NULL, *to = NULL;
    size_t start = dst->len;
    for (struct json_iter it = json_iter(object); json_next(&it);) {
        if (json_key_is(it.key, S("id")) || json_key_is(it.key, S("context"))) {
            put_run(dst, start, from, to);
            from = NULL;
            continue;
        }
        if (!from)
            from = it.key.p - 1;
        to = it.value.p + it.value.len;
    }
    put_run(dst, start, from, to);
    buf_putc(dst, '}');
}

/* ---- a message on its way ---- */

struct passage {
    struct hub *h;
    struct member *from;
    const struct line *l;
    struct topic topic;
    struct request request;
    struct reply_to to;
    struct origin origin;
    struct wait *wait, *cause; /* NULL: none */
    struct member *service;
    struct slice subjects; /* `"subjects":[…]`, or nothing */
    bool partly;           /* an event that some may read in part */
};

/* The command that made this event, while it is awaited. */
static struct wait *cause_of(const struct passage *p)
{
    struct slice id =
        p->from->role == ROLE_SERVICE ? json_raw(json_get(p->l->context, S("cause"))) : SLICE_NONE;
    struct entry *e =
        id.p && pending_owns(&p->from->unsettled, id) ? pending_find(&p->from->unsettled, id) : NULL;
    const struct leg *leg = e ? e->data : NULL;
    return leg && !leg->outlet && !leg->fetch ? leg->claims[0].wait : NULL;
}

static struct slice connection_of(const struct passage *p)
{
    struct slice named = json_raw(json_get(p->l->context, S("origin")));
    if (p->from->role == ROLE_IN)
        return p->from->connection.id;
    if (p->from->role != ROLE_SERVICE || named.p)
        return named;
    return p->cause && p->cause->from->role == ROLE_IN ? p->cause->from->connection.id : SLICE_NONE;
}

static void put_subjects(struct passage *p)
{
    struct json subjects = json_get(p->l->context, S("subjects"));
    buf_reset(&p->h->more, REST_KEEP_BYTES);
    if (!json_is(subjects, JSON_ARRAY))
        return;
    buf_puts(&p->h->more, "\"subjects\":");
    buf_put_slice(&p->h->more, json_slice(subjects));
    p->subjects = buf_slice(&p->h->more);
}

/* ---- handing on ---- */

/* What a wait has to learn from a line for an outlet. */
static int claim_of(const struct wait *w, const struct outlet *o)
{
    int claim = NO_CLAIM;
    for (size_t i = 0; w && i < o->n_labels; i++) {
        int label = wait_missing(w, o->labels[i]);
        if (label >= 0)
            claim = claim == NO_CLAIM ? label : CLAIM_LABELS;
    }
    return claim;
}

static void refuse_labels(struct wait *w, const struct outlet *o)
{
    for (size_t i = 0; w && i < o->n_labels; i++) {
        int label = wait_missing(w, o->labels[i]);
        if (label >= 0)
            wait_unavailable(w, (size_t)label, "the queue of who answers it is full");
    }
}

/* A message that nobody waits for is dropped; an event that a command waits for is not to be forgotten by who made it. */
static void overflow(struct passage *p, const struct match *m, bool labelled)
{
    const struct outlet *o = &m->to->outlets[m->outlet];
    member_overflowed(m->to, labelled);
    tally_target(m->to, m->outlet, MEASURE_DROPPED, false);
    if (!labelled)
        p->h->counters[HUB_DROPPED].n++;
    if (labelled && p->wait)
        p->wait->worst = CLASS_REDELIVER;
    refuse_labels(p->wait, o);
    refuse_labels(p->cause, o);
}

static void hand_rest(struct passage *p, const struct match *m, struct slice rest)
{
    struct hub *h = p->h;
    const struct outlet *o = &m->to->outlets[m->outlet];
    int own = claim_of(p->wait, o), caused = claim_of(p->cause, o);
    struct leg *leg = NULL;
    char id[PENDING_ID_SIZE];
    tally_target(m->to, m->outlet, MEASURE_DISPATCHED, true);
    if (!member_has_room(m->to, rest.len + p->subjects.len)) {
        overflow(p, m, own != NO_CLAIM || caused != NO_CLAIM);
        return;
    }
    if (own == NO_CLAIM && p->wait && p->from->role != ROLE_IN && p->l->id.p)
        own = CLAIM_ARRIVED;
    if (own != NO_CLAIM || caused != NO_CLAIM)
        leg = leg_new(m->to, o, id);
    if (own != NO_CLAIM)
        leg_claim(leg, p->wait, own);
    if (caused != NO_CLAIM)
        leg_claim(leg, p->cause, caused);
    if (m->filter->extra_fields.n) {
        enrich_hand(h, m, &p->topic, leg, id, p->subjects, rest);
        return;
    }
    h->counters[HUB_HANDED].n++;
    member_hand(m->to, leg ? id : NULL, buf_slice(&o->context), p->subjects, rest);
}

/* Of what a target may read in part it gets that part; of what leaves nothing it gets nothing, as if it were filtered. */
static void hand(struct passage *p, const struct match *m)
{
    struct buf part = {0};
    if (!p->partly)
        hand_rest(p, m, buf_slice(&p->h->rest));
    else if (visible_put(&part, p->l, p->origin.readers, &m->to->outlets[m->outlet]))
        hand_rest(p, m, buf_slice(&part));
    buf_free(&part);
}

/* A service sees where a message comes from, and whom it was sent by; connection and client are the hub's word. */
static void put_service_context(const struct passage *p, struct buf *dst)
{
    const struct member *from = p->from;
    if (from->role != ROLE_IN) {
        buf_put_slice(dst, p->subjects);
        return;
    }
    json_put_text(dst, S("connection"));
    buf_putc(dst, ':');
    json_put_text(dst, from->connection.id);
    json_put_member_int(dst, S("client"), from->client);
    if (!json_is(p->l->context, JSON_OBJECT))
        return;
    for (struct json_iter it = json_iter(p->l->context); json_next(&it);) {
        if (json_key_is(it.key, S("connection")) || json_key_is(it.key, S("client")))
            continue;
        buf_puts(dst, ",\"");
        buf_put_slice(dst, it.key);
        buf_puts(dst, "\":");
        buf_put_slice(dst, json_slice(it.value));
    }
}

static int claim_of_service(const struct passage *p)
{
    enum request_kind k = p->wait->kind;
    int label = wait_missing(p->wait, k == REQUEST_OF_QUERY ? S("") : request_implied(k));
    if (label >= 0)
        return label;
    return k == REQUEST_OF_STREAM ? CLAIM_ARRIVED : CLAIM_NOTHING;
}

static void hand_to_service(struct passage *p)
{
    struct hub *h = p->h;
    struct buf context = {0};
    char id[PENDING_ID_SIZE];
    struct leg *leg = leg_new(p->service, NULL, id);
    put_service_context(p, &context);
    if (p->wait)
        leg_claim(leg, p->wait, claim_of_service(p));
    else
        leg_drop(leg); /* it has its id; nobody waits */
    h->counters[HUB_ASKED].n++;
    member_hand(p->service, id, S("\"context\":{"), buf_slice(&context), buf_slice(&h->rest));
    buf_free(&context);
}

/* ---- labels that no line answers ---- */

static bool got(const struct matches *all, struct slice connection)
{
    for (size_t i = 0; all && i < all->n; i++)
        if (all->v[i].to->role == ROLE_OUT && slice_eq(all->v[i].to->connection.id, connection))
            return true;
    return false;
}

bool route_others(struct wait *w, const struct matches *all)
{
    static const struct said weak = {.weak = true};
    struct origin o = {.from = w->from,
                       .connection = w->from->role == ROLE_IN ? w->from->connection.id : SLICE_NONE};
    bool away = false;
    for (size_t i = 0; !w->over && i < w->n_answers; i++) {
        struct slice by = SLICE_NONE, label = w->answers[i].label;
        if (w->answers[i].status || wait_has_leg(w, i) || slice_eq(label, request_implied(w->kind)))
            continue;
        switch (directory_label(&w->hub->directory, label, &o, &by)) {
        case LABEL_PRESENT: wait_answer(w, i, 200, &weak); break;
        case LABEL_AWAY:
            away = true;
            wait_unavailable(w, i, "who answers it is away");
            break;
        case LABEL_DECLARED:
            if (all && !got(all, by))
                wait_answer(w, i, 200, &weak);
            break;
        case LABEL_NOBODY: break;
        }
    }
    return away;
}

/* A response can only come from who got the message. */
static void answer_nobody(struct passage *p, size_t n)
{
    struct wait *w = p->wait;
    int label = n || p->service ? -1 : wait_missing(w, S("live-response"));
    struct ditto_error err = {0};
    struct buf text = {0};
    if (label < 0)
        return;
    ditto_fail(&err, 408, "command.timeout", "Try again when somebody is there.", NULL,
               "Nobody is there who could answer the message.");
    ditto_error_put(&text, &err, false);
    struct said s = {.error = {JSON_OBJECT, buf_p(&text), text.len}, .by_hub = true};
    w->lost = true;
    wait_answer(w, (size_t)label, err.status, &s);
    buf_free(&text);
}

/* ---- a message ---- */

static bool any_full(const struct passage *p, const struct matches *all)
{
    size_t len = p->l->raw.len;
    for (size_t i = 0; i < all->n; i++)
        if (!member_has_room(all->v[i].to, len))
            return true;
    return p->service && !member_has_room(p->service, len);
}

static void refuse(struct passage *p, const struct ditto_error *err)
{
    hub_complain(p->h, "cannot route a message of %s: %s", member_name(p->from), err->message);
    reply_refuse(p->h, p->from, p->l, &p->topic, &p->request, &p->to, err);
}

static void refuse_bad(struct passage *p, const struct ditto_error *err)
{
    p->h->counters[HUB_BAD].n++;
    refuse(p, err);
}

/* Things and policies have a service, if not just now: a redelivery may find it. There may never be one for the rest: so the
 * broker may dead-letter it. */
static void refuse_unserved(struct passage *p)
{
    const struct topic *t = &p->topic;
    struct ditto_error err = {0};
    bool command = t->criterion == CRITERION_COMMANDS && t->verb != ACTION_CHECK_PERMISSIONS &&
                   !json_present(p->l->status);
    struct slice full = slice_of(t->full.p, t->full.len < 200 ? t->full.len : 200);
    p->h->counters[HUB_UNSERVED].n++;
    p->request.response = p->request.response || request_kind(t) == REQUEST_OF_STREAM;
    if (command && t->group == GROUP_THINGS)
        ditto_fail(&err, 503, "things:thing.unavailable", "The requested Thing is temporarily not available.",
                   NULL, "No service takes '%.*s' at the moment.", SLICE_ARG(full));
    else if (command && t->group == GROUP_POLICIES)
        ditto_fail(&err, 503, "policies:policy.unavailable",
                   "The requested Policy is temporarily not available.", NULL,
                   "No service takes '%.*s' at the moment.", SLICE_ARG(full));
    else
        ditto_fail(&err, 400, "signal.unsupported", "No service that joined the hub takes it.", "/topic",
                   "The provided signal '%.*s'%s is not supported.", SLICE_ARG(full),
                   json_present(p->l->status) ? " (a response)" : "");
    refuse(p, &err);
}

static bool too_many_wait(struct passage *p)
{
    struct ditto_error err = {0};
    if (p->from->n_waits < p->h->max_messages)
        return false;
    ditto_fail(&err, 503, "connectivity:connection.unavailable", NULL, NULL,
               "Too many messages wait for acknowledgements.");
    p->h->counters[HUB_UNAVAILABLE].n++;
    settle_refuse(p->h, p->from, p->l->id, &err);
    return true;
}

static bool service_is_full(struct passage *p)
{
    enum request_kind k = request_kind(&p->topic);
    struct ditto_error err = {0};
    if (!p->service || member_has_room(p->service, p->l->raw.len))
        return false;
    member_overflowed(p->service, true);
    if (k == REQUEST_OF_LIVE) { /* somebody else may answer */
        p->service = NULL;
        return false;
    }
    ditto_fail(&err, 503, "connectivity:connection.unavailable", "Try again later.", NULL,
               "The queue of the service '%.*s' is full.", SLICE_ARG(p->service->offer.name));
    p->h->counters[HUB_UNAVAILABLE].n++;
    reply_refuse(p->h, p->from, p->l, &p->topic, &p->request, &p->to, &err);
    return true;
}

static bool is_awaited(const struct passage *p)
{
    const struct request *r = &p->request;
    bool told = p->to.present || p->from->role == ROLE_SERVICE;
    if (!p->l->id.p)
        return r->response && p->to.present;
    return r->n || p->from->role != ROLE_IN || (r->response && (told || p->service));
}

static void deliver(struct passage *p, const struct matches *all)
{
    struct hub *h = p->h;
    bool awaited = is_awaited(p);
    buf_reset(&h->rest, REST_KEEP_BYTES);
    if (all->n || p->service)
        route_rest(p->l->raw, &h->rest);
    else
        h->counters[HUB_UNMATCHED].n++;
    if (!all->n && !p->service && h->n_taps)
        tap_saw(h, NULL, p->l->raw);
    if (p->cause)
        wait_hold(p->cause);
    if (awaited)
        p->wait = wait_new(h, p->from, p->l, &p->topic, &p->request, &p->to);
    if (p->service)
        hand_to_service(p);
    for (size_t i = 0; i < all->n; i++)
        hand(p, &all->v[i]);
    for (size_t i = 0; i < all->n_skipped; i++) {
        tally_target(all->skipped[i].to, all->skipped[i].outlet, MEASURE_DISPATCHED, true);
        tally_target(all->skipped[i].to, all->skipped[i].outlet, MEASURE_FILTERED, true);
    }
    if (p->cause && route_others(p->cause, all) && p->wait)
        p->wait->worst = CLASS_REDELIVER;
    if (p->cause)
        wait_release(p->cause);
    if (!awaited) {
        settle_accept(h, p->from, p->l->id);
        return;
    }
    if (p->wait->kind != REQUEST_OF_TWIN) /* a twin command's labels are those of its event */
        route_others(p->wait, all);
    answer_nobody(p, all->n);
    wait_start(p->wait);
}

/* Nobody can want it. */
static void pass_over(struct passage *p)
{
    p->h->counters[HUB_UNMATCHED].n++;
    if (p->h->n_taps)
        tap_saw(p->h, NULL, p->l->raw);
    settle_accept(p->h, p->from, p->l->id);
}

static bool dispatch(struct passage *p)
{
    struct hub *h = p->h;
    struct matches *all = &h->matches;
    struct ditto_error err = {0};
    enum stream s = topic_stream(&p->topic);
    if (request_read(p->l, &p->topic, &h->headers, &p->request, &err) < 0) {
        refuse_bad(p, &err);
        return true;
    }
    directory_rebuild(&h->directory, h->members);
    if (request_kind(&p->topic) != REQUEST_OF_NEWS)
        p->service = directory_service(&h->directory, p->topic.full, p->from);
    if (s == STREAM_NONE && !p->service) {
        if (p->from->role == ROLE_SERVICE && request_kind(&p->topic) == REQUEST_OF_NEWS)
            pass_over(p); /* events of policies: there is no target topic for them */
        else
            refuse_unserved(p);
        return true;
    }
    p->cause = cause_of(p);
    p->origin = (struct origin){p->from, connection_of(p), json_get(p->l->context, S("readers"))};
    p->partly =
        p->from->role == ROLE_SERVICE && request_kind(&p->topic) == REQUEST_OF_NEWS && visible_judges(p->l);
    put_subjects(p);
    if (s == STREAM_TWIN_EVENTS)
        enrich_event(h, p->l, &p->topic);
    all->n = all->n_skipped = 0;
    if (s != STREAM_NONE)
        directory_match(&h->directory, s, p->l, &p->topic, &p->origin, all);
    if (h->block && p->from->role == ROLE_IN && any_full(p, all))
        return false;
    if (!too_many_wait(p) && !service_is_full(p))
        deliver(p, all);
    return true;
}

/* ---- what a member may say ---- */

static int read_topic(struct hub *h, const struct line *l, struct topic *t, struct ditto_error *err)
{
    struct slice text;
    buf_reset(&h->scratch, REST_KEEP_BYTES);
    text = json_text(l->topic, &h->scratch);
    if (!text.p)
        return ditto_fail(err, 400, "protocoladapter:unknown.topicpath", NULL, "/topic",
                          "The topic is no string.");
    return topic_parse(text, t, err);
}

/* An error of a mapper, for the reply target of its own connection: nothing that came from outside looks like it. */
static bool is_own_error(const struct passage *p)
{
    return p->topic.criterion == CRITERION_ERRORS && !p->l->id.p && p->to.present &&
           !json_present(json_get(p->l->context, S("source")));
}

static void refuse_unsupported(struct passage *p)
{
    struct ditto_error ignored = {0};
    (void)request_read(p->l, &p->topic, &p->h->headers, &p->request, &ignored);
    p->request.response = true;
    refuse_unserved(p);
}

/* Devices answer, send commands, live messages and live events; twin events and announcements are made by services. */
static bool route_of_ring(struct passage *p)
{
    const struct topic *t = &p->topic;
    if (is_own_error(p)) {
        reply_pass(p->h, p->from, p->l, t, &p->to);
        return true;
    }
    if (json_present(p->l->status) && answer_of_device(p->h, p->from, p->l, t, &p->to))
        return true;
    if (json_present(p->l->status) || t->criterion == CRITERION_ANNOUNCEMENTS ||
        t->criterion == CRITERION_ACKS || t->criterion == CRITERION_ERRORS ||
        (t->criterion == CRITERION_EVENTS && t->channel != CHANNEL_LIVE)) {
        refuse_unsupported(p);
        return true;
    }
    return dispatch(p);
}

static bool route_of_service(struct passage *p)
{
    struct ditto_error err = {0};
    if (p->to.present) {
        reply_pass(p->h, p->from, p->l, &p->topic, &p->to);
        return true;
    }
    if (!json_present(p->l->status))
        return dispatch(p);
    ditto_fail(&err, 400, "json.invalid", NULL, "/id", "The answer is to nothing that was asked.");
    p->h->counters[HUB_UNKNOWN].n++;
    settle_refuse(p->h, p->from, p->l->id, &err);
    return true;
}

static bool route_of_control(struct passage *p)
{
    struct ditto_error err = {0};
    if (topic_stream(&p->topic) == STREAM_CONNECTION_ANNOUNCEMENTS)
        return dispatch(p);
    ditto_fail(&err, 400, "signal.unsupported", NULL, "/topic",
               "Control announces what becomes of connections.");
    p->h->counters[HUB_BAD].n++;
    settle_refuse(p->h, p->from, p->l->id, &err);
    return true;
}

bool route(struct hub *h, struct member *from, const struct line *l)
{
    struct passage p = {.h = h, .from = from, .l = l};
    struct ditto_error err = {0};
    bool ring = from->role == ROLE_IN;
    p.to = reply_to_read(l->context, ring ? from->connection.id : SLICE_NONE, from->client);
    if (read_topic(h, l, &p.topic, &err) < 0) {
        h->counters[HUB_BAD].n++;
        hub_complain(h, "cannot route a message of %s: %s", member_name(from), err.message);
        settle_refuse(h, from, l->id, &err);
        return true;
    }
    if (ring)
        return route_of_ring(&p);
    return from->role == ROLE_SERVICE ? route_of_service(&p) : route_of_control(&p);
}
