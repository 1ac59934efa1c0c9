#include "connection/specific.h"

#include <strings.h>

#include "base/scan.h"
#include "base/banned.h"

enum { FRACTION_DIGITS_MAX = 9 };

static const struct unit {
    const char *name, *full; /* full: also with an s */
    int64_t ns;
} units[] = {
    {"ns", "nanosecond", 1},
    {"nano", "nano", 1},
    {"us", "microsecond", 1000},
    {"micro", "micro", 1000},
    {"ms", "millisecond", 1000000},
    {"milli", "milli", 1000000},
    {"s", "second", INT64_C(1000000000)},
    {"m", "minute", INT64_C(60000000000)},
    {"h", "hour", INT64_C(3600000000000)},
    {"d", "day", INT64_C(86400000000000)},
};

static int64_t unit_ns(struct slice name)
{
    if (!name.len)
        name = S("ms");
    for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
        struct slice full = slice_str(units[i].full);
        if (slice_eq(name, slice_str(units[i].name)) || slice_eq(name, full) ||
            (name.len == full.len + 1 && slice_starts(name, full) && slice_ends(name, S("s"))))
            return units[i].ns;
    }
    return 0;
}

static size_t digits_in(struct slice s)
{
    size_t n = 0;
    while (n < s.len && s.p[n] >= '0' && s.p[n] <= '9')
        n++;
    return n;
}

/* What ".25" of a unit is; digits beyond the ninth do not count. */
static int64_t fraction_ns(struct slice digits, int64_t unit)
{
    int64_t sum = 0, scale = 1;
    for (size_t i = 0; i < digits.len && i < FRACTION_DIGITS_MAX; i++) {
        sum = sum * 10 + (digits.p[i] - '0');
        scale *= 10;
    }
    return (int64_t)((double)unit * ((double)sum / (double)scale));
}

static int duration_ms(struct slice s, int64_t *out)
{
    int64_t whole, ns;
    bool negative = slice_starts(s, S("-"));
    if (negative || slice_starts(s, S("+")))
        s = slice_skip(s, 1);
    struct slice integer = slice_of(s.p, digits_in(s)), fraction = S(""), rest = slice_skip(s, integer.len);
    if (slice_starts(rest, S("."))) {
        rest = slice_skip(rest, 1);
        fraction = slice_of(rest.p, digits_in(rest));
        rest = slice_skip(rest, fraction.len);
    }
    int64_t unit = unit_ns(slice_trim(rest));
    if (!unit || scan_i64(integer, &whole) < 0 || __builtin_mul_overflow(whole, unit, &ns) ||
        __builtin_add_overflow(ns, fraction_ns(fraction, unit), &ns))
        return -1;
    *out = (negative ? -ns : ns) / 1000000;
    return 0;
}

int specific_duration_ms(const struct connection *c, const char *key, int64_t *out)
{
    struct slice text = connection_specific(c, slice_str(key));
    return text.p ? duration_ms(slice_trim(text), out) : 1;
}

int specific_int(const struct connection *c, const char *key, int64_t *out)
{
    struct slice text = connection_specific(c, slice_str(key));
    if (!text.p)
        return 1;
    return scan_i64(slice_starts(text, S("+")) ? slice_skip(text, 1) : text, out);
}

bool specific_flag(const struct connection *c, const char *key)
{
    struct slice text = connection_specific(c, slice_str(key));
    return text.len == 4 && strncasecmp(text.p, "true", 4) == 0;
}

bool list_next(struct slice *rest, struct slice *item)
{
    if (!rest->p)
        return false;
    *item = slice_cut(rest, ',');
    return true;
}
