#include "base/clock.h"

#include <stdio.h>
#include <sys/random.h>
#include <time.h>

#include "base/banned.h"

static int64_t read_clock(clockid_t id)
{
    struct timespec t;
    (void)clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

msec clock_ms(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t wall_ms(void)
{
    return read_clock(CLOCK_REALTIME);
}

const char *clock_iso(char *dst, int64_t wall)
{
    int64_t ms = wall % 1000;
    time_t s = (time_t)(wall / 1000 - (ms < 0));
    if (ms < 0)
        ms += 1000;
    struct tm tm = {0};
    (void)gmtime_r(&s, &tm);
    size_t n = strftime(dst, ISO_SIZE - 5, "%Y-%m-%dT%H:%M:%S", &tm);
    if (ms)
        (void)snprintf(dst + n, ISO_SIZE - n, ".%03uZ", (unsigned)ms % 1000);
    else
        (void)snprintf(dst + n, ISO_SIZE - n, "Z");
    return dst;
}

/* 0..1023; the clock is enough where the kernel gives no random bytes (a sandbox, the first second of a boot) */
static unsigned dice(void)
{
    uint16_t r;
    if (getrandom(&r, sizeof r, GRND_NONBLOCK) != sizeof r)
        r = (uint16_t)clock_ms();
    return r % 1024;
}

msec backoff_ms(unsigned n, msec min, msec max)
{
    msec d = min;
    while (n-- > 0 && d > 0 && d < max)
        d = d > max / 2 ? max : d * 2;
    if (d > max)
        d = max;
    return (msec)((double)d * (0.8 + 0.4 * dice() / 1024));
}
