/* mapping-acks: acknowledgements that are requested: by default, by sources, filtered; and which of them are shown. */
#include "mapping/acks.h"
#include "protocol/acks.h"
#include "protocol/acks.h"

#include "vectors.h"

static struct json parsed(const char *text)
{
    struct json v = {JSON_ABSENT, NULL, 0};
    ok(json_parse(slice_str(text), &v, NULL) == 0, "'%s' is JSON", text);
    return v;
}

static bool equal(struct json got, struct json want)
{
    struct buf a = {0}, b = {0};
    json_put_compact(&a, got);
    json_put_compact(&b, want);
    bool same = slice_eq(buf_slice(&a), buf_slice(&b));
    buf_free(&a);
    buf_free(&b);
    return same;
}

/* --- vectors ------------------------------------------------------------------------------------------------------ */

/* What a source of the connection "connection" makes of a list. */
static bool source_requests(struct json includes, struct slice filter, struct json list, struct json external,
                            struct json want)
{
    struct ack_requests r = {.filtered = filter.p != NULL};
    struct headers headers = {0};
    struct scratch s = {0};
    struct buf out = {0};
    struct json object = {JSON_ABSENT, NULL, 0};
    struct ditto_error err = {.status = 0};
    struct json_iter it = json_iter(includes);
    headers_index(&headers, external);
    struct facts f = {.placeholders = ~0u, .headers = &headers};
    while (json_next(&it)) {
        struct slice label = json_text(it.value, &scratch), placeholder = S("{{connection:id}}");
        struct buf resolved = {0};
        if (slice_starts(label, placeholder)) {
            buf_puts(&resolved, "connection");
            label = slice_skip(label, placeholder.len);
        }
        buf_put_slice(&resolved, label);
        r.labels.v = xrealloc_array(r.labels.v, r.labels.n + 1, sizeof *r.labels.v);
        r.labels.v[r.labels.n++] = slice_dup(buf_slice(&resolved));
        buf_free(&resolved);
    }
    bool good = !r.filtered || expression_compile(&r.filter, filter, ~0u, EXPRESSION_CONTINUES, &err) == 0;
    buf_putc(&out, '{');
    good = good && acks_put_requested(&out, list, &r, &f, &s, &err) == 0;
    buf_putc(&out, '}');
    good = good && json_parse(buf_slice(&out), &object, NULL) == 0;
    struct json got = json_get(object, S("requested-acks"));
    good = good && (json_present(want) ? equal(got, want) : got.type == JSON_ABSENT);
    ack_requests_free(&r);
    headers_free(&headers);
    scratch_free(&s);
    buf_free(&out);
    return good;
}

static bool by_default(struct json row)
{
    struct json signal = json_get(row, S("signal")), want = json_get(row, S("expected"));
    struct json headers = json_get(signal, S("headers")), got = headers;
    struct topic t;
    struct ditto_error err = {.status = 0};
    struct buf out = {0};
    if (topic_parse(row_text(signal, "topic"), &t, &err) < 0)
        return false;
    if (acks_can_be_requested(&t, false)) {
        bool live = t.channel == CHANNEL_LIVE;
        (void)acks_put_defaults(&out, headers, live ? ACK_OF_LIVE : ACK_OF_TWIN, &err);
        (void)json_parse(buf_slice(&out), &got, NULL);
    }
    struct json acks = json_get(got, S("requested-acks")), required = json_get(got, S("response-required"));
    bool good = true;
    if (json_get(want, S("error")).type == JSON_ABSENT) {
        struct json want_acks = json_get(want, S("requested-acks")),
                    want_required = json_get(want, S("response-required"));
        good = json_present(want_acks) ? equal(acks, want_acks) : acks.type == JSON_ABSENT;
        good = good &&
               (json_present(want_required) ? equal(required, want_required) : required.type == JSON_ABSENT);
    } else { /* a query that waits for no response: the hub's to refuse */
        good = t.verb == ACTION_RETRIEVE && required.type == JSON_FALSE;
    }
    buf_free(&out);
    return good;
}

static bool holds(struct json row)
{
    if (row_is(row, "kind", "default-requested-acks"))
        return by_default(row);
    if (row_is(row, "kind", "source-ack-requests"))
        return source_requests(json_get(row, S("includes")), row_text(row, "filter"),
                               json_get(row, S("requestedAcks")), (struct json){JSON_ABSENT, NULL, 0},
                               json_get(row, S("expected")));
    if (row_is(row, "kind", "requested-acks-filter")) {
        struct json list = {JSON_ABSENT, NULL, 0};
        struct slice text = row_text(json_get(row, S("signalHeaders")), "requested-acks");
        if (text.p)
            (void)json_parse(text, &list, NULL);
        return source_requests((struct json){JSON_ABSENT, NULL, 0}, row_text(row, "filter"), list,
                               json_get(row, S("headers")), json_get(row, S("expected")));
    }
    return true;
}

/* --- lists -------------------------------------------------------------------------------------------------------- */

static void can(const char *topic, bool status, bool want)
{
    struct topic t;
    struct ditto_error err = {.status = 0};
    ok(topic_parse(slice_str(topic), &t, &err) == 0 && acks_can_be_requested(&t, status) == want, "%s%s: %s",
       topic, status ? " with a status" : "", want ? "acknowledgements" : "no acknowledgements");
}

static void shown(const char *value, bool visible, const char *want)
{
    struct buf list = {0}, out = {0};
    struct json l = acks_list(value ? parsed(value) : (struct json){JSON_ABSENT, NULL, 0}, &list);
    ok(acks_put_shown(&out, l, S("c:x")) == visible, "something is left to see");
    is_slice(buf_slice(&out), slice_str(want), "what is visible");
    buf_free(&list);
    buf_free(&out);
}

static void test_lists(void)
{
    can("n/a/things/twin/commands/modify", false, true);
    can("n/a/things/twin/commands/modify", true, false);
    can("n/a/things/twin/commands/retrieve", false, false);
    can("n/a/things/live/commands/retrieve", false, true);
    can("n/a/things/live/messages/s", false, true);
    can("n/a/things/twin/events/modified", false, false);
    can("n/a/policies/commands/modify", false, false);
    shown(NULL, true, "[]");
    shown("[\"a\",\"b\"]", true, "[\"a\",\"b\"]");
    shown("[\"c:x\",\"twin-persisted\"]", false, "");
    shown("\"bbb, live-response\"", true, "[\"bbb\"]");
    shown("[]", true, "[]");
}

/* What the vectors do not say. */
static void test_filters(void)
{
    struct json none = {JSON_ABSENT, NULL, 0}, labels = parsed("[\"a:b\"]"), empty = parsed("[]");
    ok(source_requests(labels, S("fn:filter('a','eq','a')"), none, none, labels),
       "a filter sees what is added");
    ok(source_requests(labels, S("fn:filter('a','eq','a')"), empty, none, empty),
       "and an explicitly empty list");
    ok(source_requests(none, S("fn:filter('a','eq','a')"), none, none, none), "no list stays none");
    ok(!source_requests(labels, S("fn:delete() | fn:default('x')"), none, none, none),
       "deletion empties a list");
    ok(!source_requests(labels, S("fn:replace('a:b','?')"), none, none, labels),
       "what is no list is refused");
    ok(!source_requests(labels, S("header:x"), none, none, labels), "a filter has functions only");
}

int main(void)
{
    each_row("../mapping/acks.ndjson", holds);
    test_lists();
    test_filters();
    return done();
}
