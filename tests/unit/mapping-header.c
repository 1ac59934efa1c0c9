/* mapping-header: values of headers, header objects, headers that come in, UUIDs. */
#include "mapping/header.h"
#include "mapping/uuid.h"

#include "tap.h"

static struct json parsed(const char *text)
{
    struct json v = {JSON_ABSENT, NULL, 0};
    ok(json_parse(slice_str(text), &v, NULL) == 0, "'%s' is JSON", text);
    return v;
}

/* --- values ----------------------------------------------------------------------------------------------------- */

/* want: the member, or the code of the error. */
static void value(const char *name, const char *text, const char *want)
{
    struct buf b = {0};
    struct ditto_error err = {.status = 0};
    struct slice n = slice_str(name);
    buf_putc(&b, '{');
    int r = header_put_member(&b, header_rule(n), n, slice_str(text), &err);
    struct buf member = {0};
    buf_printf(&member, "{\"%s\":%s", name, want);
    if (r == 0)
        is_slice(buf_slice(&b), buf_slice(&member), "%s of '%s'", name, text);
    else
        is_slice(slice_str(err.code), slice_str(want), "%s of '%s' is refused", name, text);
    ok(r == 0 || (b.len == 1 && err.status == 400), "and nothing is left of it");
    buf_free(&b);
    buf_free(&member);
}

static void test_values(void)
{
    value("mine", "a\"b", "\"a\\\"b\"");
    value("response-required", "true", "true");
    value("response-required", "maybe", "header.invalid");
    value("requested-acks", "a:b, c:d", "[\"a:b\",\"c:d\"]");
    value("requested-acks", "[\"abc\"]", "[\"abc\"]");
    value("requested-acks", " ", "[]");
    value("at-historical-revision", "42", "42");
    value("at-historical-revision", "+42", "header.invalid");
    value("requested-acks", "a b", "header.invalid");
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

/* The headers of a message that comes in, as they are taken, or the code of the error. */
static void taken(const char *object, const char *want)
{
    struct headers h = {0};
    struct buf judged = {0}, got = {0};
    struct ditto_error err = {.status = 0};
    int r = headers_take(&h, parsed(object), &judged, &err);
    buf_putc(&got, '{');
    for (size_t i = 0; r == 0 && i < h.n; i++) {
        header_put_key(&got, h.v[i].raw);
        buf_put_slice(&got, json_slice(h.v[i].value));
    }
    buf_putc(&got, '}');
    is_slice(r < 0 ? slice_str(err.code) : buf_slice(&got), slice_str(want), "are taken");
    headers_free(&h);
    buf_free(&judged);
    buf_free(&got);
}

static void test_taken(void)
{
    struct buf large = {0};
    taken("{\"a\":\"x\",\"response-required\":false,\"channel\":\"live\"}",
          "{\"a\":\"x\",\"response-required\":false,\"channel\":\"live\"}");
    taken("{\"a\":1.0,\"b\":[ 1 ],\"response-required\":\"true\",\"requested-acks\":\"[\\\"a:b\\\"]\"}",
          "{\"a\":\"1.0\",\"b\":\"[1]\",\"response-required\":true,\"requested-acks\":[\"a:b\"]}");
    taken("{\"ditto-origin\":\"evil\",\"Ditto-Sudo\":true,\"etag\":\"\\\"x\\\"\",\"gone\":null}", "{}");
    taken("{\"Ab\":\"1\",\"ab\":\"2\",\"aB\":\"3\"}", "{\"ab\":\"3\"}");
    taken("{\"a\":\"1\",\"a\":\"2\"}", "{\"a\":\"2\"}");
    taken("{\"response-required\":\"maybe\"}", "header.invalid");
    taken("{\"timeout\":\"soon\"}", "timeout.invalid");
    buf_puts(&large, "{\"a\":\"");
    for (int i = 0; i < 5000; i++)
        buf_putc(&large, 'x');
    buf_puts(&large, "\"}");
    taken(buf_z(&large), "headers.too.large");
    buf_cut(&large, 0);
    buf_puts(&large, "{\"z\":\"1\"");
    for (int i = 0; i < 10000; i++)
        buf_puts(&large, ",\"a\":\"x\"");
    buf_puts(&large, "}");
    taken(buf_z(&large), "{\"z\":\"1\",\"a\":\"x\"}");
    buf_free(&large);
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
    test_values();
    test_keys();
    test_objects();
    test_taken();
    test_uuids();
    return done();
}
