#include "hub/reply.h"

#include <limits.h>

#include "hub/response.h"
#include "hub/route.h"

#include "base/banned.h"

enum { AGAIN_MS = 1000, LINE_KEEP_BYTES = 65536 };

/* ---- reply targets ---- */

struct reply_to reply_to_read(struct json context, struct slice connection, unsigned client)
{
    struct reply_to to = {.connection = connection, .client = client, .source = -1};
    int64_t n;
    if (!json_is(context, JSON_OBJECT))
        return to;
    to.present = json_int(json_get(context, S("reply")), &to.source) == 0 && to.source >= 0;
    to.expects = json_get(context, S("expects"));
    to.context = json_slice(context);
    if (connection.p)
        return to;
    to.connection =
        json_raw(json_get(context, S("connection"))); /* ids of connections have nothing to escape */
    to.present = to.present && to.connection.len;
    if (json_int(json_get(context, S("client")), &n) == 0 && n >= 0 && n <= INT_MAX)
        to.client = (unsigned)n;
    return to;
}

/* What ditto-map(1) looks at. */
static void put_context(struct buf *dst, const struct reply_to *to)
{
    static const char *const passed[] = {"expects", "mapper"};
    struct json context = {JSON_OBJECT, to->context.p, to->context.len};
    buf_puts(dst, "\"context\":{");
    json_put_member_text(dst, S("connection"), to->connection);
    json_put_member_int(dst, S("reply"), to->source);
    for (size_t i = 0; i < sizeof passed / sizeof *passed; i++) {
        struct json v = json_get(context, slice_str(passed[i]));
        if (v.type != JSON_ABSENT)
            json_put_member(dst, slice_str(passed[i]), json_slice(v));
    }
}

static bool is_expected(struct json expects, struct slice kind)
{
    if (!kind.p || !json_is(expects, JSON_ARRAY))
        return true;
    for (struct json_iter it = json_iter(expects); json_next(&it);)
        if (json_text_is(it.value, kind))
            return true;
    return false;
}

/* ---- sending ---- */

static void add_sending(struct wait *w, struct slice connection, unsigned client, const struct buf *context,
                        struct slice object)
{
    struct sending *s = &w->sendings[w->n_sendings++];
    *s = (struct sending){.open = true, .held = true, .connection = connection, .client = client};
    s->context = wait_keep_text(w, buf_slice(context));
    s->rest = wait_keep_text(w, slice_skip(object, 1));
}

static void send_normally(struct wait *w, struct slice object)
{
    struct buf context = {0};
    put_context(&context, &w->to);
    add_sending(w, w->to.connection, w->to.client, &context, object);
    buf_free(&context);
}

/* ---- diversion ---- */

static bool is_true(const struct connection *c, const char *key)
{
    return slice_eq(connection_specific(c, slice_str(key)), S("true"));
}

static bool lists(struct slice list, struct slice item)
{
    while (list.len)
        if (slice_eq(slice_trim(slice_cut(&list, ',')), item))
            return true;
    return false;
}

/* Where its source, or the response itself, has it diverted to; SLICE_NONE: nowhere. */
static struct slice diverted_to(const struct wait *w, const struct line *l, struct slice kind)
{
    const struct connection *own = &w->from->connection;
    struct json to = json_get(l->headers, S("divert-response-to-connection"));
    struct json types = json_get(l->headers, S("divert-expected-response-types"));
    struct slice id = json_raw(to).len ? json_raw(to) : w->divert_to;
    struct slice allowed = json_raw(types).len ? json_raw(types) : w->divert_types;
    if (!is_true(own, "is-diversion-source") || !connection_id_valid(id) || slice_eq(id, own->id) ||
        !kind.p || json_present(json_get(l->headers, S("diverted-response-from-connection"))))
        return SLICE_NONE;
    return lists(allowed.len ? allowed : S("response,error"), kind) ? id : SLICE_NONE;
}

static bool accepts_diverted(const struct member *ring, struct slice from)
{
    const struct connection *c = &ring->connection;
    return is_true(c, "is-diversion-target") &&
           lists(connection_specific(c, S("authorized-connections-as-sources")), from);
}

