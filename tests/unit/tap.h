/* tap.h: the little that a unit test needs to speak TAP on stdout.
 *
 * Each check prints one line and says whether it held; what was got and wanted follows as a comment when it did not.
 * main ends with `return done();`: the plan, then 0, or 1 if a check failed. */
#ifndef UNIT_TAP_H
#define UNIT_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/slice.h"

static unsigned tap_count, tap_failed;

__attribute__((format(printf, 2, 0))) static inline bool tap_line(bool held, const char *fmt, va_list ap)
{
    tap_count++;
    tap_failed += !held;
    printf("%sok %u - ", held ? "" : "not ", tap_count);
    vprintf(fmt, ap);
    putchar('\n');
    fflush(stdout);
    return held;
}

__attribute__((format(printf, 2, 3))) static inline bool ok(bool held, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    tap_line(held, fmt, ap);
    va_end(ap);
    return held;
}

__attribute__((format(printf, 3, 4))) static inline bool is_int(long long got, long long want,
                                                                const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    if (!tap_line(got == want, fmt, ap))
        printf("# got %lld, want %lld\n", got, want);
    va_end(ap);
    return got == want;
}

/* Bytes for a comment: a line stays a line. */
static inline void tap_bytes(const char *title, struct slice s)
{
    printf("# %s %zu bytes%s: ", title, s.len, s.p ? "" : " (none)");
    for (size_t i = 0; i < s.len && i < 200; i++) {
        if (s.p[i] >= ' ' && s.p[i] <= '~')
            putchar(s.p[i]);
        else
            printf("\\x%02x", (unsigned char)s.p[i]);
    }
    putchar('\n');
}

/* The same bytes; absent (SLICE_NONE) and empty differ. */
__attribute__((format(printf, 3, 4))) static inline bool is_slice(struct slice got, struct slice want,
                                                                  const char *fmt, ...)
{
    bool same = !got.p == !want.p && slice_eq(got, want);
    va_list ap;
    va_start(ap, fmt);
    if (!tap_line(same, fmt, ap)) {
        tap_bytes("got", got);
        tap_bytes("want", want);
    }
    va_end(ap);
    return same;
}

static inline int done(void)
{
    printf("1..%u\n", tap_count);
    return tap_failed > 0;
}

#endif
