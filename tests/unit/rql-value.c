/* rql-value: comparing values, wildcards, and filters that are meant to hurt. */
#include <stdlib.h>

#include "protocol/rql_query.h"
#include "protocol/rql_value.h"
#include "tap.h"

#include "base/banned.h"

#define NUM(text)                                                                                            \
    {                                                                                                        \
        RQL_LONG,                                                                                            \
        {                                                                                                    \
            text, sizeof text - 1                                                                            \
        }                                                                                                    \
    }
#define DBL(text)                                                                                            \
    {                                                                                                        \
        RQL_DOUBLE,                                                                                          \
        {                                                                                                    \
            text, sizeof text - 1                                                                            \
        }                                                                                                    \
    }
#define STR(text)                                                                                            \
    {                                                                                                        \
        RQL_STRING,                                                                                          \
        {                                                                                                    \
            text, sizeof text - 1                                                                            \
        }                                                                                                    \
    }
#define BOOL(value)                                                                                          \
    {                                                                                                        \
        (value) ? RQL_TRUE : RQL_FALSE,                                                                      \
        {                                                                                                    \
            NULL, 0                                                                                          \
        }                                                                                                    \
    }

static void order(void)
{
    static const struct {
        struct rql_value value, literal;
        int want;
    } rows[] = {
        {NUM("1"), NUM("1.0"), 0},
        {NUM("1e2"), NUM("100"), 0},
        {NUM("-1"), NUM("1"), -1},
        {NUM("0"), NUM("-0.0"), 0},
        {NUM("-2"), NUM("-1"), -1},
        {NUM("0.001"), NUM("0.01"), -1},
        {NUM("1234567890.5"), NUM("1234567890.25"), 1},
        {NUM("9007199254740993"), NUM("9007199254740992"), 1},
        {NUM("12345678901234567890123"), NUM("12345678901234567890122"), 1},
        {NUM("1e400"), NUM("1e399"), 1},
        {NUM("-1e400"), NUM("0"), -1},
        {NUM("1e99999999999999999999"), NUM("1"), 1},
        {NUM("0.1"), DBL("0.1000000000000000055511151231257827"), 0},
        {NUM("0.30000000000000004"), DBL("0.3"), 1},
        {NUM("0.30000000000000004"), DBL("0.300000000000000041"), 0},
        {NUM("0e5"), NUM("0"), 0},
        {NUM("42"), STR("42"), 0},
        {NUM("42"), STR("4.2e1"), 0},
        {NUM("42"), STR(".42E+2"), 0},
        {NUM("42"), STR("42."), 0},
        {NUM("42"), STR("+42"), 0},
        {NUM("42"), STR(" 42"), 1},
        {NUM("42"), STR("x"), -1},
        {NUM("42"), STR(""), 1},
        {NUM("42"), STR("1e"), 1},
        {STR("42"), NUM("42.0"), 0},
        {STR("Hello"), NUM("5"), 1},
        {STR("42"), STR("42.0"), -1},
        {STR("a"), STR("a"), 0},
        {STR("a"), STR("aa"), -1},
        {STR("\xef\xbf\xbd"), STR("\xf0\x9f\x98\x80"), 1}, /* a surrogate is less than U+FFFD */
        {STR("\xed\x9f\xbf"), STR("\xf0\x9f\x98\x80"), -1},
        {BOOL(true), BOOL(false), 1},
        {BOOL(true), STR("true"), 0},
        {STR("false"), BOOL(false), 0},
        {BOOL(true), NUM("1"), 1},
        {NUM("100.0"), BOOL(true), -1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int got = rql_compare(rows[i].value, rows[i].literal);
        is_int((got > 0) - (got < 0), rows[i].want, "row %zu: '%.*s' and '%.*s'", i,
               SLICE_ARG(rows[i].value.text), SLICE_ARG(rows[i].literal.text));
    }
}

static void printed(void)
{
    static const char *const rows[][2] = {
        {"1", "1"},
        {"1.0", "1"},
        {"1e3", "1000"},
        {"-0.0", "0"},
        {"1.50", "1.5"},
        {"0.5", "0.5"},
        {"0.05", "0.05"},
        {"0.001", "0.001"},
        {"0.0001", "1.0E-4"},
        {"1.25e-7", "1.25E-7"},
        {"1234567.5", "1234567.5"},
        {"12345678.5", "1.23456785E7"},
        {"1e25", "1.0E25"},
        {"-2.5e30", "-2.5E30"},
        {"99999999999999999999", "99999999999999999999"},
        {"1e400", "1e400"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[NUMBER_TEXT_SIZE];
        struct rql_value v = {RQL_LONG, slice_str(rows[i][0])};
        is_slice(rql_like_text(v, text), slice_str(rows[i][1]), "like sees %s", rows[i][0]);
    }
}

static void wildcards(void)
{
    static const struct {
        const char *pattern, *text;
        bool fold, want;
    } rows[] = {
        {"", "", false, true},
        {"", "a", false, false},
        {"*", "", false, true},
        {"**", "abc", false, true},
        {"?", "", false, false},
        {"?", "a", false, true},
        {"?", "\xe2\x82\xac", false, true},
        {"??", "\xe2\x82\xac", false, false},
        {"*a*b*c*", "xxaxxbxxcxx", false, true},
        {"*a*b*c", "abcabcab", false, false},
        {"a*a", "a", false, false},
        {"*aab", "aaaab", false, true},
        {"*?b", "b", false, false},
        {"a.c", "abc", false, false},
        {"[a]", "[a]", false, true},
        {"Ab*", "aBc", true, true},
        {"Ab*", "aBc", false, false},
        {"@", "`", true, false},
        {"\xc3\x84", "\xc3\xa4", true, false}, /* only ASCII letters have a case */
        {"a*", "a\nb", false, false},
        {"a*b", "a\nb", false, false},
        {"a\nb*", "a\nbc", false, true},
        {"a?b",
         "a\xe2\x80\xa8"
         "b",
         false, false},
        {"*\n*", "a\nb", false, true},
        {"*b",
         "a\xc2\x85"
         "b",
         false, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        is_int(rql_like(slice_str(rows[i].pattern), slice_str(rows[i].text), rows[i].fold), rows[i].want,
               "wildcards, row %zu", i);
}

static enum rql_truth eval(const char *filter, const char *thing)
{
    struct rql_query q;
    struct rql_scratch s = {.now_ms = INT64_C(1704551022123)}; /* 2024-01-06T14:23:42.123Z */
    struct rql_view v = {.base = {JSON_OBJECT, thing, strlen(thing)}};
    struct ditto_error err = {0};
    if (rql_compile(&q, slice_str(filter), RQL_OF_THING, &err) < 0) {
        ok(false, "%s: %s", filter, err.message);
        return RQL_UNKNOWN;
    }
    enum rql_truth t = rql_eval(&q, &v, &s);
    rql_query_free(&q);
    rql_scratch_free(&s);
    return t;
}

static void things(void)
{
    static const struct {
        const char *filter, *thing;
        bool want;
    } rows[] = {
        {"eq(attributes/l/k,2)", "{\"attributes\":{\"l\":[{\"k\":1},{\"k\":[3,2]}]}}", true},
        {"exists(attributes/l/k)", "{\"attributes\":{\"l\":[1,{\"k\":null}]}}", true},
        {"exists(attributes/l/m)", "{\"attributes\":{\"l\":[1,{\"k\":null}]}}", false},
        {"empty(attributes/l/m)", "{\"attributes\":{\"l\":[1,{\"k\":null}]}}", true},
        {"empty(attributes/l/k)", "{\"attributes\":{\"l\":[1,{\"k\":\"\"}]}}", false},
        {"eq(_metadata/l/k,1)", "{\"_metadata\":{\"l\":[{\"k\":1}]}}", true},
        {"exists(_metadata/l/k)", "{\"_metadata\":{\"l\":[{\"k\":1}]}}", false},
        {"exists(_metadata)", "{\"_metadata\":{}}", false},
        {"exists(thingId)", "{\"thingId\":\"a:b\"}", true},
        {"exists(_namespace)", "{\"thingId\":\"a:b\"}", false},
        {"eq(_namespace,'a')", "{\"thingId\":\"a:b\"}", true},
        {"eq(attributes/a,null)", "{\"attributes\":{\"a\":null}}", true},
        {"eq(attributes/b,null)", "{\"attributes\":{\"a\":null}}", false},
        {"in(attributes/a,null,1)", "{\"attributes\":{\"a\":null}}", false},
        {"gt(attributes/a,null)", "{\"attributes\":{\"a\":1}}", false},
        {"ne(attributes/a,1)", "{\"attributes\":{\"a\":[1,2]}}", false},
        {"eq(attributes/a,1)", "{\"attributes\":{\"a\":{\"b\":1}}}", false},
        {"like(attributes/a,'tr*')", "{\"attributes\":{\"a\":[false,true]}}", true},
        {"like(attributes/a,'*')", "{\"attributes\":{\"a\":null}}", true},
        {"like(attributes/a,'nul*')", "{\"attributes\":{\"a\":null}}", false},
        {"like(attributes/a,'*')", "{\"attributes\":{\"b\":null}}", false},
        {"empty(features/f)", "{\"features\":{\"f\":{\"x\":1}}}", true},
        {"empty(features/f)", "{\"features\":{\"f\":{\"properties\":{}}}}", false},
        {"exists(features/f/properties)", "{\"features\":{\"f\":{\"properties\":null}}}", true},
        {"lt(_modified,time:now)", "{\"_modified\":\"2024-01-06T14:23:42.122Z\"}", true},
        {"lt(_modified,time:now-1h[h])", "{\"_modified\":\"2024-01-06T12:59:59Z\"}", true},
        {"lt(_modified,time:now-1h[h])", "{\"_modified\":\"2024-01-06T13:00:00Z\"}", false},
        {"gt(attributes/t,time:now_epoch_millis)", "{\"attributes\":{\"t\":1704551022124}}", true},
        {"gt(attributes/t,time:whenever)", "{\"attributes\":{\"t\":1704551022124}}", false},
        {"eq(attributes/t,'a\\u00e4\\ud83d\\ude00\\/')",
         "{\"attributes\":{\"t\":\"a\xc3\xa4\\ud83d\\ude00/\"}}", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        is_int(eval(rows[i].filter, rows[i].thing), rows[i].want ? RQL_YES : RQL_NO, "%s", rows[i].filter);
}

/* n of `open`, the middle, n of `close` */
static int nested(const char *open, const char *middle, const char *close, size_t n, struct ditto_error *err)
{
    struct buf text = {0};
    struct rql q;
    for (size_t i = 0; i < n; i++)
        buf_puts(&text, open);
    buf_puts(&text, middle);
    for (size_t i = 0; i < n; i++)
        buf_puts(&text, close);
    int r = rql_parse(&q, buf_slice(&text), err);
    if (r == 0)
        rql_free(&q);
    buf_free(&text);
    return r;
}

static void hostile(void)
{
    struct ditto_error err = {0};
    is_int(nested("not(", "exists(a)", ")", RQL_DEPTH_MAX, &err), 0, "not nests");
    is_int(nested("and(", "exists(a)", ")", 10000, &err), -1, "10,000 parentheses are refused");
    is_slice(slice_str(err.message), S("The filter is no valid RQL: it is nested too deeply at byte 1604."),
             "with a reason");
    err.status = 0;
    is_int(nested("(", "", ")", 10000, &err), -1, "also where none belongs");
    err.status = 0;
    is_int(nested("\\u0041", "x", "", 100000, &err), -1, "escapes without an operator");
    struct buf text = {0};
    struct rql q;
    buf_puts(&text, "in(a");
    for (int i = 0; i < 100000; i++)
        buf_printf(&text, ",%d", i);
    buf_putc(&text, ')');
    err.status = 0;
    is_int(rql_parse(&q, buf_slice(&text), &err), 0, "100,000 literals");
    is_int((long long)q.n_literals, 100000, "are all there");
    rql_free(&q);
    buf_free(&text);
    char *big = xmalloc(16 * 1024 * 1024 + 16);
    memset(big, 'x', 16 * 1024 * 1024 + 16);
    memcpy(big, "eq(a,'", 6);
    memcpy(big + 16 * 1024 * 1024, "')", 2);
    err.status = 0;
    is_int(rql_parse(&q, slice_of(big, 16 * 1024 * 1024 + 2), &err), 0, "a string of 16 MiB");
    rql_free(&q);
    free(big);
}

int main(void)
{
    order();
    printed();
    wildcards();
    things();
    hostile();
    return done();
}