/* The only target, or the one with the number of the source. */
static bool diversion_target(const struct member *ring, int64_t source, size_t *target)
{
    size_t n = ring->connection.n_targets;
    *target = n == 1 ? 0 : (size_t)source;
    return n == 1 || (source >= 0 && (uint64_t)source < n);
}

static void divert(struct wait *w, struct slice to, struct slice object)
{
    struct hub *h = w->hub;
    struct topic t;
    struct ditto_error ignored = {0};
    size_t target;
    struct slice own = w->from->connection.id;
    directory_rebuild(&h->directory, h->members);
    struct member *ring =
        topic_parse(w->topic, &t, &ignored) == 0 ? directory_any_ring(&h->directory, to, &t) : NULL;
    if (!ring || !accepts_diverted(ring, own) || !diversion_target(ring, w->to.source, &target)) {
        h->counters[HUB_UNDELIVERED].n++;
        hub_complain(h, "cannot divert a response of '%.*s' to '%.*s': %s", SLICE_ARG(own), SLICE_ARG(to),
                     ring ? "it does not take responses of that connection"
                          : "its outbound ring is not there");
        return;
    }
    struct buf headers = {0}, marked = {0}, from = {0};
    struct json whole = {JSON_OBJECT, object.p, object.len};
    json_put_text(&from, own);
    json_put_with(&headers, json_get(whole, S("headers")), S("diverted-response-from-connection"),
                  buf_slice(&from));
    json_put_with(&marked, whole, S("headers"), buf_slice(&headers));
    add_sending(w, ring->connection.id, ring->client, &ring->outlets[target].context, buf_slice(&marked));
    buf_free(&headers);
    buf_free(&marked);
    buf_free(&from);
}

/* ---- delivery ---- */

static void hold(struct wait *w)
{
    struct hub *h = w->hub;
    if (w->held)
        return;
    w->held = true;
    w->held_prev = NULL;
    w->held_next = h->held;
    if (w->held_next)
        w->held_next->held_prev = w;
    h->held = w;
    h->n_held++;
}

void reply_forget(struct wait *w)
{
    if (!w->held)
        return;
    w->held = false;
    w->hub->n_held--;
    if (w->held_next)
        w->held_next->held_prev = w->held_prev;
    if (w->held_prev)
        w->held_prev->held_next = w->held_next;
    else
        w->hub->held = w->held_next;
}

static struct member *ring_of(struct hub *h, const struct sending *s)
{
    directory_rebuild(&h->directory, h->members);
    return directory_ring(&h->directory, s->connection, s->client);
}

static void undelivered(struct wait *w, struct sending *s, const char *why)
{
    s->open = s->held = false;
    w->hub->counters[HUB_UNDELIVERED].n++;
    hub_complain(w->hub, "cannot deliver a response to '%.*s': %s", SLICE_ARG(s->connection), why);
}

static void try(struct wait *w, size_t i)
{
    struct hub *h = w->hub;
    struct sending *s = &w->sendings[i];
    struct member *ring = ring_of(h, s);
    char id[PENDING_ID_SIZE];
    if (ring && member_has_room(ring, s->rest.len)) {
        s->held = false;
        s->open = w->id.p != NULL; /* else nobody waits for its fate */
        if (s->open)
            leg_claim(leg_new(ring, NULL, id), w, CLAIM_REPLY - (int)i);
        h->counters[HUB_REPLIES].n++;
        tally_response(ring);
        member_hand(ring, s->open ? id : NULL, wait_text(w, s->context), SLICE_NONE, wait_text(w, s->rest));
    } else if (w->id.p && (ring || directory_expects(&h->directory, s->connection))) {
        hold(w);
    } else {
        undelivered(w, s, ring ? "its queue is full" : "its outbound ring is not there");
    }
}

void reply_again(struct wait *w)
{
    bool open = false;
    for (size_t i = 0; i < w->n_sendings; i++) {
        if (w->sendings[i].open && w->sendings[i].held)
            try(w, i);
        open = open || w->sendings[i].open;
    }
    if (!open)
        wait_close(w, wait_decide(w));
}

