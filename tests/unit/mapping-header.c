/* mapping-header: Ditto's own headers against the vectors' facts, values, header objects, lists of acknowledgements. */
#include "mapping/acks.h"
#include "mapping/header.h"
#include "mapping/uuid.h"

#include "tap.h"

static struct json parsed(const char *text)
{
    struct json v = {JSON_ABSENT, NULL, 0};
    ok(json_parse(slice_str(text), &v, NULL) == 0, "'%s' is JSON", text);
    return v;
}

/* --- definitions ------------------------------------------------------------------------------------------------ */

static void test_definitions(void)
{
    const struct header_definition *d = header_definition(S("requested-acks"));
    ok(d && d->type == HEADER_ARRAY && d->in && d->out, "requested-acks is an array and passes both ways");
    ok(header_definition(S("Requested-ACKS")) == d, "the case of letters does not count");
    d = header_definition(S("ditto-origin"));
    ok(d && !d->in && !d->out, "ditto-origin passes neither way");
    d = header_definition(S("if-match"));
    ok(d && d->in && !d->out, "if-match comes in only");
    d = header_definition(S("etag"));
    ok(d && !d->in && d->out, "etag goes out only");
    ok(!header_definition(S("device_id")) && !header_definition(S("")) && !header_definition(S("etaG2")),
       "other names are the user's own");
}

/* Every definition is found: names that share a slot do not hide each other. */
static void test_all_found(void)
{
    static const char *const names[] = {
        "accept",
        "allow-policy-lockout",
        "at-historical-revision",
        "at-historical-timestamp",
        "authorization",
        "channel",
        "condition",
        "content-type",
        "correlation-id",
        "declared-acks",
        "delete-metadata",
        "ditto-ackgregator-address",
        "ditto-auth-context",
        "ditto-connection-id",
        "ditto-dry-run",
        "ditto-entity-id",
        "ditto-event-journal-tags",
        "ditto-expected-response-types",
        "ditto-inbound-payload-mapper",
        "ditto-message-direction",
        "ditto-message-feature-id",
        "ditto-message-subject",
        "ditto-message-thing-id",
        "ditto-metadata",
        "ditto-origin",
        "ditto-originator",
        "ditto-partial-access-paths",
        "ditto-policy-view-fields-selector",
        "ditto-pre-defined-extra-fields",
        "ditto-pre-defined-extra-fields-object",
        "ditto-pre-defined-extra-fields-read-grant",
        "ditto-read-revoked-subjects",
        "ditto-read-subjects",
        "ditto-reply-target",
        "ditto-retrieve-deleted",
        "ditto-sudo",
        "ditto-weak-ack",
        "divert-expected-response-types",
        "divert-response-to-connection",
        "diverted-response-from-connection",
        "dry-run",
        "entity-revision",
        "etag",
        "get-metadata",
        "historical-headers",
        "if-equal",
        "if-match",
        "if-none-match",
        "live-channel-condition",
        "live-channel-condition-matched",
        "live-channel-timeout-strategy",
        "location",
        "merge-thing-patch-conditions",
        "policy-view",
        "put-metadata",
        "reply-to",
        "requested-acks",
        "response-required",
        "status",
        "timeout",
        "timestamp",
        "traceparent",
        "tracestate",
        "www-authenticate",
    };
    size_t found = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct header_definition *d = header_definition(slice_str(names[i]));
        found += d && slice_eq(d->name, slice_str(names[i]));
    }
    is_int((long long)found, (long long)(sizeof names / sizeof *names), "all definitions are found");
}

/* --- values ----------------------------------------------------------------------------------------------------- */

static void value(const char *name, const char *text, const char *want)
{
    struct buf b = {0};
    struct ditto_error err = {.status = 0};
    struct slice n = slice_str(name);
    int r = header_put_value(&b, header_definition(n), n, slice_str(text), &err);
    if (r == 0)
        is_slice(buf_slice(&b), slice_str(want), "%s of '%s'", name, text);
    else
        is_slice(slice_str(err.code), slice_str(want), "%s of '%s' is refused", name, text);
    ok(r == 0 || (b.len == 0 && err.status == 400), "and nothing is left of it");
    buf_free(&b);
}

static void test_values(void)
{
    value("mine", "a\"b", "\"a\\\"b\"");
    value("response-required", "true", "true");
    value("response-required", "maybe", "header.invalid");
    value("requested-acks", "a:b, c:d", "[\"a:b\",\"c:d\"]");
    value("requested-acks", "[ \"a\" ]", "[\"a\"]");
    value("requested-acks", "", "[]");
    value("at-historical-revision", "42", "42");
    value("at-historical-revision", "+42", "header.invalid");
    value("merge-thing-patch-conditions", "{\"a\": 1}", "{\"a\":1}");
    value("merge-thing-patch-conditions", "[]", "header.invalid");
    value("timeout", "250ms", "\"250ms\"");
    value("timeout", "+5", "\"+5\"");
    value("timeout", "2mo", "\"2mo\"");
    value("timeout", "abc", "timeout.invalid");
    value("timeout", "ms", "timeout.invalid");
    value("if-match", "*", "\"*\"");
    value("if-match", "\"rev:1\" , W/\"rev:2\"", "\"\\\"rev:1\\\" , W/\\\"rev:2\\\"\"");
    value("if-match", "rev 1", "header.invalid");
    value("if-match", "", "header.invalid");
    value("channel", " LIVE ", "\" LIVE \"");
    value("channel", "none", "header.invalid");
    value("correlation-id", "", "header.invalid");
    value("status", "any text", "\"any text\"");
}

