/* json-value.c: looking up, decoding, numbers. */
#include "json/json.h"
#include "tap.h"

#include "base/banned.h"

static struct json parse(struct slice text)
{
    struct json v = {JSON_ABSENT, NULL, 0};
    ok(json_parse(text, &v, NULL) == 0, "parses: %.*s", SLICE_ARG(text));
    return v;
}

static void types(void)
{
    is_int(parse(S("null")).type, JSON_NULL, "null");
    is_int(parse(S("true")).type, JSON_TRUE, "true");
    is_int(parse(S("false")).type, JSON_FALSE, "false");
    is_int(parse(S("-1")).type, JSON_NUMBER, "number");
    is_int(parse(S("\"\"")).type, JSON_STRING, "string");
    is_int(parse(S("[]")).type, JSON_ARRAY, "array");
    is_int(parse(S(" {} ")).type, JSON_OBJECT, "object");
    is_slice(json_slice(parse(S("  [1] "))), S("[1]"), "white space is not part of it");
    ok(!json_present(parse(S("null"))) && json_present(parse(S("0"))), "null is not present");
}

static void look_up(void)
{
    struct json v = parse(S(
        "{\"a\":1,\"b\":{\"c\":\"}\\\"{\",\"d\":[[],[\"]\"],3]},\"a\":2,\"\\u0061b\":4,\"a\\\\n\":5,\"\":6}"));
    is_slice(json_slice(json_get(v, S("a"))), S("2"), "the last of duplicates");
    is_slice(json_slice(json_get(v, S("b"))), S("{\"c\":\"}\\\"{\",\"d\":[[],[\"]\"],3]}"),
             "brackets in strings");
    is_slice(json_slice(json_get(v, S("ab"))), S("4"), "an escaped key");
    is_slice(json_slice(json_get(v, S("a\\n"))), S("5"), "a key with a backslash");
    is_int(json_get(v, S("a\\\\n")).type, JSON_ABSENT, "not by its escaped text");
    is_slice(json_slice(json_get(v, S(""))), S("6"), "the empty key");
    is_int(json_get(v, S("x")).type, JSON_ABSENT, "absent");
    is_int(json_get(json_get(v, S("a")), S("x")).type, JSON_ABSENT, "no container");
    is_int((long long)json_count(v), 6, "count of members");
    struct json d = json_get(json_get(v, S("b")), S("d"));
    is_int((long long)json_count(d), 3, "count of elements");
    is_slice(json_slice(json_at(d, 1)), S("[\"]\"]"), "element");
    is_int(json_at(d, 3).type, JSON_ABSENT, "beyond");
    is_int(json_at(v, 0).type, JSON_ABSENT, "an object has no elements");
    is_int((long long)json_count(json_at(d, 2)), 0, "a number has none");
}

