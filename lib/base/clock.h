/* clock.h: time. Deadlines are absolute milliseconds on the monotonic clock; wall time is for people and records. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

typedef int64_t msec; /* milliseconds; as a deadline: on CLOCK_MONOTONIC */
#define NEVER INT64_MAX

msec clock_ms(void);
/* Wall clock, milliseconds since 1970-01-01T00:00:00Z. */
int64_t wall_ms(void);

enum { ISO_SIZE = 32 };
/* "2024-01-06T14:00:00.123Z" (fraction left out when zero, RFC 3339); dst has ISO_SIZE bytes. Returns dst. */
const char *clock_iso(char *dst, int64_t wall);

/* Exponential backoff with jitter: the n-th delay (n from 0) is min << n, at most max, times a random factor
 * in [0.8, 1.2). */
msec backoff_ms(unsigned n, msec min, msec max);

#endif
