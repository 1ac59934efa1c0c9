/* base-scan: numbers, durations, UTF-8, base64 and the clock. */
#include "base/scan.h"

#include <errno.h>

#include "base/base64.h"
#include "base/clock.h"
#include "tap.h"

/* A text whose end is the end of its memory, so that the sanitizer sees a step too far. */
static struct slice exact(struct buf *b, struct slice s)
{
    buf_free(b);
    buf_fit(b, s.len);
    buf_put_slice(b, s);
    return buf_slice(b);
}

static void test_u64(void)
{
    uint64_t n = 5;
    ok(scan_u64(S("18446744073709551615"), &n) == 0 && n == UINT64_MAX, "the largest unsigned number");
    ok(scan_u64(S("007"), &n) == 0 && n == 7, "leading zeros");
    static const char *bad[] = {"", "-1", "+1", " 1", "1 ", "1x", "0x1", "1.0"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ok(scan_u64(slice_str(bad[i]), &n) < 0 && errno == EINVAL && n == 7, "'%s' is no number", bad[i]);
    static const char *large[] = {"18446744073709551616", "99999999999999999999", "184467440737095516150"};
    for (size_t i = 0; i < sizeof large / sizeof *large; i++)
        ok(scan_u64(slice_str(large[i]), &n) < 0 && errno == ERANGE, "%s is out of range", large[i]);
    ok(scan_u64(S("99999999999999999999x"), &n) < 0 && errno == EINVAL, "junk after a large number is junk");
    ok(scan_u64(SLICE_NONE, &n) < 0, "nothing is no number");
}

static void test_i64(void)
{
    int64_t n = 0;
    ok(scan_i64(S("-9223372036854775808"), &n) == 0 && n == INT64_MIN, "the smallest number");
    ok(scan_i64(S("9223372036854775807"), &n) == 0 && n == INT64_MAX, "the largest number");
    ok(scan_i64(S("-0"), &n) == 0 && n == 0, "minus zero");
    ok(scan_i64(S("9223372036854775808"), &n) < 0 && errno == ERANGE, "one too large");
    ok(scan_i64(S("-9223372036854775809"), &n) < 0 && errno == ERANGE, "one too small");
    ok(scan_i64(S("-"), &n) < 0 && errno == EINVAL, "a lone minus");
    ok(scan_i64(S("--1"), &n) < 0 && errno == EINVAL, "two of them");
}

static void test_bool(void)
{
    bool b = false;
    ok(scan_bool(S("true"), &b) == 0 && b, "true");
    ok(scan_bool(S("false"), &b) == 0 && !b, "false");
    ok(scan_bool(S("True"), &b) < 0 && errno == EINVAL, "True is neither");
    ok(scan_bool(S(""), &b) < 0 && errno == EINVAL, "nor is nothing");
}

static void test_duration(void)
{
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {{"500ms", 500},   {"10s", 10000}, {"1m", 60000}, {"2h", 7200000},
                {"1d", 86400000}, {"7", 7},       {"0s", 0}};
    int64_t n = 0;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        ok(scan_duration_ms(slice_str(good[i].text), &n) == 0 && n == good[i].ms, "%s", good[i].text);
    static const char *bad[] = {"", "s", "-1s", "1 s", "1S", "1.5s", "1sec", "1ss"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ok(scan_duration_ms(slice_str(bad[i]), &n) < 0 && errno == EINVAL, "'%s' is no duration", bad[i]);
    ok(scan_duration_ms(S("106751991168d"), &n) < 0 && errno == ERANGE,
       "more days than milliseconds can count");
    ok(scan_duration_ms(SLICE_NONE, &n) < 0 && errno == EINVAL, "nothing is no duration");
}

static void test_utf8(void)
{
    static const struct {
        struct slice text;
        bool valid;
        const char *what;
    } cases[] = {
        {{"", 0}, true, "nothing"},
        {{"abcdefghijk", 11}, true, "ASCII"},
        {{"a\0b", 3}, true, "NUL"},
        {{"abcdefg\xc3\xa4xyz", 12}, true, "two bytes across a block"},
        {{"\x7f", 1}, true, "U+007F"},
        {{"\xc2\x80", 2}, true, "U+0080"},
        {{"\xdf\xbf", 2}, true, "U+07FF"},
        {{"\xe0\xa0\x80", 3}, true, "U+0800"},
        {{"\xed\x9f\xbf", 3}, true, "U+D7FF"},
        {{"\xee\x80\x80", 3}, true, "U+E000"},
        {{"\xef\xbf\xbf", 3}, true, "U+FFFF"},
        {{"\xf0\x90\x80\x80", 4}, true, "U+10000"},
        {{"\xf4\x8f\xbf\xbf", 4}, true, "U+10FFFF"},
        {{"\x80", 1}, false, "a lone continuation byte"},
        {{"\xc0\x80", 2}, false, "NUL in two bytes"},
        {{"\xc1\xbf", 2}, false, "overlong two bytes"},
        {{"\xe0\x9f\xbf", 3}, false, "overlong three bytes"},
        {{"\xf0\x8f\xbf\xbf", 4}, false, "overlong four bytes"},
        {{"\xed\xa0\x80", 3}, false, "the first surrogate"},
        {{"\xed\xbf\xbf", 3}, false, "the last surrogate"},
        {{"\xf4\x90\x80\x80", 4}, false, "U+110000"},
        {{"\xf5\x80\x80\x80", 4}, false, "a lead byte beyond Unicode"},
        {{"\xff", 1}, false, "0xff"},
        {{"\xc3", 1}, false, "cut after one of two"},
        {{"\xe2\x82", 2}, false, "cut after two of three"},
        {{"\xf0\x9f\x98", 3}, false, "cut after three of four"},
        {{"\xc3(", 2}, false, "a lead byte and ASCII"},
        {{"\xe2\x82(", 3}, false, "a wrong third byte"},
        {{"\xf0\x9f\x98(", 4}, false, "a wrong fourth byte"},
        {{"12345678\xff", 9}, false, "a wrong byte after a block"},
    };
    struct buf b = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        is_int(utf8_valid(exact(&b, cases[i].text)), cases[i].valid, "UTF-8: %s", cases[i].what);
    buf_free(&b);
    ok(utf8_valid(SLICE_NONE), "UTF-8: an absent text");
}

static void test_base64_vectors(void)
{
    static const struct {
        const char *plain, *coded;
    } rfc[] = {{"", ""},
               {"f", "Zg=="},
               {"fo", "Zm8="},
               {"foo", "Zm9v"},
               {"foob", "Zm9vYg=="},
               {"fooba", "Zm9vYmE="},
               {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < sizeof rfc / sizeof *rfc; i++) {
        struct buf b = {0};
        base64_put(&b, rfc[i].plain, strlen(rfc[i].plain));
        is_slice(buf_slice(&b), slice_str(rfc[i].coded), "base64 of '%s'", rfc[i].plain);
        buf_reset(&b, 0);
        is_int(base64_get(&b, slice_str(rfc[i].coded)), 0, "'%s' is base64", rfc[i].coded);
        is_slice(buf_slice(&b), slice_str(rfc[i].plain), "of '%s'", rfc[i].plain);
        buf_free(&b);
    }
}

static void test_base64_bad(void)
{
    static const char *bad[] = {"Z",    "Zg",   "Zg=",         "Zg===", "=",        "====",
                                "Z===", "Zh==", "Zm9=",        "Zm9v=", "Zg==Zg==", "Zm9v\n",
                                "Zm 9", "Zm-_", "Zm9vZ\xff==", "=m9v",  "Z=9v",     "Zm=v"};
    struct buf b = {0};
    buf_puts(&b, "kept");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        errno = 0;
        ok(base64_get(&b, slice_str(bad[i])) < 0 && errno == EINVAL, "base64: bad text %zu is refused",
           i + 1);
    }
    ok(base64_get(&b, slice_of("Zm\0v", 4)) < 0, "base64: NUL is refused");
    is_slice(buf_slice(&b), S("kept"), "base64: what was there is there");
    buf_free(&b);
}

static void test_base64_all(void)
{
    unsigned char all[256];
    struct buf coded = {0}, plain = {0};
    for (unsigned i = 0; i < 256; i++)
        all[i] = (unsigned char)i;
    bool same = true;
    for (size_t len = 0; len <= 256; len++) {
        buf_reset(&coded, 1024);
        buf_reset(&plain, 1024);
        base64_put(&coded, all + 256 - len, len);
        same = same && base64_get(&plain, buf_slice(&coded)) == 0 &&
               slice_eq(buf_slice(&plain), slice_of((char *)all + 256 - len, len));
    }
    ok(same, "base64: all bytes in all lengths come back");
    buf_free(&coded);
    buf_free(&plain);
}

static void test_clock(void)
{
    char t[ISO_SIZE];
    is_slice(slice_str(clock_iso(t, 0)), S("1970-01-01T00:00:00Z"), "the epoch has no fraction");
    is_slice(slice_str(clock_iso(t, 1704549600123)), S("2024-01-06T14:00:00.123Z"), "milliseconds");
    is_slice(slice_str(clock_iso(t, 1704549600007)), S("2024-01-06T14:00:00.007Z"), "few of them");
    is_slice(slice_str(clock_iso(t, -1)), S("1969-12-31T23:59:59.999Z"), "before the epoch");
    is_slice(slice_str(clock_iso(t, 951782400000)), S("2000-02-29T00:00:00Z"), "a leap day");
    ok(strlen(clock_iso(t, INT64_MAX)) < ISO_SIZE && strlen(clock_iso(t, INT64_MIN)) < ISO_SIZE,
       "any time fits");
    msec a = clock_ms();
    ok(a > 0 && clock_ms() >= a && wall_ms() > 1704549600123, "the clocks run");
}

static void test_backoff(void)
{
    bool within = true, differs = false;
    for (unsigned n = 0; n < 100; n++) {
        msec full = n < 5 ? 1000 << n : 30000;
        msec d = backoff_ms(n, 1000, 30000);
        within = within && d >= full * 8 / 10 && d < full * 12 / 10;
        differs = differs || d != backoff_ms(n, 1000, 30000);
    }
    ok(within, "backoff doubles up to its limit, give or take a fifth");
    ok(differs, "and is not the same twice");
    is_int(backoff_ms(4000000000u, 0, 1000), 0, "no delay stays none");
    ok(backoff_ms(4000000000u, 1, NEVER / 2) > 0, "a huge limit does not overflow");
}

int main(void)
{
    test_u64();
    test_i64();
    test_bool();
    test_duration();
    test_utf8();
    test_base64_vectors();
    test_base64_bad();
    test_base64_all();
    test_clock();
    test_backoff();
    return done();
}
