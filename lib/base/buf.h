/* buf.h: a growable byte buffer.
 *
 * Ownership: struct buf owns p; buf_free gives it back. A zeroed struct buf is an empty one. Appending dies
 * with 111 when memory ends (die_oom): callers bound what they append (STYLE 37), so nobody checks.
 * Bytes are consumed from the front with buf_take, which is O(1) until the buffer is compacted.
 * buf_slice stays valid until the next append. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/slice.h"

struct buf {
    char *mem;    /* the allocation */
    size_t start; /* first byte not yet taken */
    size_t len;   /* bytes from start on */
    size_t cap;   /* size of mem */
};

void buf_free(struct buf *b);
/* Empties; keeps the memory unless it is larger than keep_bytes. */
void buf_reset(struct buf *b, size_t keep_bytes);
void buf_added(struct buf *b, size_t n);
/* Makes the allocation cap bytes large (no less than len; 0 changes nothing): for who knows the size, or gives back. */
void buf_fit(struct buf *b, size_t cap);
void buf_puts(struct buf *b, const char *z);
void buf_put_u64(struct buf *b, unsigned long long n);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Forgets the first n bytes. */
void buf_take(struct buf *b, size_t n);
/* Cuts back to the first len bytes. */
void buf_cut(struct buf *b, size_t len);
/* Overwrites all memory with zeros, then frees it: for secrets. */
void buf_wipe(struct buf *b);
/* Appends a NUL that is not counted and returns the text as a C string, valid until the next append. */
const char *buf_z(struct buf *b);

/* buf_room where there is none yet. */
char *buf_more(struct buf *b, size_t n);

/* Room for n more bytes; returns where to write them. buf_added(n) then counts them. */
static inline char *buf_room(struct buf *b, size_t n)
{
    return b->cap - b->start - b->len > n ? b->mem + b->start + b->len : buf_more(b, n);
}

static inline void buf_put(struct buf *b, const void *p, size_t len)
{
    if (!len)
        return;
    memcpy(buf_room(b, len), p, len);
    b->len += len;
}

static inline void buf_put_slice(struct buf *b, struct slice s)
{
    buf_put(b, s.p, s.len);
}

static inline void buf_putc(struct buf *b, char c)
{
    *buf_room(b, 1) = c;
    b->len++;
}

static inline char *buf_p(const struct buf *b)
{
    return b->mem ? b->mem + b->start : NULL;
}

static inline struct slice buf_slice(const struct buf *b)
{
    return (struct slice){b->mem ? b->mem + b->start : "", b->len};
}

/* memory helpers that die with 111: for start-up and bounded use */
void *xmalloc(size_t n);
void *xcalloc(size_t n, size_t size);
void *xrealloc_array(void *p, size_t n, size_t size);
char *xstrndup(const char *p, size_t len);
/* A copy that the caller frees; z-terminated beyond len. */
struct slice slice_dup(struct slice s);

#endif
