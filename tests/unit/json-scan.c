/* json-scan.c: what the scanner accepts and refuses. Each document stands alone in memory of its own size, so that
 * the sanitizer sees a byte too many. */
#include <stdlib.h>

#include "json/json.h"
#include "tap.h"

#include "base/banned.h"

static bool accepts(struct slice text, struct json_error *err)
{
    struct json v;
    char *copy = malloc(text.len ? text.len : 1);
    if (text.len)
        memcpy(copy, text.p, text.len);
    *err = (struct json_error){0, "none"};
    bool accepted = json_parse(slice_of(copy, text.len), &v, err) == 0;
    free(copy);
    return accepted;
}

static void must(struct slice text, bool accept)
{
    struct json_error err;
    bool held = accepts(text, &err) == accept && err.offset <= text.len;
    char shown[64];
    size_t n = 0;
    for (; n < text.len && n < sizeof shown - 1; n++)
        shown[n] =
            text.p[n] > ' ' && text.p[n] <= '~' && text.p[n] != '#' && text.p[n] != '\\' ? text.p[n] : '.';
    shown[n] = '\0';
    if (!ok(held, "%s %s", accept ? "accepts" : "refuses", shown))
        printf("# %s at %zu\n", err.reason, err.offset);
}

#define ACCEPT(text) must(S(text), true)
#define REFUSE(text) must(S(text), false)

