/* json-write.c: putting documents together. */
#include "json/json.h"
#include "tap.h"

#include "base/banned.h"

static struct buf out;

static void is_out(struct slice want, const char *what)
{
    is_slice(buf_slice(&out), want, "%s", what);
    buf_cut(&out, 0);
}

static void text_as(struct slice text, struct slice want)
{
    struct json v;
    json_put_text(&out, text);
    ok(json_parse(buf_slice(&out), &v, NULL) == 0, "what was written parses");
    is_out(want, "text");
}

static void texts(void)
{
    text_as(S(""), S("\"\""));
    text_as(SLICE_NONE, S("\"\""));
    text_as(S("plain / text, long enough for whole words"),
            S("\"plain / text, long enough for whole words\""));
    text_as(S("\"\\\b\f\n\r\t"), S("\"\\\"\\\\\\b\\f\\n\\r\\t\""));
    text_as(S("a\0b\x1f\x7f"), S("\"a\\u0000b\\u001f\x7f\""));
    text_as(S("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"), S("\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\""));
    text_as(S("\xff"
              "a\xc3"),
            S("\"\xef\xbf\xbd"
              "a\xef\xbf\xbd\""));
    text_as(S("\xed\xa0\x80"), S("\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""));
}

/* Every byte before and after text of every length up to two words comes back. */
static void round_trip(void)
{
    unsigned wrong = 0;
    struct buf scratch = {0};
    for (int byte = 0; byte < 128; byte++) {
        for (size_t len = 1; len < 18; len++) {
            char text[18];
            struct json v;
            memset(text, 'x', sizeof text);
            text[len - 1] = text[len / 2] = (char)byte;
            json_put_text(&out, slice_of(text, len));
            wrong += json_parse(buf_slice(&out), &v, NULL) < 0 ||
                     !slice_eq(json_text(v, &scratch), slice_of(text, len));
            buf_cut(&out, 0);
            buf_cut(&scratch, 0);
        }
    }
    buf_free(&scratch);
    is_int(wrong, 0, "each ASCII byte survives writing and reading");
}

static void building(void)
{
    buf_putc(&out, '{');
    json_put_member_text(&out, S("a"), S("x"));
    json_put_member_int(&out, S("b\""), -42);
    json_put_member(&out, S("c"), S("12345678901234567890"));
    json_put_key(&out, S("d"));
    buf_putc(&out, '[');
    for (int i = 0; i < 3; i++) {
        json_put_item(&out);
        buf_puts(&out, "1.0");
    }
    buf_puts(&out, "]}");
    is_out(S("{\"a\":\"x\",\"b\\\"\":-42,\"c\":12345678901234567890,\"d\":[1.0,1.0,1.0]}"), "an object");
    buf_putc(&out, '{');
    json_put_member_int(&out, S("least"), INT64_MIN);
    json_put_member_int(&out, S("most"), INT64_MAX);
    is_out(S("{\"least\":-9223372036854775808,\"most\":9223372036854775807"), "the ends of int64");
}

static struct json parse(struct slice text)
{
    struct json v = {JSON_ABSENT, NULL, 0};
    json_parse(text, &v, NULL);
    return v;
}

static void compact(void)
{
    json_put_compact(&out, parse(S(" { \"a b\" : [ 1 , \"\\\" x\\\\\" ,\n\t{ } ] , \"c\" : 1.0 } ")));
    is_out(S("{\"a b\":[1,\"\\\" x\\\\\",{}],\"c\":1.0}"), "compact");
    json_put_compact(&out, parse(S("\" \"")));
    is_out(S("\" \""), "a string stays");
    json_put_compact(&out, parse(S("1e400")));
    is_out(S("1e400"), "a number stays");
}

static void with(void)
{
    struct json v = parse(S("{\"a\": 1.0, \"b\":2, \"\\u0061\":3, \"c\":\"\\/\"}"));
    json_put_with(&out, v, S("b"), S("[true]"));
    is_out(S("{\"a\":1.0,\"b\":[true],\"\\u0061\":3,\"c\":\"\\/\"}"), "replaced");
    json_put_with(&out, v, S("a"), S("9"));
    is_out(S("{\"a\":9,\"b\":2,\"c\":\"\\/\"}"), "replaced, duplicates gone");
    json_put_with(&out, v, S("d"), S("{}"));
    is_out(S("{\"a\":1.0,\"b\":2,\"\\u0061\":3,\"c\":\"\\/\",\"d\":{}}"), "appended");
    json_put_with(&out, v, S("a"), SLICE_NONE);
    is_out(S("{\"b\":2,\"c\":\"\\/\"}"), "removed");
    json_put_with(&out, v, S("d"), SLICE_NONE);
    is_out(S("{\"a\":1.0,\"b\":2,\"\\u0061\":3,\"c\":\"\\/\"}"), "nothing to remove");
    json_put_with(&out, parse(S("{}")), S("a"), S("1"));
    is_out(S("{\"a\":1}"), "into an empty one");
    json_put_with(&out, parse(S("7")), S("a"), S("1"));
    is_out(S("{\"a\":1}"), "into none");
    buf_puts(&out, "{\"x\":");
    json_put_with(&out, parse(S("{\"a\":1}")), S("a"), SLICE_NONE);
    is_out(S("{\"x\":{}"), "behind other text");
}

int main(void)
{
    texts();
    round_trip();
    building();
    compact();
    with();
    buf_free(&out);
    return done();
}
