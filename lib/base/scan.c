#include "base/scan.h"

#include <errno.h>

#include "base/banned.h"

static int fail(int err)
{
    errno = err;
    return -1;
}

int scan_u64(struct slice s, uint64_t *out)
{
    uint64_t n = 0;
    bool over = false;
    if (!s.len)
        return fail(EINVAL);
    for (size_t i = 0; i < s.len; i++) {
        unsigned d = (unsigned)(unsigned char)s.p[i] - '0';
        if (d > 9)
            return fail(EINVAL);
        over = over || n > (UINT64_MAX - d) / 10;
        n = n * 10 + d;
    }
    if (over)
        return fail(ERANGE);
    *out = n;
    return 0;
}

int scan_i64(struct slice s, int64_t *out)
{
    bool negative = s.len && s.p[0] == '-';
    uint64_t n;
    if (scan_u64(negative ? slice_skip(s, 1) : s, &n) < 0)
        return -1;
    if (n > (uint64_t)INT64_MAX + negative)
        return fail(ERANGE);
    if (negative)
        *out = n ? -(int64_t)(n - 1) - 1 : 0;
    else
        *out = (int64_t)n;
    return 0;
}

int scan_bool(struct slice s, bool *out)
{
    bool yes = slice_eq(s, S("true"));
    if (!yes && !slice_eq(s, S("false")))
        return fail(EINVAL);
    *out = yes;
    return 0;
}

static int64_t unit_ms(struct slice unit)
{
    static const struct {
        struct slice name;
        int64_t ms;
    } units[] = {
        {{"", 0}, 1},      {{"ms", 2}, 1},      {{"s", 1}, 1000},
        {{"m", 1}, 60000}, {{"h", 1}, 3600000}, {{"d", 1}, 86400000},
    };
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (slice_eq(unit, units[i].name))
            return units[i].ms;
    return 0;
}

int scan_duration_ms(struct slice s, int64_t *out)
{
    size_t digits = 0;
    if (!s.len)
        return fail(EINVAL);
    while (digits < s.len && s.p[digits] >= '0' && s.p[digits] <= '9')
        digits++;
    int64_t unit = unit_ms(slice_of(s.p + digits, s.len - digits));
    uint64_t n;
    if (!unit || !digits)
        return fail(EINVAL);
    if (scan_u64(slice_of(s.p, digits), &n) < 0)
        return -1;
    if (n > (uint64_t)(INT64_MAX / unit))
        return fail(ERANGE);
    *out = (int64_t)n * unit;
    return 0;
}

/* Length of the well-formed sequence at p (RFC 3629 section 4), 0 if there is none. */
static size_t sequence(const unsigned char *p, size_t len)
{
    unsigned char low = 0x80, high = 0xbf; /* bounds of the second byte */
    size_t n;
    if (p[0] < 0x80)
        return 1;
    if (p[0] >= 0xc2 && p[0] <= 0xdf)
        n = 2;
    else if ((p[0] & 0xf0) == 0xe0)
        n = 3;
    else if (p[0] >= 0xf0 && p[0] <= 0xf4)
        n = 4;
    else
        return 0;
    if (p[0] == 0xe0)
        low = 0xa0;
    else if (p[0] == 0xed)
        high = 0x9f;
    else if (p[0] == 0xf0)
        low = 0x90;
    else if (p[0] == 0xf4)
        high = 0x8f;
    if (len < n || p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return n;
}

bool utf8_valid(struct slice s)
{
    const unsigned char *p = (const unsigned char *)s.p;
    size_t left = s.len;
    while (left) {
        uint64_t word;
        size_t n = 8; /* ASCII goes eight bytes at a time */
        if (left < 8 || (memcpy(&word, p, 8), word & 0x8080808080808080u))
            n = sequence(p, left);
        if (!n)
            return false;
        p += n;
        left -= n;
    }
    return true;
}
