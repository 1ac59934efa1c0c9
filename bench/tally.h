/* tally.h: what a receiving end of the bench counts: did every message of the load arrive, once, and as it should?
 *
 * The load comes in phases (a warm-up, then what is measured): messages are numbered from 1 ("n" in the value of the
 * envelope) and phase k has the next counts[k] of them. A phase is complete when all its numbers were seen; then
 * one record goes to stdout:
 *   {"phase":K,"count":N,"span_us":U,"first_at_us":T,"duplicates":D,"wrong":W}
 * span_us from the first message of the phase to its last, first_at_us on the wall clock, duplicates and wrong so far.
 * Wrong is a message without a number of the load, on another topic than devices/<thing name>/messages/<subject>, not an
 * envelope, or with a content-type or correlation-id other than the envelope's.
 *
 * Ownership: counts are borrowed; the tally owns its bitmap for the life of the process. */
#ifndef BENCH_TALLY_H
#define BENCH_TALLY_H

#include <stdio.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/scan.h"

enum { PHASES_MAX = 8 };

struct tally {
    size_t phases, phase;
    uint64_t counts[PHASES_MAX];
    uint64_t from, total; /* first number of the phase; of all phases */
    uint64_t seen_here, duplicates, wrong;
    int64_t first_us, last_us, first_at_us;
    unsigned char *seen;
};

struct arrival {
    struct slice topic, payload, content_type, correlation;
};

/* Counts from operands, one a phase; dies with 100. */
static inline void tally_init(struct tally *t, size_t n, char **counts)
{
    *t = (struct tally){.phases = n, .from = 1};
    if (n == 0 || n > PHASES_MAX)
        die(EXIT_PERMANENT, "between 1 and %d counts are needed", PHASES_MAX);
    for (size_t i = 0; i < n; i++) {
        if (scan_u64(slice_str(counts[i]), &t->counts[i]) < 0 || t->counts[i] == 0 ||
            t->counts[i] > 100000000)
            die(EXIT_PERMANENT, "cannot use '%s' as a count", counts[i]);
        t->total += t->counts[i];
    }
    t->seen = xcalloc(t->total / 8 + 1, 1);
}

static inline int64_t tally_us(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* The number of a message of the load, 0 if it has none. */
static inline uint64_t tally_number(struct slice payload)
{
    const char *end = payload.p + payload.len, *p = memmem(payload.p, payload.len, "\"n\":", 4);
    uint64_t n = 0;
    if (!p)
        return 0;
    for (p += 4; p < end && *p == ' ';)
        p++;
    for (; p < end && *p >= '0' && *p <= '9'; p++)
        n = n * 10 + (uint64_t)(*p - '0');
    return n;
}

static inline bool tally_right(const struct arrival *a, uint64_t n)
{
    char id[24], topic[48];
    snprintf(id, sizeof id, "m-%010llu", (unsigned long long)n);
    snprintf(topic, sizeof topic, "devices/dev-%u/messages/temperature", (unsigned)(n % 10));
    return slice_eq(a->topic, slice_str(topic)) &&
           slice_starts(a->payload, S("{\"topic\":\"org.example/dev-")) &&
           slice_eq(a->content_type, S("application/json")) && slice_eq(a->correlation, slice_str(id));
}

static inline void tally_report(struct tally *t)
{
    printf(
        "{\"phase\":%zu,\"count\":%llu,\"span_us\":%lld,\"first_at_us\":%lld,\"duplicates\":%llu,\"wrong\":%llu}\n",
        t->phase, (unsigned long long)t->seen_here, (long long)(t->last_us - t->first_us),
        (long long)t->first_at_us, (unsigned long long)t->duplicates, (unsigned long long)t->wrong);
    fflush(stdout);
}

static inline void tally_take(struct tally *t, const struct arrival *a)
{
    uint64_t n = tally_number(a->payload);
    if (n == 0 || n > t->total || !tally_right(a, n)) {
        t->wrong++;
        return;
    }
    if (t->seen[n / 8] & 1 << n % 8) {
        t->duplicates++;
        return;
    }
    t->seen[n / 8] |= (unsigned char)(1 << n % 8);
    t->last_us = tally_us(CLOCK_MONOTONIC);
    if (t->seen_here++ == 0) {
        t->first_us = t->last_us;
        t->first_at_us = tally_us(CLOCK_REALTIME);
    }
    if (t->phase < t->phases && t->seen_here == t->counts[t->phase]) {
        tally_report(t);
        t->phase++;
        t->seen_here = 0;
    }
}

#endif
