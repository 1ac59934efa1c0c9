#include "base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"

#include "base/banned.h"

enum { BUF_LEAST = 64 };

void *xmalloc(size_t n)
{
    void *p = malloc(n ? n : 1);
    if (!p)
        die_oom();
    return p;
}

void *xcalloc(size_t n, size_t size)
{
    void *p = calloc(n ? n : 1, size ? size : 1);
    if (!p)
        die_oom();
    return p;
}

void *xrealloc_array(void *p, size_t n, size_t size)
{
    void *q = reallocarray(p, n ? n : 1, size ? size : 1);
    if (!q)
        die_oom();
    return q;
}

char *xstrndup(const char *p, size_t len)
{
    if (len == SIZE_MAX)
        die_oom();
    char *z = xmalloc(len + 1);
    if (len)
        memcpy(z, p, len);
    z[len] = '\0';
    return z;
}

struct slice slice_dup(struct slice s)
{
    return slice_of(xstrndup(s.p, s.len), s.len);
}

void buf_free(struct buf *b)
{
    free(b->mem);
    *b = (struct buf){0};
}

void buf_wipe(struct buf *b)
{
    if (b->mem)
        explicit_bzero(b->mem, b->cap);
    buf_free(b);
}

void buf_reset(struct buf *b, size_t keep_bytes)
{
    if (b->cap > keep_bytes)
        buf_free(b);
    b->start = b->len = 0;
}

static void compact(struct buf *b)
{
    if (b->start && b->len)
        memmove(b->mem, b->mem + b->start, b->len);
    b->start = 0;
}

void buf_fit(struct buf *b, size_t cap)
{
    compact(b);
    if (cap < b->len)
        cap = b->len;
    if (cap == b->cap || !cap)
        return;
    b->mem = xrealloc_array(b->mem, cap, 1);
    b->cap = cap;
}

static void grow(struct buf *b, size_t n)
{
    if (n > PTRDIFF_MAX - b->len)
        die_oom();
    size_t least = b->len + n;
    size_t cap = b->cap + b->cap / 2;
    if (cap < least)
        cap = least;
    buf_fit(b, cap < BUF_LEAST ? BUF_LEAST : cap);
}

/* Moving the rest to the front is paid for by the bytes taken before it: never more moved than taken. */
char *buf_more(struct buf *b, size_t n)
{
    if (b->cap - b->start - b->len < n) {
        if (b->start >= b->len && b->cap - b->len >= n)
            compact(b);
        else
            grow(b, n);
    }
    return b->mem ? b->mem + b->start + b->len : buf_more(b, 1);
}

void buf_added(struct buf *b, size_t n)
{
    if (n > b->cap - b->start - b->len)
        bug("%zu bytes added to a buffer without room", n);
    b->len += n;
}

void buf_puts(struct buf *b, const char *z)
{
    buf_put(b, z, strlen(z));
}

void buf_put_u64(struct buf *b, unsigned long long n)
{
    char digits[24];
    char *p = digits + sizeof digits;
    do
        *--p = (char)('0' + n % 10);
    while (n /= 10);
    buf_put(b, p, (size_t)(digits + sizeof digits - p));
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    size_t room = BUF_LEAST;
    for (;;) {
        va_start(ap, fmt);
        int n = vsnprintf(buf_room(b, room), room, fmt, ap);
        va_end(ap);
        if (n < 0)
            bug("cannot format '%s'", fmt);
        if ((size_t)n < room) {
            b->len += (size_t)n;
            return;
        }
        room = (size_t)n + 1;
    }
}

void buf_take(struct buf *b, size_t n)
{
    if (n > b->len)
        bug("%zu bytes taken from a buffer of %zu", n, b->len);
    b->len -= n;
    b->start = b->len ? b->start + n : 0;
}

void buf_cut(struct buf *b, size_t len)
{
    if (len > b->len)
        bug("a buffer of %zu bytes cut to %zu", b->len, len);
    b->len = len;
}

const char *buf_z(struct buf *b)
{
    *buf_room(b, 1) = '\0';
    return buf_p(b);
}
