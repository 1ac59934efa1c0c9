#include "hub/request.h"

#include "protocol/duration.h"

#include "base/banned.h"

enum { LABEL_MIN = 3, LABEL_MAX = 165 };

enum header { H_ACKS, H_TIMEOUT, H_RESPONSE, H_CORRELATION_ID, H_DIVERT_TO, H_DIVERT_TYPES, H_COUNT };

static const struct slice names[H_COUNT] = {
    [H_ACKS] = {"requested-acks", 14},
    [H_TIMEOUT] = {"timeout", 7},
    [H_RESPONSE] = {"response-required", 17},
    [H_CORRELATION_ID] = {"correlation-id", 14},
    [H_DIVERT_TO] = {"divert-response-to-connection", 29},
    [H_DIVERT_TYPES] = {"divert-expected-response-types", 30},
};

static void find_headers(struct json headers, struct json *found)
{
    for (size_t i = 0; i < H_COUNT; i++)
        found[i] = (struct json){JSON_ABSENT, NULL, 0};
    if (!json_is(headers, JSON_OBJECT))
        return;
    for (struct json_iter it = json_iter(headers); json_next(&it);)
        for (size_t i = 0; i < H_COUNT; i++)
            if (slice_eq_nocase(it.key, names[i]))
                found[i] = it.value;
}

/* ---- timeout ---- */

static int read_timeout(struct json value, msec *out, struct ditto_error *err)
{
    struct ditto_error why = {0};
    struct duration d;
    *out = REQUEST_MAX_MS;
    if (!json_present(value))
        return 0;
    struct slice text = json_is(value, JSON_NUMBER) ? json_slice(value) : json_raw(value);
    if (text.p && duration_parse(text, &d, &why) == 0) {
        int64_t ms = duration_ms(d);
        *out = ms < REQUEST_MAX_MS ? (msec)ms : REQUEST_MAX_MS;
        return 0;
    }
    return ditto_fail(err, 400, "timeout.invalid", "Please choose a valid timeout.", "/headers/timeout",
                      "The timeout <%.*s> is no duration.", SLICE_ARG(json_slice(value)));
}

/* ---- labels ---- */

static bool label_valid(struct slice s)
{
    if (s.len < LABEL_MIN || s.len > LABEL_MAX)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !(c >= '0' && c <= '9') && c != '-' && c != '_' && c != ':')
            return false;
    }
    return true;
}

static int bad_header(struct ditto_error *err, const char *reason)
{
    return ditto_fail(
        err, 400, "header.invalid", "Verify that the header has the correct syntax and try again.",
        "/headers/requested-acks", "The value of the header 'requested-acks' is not valid: %s.", reason);
}

static int add(struct request *r, struct slice label, struct ditto_error *err)
{
    if (!label_valid(label))
        return ditto_fail(
            err, 400, "acknowledgement:label.invalid",
            "An acknowledgement label must conform to the regular expression of Ditto documentation.",
            "/headers/requested-acks", "Acknowledgement label <%.*s> is invalid.",
            (int)(label.len < LABEL_MAX ? label.len : LABEL_MAX), label.p);
    for (size_t i = 0; i < r->n; i++)
        if (slice_eq(r->labels[i], label))
            return 0;
    if (r->n == REQUEST_MAX_LABELS)
        return bad_header(err, "too many labels");
    r->labels[r->n++] = label;
    return 0;
}

static int add_array(struct request *r, struct json array, struct ditto_error *err)
{
    for (struct json_iter it = json_iter(array); json_next(&it);) {
        struct slice label = json_raw(it.value); /* a valid label has nothing to escape */
        if (!label.p)
            return bad_header(err, "a label is no string");
        if (add(r, label, err) < 0)
            return -1;
    }
    return 0;
}

static int add_text(struct request *r, struct slice text, struct ditto_error *err)
{
    struct json_error why;
    struct json array;
    text = slice_trim(text);
    if (slice_starts(text, S("["))) {
        if (json_parse(text, &array, &why) < 0)
            return bad_header(err, why.reason);
        return add_array(r, array, err);
    }
    while (text.len) {
        struct slice label = slice_trim(slice_cut(&text, ','));
        if (label.len && add(r, label, err) < 0)
            return -1;
    }
    return 0;
}

static int read_labels(struct json acks, struct buf *scratch, struct request *r, struct ditto_error *err)
{
    if (json_is(acks, JSON_ARRAY))
        return add_array(r, acks, err);
    if (json_is(acks, JSON_STRING))
        return add_text(r, json_text(acks, scratch), err);
    return json_present(acks) ? bad_header(err, "neither an array nor text") : 0;
}

