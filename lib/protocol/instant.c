/* instant.c: points in time. */
#include "protocol/instant.h"

#include <stdint.h>

#include "base/banned.h"

struct reading {
    const char *p, *end;
};

static bool take(struct reading *r, char upper)
{
    bool there = r->p < r->end && (*r->p == upper || *r->p == (upper | 0x20));
    r->p += there;
    return there;
}

/* Exactly n digits. */
static bool take_number(struct reading *r, int n, int *out)
{
    int v = 0;
    for (; n > 0; n--, r->p++) {
        if (r->p == r->end || *r->p < '0' || *r->p > '9')
            return false;
        v = v * 10 + (*r->p - '0');
    }
    *out = v;
    return true;
}

/* The digits behind the point, as nanoseconds. */
static bool take_fraction(struct reading *r, int *nanos)
{
    int digits = 0;
    *nanos = 0;
    if (r->p == r->end || *r->p != '.')
        return true;
    for (r->p++; r->p < r->end && *r->p >= '0' && *r->p <= '9'; r->p++, digits++) {
        if (digits == 9)
            return false;
        *nanos = *nanos * 10 + (*r->p - '0');
    }
    for (int i = digits; i < 9; i++)
        *nanos *= 10;
    return digits > 0;
}

/* Z, or [+-]hh:mm[:ss]: seconds to take away. */
static bool take_offset(struct reading *r, int *seconds)
{
    int h, m, s = 0;
    *seconds = 0;
    if (take(r, 'Z'))
        return true;
    if (r->p == r->end || (*r->p != '+' && *r->p != '-'))
        return false;
    int sign = *r->p++ == '-' ? -1 : 1;
    if (!take_number(r, 2, &h) || r->p == r->end || *r->p++ != ':' || !take_number(r, 2, &m))
        return false;
    if (r->p < r->end && (*r->p++ != ':' || !take_number(r, 2, &s)))
        return false;
    *seconds = sign * (h * 3600 + m * 60 + s);
    return h <= 18 && m < 60 && s < 60 && h * 3600 + m * 60 + s <= 18 * 3600;
}

static int days_of_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

/* Days since 1970-01-01 of a date in the Gregorian calendar, and back: years begin in March, so that leap days are last. */
static int64_t days_of_date(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400, of_era = year - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void put_date(struct buf *dst, int64_t days)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097, of_era = days - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100), shifted = (5 * of_year + 2) / 153;
    int64_t month = shifted < 10 ? shifted + 3 : shifted - 9;
    buf_printf(dst, "%04lld-%02lld-%02lld", (long long)(year + era * 400 + (month <= 2)), (long long)month,
               (long long)(of_year - (153 * shifted + 2) / 5 + 1));
}

static void put_fraction(struct buf *dst, int nanos)
{
    if (nanos % 1000000 == 0 && nanos)
        buf_printf(dst, ".%03d", nanos / 1000000);
    else if (nanos % 1000 == 0 && nanos)
        buf_printf(dst, ".%06d", nanos / 1000);
    else if (nanos)
        buf_printf(dst, ".%09d", nanos);
}

struct moment {
    int year, month, day, hour, minute, second, nanos, offset;
};

static bool valid(const struct moment *m)
{
    if (m->month < 1 || m->month > 12 || m->day < 1 || m->day > days_of_month(m->year, m->month))
        return false;
    if (m->hour == 24)
        return m->minute == 0 && m->second == 0 && m->nanos == 0;
    return m->hour < 24 && m->minute < 60 &&
           (m->second < 60 || (m->second == 60 && m->hour == 23 && m->minute == 59));
}

static bool read_moment(struct slice text, struct moment *m)
{
    struct reading r = {text.p, text.p + text.len};
    bool good = take_number(&r, 4, &m->year) && take(&r, '-') && take_number(&r, 2, &m->month) &&
                take(&r, '-') && take_number(&r, 2, &m->day) && take(&r, 'T') &&
                take_number(&r, 2, &m->hour) && take(&r, ':') && take_number(&r, 2, &m->minute) &&
                take(&r, ':') && take_number(&r, 2, &m->second) && take_fraction(&r, &m->nanos) &&
                take_offset(&r, &m->offset);
    return good && r.p == r.end && valid(m);
}

/* Is it printed already as it would be: UTC, upper case, groups of three digits, the last one not 000? */
static bool canonical(struct slice text, const struct moment *m)
{
    size_t fraction = text.len - 20; /* the point included */
    if (text.p[10] != 'T' || text.p[text.len - 1] != 'Z' || m->hour == 24 || m->second == 60)
        return false;
    bool grouped = fraction == 4 || fraction == 7 || fraction == 10;
    return fraction == 0 || (grouped && memcmp(text.p + text.len - 4, "000", 3) != 0);
}

int instant_put(struct buf *dst, struct slice text)
{
    struct moment m;
    if (text.len == 0 || !read_moment(text, &m))
        return -1;
    if (canonical(text, &m)) {
        buf_put_slice(dst, text);
        return 0;
    }
    if (m.second == 60)
        m.second = 59;
    int64_t seconds =
        days_of_date(m.year, m.month, m.day) * 86400 + m.hour * 3600 + m.minute * 60 + m.second - m.offset;
    int64_t days = (seconds >= 0 ? seconds : seconds - 86399) / 86400, of_day = seconds - days * 86400;
    put_date(dst, days);
    buf_printf(dst, "T%02d:%02d:%02d", (int)(of_day / 3600), (int)(of_day / 60 % 60), (int)(of_day % 60));
    put_fraction(dst, m.nanos);
    buf_putc(dst, 'Z');
    return 0;
}