static void pointers(void)
{
    /* RFC 6901 section 5 */
    struct json v =
        parse(S("{\"foo\":[\"bar\",\"baz\"],\"\":0,\"a/b\":1,\"c%d\":2,\"e^f\":3,\"g|h\":4,\"i\\\\j\":5,"
                "\"k\\\"l\":6,\" \":7,\"m~n\":8}"));
    static const struct {
        const char *pointer, *value;
    } rows[] = {{"/foo", "[\"bar\",\"baz\"]"},
                {"/foo/0", "\"bar\""},
                {"/", "0"},
                {"/a~1b", "1"},
                {"/c%d", "2"},
                {"/e^f", "3"},
                {"/g|h", "4"},
                {"/i\\j", "5"},
                {"/k\"l", "6"},
                {"/ ", "7"},
                {"/m~0n", "8"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        is_slice(json_slice(json_pointer(v, slice_str(rows[i].pointer))), slice_str(rows[i].value),
                 "pointer %s", rows[i].pointer);
    is_slice(json_slice(json_pointer(v, S(""))), json_slice(v), "the whole");
    static const char *const absent[] = {"foo",     "/foo/2", "/foo/-",   "/foo/00",
                                         "/foo/01", "/foo/a", "/foo/0/x", "/m~n",
                                         "/m~2n",   "/m~",    "/foo/",    "/foo/99999999999999999999"};
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
        is_int(json_pointer(v, slice_str(absent[i])).type, JSON_ABSENT, "nothing at %s", absent[i]);
}

static void decodes(struct slice raw, struct slice want)
{
    struct buf scratch = {0};
    struct json v = {JSON_STRING, raw.p, raw.len};
    buf_puts(&scratch, "before");
    is_slice(json_text(v, &scratch), want, "decoded: %.*s", SLICE_ARG(raw));
    ok(json_text_is(v, want), "and equal to it");
    ok(json_text_is(v, S("other")) == slice_eq(want, S("other")), "and to nothing else");
    buf_free(&scratch);
}

static void texts(void)
{
    decodes(S("\"\""), S(""));
    decodes(S("\"plain\""), S("plain"));
    decodes(S("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), S("\"\\/\b\f\n\r\t"));
    decodes(S("\"a\\u0000b\""), S("a\0b"));
    decodes(S("\"\\u0041\\u00e4\\u20AC\""), S("A\xc3\xa4\xe2\x82\xac"));
    decodes(S("\"\\ud83d\\ude00\""), S("\xf0\x9f\x98\x80"));
    decodes(S("\"\\uD83D\\uDE00\""), S("\xf0\x9f\x98\x80"));
    decodes(S("\"\\udbff\\udfff\""), S("\xf4\x8f\xbf\xbf"));
    decodes(S("\"\\ud83d\""), S("\xef\xbf\xbd"));
    decodes(S("\"\\ude00x\""), S("\xef\xbf\xbdx"));
    decodes(S("\"\\ud83d\\ud83d\\ude00\""), S("\xef\xbf\xbd\xf0\x9f\x98\x80"));
    decodes(S("\"\\ud83d\\n\""), S("\xef\xbf\xbd\n"));
    decodes(S("\"\\ud83d\\u0041\""), S("\xef\xbf\xbd"
                                       "A"));
    decodes(S("\"\xc3\xa4\\t\xc3\xa4\""), S("\xc3\xa4\t\xc3\xa4"));
    struct buf scratch = {0};
    is_slice(json_text(parse(S("1")), &scratch), SLICE_NONE, "a number has no text");
    is_slice(json_raw(parse(S("\"a\\nb\""))), S("a\\nb"), "raw text");
    is_int((long long)scratch.len, 0, "scratch untouched");
    ok(!json_key_is(S("ab"), S("abc")) && !json_key_is(S("abc"), S("ab")) &&
           !json_key_is(S("\\u0061b"), S("a")),
       "longer and shorter keys differ");
    buf_free(&scratch);
}

static void integers(void)
{
    static const struct {
        const char *text;
        int64_t value;
    } good[] = {{"0", 0},
                {"-0", 0},
                {"7", 7},
                {"204", 204},
                {"204.0", 204},
                {"2.04e2", 204},
                {"2.040e2", 204},
                {"20400e-2", 204},
                {"0.204E+3", 204},
                {"-1.0", -1},
                {"0e99999999999999999999", 0},
                {"0.000", 0},
                {"0.0e-7", 0},
                {"9223372036854775807", INT64_MAX},
                {"-9223372036854775808", INT64_MIN},
                {"9223372036854775807000e-3", INT64_MAX},
                {"1e18", INT64_C(1000000000000000000)},
                {"0.0000000000000000000000000000001e31", 1},
                {"100000000000000000000000e-23", 1}};
    static const char *const bad[] = {"0.5",
                                      "204.01",
                                      "1e-1",
                                      "9223372036854775808",
                                      "-9223372036854775809",
                                      "1e19",
                                      "1e400",
                                      "12345678901234567890",
                                      "99999999999999999999999",
                                      "1e99999999999999999999",
                                      "1e-99999999999999999999",
                                      "1234567890123456789012e-4",
                                      "true",
                                      "\"1\"",
                                      "null"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        int64_t n = -77;
        struct json v = parse(slice_str(good[i].text));
        ok(json_int(v, &n) == 0 && n == good[i].value, "integer %s", good[i].text);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t n;
        is_int(json_int(parse(slice_str(bad[i])), &n), -1, "no integer: %s", bad[i]);
    }
}

/* Members copied by their slices give the bytes of the document. */
static void identity(void)
{
    struct slice text = S(
        "{\"n\":[12345678901234567890,1.0,1e400,-0,1E+2],\"s\":\"\\u0000\\ud83d\\/\xc3\xa4\",\"a\":1,\"a\":2,"
        "\"\\u0061\":{\"deep\":[{},[],\"\"]}}");
    struct json v = parse(text);
    struct buf copy = {0};
    buf_putc(&copy, '{');
    struct json_iter it = json_iter(v);
    for (int n = 0; json_next(&it); n++) {
        buf_puts(&copy, n ? ",\"" : "\"");
        buf_put_slice(&copy, it.key);
        buf_puts(&copy, "\":");
        buf_put_slice(&copy, json_slice(it.value));
    }
    buf_putc(&copy, '}');
    is_slice(buf_slice(&copy), text, "members copied by slices");
    buf_free(&copy);
}

int main(void)
{
    types();
    look_up();
    pointers();
    texts();
    integers();
    identity();
    return done();
}
