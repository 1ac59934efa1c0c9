/* slice.h: a borrowed piece of bytes, (pointer, length), never NUL-terminated by promise.
 *
 * Ownership: none. A slice lives as long as the bytes it points into. SLICE_NONE (p == NULL) means "absent",
 * which differs from an empty slice. All functions are inline and never fail. */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

struct slice {
    const char *p;
    size_t len;
};

#define SLICE_NONE ((struct slice){NULL, 0})
/* A slice of a string literal. */
#define S(literal) ((struct slice){"" literal, sizeof(literal) - 1})

/* "%.*s" with SLICE_ARG(s) prints one. */
#define SLICE_ARG(s) (int)(s).len, (s).p ? (s).p : ""

static inline struct slice slice_of(const char *p, size_t len)
{
    return (struct slice){p, len};
}

static inline struct slice slice_str(const char *z)
{
    return (struct slice){z, z ? strlen(z) : 0};
}

static inline bool slice_eq(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

/* The case of ASCII letters does not matter. */
static inline bool slice_eq_nocase(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || strncasecmp(a.p, b.p, a.len) == 0);
}

/* Byte order, then length: for sorting. */
static inline int slice_cmp(struct slice a, struct slice b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int c = n ? memcmp(a.p, b.p, n) : 0;
    return c ? c : (a.len > b.len) - (a.len < b.len);
}

static inline bool slice_starts(struct slice s, struct slice prefix)
{
    return s.len >= prefix.len && slice_eq(slice_of(s.p, prefix.len), prefix);
}

/* Without the first n bytes (all of them, if n is larger). */
static inline struct slice slice_skip(struct slice s, size_t n)
{
    if (n > s.len)
        n = s.len;
    return n ? slice_of(s.p + n, s.len - n) : s;
}

static inline bool slice_ends(struct slice s, struct slice suffix)
{
    return s.len >= suffix.len && slice_eq(slice_skip(s, s.len - suffix.len), suffix);
}

/* Cuts *rest at the first sep: returns what stands before it, leaves what stands after it.
 * Without a sep the whole is returned and *rest becomes SLICE_NONE. */
static inline struct slice slice_cut(struct slice *rest, char sep)
{
    const char *at = rest->len ? memchr(rest->p, sep, rest->len) : NULL;
    struct slice head = *rest;
    if (!at) {
        *rest = SLICE_NONE;
        return head;
    }
    head.len = (size_t)(at - rest->p);
    rest->len -= head.len + 1;
    rest->p = at + 1;
    return head;
}

/* Without leading and trailing bytes <= 0x20. */
static inline struct slice slice_trim(struct slice s)
{
    while (s.len && (unsigned char)s.p[0] <= ' ')
        s.p++, s.len--;
    while (s.len && (unsigned char)s.p[s.len - 1] <= ' ')
        s.len--;
    return s;
}

#endif
