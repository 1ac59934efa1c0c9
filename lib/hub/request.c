#include "hub/request.h"

#include <strings.h>

#include "base/banned.h"

enum { LABEL_MIN = 3, LABEL_MAX = 165 };

struct wanted_headers {
    struct json acks, timeout, response_required;
};

static bool named(struct slice raw_key, struct slice name)
{
    return raw_key.len == name.len && strncasecmp(raw_key.p, name.p, name.len) == 0;
}

static struct wanted_headers find_headers(struct json headers)
{
    struct wanted_headers h = {{JSON_ABSENT, NULL, 0}, {JSON_ABSENT, NULL, 0}, {JSON_ABSENT, NULL, 0}};
    if (!json_is(headers, JSON_OBJECT))
        return h;
    for (struct json_iter it = json_iter(headers); json_next(&it);) {
        if (named(it.key, S("requested-acks")))
            h.acks = it.value;
        else if (named(it.key, S("timeout")))
            h.timeout = it.value;
        else if (named(it.key, S("response-required")))
            h.response_required = it.value;
    }
    return h;
}

/* ---- timeout ---- */

static const struct {
    struct slice suffix;
    uint64_t ms;
} units[] = {
    {{"", 0}, 1000},       {{"ms", 2}, 1},          {{"s", 1}, 1000},
    {{"m", 1}, 60000},     {{"h", 1}, 3600000},     {{"d", 1}, 86400000},
    {{"w", 1}, 604800000}, {{"mo", 2}, 2629746000}, {{"y", 1}, 31556952000},
};

/* Milliseconds, REQUEST_MAX_MS for all that is longer; -1 if the text is no duration. */
static msec duration(struct slice text)
{
    uint64_t n = 0;
    size_t i = text.len && text.p[0] == '+', first = i;
    for (; i < text.len && text.p[i] >= '0' && text.p[i] <= '9'; i++)
        if (n <= REQUEST_MAX_MS)
            n = n * 10 + (uint64_t)(text.p[i] - '0');
    if (i == first)
        return -1;
    for (size_t u = 0; u < sizeof units / sizeof *units; u++)
        if (slice_eq(slice_skip(text, i), units[u].suffix))
            return n > REQUEST_MAX_MS / units[u].ms ? REQUEST_MAX_MS : (msec)(n * units[u].ms);
    return -1;
}

static int read_timeout(struct json value, msec *out, struct ditto_error *err)
{
    *out = REQUEST_MAX_MS;
    if (!json_present(value))
        return 0;
    struct slice text = json_is(value, JSON_NUMBER) ? json_slice(value) : json_raw(value);
    *out = text.p ? duration(text) : -1;
    if (*out >= 0)
        return 0;
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

static bool answerable(struct slice label, bool wants_response)
{
    if (slice_eq(label, S("twin-persisted")) || slice_eq(label, S("search-persisted")))
        return false;
    return wants_response || !slice_eq(label, S("live-response"));
}

static int add(struct request *r, struct slice label, bool wants_response, struct ditto_error *err)
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
    if (!answerable(label, wants_response))
        return 0;
    if (r->n == REQUEST_MAX_LABELS)
        return bad_header(err, "too many labels");
    r->labels[r->n++] = label;
    return 0;
}

static int add_array(struct request *r, struct json array, bool wants_response, struct ditto_error *err)
{
    for (struct json_iter it = json_iter(array); json_next(&it);) {
        struct slice label = json_raw(it.value); /* a valid label has nothing to escape */
        if (!label.p)
            return bad_header(err, "a label is no string");
        if (add(r, label, wants_response, err) < 0)
            return -1;
    }
    return 0;
}

static int add_text(struct request *r, struct slice text, bool wants_response, struct ditto_error *err)
{
    struct json_error why;
    struct json array;
    text = slice_trim(text);
    if (slice_starts(text, S("["))) {
        if (json_parse(text, &array, &why) < 0)
            return bad_header(err, why.reason);
        return add_array(r, array, wants_response, err);
    }
    while (text.len) {
        struct slice label = slice_trim(slice_cut(&text, ','));
        if (label.len && add(r, label, wants_response, err) < 0)
            return -1;
    }
    return 0;
}

/* Only messages and live commands can have a response; it is required unless the header says otherwise. */
static bool response_wanted(const struct topic *t, struct json header)
{
    if (t->criterion != CRITERION_MESSAGES && t->criterion != CRITERION_COMMANDS)
        return false;
    return !json_is(header, JSON_FALSE) && !json_text_is(header, S("false"));
}

int request_read(const struct line *l, const struct topic *t, struct buf *scratch, struct request *out,
                 struct ditto_error *err)
{
    struct wanted_headers h = find_headers(l->headers);
    int rc = 0;
    out->n = 0;
    if (read_timeout(h.timeout, &out->timeout, err) < 0)
        return -1;
    if (!json_present(h.acks) || out->timeout == 0)
        return 0;
    bool wants_response = response_wanted(t, h.response_required);
    buf_reset(scratch, 65536);
    if (json_is(h.acks, JSON_ARRAY))
        rc = add_array(out, h.acks, wants_response, err);
    else if (json_is(h.acks, JSON_STRING))
        rc = add_text(out, json_text(h.acks, scratch), wants_response, err);
    else
        rc = bad_header(err, "neither an array nor text");
    return rc;
}