static void test_keys(void)
{
    struct buf b = {0};
    buf_putc(&b, '{');
    header_put_key(&b, S("Content-Type"));
    buf_puts(&b, "1");
    header_put_key(&b, S("x\\u0041\\\""));
    is_slice(buf_slice(&b), S("{\"content-type\":1,\"xa\\\"\":"),
             "keys are lower case, escapes decoded before");
    buf_free(&b);
}

/* --- objects ---------------------------------------------------------------------------------------------------- */

static void test_objects(void)
{
    struct headers h = {0};
    struct buf scratch = {0};
    headers_index(&h, parsed("{\"a\":\"1\",\"A\":2,\"gone\":null,\"b\\u0063\":\"x\\ny\",\"d\\u0065\":[1]}"));
    is_int((long long)h.n, 4, "null is absent");
    is_slice(json_slice(headers_get(&h, S("a"), false)), S("2"), "of two spellings the last one counts");
    is_slice(json_slice(headers_get(&h, S("a"), true)), S("\"1\""), "unless the case of letters counts");
    is_slice(header_text(headers_get(&h, S("BC"), false), &scratch), S("x\ny"), "an escaped name is found");
    is_slice(header_text(headers_get(&h, S("de"), true), &scratch), S("[1]"),
             "a value that is no string is its JSON");
    ok(headers_get(&h, S("gone"), false).type == JSON_ABSENT, "what is absent is not found");
    headers_index(&h, parsed("[1]"));
    is_int((long long)h.n, 0, "what is no object has no headers");
    headers_free(&h);
    buf_free(&scratch);
}

/* --- acknowledgements ------------------------------------------------------------------------------------------- */

static void can(const char *topic, bool status, bool want)
{
    struct topic t;
    struct ditto_error err = {.status = 0};
    ok(topic_parse(slice_str(topic), &t, &err) == 0 && acks_can_be_requested(&t, status) == want, "%s%s: %s",
       topic, status ? " with a status" : "", want ? "acknowledgements" : "no acknowledgements");
}

static void list(const char *value, const char *with, bool visible, const char *shown)
{
    struct slice labels[] = {S("c:x"), S("a")};
    const struct slices add = {2, labels};
    struct buf scratch = {0}, out = {0};
    struct json l = acks_list(value ? parsed(value) : (struct json){JSON_ABSENT, NULL, 0}, &scratch);
    acks_put_with(&out, l, &add);
    is_slice(buf_slice(&out), slice_str(with), "with two more");
    buf_cut(&out, 0);
    ok(acks_put_visible(&out, l, S("c:x")) == visible, "something is left to see");
    is_slice(buf_slice(&out), slice_str(shown), "what is visible");
    buf_free(&scratch);
    buf_free(&out);
}

static void test_acks(void)
{
    can("n/a/things/twin/commands/modify", false, true);
    can("n/a/things/twin/commands/modify", true, false);
    can("n/a/things/twin/commands/retrieve", false, false);
    can("n/a/things/live/commands/retrieve", false, true);
    can("n/a/things/live/messages/s", false, true);
    can("n/a/things/twin/events/modified", false, false);
    can("n/a/policies/commands/modify", false, false);
    list(NULL, "[\"c:x\",\"a\"]", true, "[]");
    list("[\"a\",\"b\"]", "[\"a\",\"b\",\"c:x\"]", true, "[\"a\",\"b\"]");
    list("[\"c:x\",\"twin-persisted\"]", "[\"c:x\",\"twin-persisted\",\"a\"]", false, "");
    list("\"b, live-response\"", "[\"b\",\"live-response\",\"c:x\",\"a\"]", true, "[\"b\"]");
    list("[]", "[\"c:x\",\"a\"]", true, "[]");
}

static void test_uuids(void)
{
    struct buf b = {0};
    bool formed = true;
    for (size_t i = 0; i < 100; i++)
        uuid_put(&b);
    for (size_t i = 0; i < 100; i++) {
        const char *u = buf_p(&b) + i * 36;
        formed &= u[8] == '-' && u[13] == '-' && u[14] == '4' && strchr("89ab", u[19]) && u[23] == '-';
        formed &= i == 0 || memcmp(u, u - 36, 36) != 0;
    }
    ok(b.len == 3600 && formed, "100 UUIDs are formed and differ");
    buf_free(&b);
}

int main(void)
{
    test_definitions();
    test_all_found();
    test_values();
    test_keys();
    test_objects();
    test_acks();
    test_uuids();
    return done();
}
