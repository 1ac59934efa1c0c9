/* duration.c: durations. */
#include "protocol/duration.h"

#include "base/scan.h"

#include "base/banned.h"

static const struct {
    const char *name;
    int64_t ms;
} units[UNIT_NONE] = {
    [UNIT_MS] = {"ms", 1},
    [UNIT_SECOND] = {"s", 1000},
    [UNIT_MINUTE] = {"m", 60 * 1000},
    [UNIT_HOUR] = {"h", 60 * 60 * 1000},
    [UNIT_DAY] = {"d", 24 * 60 * 60 * 1000},
    [UNIT_WEEK] = {"w", 7 * 24 * 60 * 60 * 1000},
    [UNIT_MONTH] = {"mo", INT64_C(2629746) * 1000},
    [UNIT_YEAR] = {"y", INT64_C(31556952) * 1000},
};

enum time_unit time_unit_of(struct slice name)
{
    enum time_unit u = 0;
    if (name.len == 0)
        return UNIT_SECOND;
    while (u < UNIT_NONE && !slice_eq(name, slice_str(units[u].name)))
        u++;
    return u;
}

const char *time_unit_text(enum time_unit u)
{
    return units[u].name;
}

int64_t time_unit_ms(enum time_unit u)
{
    return units[u].ms;
}

static size_t digits_in(struct slice s)
{
    size_t n = 0;
    while (n < s.len && s.p[n] >= '0' && s.p[n] <= '9')
        n++;
    return n;
}

static bool read(struct slice text, struct duration *d)
{
    int64_t ms;
    text = slice_skip(text, text.len && text.p[0] == '+');
    size_t n = digits_in(text);
    struct slice unit = slice_skip(text, n);
    d->unit = time_unit_of(unit);
    d->bare = unit.len == 0;
    return d->unit != UNIT_NONE && scan_i64(slice_of(text.p, n), &d->amount) == 0 &&
           !__builtin_mul_overflow(d->amount, units[d->unit].ms, &ms);
}

int duration_parse(struct slice text, struct duration *out, struct ditto_error *err)
{
    if (read(text, out))
        return 0;
    return ditto_fail(err, 400, "timeout.invalid",
                      "It is digits and one of the units ms, s, m, h, d, w, mo, y; s may be left out.", NULL,
                      "'%.*s' is no valid duration.", SLICE_ARG(text));
}

int64_t duration_ms(struct duration d)
{
    return d.amount * units[d.unit].ms;
}

void duration_put(struct buf *dst, struct duration d)
{
    buf_put_u64(dst, (unsigned long long)d.amount);
    if (!d.bare)
        buf_puts(dst, units[d.unit].name);
}
