#include "hub/answer.h"

#include "hub/enrich.h"
#include "hub/route.h"
#include "protocol/ids.h"

#include "base/banned.h"

enum { REST_KEEP_BYTES = 256 * 1024 };

static struct said said_of(const struct line *l)
{
    return (struct said){.value = l->value,
                         .headers = l->headers,
                         .weak = json_is(json_get(l->headers, S("ditto-weak-ack")), JSON_TRUE)};
}

/* What stands in the response's line behind id and context, with the correlation id of what it answers. */
static struct slice response_rest(const struct wait *w, const struct line *l, struct buf *dst)
{
    struct buf plain = {0}, headers = {0}, id = {0};
    buf_putc(&plain, '{');
    route_rest(l->raw, &plain);
    if (w->correlation_id.p && !json_present(json_get(l->headers, S("correlation-id")))) {
        buf_printf(&id, "\"%.*s\"", SLICE_ARG(w->correlation_id));
        json_put_with(&headers, l->headers, S("correlation-id"), buf_slice(&id));
        json_put_with(dst, (struct json){JSON_OBJECT, buf_p(&plain), plain.len}, S("headers"),
                      buf_slice(&headers));
    } else {
        buf_put_slice(dst, buf_slice(&plain));
    }
    buf_free(&plain);
    buf_free(&headers);
    buf_free(&id);
    return slice_skip(buf_slice(dst), 1);
}

/* ---- services ---- */

/* The leg may be gone afterwards. */
static void acknowledge(const struct leg *leg, const struct line *l, struct slice label, int status)
{
    struct said s = said_of(l);
    struct wait *waits[2] = {leg->claims[0].wait, leg->claims[1].wait};
    for (size_t i = 0; i < 2; i++) {
        int missing = waits[i] ? wait_missing(waits[i], label) : -1;
        if (missing >= 0)
            wait_answer(waits[i], (size_t)missing, status, &s);
    }
}

static void respond(struct leg *leg, const struct line *l, const struct topic *t, int status)
{
    struct wait *w = leg->claims[0].wait;
    struct buf text = {0};
    struct slice rest = response_rest(w, l, &text);
    struct said s = {.by_hub = false};
    if (t->criterion == CRITERION_ERRORS && w->kind != REQUEST_OF_LIVE) {
        wait_fail(w, status, l->value, rest);
    } else {
        wait_keep_response(w, rest);
        s.value = l->value;
        s.headers = l->headers;
        leg_settle(leg, status, &s);
    }
    buf_free(&text);
}

static bool may_acknowledge(const struct member *m, const struct leg *leg, struct slice label)
{
    if (!leg->outlet && leg->claims[0].wait && slice_eq(label, request_implied(leg->claims[0].wait->kind)))
        return true;
    for (size_t i = 0; i < m->offer.labels.n; i++)
        if (slice_eq(m->offer.labels.v[i], label))
            return true;
    return false;
}

static void bad(struct member *m, const char *why)
{
    m->hub->counters[HUB_BAD].n++;
    hub_complain(m->hub, "cannot take an answer of %s: %s", member_name(m), why);
}

static void take(struct member *m, struct leg *leg, const struct line *l)
{
    struct buf text = {0};
    struct topic t;
    struct ditto_error err = {0};
    int64_t status;
    if (leg->fetch) {
        enrich_response(leg, l);
        return;
    }
    if (topic_parse(json_text(l->topic, &text), &t, &err) < 0 || json_int(l->status, &status) < 0 ||
        status < 100 || status > 599)
        bad(m, "it has no topic or no status");
    else if (t.criterion == CRITERION_ACKS && !may_acknowledge(m, leg, t.subject))
        bad(m, "the label is not its own");
    else if (t.criterion == CRITERION_ACKS)
        acknowledge(leg, l, t.subject, (int)status);
    else if (leg->outlet)
        bad(m, "what it subscribes is acknowledged, not answered");
    else
        respond(leg, l, &t, (int)status);
    buf_free(&text);
}

bool answer_of_service(struct member *m, const struct line *l)
{
    if (!l->id.p || !pending_owns(&m->unsettled, l->id))
        return false;
    struct entry *e = pending_find(&m->unsettled, l->id);
    if (e)
        take(m, e->data, l);
    else
        m->hub->counters[HUB_UNKNOWN].n++;
    return true;
}

/* ---- devices ---- */

static struct slice correlation_id(const struct line *l)
{
    return json_raw(json_get(l->headers, S("correlation-id")));
}

