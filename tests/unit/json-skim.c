/* json-skim: passing over members, also of what is no JSON. */
#include <stdlib.h>

#include "json/skim.h"
#include "tap.h"

#include "base/banned.h"

/* "key=value;…" of all members, and "!" if it is not whole. The text is copied to where reading too far is noticed. */
static void skims(const char *text, const char *want)
{
    size_t len = strlen(text);
    char *copy = malloc(len ? len : 1);
    struct buf out = {0};
    memcpy(copy, text, len);
    struct skim s = skim_of(slice_of(copy, len));
    while (skim_next(&s))
        buf_printf(&out, "%.*s=%.*s;", SLICE_ARG(s.key), SLICE_ARG(json_slice(s.value)));
    if (!s.whole)
        buf_putc(&out, '!');
    is_slice(buf_slice(&out), slice_str(want), "%s", text);
    buf_free(&out);
    free(copy);
}

static void members(void)
{
    skims("{}", "");
    skims(" { } ", "");
    skims("{\"a\":1}", "a=1;");
    skims(" { \"a\" : 1 , \"b\" : [ ] } ", "a=1;b=[ ];");
    skims("{\"a\":\"x\",\"b\":{\"c\":[1,{}]},\"d\":null}", "a=\"x\";b={\"c\":[1,{}]};d=null;");
    skims("{\"a\\\"b\":\"\\\\\",\"c\":\"}\"}", "a\\\"b=\"\\\\\";c=\"}\";");
    skims("{\"a\":{\"b\":\"}\",\"c\":\"\\\"}\",\"d\":\"\\\\\"},\"e\":2}",
          "a={\"b\":\"}\",\"c\":\"\\\"}\",\"d\":\"\\\\\"};e=2;");
    skims(
        "{\"a\":[\"0123456789012345678901234567890123456789012345678901234567890123456789]\",[[]]],\"b\":true}",
        "a=[\"0123456789012345678901234567890123456789012345678901234567890123456789]\",[[]]];b=true;");
    /* what stands inside is not looked at */
    skims("{\"a\":{x],\"b\":tru,\"\\x\":-}", "a={x];b=tru;\\x=-;");
}

static void faults(void)
{
    static const char *const texts[] = {"",          " ",         "x",           "[]",          "{",
                                        "{\"",       "{\"a",      "{\"a\"",      "{\"a\":",     "{\"a\":}",
                                        "{\"a\" 1}", "{a:1}",     "{,}",         "{\"\\",       "{}x",
                                        "{\"a\":[",  "{\"a\":\"", "{\"a\":\"\\", "{\"a\":[\"\\"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        skims(texts[i], "!");
    skims("{\"a\":1", "a=1;!");
    skims("{\"a\":1,", "a=1;!");
    skims("{\"a\":1,}", "a=1;!");
    skims("{\"a\":1 \"b\":2}", "a=1;!");
    skims("{\"a\":1}}", "a=1;!");
}

static void gets(const char *text, const char *name, const char *want)
{
    is_slice(json_slice(skim_get(slice_str(text), slice_str(name))), slice_str(want), "%s of %s", name, text);
}

static void looking_up(void)
{
    gets("{\"a\":1,\"b\":2}", "b", "2");
    gets("{\"a\":1,\"b\":2}", "c", NULL);
    gets("{\"a\":1,\"a\":2}", "a", "2");
    gets("{\"a\":1,\"\\u0061\":2}", "a", "2");
    gets("{\"\\u0061\":1,\"b\":\"a\"}", "a", "1");
    gets("{\"\\u006\":1}", "a", NULL);
    gets("{\"a\":{\"a\":3},\"b\":1}", "a", "{\"a\":3}");
    gets("7", "a", NULL);
    struct buf scratch = {0};
    struct json bad = {JSON_STRING, "\"\\u12\"", 6}, good = {JSON_STRING, "\"\\u0041\"", 8};
    is_slice(skim_text(bad, &scratch), SLICE_NONE, "a text with a bad escape is none");
    is_slice(skim_text(good, &scratch), S("A"), "one with a good one is decoded");
    buf_free(&scratch);
}

/* Containers end where the scanner of json_parse says, wherever they stand to the blocks. */
static void blocks(void)
{
    static const char *const pieces[] = {"[",     "]", "{", "}",        "\"a\\\"]\"",
                                         "\"}\"", ",", "1", "\"\\\\\"", "\"0123456789abcdef\""};
    unsigned state = 12345, differ = 0, whole = 0;
    for (int round = 0; round < 20000; round++) {
        struct buf text = {0};
        struct json v;
        buf_puts(&text, "{\"k\":[");
        for (unsigned n = (state >> 16) % 40; n; n--) {
            state = state * 1103515245 + 12345;
            buf_puts(&text, pieces[(state >> 16) % 10]);
        }
        buf_puts(&text, "]}");
        struct skim s = skim_of(buf_slice(&text));
        while (skim_next(&s))
            ;
        if (json_parse(buf_slice(&text), &v, NULL) == 0) {
            whole++;
            differ += !s.whole;
        }
        state = state * 1103515245 + 12345;
        buf_free(&text);
    }
    ok(whole > 20, "%u of many texts are JSON", whole);
    is_int(differ, 0, "and all of them are whole");
}

int main(void)
{
    members();
    faults();
    looking_up();
    blocks();
    return done();
}