static void numbers(void)
{
    static const char *const good[] = {"0",      "-0",    "1",    "10",   "-1",        "0.0",
                                       "1.0",    "1e400", "1E+2", "1e-2", "0.1e01",    "0e00",
                                       "-0.0e1", "1e5",   "1e0",  "20e1", "123.456e78"};
    static const char *const bad[] = {"01",   "-01",   "+1",   ".5",       "1.",       "-",    "-.5",
                                      "1e",   "1e+",   "1.e5", "0x1",      "00",       "1a",   "--1",
                                      "1..2", "1e5.5", "1 2",  "Infinity", "NaN",      "-NaN", "1_0",
                                      "nan",  "1f",    "- 1",  "1e 5",     "-Infinity"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        must(slice_str(good[i]), true);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        must(slice_str(bad[i]), false);
    ACCEPT("12345678901234567890");
    ACCEPT("[0.30000000000000004,-123123e100000,1.7976931348623159e308]");
    REFUSE("\xef\xbc\x91"); /* a full-width digit */
}

static void structure(void)
{
    ACCEPT("{}");
    ACCEPT("[]");
    ACCEPT("[[],{},[{}]]");
    ACCEPT(" \t\r\n{ \"a\" : [ 1 , 2 ] } \n");
    ACCEPT("{\"\":0}");
    ACCEPT("{\"a\":1,\"a\":2}");
    ACCEPT("true");
    ACCEPT("false");
    ACCEPT("null");
    ACCEPT("\"\"");
    ACCEPT("[null,true,false]");
    REFUSE("");
    REFUSE("   ");
    REFUSE("{");
    REFUSE("[");
    REFUSE("}");
    REFUSE("]");
    REFUSE(",");
    REFUSE(":");
    REFUSE("[1,]");
    REFUSE("[,1]");
    REFUSE("[1,,2]");
    REFUSE("[1 2]");
    REFUSE("[1}");
    REFUSE("{\"a\":1]");
    REFUSE("[\"a\":1]");
    REFUSE("{\"a\"}");
    REFUSE("{\"a\":}");
    REFUSE("{\"a\":1,}");
    REFUSE("{,\"a\":1}");
    REFUSE("{\"a\" 1}");
    REFUSE("{\"a\"::1}");
    REFUSE("{a:1}");
    REFUSE("{1:1}");
    REFUSE("{null:1}");
    REFUSE("{'a':1}");
    REFUSE("{\"a\":1 \"b\":2}");
    REFUSE("[1]x");
    REFUSE("[1]]");
    REFUSE("{}{}");
    REFUSE("{}\0");
    REFUSE("[1]\0");
    REFUSE("1,");
    REFUSE("tru");
    REFUSE("truE");
    REFUSE("True");
    REFUSE("nul");
    REFUSE("nulll");
    REFUSE("falsey");
    REFUSE("[1] // no");
    REFUSE("/* no */ 1");
    REFUSE("\xef\xbb\xbf{}"); /* a byte order mark */
    REFUSE("\x0c[]");
    REFUSE("\xc2\xa0[]");
    REFUSE("\xff\xfe{\0}\0");
    REFUSE("*");
    REFUSE("<null>");
}

static void strings(void)
{
    ACCEPT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\uAbCd\"");
    ACCEPT("\"\\ud83d\\ude00\"");
    ACCEPT("\"\\ud83d\""); /* a lone surrogate is grammatical */
    ACCEPT("\"\\ude00\\ud83d\"");
    ACCEPT("\"\\ud83dx\\u0041\"");
    ACCEPT("\"\x7f\"");
    ACCEPT("\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"");
    ACCEPT("\"\xe2\x80\xa8\xef\xbf\xbf\xf4\x8f\xbf\xbf\xed\x9f\xbf\xee\x80\x80\"");
    REFUSE("\"");
    REFUSE("\"abc");
    REFUSE("\"abcdefghijklmnop");
    REFUSE("\"\\");
    REFUSE("\"\\\"");
    REFUSE("\"\\a\"");
    REFUSE("\"\\x41\"");
    REFUSE("\"\\'\"");
    REFUSE("\"\\u\"");
    REFUSE("\"\\u123\"");
    REFUSE("\"\\u123g\"");
    REFUSE("\"\\U1234\"");
    REFUSE("\"\\u 123\"");
    REFUSE("\"\\ud83d\\u\"");
    REFUSE("'a'");
    REFUSE("\"\x80\"");
    REFUSE("\"\xbf\xbf\"");
    REFUSE("\"\xc0\x80\""); /* overlong */
    REFUSE("\"\xc1\xbf\"");
    REFUSE("\"\xe0\x80\x80\"");
    REFUSE("\"\xe0\x9f\xbf\"");
    REFUSE("\"\xf0\x80\x80\x80\"");
    REFUSE("\"\xf0\x8f\xbf\xbf\"");
    REFUSE("\"\xed\xa0\x80\""); /* surrogates */
    REFUSE("\"\xed\xbf\xbf\"");
    REFUSE("\"\xf4\x90\x80\x80\""); /* beyond U+10FFFF */
    REFUSE("\"\xf5\x80\x80\x80\"");
    REFUSE("\"\xf8\x88\x80\x80\x80\"");
    REFUSE("\"\xfe\"");
    REFUSE("\"\xff\"");
    REFUSE("\"\xc3\"");
    REFUSE("\"\xc3");
    REFUSE("\"\xe2\x82\"");
    REFUSE("\"\xf0\x9f\x98\"");
    REFUSE("\"\xf0\x9f\x98");
    REFUSE("{\"\xff\":1}");
    REFUSE("\"a\"\xc3\xa4");
}

/* Every byte, at every place of an eight-byte word, inside a string. */
static void bytes_in_strings(void)
{
    unsigned wrong = 0;
    for (int byte = 0; byte < 256; byte++) {
        for (size_t at = 1; at <= 20; at++) {
            char text[] = "\"abcdefghijklmnopqrstuvwxyz\"";
            struct json_error err;
            text[at] = (char)byte;
            bool plain = byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
            /* after a backslash stands a letter: escapes of those that are some; a quote ends the string early */
            char next = text[at + 1];
            bool want = plain || (byte == '\\' && strchr("bfnrt", next) != NULL);
            wrong += accepts(slice_str(text), &err) != want && byte != 0;
            wrong += byte == 0 && accepts(slice_of(text, sizeof text - 1), &err);
        }
    }
    is_int(wrong, 0, "each byte at each offset of a string is judged alike");
}

static void control_bytes(void)
{
    unsigned accepted = 0, outside = 0;
    for (char c = 0; c < 0x20; c++) {
        char in_string[] = {'"', c, '"'}, in_key[] = {'{', '"', c, '"', ':', '1', '}'},
             around[] = {'[', c, ']'};
        struct json_error err;
        accepted += accepts(slice_of(in_string, sizeof in_string), &err);
        accepted += accepts(slice_of(in_key, sizeof in_key), &err);
        outside += accepts(slice_of(around, sizeof around), &err);
    }
    is_int(accepted, 0, "no raw control byte in a string or key");
    is_int(outside, 3, "three of them are white space");
}

static struct slice nested(size_t depth, struct slice open, struct slice inner, struct slice close)
{
    size_t len = depth * (open.len + close.len) + inner.len;
    char *text = malloc(len + 1), *p = text;
    for (size_t i = 0; i < depth; i++, p += open.len)
        memcpy(p, open.p, open.len);
    memcpy(p, inner.p, inner.len);
    p += inner.len;
    for (size_t i = 0; i < depth; i++, p += close.len)
        memcpy(p, close.p, close.len);
    return slice_of(text, len);
}

static void depth(void)
{
    static const size_t depths[] = {1, 63, 64, 65, 127, 128, 129, 999, 1000, 1001, 100000};
    struct json_error err;
    for (size_t i = 0; i < sizeof depths / sizeof *depths; i++) {
        size_t n = depths[i];
        struct slice arrays = nested(n, S("["), S(""), S("]"));
        struct slice objects = nested(n, S("{\"a\":"), S("1"), S("}"));
        struct slice members = nested(n, S("{\"k\":"), S("[]"), S(",\"l\":0}"));
        is_int(accepts(arrays, &err), n <= JSON_MAX_DEPTH, "%zu arrays", n);
        is_int(accepts(objects, &err), n <= JSON_MAX_DEPTH, "%zu objects", n);
        is_int(accepts(members, &err), n < JSON_MAX_DEPTH, "%zu objects around an array", n);
        free((char *)objects.p);
        free((char *)arrays.p);
        free((char *)members.p);
    }
    struct slice mixed = nested(500, S("[{\"a\":"), S("0"), S("}]"));
    ok(accepts(mixed, &err), "500 arrays of objects");
    ((char *)mixed.p)[mixed.len - 500] ^= '}' ^ ']';
    ok(!accepts(mixed, &err), "one closing bracket of the wrong kind");
    free((char *)mixed.p);
}

static const char sample[] =
    "{\"topic\":\"a/b/things/twin/events/modified\",\"headers\":{\"x\":[1,-2.50e+3,true,null]},"
    "\"s\":\"\\u00e4\xc3\xa4\\n\",\"o\":{\"\":{}},\"e\":[]}";

static void truncated(void)
{
    struct json_error err;
    unsigned accepted = 0, far = 0, unsaid = 0;
    for (size_t n = 0; n < sizeof sample - 1; n++) {
        accepted += accepts(slice_of(sample, n), &err);
        far += err.offset > n;
        unsaid += err.offset == n && strcmp(err.reason, "unexpected end of input") != 0;
    }
    ok(accepts(slice_of(sample, sizeof sample - 1), &err), "the sample is accepted");
    is_int(accepted, 0, "none of its prefixes is");
    is_int(far, 0, "the fault lies within the text");
    is_int(unsaid, 0, "a fault at the end is called the end");
}

static void reason_of(struct slice text, size_t offset, const char *reason)
{
    struct json_error err;
    accepts(text, &err);
    is_int((long long)err.offset, (long long)offset, "offset of: %s", reason);
    is_slice(slice_str(err.reason), slice_str(reason), "reason: %s", reason);
}

static void reasons(void)
{
    reason_of(S(""), 0, "unexpected end of input");
    reason_of(S("{\"a\":1"), 6, "unexpected end of input");
    reason_of(S("[1,x]"), 3, "value expected");
    reason_of(S("[1;2]"), 2, "comma or ] expected");
    reason_of(S("{\"a\";2}"), 4, "colon expected");
    reason_of(S("{a}"), 1, "key expected");
    reason_of(S("[\"a\nb\"]"), 3, "control byte in a string");
    reason_of(S("[\"a\xff\"]"), 3, "invalid UTF-8");
    reason_of(S("[\"\\x\"]"), 3, "unknown escape");
    reason_of(S("[01]"), 1, "leading zero");
    reason_of(S("[1.x]"), 3, "digit expected");
    reason_of(S("[trux]"), 1, "unknown word");
    reason_of(S("[1] 2"), 4, "something follows the value");
}

static void members(void)
{
    struct json_member m[3];
    struct json_error err;
    size_t n;
    is_int(json_parse_members(S(" {\"a\":1, \"b\\n\" : [2] ,\"a\":{\"x\":\"y\"} } "), m, 3, &n, &err), 0,
           "members are read");
    is_int((long long)n, 3, "all of them");
    is_slice(m[0].key, S("a"), "key");
    is_slice(json_slice(m[0].value), S("1"), "value");
    is_slice(m[1].key, S("b\\n"), "raw key");
    is_slice(json_slice(m[1].value), S("[2]"), "array");
    is_int(m[1].value.type, JSON_ARRAY, "its type");
    is_slice(json_slice(m[2].value), S("{\"x\":\"y\"}"), "duplicate kept");
    is_int(json_parse_members(S("{\"a\":1,\"b\":2,\"c\":3,\"d\":4}"), m, 2, &n, &err), 0,
           "more than there is room for");
    is_int((long long)n, 4, "are counted");
    is_int(json_parse_members(S("{}"), m, 2, &n, &err), 0, "none");
    is_int((long long)n, 0, "are none");
    static const char *const bad[] = {"",          "[]",         "1",          "\"a\"", "{",
                                      "{\"a\":1",  "{\"a\":1,}", "{\"a\":1}x", "{,}",   "{\"a\":}",
                                      "{\"a\":1]", "{\"a\":[}]", "null",       "{}{}",  "{\"a\"}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        is_int(json_parse_members(slice_str(bad[i]), m, 3, &n, &err), -1, "no members in %s", bad[i]);
    unsigned accepted = 0;
    for (size_t i = 0; i < sizeof sample - 1; i++)
        accepted += json_parse_members(slice_of(sample, i), m, 3, &n, NULL) == 0;
    is_int(accepted, 0, "nor in a prefix of the sample");
    struct slice deep = nested(1000, S("{\"a\":"), S("1"), S("}"));
    is_int(json_parse_members(deep, m, 3, &n, &err), 0, "1000 levels");
    free((char *)deep.p);
    deep = nested(1001, S("{\"a\":"), S("1"), S("}"));
    is_int(json_parse_members(deep, m, 3, &n, &err), -1, "1001 levels");
    free((char *)deep.p);
}

int main(void)
{
    numbers();
    structure();
    strings();
    bytes_in_strings();
    control_bytes();
    depth();
    truncated();
    reasons();
    members();
    return done();
}