/* ---- defaults ---- */

enum request_kind request_kind(const struct topic *t)
{
    switch (t->criterion) {
    case CRITERION_EVENTS:
    case CRITERION_ANNOUNCEMENTS: return REQUEST_OF_NEWS;
    case CRITERION_MESSAGES: return REQUEST_OF_LIVE;
    case CRITERION_SEARCH:
    case CRITERION_STREAMING: return REQUEST_OF_STREAM;
    default: break;
    }
    if (t->group != GROUP_THINGS)
        return REQUEST_OF_QUERY;
    if (t->channel == CHANNEL_LIVE)
        return REQUEST_OF_LIVE;
    bool changes = t->verb == ACTION_CREATE || t->verb == ACTION_MODIFY || t->verb == ACTION_MERGE ||
                   t->verb == ACTION_DELETE || t->verb == ACTION_MIGRATE;
    return changes ? REQUEST_OF_TWIN : REQUEST_OF_QUERY;
}

struct slice request_implied(enum request_kind k)
{
    if (k == REQUEST_OF_TWIN)
        return S("twin-persisted");
    return k == REQUEST_OF_LIVE ? S("live-response") : SLICE_NONE;
}

/* Can such a message never get this acknowledgement? */
static bool pointless(struct slice label, enum request_kind k)
{
    bool of_twin = slice_eq(label, S("twin-persisted")) || slice_eq(label, S("search-persisted"));
    bool of_live = slice_eq(label, S("live-response"));
    return (of_twin && k != REQUEST_OF_TWIN) || (of_live && k != REQUEST_OF_LIVE);
}

static size_t drop_pointless(struct request *r, enum request_kind k)
{
    size_t before = r->n;
    r->n = 0;
    for (size_t i = 0; i < before; i++)
        if (!pointless(r->labels[i], k))
            r->labels[r->n++] = r->labels[i];
    return before - r->n;
}

static void remove_label(struct request *r, struct slice label)
{
    for (size_t i = 0; i < r->n; i++)
        if (slice_eq(r->labels[i], label))
            r->labels[i--] = r->labels[--r->n];
}

static int imply(struct request *r, enum request_kind k, bool given, bool required, struct ditto_error *err)
{
    struct slice implied = request_implied(k);
    if (drop_pointless(r, k) || !implied.p)
        return 0;
    if (!given)
        return required && r->timeout ? add(r, implied, err) : 0;
    if (k != REQUEST_OF_LIVE)
        return 0;
    if (!required)
        remove_label(r, implied);
    return required && r->n ? add(r, implied, err) : 0;
}

static bool is_no(struct json v)
{
    return json_is(v, JSON_FALSE) || json_text_is(v, S("false"));
}

static int check(const struct request *r, enum request_kind k, const struct topic *t, bool required,
                 struct ditto_error *err)
{
    if (r->timeout == 0 && (required || r->n))
        return ditto_fail(err, 400, "header.invalid",
                          "Give it time, or ask for neither response nor acknowledgements.",
                          "/headers/timeout", "The timeout must not be zero.");
    if (k == REQUEST_OF_LIVE && !required && t->verb == ACTION_RETRIEVE)
        return ditto_fail(err, 400, "command.headers.invalid", "A query without a response is pointless.",
                          "/headers/response-required", "A live query must require a response.");
    return 0;
}

int request_read(const struct line *l, const struct topic *t, struct buf *scratch, struct request *out,
                 struct ditto_error *err)
{
    struct json h[H_COUNT];
    enum request_kind k = request_kind(t);
    find_headers(l->headers, h);
    buf_reset(scratch, 65536);
    out->n = 0;
    out->correlation_id = json_raw(h[H_CORRELATION_ID]);
    out->divert_to = h[H_DIVERT_TO];
    out->divert_types = h[H_DIVERT_TYPES];
    out->timeout = REQUEST_MAX_MS;
    bool can = k != REQUEST_OF_NEWS && k != REQUEST_OF_STREAM, given = json_present(h[H_RESPONSE]);
    out->response = can && !is_no(h[H_RESPONSE]);
    if (read_timeout(h[H_TIMEOUT], &out->timeout, err) < 0)
        return -1;
    bool required = out->response;
    if (!given && out->timeout == 0)
        out->response = false;
    if (read_labels(h[H_ACKS], scratch, out, err) < 0 ||
        imply(out, k, json_present(h[H_ACKS]), required, err) < 0)
        return -1;
    return check(out, k, t, out->response, err);
}
