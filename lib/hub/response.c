#include "hub/response.h"

#include "hub/settle.h"

#include "base/banned.h"

struct slice response_kind(const struct line *l)
{
    struct buf text = {0};
    struct topic t;
    struct ditto_error ignored = {0};
    int64_t status;
    struct slice kind = SLICE_NONE;
    if (json_int(l->status, &status) == 0 && topic_parse(json_text(l->topic, &text), &t, &ignored) == 0 &&
        t.criterion != CRITERION_SEARCH && t.criterion != CRITERION_STREAMING) {
        bool refused = status < 200 || status > 299;
        kind = t.criterion == CRITERION_ERRORS            ? S("error")
               : t.criterion == CRITERION_ACKS && refused ? S("nack")
                                                          : S("response");
    }
    buf_free(&text);
    return kind;
}

/* ---- what the hub says itself ---- */

static void put_topic(struct buf *dst, const struct wait *w, struct slice last)
{
    struct slice rest = w->topic, namespace = slice_cut(&rest, '/'), name = slice_cut(&rest, '/');
    struct slice group = slice_cut(&rest, '/');
    struct buf text = {0};
    buf_printf(&text, "%.*s/%.*s/%.*s/", SLICE_ARG(namespace), SLICE_ARG(name), SLICE_ARG(group));
    if (slice_eq(group, S("things")))
        buf_puts(&text, w->kind == REQUEST_OF_LIVE ? "live/" : "twin/");
    buf_put_slice(&text, last);
    json_put_member_text(dst, S("topic"), buf_slice(&text));
    buf_free(&text);
}

static void put_correlation_id(struct buf *dst, const struct wait *w)
{
    if (!w->correlation_id.p)
        return;
    json_put_key(dst, S("correlation-id"));
    buf_putc(dst, '"');
    buf_put_slice(dst, w->correlation_id);
    buf_putc(dst, '"');
}

static void put_head(struct buf *dst, const struct wait *w, struct slice last)
{
    buf_putc(dst, '{');
    put_topic(dst, w, last);
    json_put_key(dst, S("headers"));
    buf_putc(dst, '{');
    put_correlation_id(dst, w);
    json_put_member(dst, S("response-required"), S("false"));
    json_put_member_text(dst, S("content-type"), S("application/json"));
    buf_puts(dst, "},\"path\":\"/\"");
}

void response_put_error(struct buf *dst, const struct wait *w, struct slice error, int status)
{
    put_head(dst, w, S("errors"));
    json_put_member(dst, S("value"), error.len ? error : S("{}"));
    json_put_member_int(dst, S("status"), status);
    buf_putc(dst, '}');
}

/* Those that came with it, and what every acknowledgement has. */
static void put_ack_headers(struct buf *dst, const struct wait *w, const struct answer *a)
{
    struct slice given = wait_text(w, a->headers);
    struct json headers = {JSON_OBJECT, given.p, given.len};
    bool has_id = false, has_some = given.len && given.p[0] == '{';
    json_put_key(dst, S("headers"));
    buf_putc(dst, '{');
    for (struct json_iter it = json_iter(has_some ? headers : (struct json){JSON_OBJECT, "{}", 2});
         json_next(&it);) {
        if (json_key_is(it.key, S("response-required")) || json_key_is(it.key, S("ditto-weak-ack")))
            continue;
        has_id = has_id || json_key_is(it.key, S("correlation-id"));
        json_put_item(dst);
        buf_putc(dst, '"');
        buf_put_slice(dst, it.key);
        buf_puts(dst, "\":");
        buf_put_slice(dst, json_slice(it.value));
    }
    if (!has_id)
        put_correlation_id(dst, w);
    json_put_member(dst, S("response-required"), S("false"));
    if (a->weak)
        json_put_member(dst, S("ditto-weak-ack"), S("true"));
    buf_putc(dst, '}');
}

static void put_acks(struct buf *dst, const struct wait *w)
{
    int statuses[REQUEST_MAX_LABELS];
    put_head(dst, w, S("acks"));
    json_put_key(dst, S("value"));
    buf_putc(dst, '{');
    for (size_t i = 0; i < w->n_answers; i++) {
        const struct answer *a = &w->answers[i];
        statuses[i] = a->status;
        json_put_key(dst, a->label);
        buf_putc(dst, '{');
        json_put_member_int(dst, S("status"), a->status);
        if (a->value.len)
            json_put_member(dst, S("payload"), wait_text(w, a->value));
        put_ack_headers(dst, w, a);
        buf_putc(dst, '}');
    }
    buf_putc(dst, '}');
    json_put_member_int(dst, S("status"), settle_combined(statuses, w->n_answers));
    buf_putc(dst, '}');
}

/* ---- which of them ---- */

static bool alone(const struct wait *w)
{
    return w->n_answers == 1 &&
           (w->kind == REQUEST_OF_QUERY || slice_eq(w->answers->label, request_implied(w->kind)));
}

bool response_compose(const struct wait *w, struct buf *object)
{
    const struct answer *first = w->answers;
    if (w->has_rest && (w->error_status || alone(w))) {
        buf_putc(object, '{');
        buf_put_slice(object, wait_text(w, w->rest));
        return true;
    }
    if (alone(w) && (first->by_hub || w->kind == REQUEST_OF_QUERY)) {
        if (first->by_hub)
            response_put_error(object, w, wait_text(w, first->value), first->status);
        return first->by_hub; /* else the service ended it without a word */
    }
    if (w->n_answers)
        put_acks(object, w);
    return w->n_answers > 0;
}