static void respond_live(struct hub *h, const struct line *l, const struct topic *t, int status)
{
    struct wait *w = wait_for_device(h, correlation_id(l), t, S("live-response"));
    struct said s = {.by_hub = false};
    struct buf text = {0};
    bool fits = w && (t->criterion == CRITERION_ERRORS ||
                      (slice_eq(w->topic, t->full) && slice_eq(w->path, json_slice(l->path))));
    if (!fits) {
        h->counters[HUB_UNKNOWN].n++;
        return;
    }
    wait_keep_response(w, response_rest(w, l, &text));
    s.value = l->value;
    s.headers = l->headers;
    wait_answer(w, (size_t)wait_missing(w, S("live-response")), status, &s);
    buf_free(&text);
}

static bool declares(const struct member *from, const struct line *l, struct slice label)
{
    int64_t i;
    const struct connection *c = &from->connection;
    if (json_int(json_get(l->context, S("source")), &i) < 0 || i < 0 || (uint64_t)i >= c->n_sources)
        return false;
    for (size_t k = 0; k < c->sources[i].declared_acks.n; k++)
        if (slice_eq(c->sources[i].declared_acks.v[k], label))
            return true;
    return false;
}

static void acknowledge_label(struct hub *h, const struct line *l, const struct topic *t, struct slice label,
                              int status, const struct said *s)
{
    struct wait *w = wait_for_device(h, correlation_id(l), t, label);
    if (w)
        wait_answer(w, (size_t)wait_missing(w, label), status, s);
    else
        h->counters[HUB_UNKNOWN].n++;
}

static int check_label(const struct member *from, const struct line *l, struct slice label,
                       struct ditto_error *err)
{
    if (ack_label_builtin(label))
        return ditto_fail(err, 400, "acknowledgement:ditto.acklabel.forbidden", NULL, "/topic",
                          "The acknowledgement label '%.*s' is not for devices.", SLICE_ARG(label));
    if (declares(from, l, label))
        return 0;
    return ditto_fail(
        err, 400, "acknowledgement:label.not.declared",
        "Each connection may only send acknowledgements whose labels its source declares.", "/topic",
        "Cannot send the acknowledgement with the label '%.*s', which is not declared.", SLICE_ARG(label));
}

static int check_labels(const struct member *from, const struct line *l, const struct topic *t,
                        struct ditto_error *err)
{
    if (t->subject.p)
        return check_label(from, l, t->subject, err);
    for (struct json_iter it = json_iter(l->value); json_next(&it);)
        if (check_label(from, l, it.key, err) < 0)
            return -1;
    return 0;
}

static void acknowledge_device(struct hub *h, const struct line *l, const struct topic *t, int status)
{
    struct said s = said_of(l);
    if (t->subject.p) {
        acknowledge_label(h, l, t, t->subject, status, &s);
        return;
    }
    for (struct json_iter it = json_iter(l->value); json_next(&it);) {
        int64_t own;
        struct said each = {.value = json_get(it.value, S("payload")),
                            .headers = json_get(it.value, S("headers"))};
        if (json_int(json_get(it.value, S("status")), &own) == 0 && own >= 100 && own <= 599)
            acknowledge_label(h, l, t, it.key, (int)own, &each);
    }
}

bool answer_of_device(struct hub *h, struct member *from, const struct line *l, const struct topic *t,
                      const struct reply_to *to)
{
    int64_t status;
    struct ditto_error err = {0};
    bool acks = t->criterion == CRITERION_ACKS && (t->subject.p || json_is(l->value, JSON_OBJECT));
    bool live = t->channel == CHANNEL_LIVE &&
                (t->criterion == CRITERION_MESSAGES || t->criterion == CRITERION_COMMANDS ||
                 t->criterion == CRITERION_ERRORS);
    if (t->group != GROUP_THINGS || (!acks && !live) || json_int(l->status, &status) < 0 || status < 100 ||
        status > 599)
        return false;
    if (acks && check_labels(from, l, t, &err) < 0) {
        struct request r = {.timeout = REQUEST_MAX_MS, .response = true, .correlation_id = correlation_id(l)};
        h->counters[HUB_BAD].n++;
        hub_complain(h, "cannot take an acknowledgement of %s: %s", member_name(from), err.message);
        reply_refuse(h, from, l, t, &r, to, &err);
        return true;
    }
    if (acks)
        acknowledge_device(h, l, t, (int)status);
    else
        respond_live(h, l, t, (int)status);
    settle_accept(h, from, l->id);
    return true;
}