void reply_resume(struct hub *h)
{
    struct wait *w = h->held, *next;
    for (; w; w = next) {
        next = w->held_next;
        reply_forget(w); /* what is held on stands in front of us then */
        reply_again(w);
    }
}

void reply_settled(struct wait *w, size_t which, int status)
{
    struct sending *s = &w->sendings[which];
    switch (line_class_of(status)) {
    case CLASS_ACCEPT: s->open = false; break;
    case CLASS_REJECT: undelivered(w, s, "its outbound ring refuses it"); break;
    case CLASS_REDELIVER:
        s->held = true;
        loop_timer(w->hub->loop, &w->timer, clock_ms() + AGAIN_MS);
        return;
    }
    for (size_t i = 0; i < w->n_sendings; i++)
        if (w->sendings[i].open)
            return;
    wait_close(w, wait_decide(w));
}

/* ---- the end of a wait ---- */

static void tell_service(struct wait *w, struct slice object)
{
    struct buf *q = member_queue(w->from);
    size_t at = q->len;
    buf_puts(q, "{\"id\":\"");
    buf_put_slice(q, w->id);
    buf_puts(q, "\",");
    buf_put_slice(q, slice_skip(object, 1));
    buf_putc(q, '\n');
    member_told(w->from, at);
    w->id = SLICE_NONE; /* that is its settlement */
    wait_close(w, wait_decide(w));
}

static void send(struct wait *w, struct slice object)
{
    struct line l;
    struct slice kind = SLICE_NONE, other = SLICE_NONE;
    wait_forget_texts(w);
    if (line_skim(object, &l) == 0) {
        kind = response_kind(&l);
        other = diverted_to(w, &l, kind);
    }
    if (w->to.present && is_expected(w->to.expects, kind) &&
        (!other.p || is_true(&w->from->connection, "preserve-normal-response-via-source")))
        send_normally(w, object);
    if (other.p)
        divert(w, other, object);
    reply_again(w);
}

void reply_finish(struct wait *w)
{
    struct buf object = {0};
    if (!w->response || !response_compose(w, &object))
        wait_close(w, wait_decide(w));
    else if (w->from->role == ROLE_IN)
        send(w, buf_slice(&object));
    else if (w->id.p)
        tell_service(w, buf_slice(&object));
    else
        wait_close(w, wait_decide(w));
    buf_free(&object);
}

/* ---- lines that are answers already ---- */

void reply_pass(struct hub *h, struct member *from, const struct line *l, const struct topic *t,
                const struct reply_to *to)
{
    struct buf context = {0};
    struct request none = {.timeout = REQUEST_MAX_MS};
    if (!is_expected(to->expects, response_kind(l))) {
        settle_accept(h, from, l->id);
        return;
    }
    struct wait *w = wait_new(h, from, l, t, &none, to);
    w->over = true;
    put_context(&context, to);
    buf_reset(&h->rest, LINE_KEEP_BYTES);
    buf_putc(&h->rest, '{');
    route_rest(l->raw, &h->rest);
    add_sending(w, w->to.connection, w->to.client, &context, buf_slice(&h->rest));
    buf_free(&context);
    reply_again(w);
}

void reply_refuse(struct hub *h, struct member *from, const struct line *l, const struct topic *t,
                  struct request *r, const struct reply_to *to, const struct ditto_error *err)
{
    struct buf error = {0}, object = {0};
    r->n = 0;
    r->response = r->response && (to->present || from->role != ROLE_IN);
    if (!r->response) {
        settle_refuse(h, from, l->id, err);
        return;
    }
    struct wait *w = wait_new(h, from, l, t, r, to);
    w->lost = true;
    ditto_error_put(&error, err, false);
    response_put_error(&object, w, buf_slice(&error), err->status);
    wait_fail(w, err->status, (struct json){JSON_OBJECT, buf_p(&error), error.len},
              slice_skip(buf_slice(&object), 1));
    buf_free(&error);
    buf_free(&object);
}
