#include "times.h"

#include <stdlib.h>
#include <time.h>

#include "record.h"

#include "base/banned.h"

enum { KEPT_MAX_BYTES = 16 * 1024 * 1024 };

uint64_t times_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

void times_add(struct times *t, uint64_t sent_us)
{
    uint32_t us = (uint32_t)(times_now_us() - sent_us);
    if (t->us.len < KEPT_MAX_BYTES)
        buf_put(&t->us, (const char *)&us, sizeof us);
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

void times_print(struct times *t, const char *address)
{
    size_t n = t->us.len / sizeof(uint32_t);
    uint32_t *us = (uint32_t *)(void *)buf_p(&t->us);
    struct buf *b = record_plain();
    if (n)
        qsort(us, n, sizeof *us, by_size);
    buf_puts(b, "{\"times\":{");
    record_text(b, "address", address);
    record_number(b, "count", n);
    record_number(b, "p50_us", n ? us[n / 2] : 0);
    record_number(b, "p99_us", n ? us[n * 99 / 100] : 0);
    record_number(b, "max_us", n ? us[n - 1] : 0);
    record_end(b, "}}");
    buf_cut(&t->us, 0);
}

void times_free(struct times *t)
{
    buf_free(&t->us);
}
