#include "hub/route.h"

#include "base/log.h"
#include "hub/wait.h"

#include "base/banned.h"

enum { REST_KEEP_BYTES = 256 * 1024, NO_LABEL = -1 };

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

/* ---- handing on ---- */

static int label_of(const struct match *m, const struct request *r)
{
    struct slice issued = m->to->connection.targets[m->target].issued_label;
    for (size_t i = 0; issued.p && i < r->n; i++)
        if (slice_eq(r->labels[i], issued))
            return (int)i;
    return NO_LABEL;
}

static void hand(struct hub *h, const struct match *m, const char *id)
{
    member_hand(m->to, m->target, id, buf_slice(&h->rest));
    h->counters[HUB_HANDED].n++;
}

static void drop(struct hub *h, const struct match *m)
{
    member_overflowed(m->to, false);
    h->counters[HUB_DROPPED].n++;
}

static void hand_plain(struct hub *h, const struct match *m)
{
    if (member_has_room(m->to, h->rest.len))
        hand(h, m, NULL);
    else
        drop(h, m);
}

static void hand_awaited(struct hub *h, const struct match *m, struct wait *w, size_t label)
{
    char id[PENDING_ID_SIZE];
    if (!member_has_room(m->to, h->rest.len)) {
        member_overflowed(m->to, true);
        wait_unavailable(w, label, "the queue of its outbound ring is full");
        return;
    }
    wait_leg(w, label, m->to, id);
    hand(h, m, id);
}

/* Labels that no handed line answers: of a target that filtered the message (a weak acknowledgement), of a ring that
 * should be there, or of nobody: those are waited for. */
static void answer_others(struct hub *h, struct wait *w, const struct request *r, struct slice origin)
{
    for (size_t i = 0; i < r->n; i++) {
        if (wait_has_leg(w, i) || wait_has_answer(w, i))
            continue;
        switch (directory_label(&h->directory, r->labels[i], origin)) {
        case LABEL_PRESENT: wait_answer(w, i, 200, SLICE_NONE); break;
        case LABEL_AWAY: wait_unavailable(w, i, "its outbound ring is away"); break;
        case LABEL_NOBODY: break;
        }
    }
}

static void begin_wait(struct hub *h, struct member *from, struct slice id, const struct request *r,
                       const struct matches *all)
{
    struct wait *w = wait_new(h, from, id, r, all->n);
    for (size_t i = 0; i < all->n; i++) {
        int label = label_of(&all->v[i], r);
        if (label == NO_LABEL)
            hand_plain(h, &all->v[i]);
        else
            hand_awaited(h, &all->v[i], w, (size_t)label);
    }
    answer_others(h, w, r, from->connection.id);
    wait_start(w);
}

/* ---- a message ---- */

static bool any_full(const struct matches *all, size_t len)
{
    for (size_t i = 0; i < all->n; i++)
        if (!member_has_room(all->v[i].to, len))
            return true;
    return false;
}

/* STREAM_NONE: not for targets. Responses carry the topic of what they answer, and a status; announcements are made by
 * services, never by a device. */
static enum stream served_stream(const struct line *l, const struct topic *t)
{
    if (json_present(l->status) || t->criterion == CRITERION_ANNOUNCEMENTS)
        return STREAM_NONE;
    return topic_stream(t);
}

/* Until a service has joined for it there is nobody to ask: a redelivery would not help, so the broker may dead-letter
 * it. */
static void refuse_unserved(struct hub *h, struct member *from, const struct line *l, const struct topic *t)
{
    struct ditto_error err = {0};
    ditto_fail(&err, 400, "signal.unsupported", "No service that joined the hub takes it.", "/topic",
               "The provided signal '%.*s'%s is not supported.", (int)(t->full.len < 200 ? t->full.len : 200),
               t->full.p, json_present(l->status) ? " (a response)" : "");
    h->counters[HUB_UNSERVED].n++;
    hub_complain(h, "cannot route a message of %s: %s", member_name(from), err.message);
    settle_refuse(h, from, l->id, &err);
}

static void refuse_bad(struct hub *h, struct member *from, const struct line *l,
                       const struct ditto_error *err)
{
    h->counters[HUB_BAD].n++;
    hub_complain(h, "cannot route a message of %s: %s", member_name(from), err->message);
    settle_refuse(h, from, l->id, err);
}

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

static int read_request(struct member *from, const struct line *l, const struct topic *t, struct request *r,
                        struct ditto_error *err)
{
    r->n = 0;
    if (!l->id.p)
        return 0; /* nobody waits for it */
    if (request_read(l, t, &from->hub->headers, r, err) < 0)
        return -1;
    if (r->n && from->n_waits >= from->hub->max_messages)
        return ditto_fail(err, 503, "connectivity:connection.unavailable", NULL, NULL,
                          "Too many messages wait for acknowledgements.");
    return 0;
}

bool route(struct hub *h, struct member *from, const struct line *l)
{
    struct matches *all = &h->matches;
    struct request r;
    struct ditto_error err = {0};
    struct topic t;
    if (read_topic(h, l, &t, &err) < 0 || read_request(from, l, &t, &r, &err) < 0) {
        refuse_bad(h, from, l, &err);
        return true;
    }
    enum stream s = served_stream(l, &t);
    if (s == STREAM_NONE) {
        refuse_unserved(h, from, l, &t);
        return true;
    }
    directory_rebuild(&h->directory, h->members);
    directory_match(&h->directory, s, &t, from->connection.id, all);
    if (h->block && any_full(all, l->raw.len))
        return false;
    buf_reset(&h->rest, REST_KEEP_BYTES);
    if (all->n)
        route_rest(l->raw, &h->rest);
    else
        h->counters[HUB_UNMATCHED].n++;
    if (r.n) {
        begin_wait(h, from, l->id, &r, all);
        return true;
    }
    for (size_t i = 0; i < all->n; i++)
        hand_plain(h, &all->v[i]);
    settle_accept(h, from, l->id);
    return true;
}
