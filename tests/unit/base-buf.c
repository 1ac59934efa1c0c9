/* base-buf: buffers and the memory helpers. */
#include "base/buf.h"

#include <stdlib.h>

#include "tap.h"

static void test_empty(void)
{
    struct buf b = {0};
    is_slice(buf_slice(&b), S(""), "a zeroed buffer is empty, not absent");
    ok(buf_room(&b, 0) != NULL, "room for nothing is somewhere");
    buf_put(&b, NULL, 0);
    is_int((long long)b.len, 0, "nothing put, nothing there");
    buf_free(&b);
    buf_free(&b);
    ok(!b.mem && !b.cap, "freed twice");
}

static void test_put(void)
{
    struct buf b = {0};
    buf_puts(&b, "a");
    buf_putc(&b, '\0');
    buf_put_u64(&b, 0);
    buf_put_u64(&b, 18446744073709551615u);
    buf_put_slice(&b, S("z"));
    is_slice(buf_slice(&b),
             S("a\0"
               "018446744073709551615z"),
             "text, NUL and numbers are appended");
    buf_cut(&b, 3);
    ok(strcmp(buf_z(&b) + 2, "0") == 0 && b.len == 3, "buf_z ends the text and counts nothing");
    buf_free(&b);
}

static void test_printf(void)
{
    struct buf b = {0};
    buf_printf(&b, "%d", 7);
    for (int width = 60; width < 70; width++)
        buf_printf(&b, "%*s", width, "");
    buf_printf(&b, "%01000d|", 8);
    is_int((long long)b.len, 1 + 645 + 1001, "formatted text of any length fits");
    ok(buf_p(&b)[b.len - 1] == '|' && buf_p(&b)[b.len - 2] == '8', "and is whole");
    buf_free(&b);
}

static void test_take(void)
{
    struct buf b = {0};
    for (int i = 0; i < 1000; i++)
        buf_putc(&b, (char)i);
    const char *third = buf_p(&b) + 3;
    buf_take(&b, 3);
    ok(buf_p(&b) == third, "taking moves nothing");
    bool same = true;
    for (int i = 3; i < 1000000; i++) { /* a queue of 997 bytes */
        same = same && *buf_p(&b) == (char)i;
        buf_take(&b, 1);
        buf_putc(&b, (char)(i + 997));
    }
    ok(same, "a million bytes pass a queue in order");
    ok(b.cap < 8192, "and its memory stays small");
    buf_take(&b, b.len);
    is_int((long long)b.start, 0, "an emptied buffer starts at its beginning again");
    buf_free(&b);
}

static void test_sizes(void)
{
    struct buf b = {0};
    buf_puts(&b, "xyz");
    buf_take(&b, 1);
    buf_fit(&b, 4096);
    is_int((long long)b.cap, 4096, "buf_fit makes exactly the size");
    buf_fit(&b, 1);
    is_slice(buf_slice(&b), S("yz"), "but never cuts what is there");
    buf_room(&b, 5000);
    buf_reset(&b, 100);
    ok(!b.mem && !b.len, "a reset gives back what is larger than the limit");
    buf_room(&b, 50);
    buf_reset(&b, 100);
    ok(b.mem && !b.len, "and keeps the rest");
    buf_puts(&b, "secret");
    buf_wipe(&b);
    ok(!b.mem && !b.len, "a wiped buffer is empty");
}

static void test_copies(void)
{
    struct slice s = slice_dup(slice_of("abc", 2));
    ok(slice_eq(s, S("ab")) && s.p[2] == '\0', "a copy is terminated");
    free((char *)s.p);
    s = slice_dup(SLICE_NONE);
    ok(s.p && !s.len, "a copy of nothing is empty");
    free((char *)s.p);
}

int main(void)
{
    test_empty();
    test_put();
    test_printf();
    test_take();
    test_sizes();
    test_copies();
    return done();
}
