/* time_expression.c: points in time. Days are counted from 1970-01-01, in the Gregorian calendar at all times. */
#include "protocol/time_expression.h"

#include "base/scan.h"

#include "base/banned.h"

enum { ERA_DAYS = 146097 /* of 400 years */, EPOCH_DAYS = 719468 /* from 0000-03-01 */ };

/* a / b and a mod b, rounded down. */
static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static int64_t floor_mod(int64_t a, int64_t b)
{
    return a - floor_div(a, b) * b;
}

struct date {
    int64_t year;
    unsigned month, day;
};

/* Years are made to begin in March, so that the leap day is their last. */
static int64_t days_of(struct date d)
{
    int64_t year = d.year - (d.month < 3);
    int64_t era = floor_div(year, 400);
    int64_t year_of_era = year - era * 400;
    unsigned day_of_year = (153 * (d.month < 3 ? d.month + 9 : d.month - 3) + 2) / 5 + d.day - 1;
    return era * ERA_DAYS + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
           EPOCH_DAYS;
}

static struct date date_of(int64_t days)
{
    days += EPOCH_DAYS;
    int64_t era = floor_div(days, ERA_DAYS);
    int64_t day = days - era * ERA_DAYS;
    int64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    day -= year * 365 + year / 4 - year / 100;
    int64_t month = (5 * day + 2) / 153; /* from March on */
    struct date d = {.day = (unsigned)(day - (153 * month + 2) / 5 + 1)};
    d.month = (unsigned)(month < 10 ? month + 3 : month - 9);
    d.year = era * 400 + year + (d.month < 3);
    return d;
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

static struct slice skip_blanks(struct slice s)
{
    while (s.len && (s.p[0] == ' ' || s.p[0] == '\t'))
        s = slice_skip(s, 1);
    return s;
}

static bool take_word(struct slice *s, struct slice word)
{
    bool there = slice_starts(*s, word);
    if (there)
        *s = slice_skip(*s, word.len);
    return there;
}

/* What is between two characters, from the front. */
static struct slice take_run(struct slice *s, char least, char most)
{
    size_t n = 0;
    while (n < s->len && s->p[n] >= least && s->p[n] <= most)
        n++;
    struct slice run = slice_of(s->p, n);
    *s = slice_skip(*s, n);
    return run;
}

static bool take_shift(struct slice *s, int64_t *ms)
{
    *ms = 0;
    bool back = take_word(s, S("-"));
    if (!back && !take_word(s, S("+")))
        return true;
    int64_t amount;
    if (scan_i64(take_run(s, '0', '9'), &amount) < 0)
        return false;
    enum time_unit unit = time_unit_of(take_run(s, 'a', 'z'));
    return unit != UNIT_NONE && !__builtin_mul_overflow(back ? -amount : amount, time_unit_ms(unit), ms);
}

bool time_expression_parse(struct slice name, struct time_expression *out)
{
    *out = (struct time_expression){.millis = take_word(&name, S("now_epoch_millis")), .truncate = UNIT_NONE};
    if (!out->millis && !take_word(&name, S("now")))
        return false;
    name = skip_blanks(name);
    if (!take_shift(&name, &out->offset_ms))
        return false;
    name = skip_blanks(name);
    if (name.len == 0)
        return true;
    if (!take_word(&name, S("[")))
        return false;
    out->truncate = time_unit_of(take_run(&name, 'a', 'z'));
    return out->truncate != UNIT_NONE && take_word(&name, S("]"));
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

/* The start of the unit that ms is in. */
static int64_t truncated(int64_t ms, enum time_unit unit)
{
    int64_t days = floor_div(ms, time_unit_ms(UNIT_DAY));
    struct date d = date_of(days);
    switch (unit) {
    case UNIT_NONE: return ms;
    case UNIT_WEEK: days -= floor_mod(days + 3, 7); break; /* 1970-01-01 was a Thursday */
    case UNIT_MONTH: days = days_of((struct date){d.year, d.month, 1}); break;
    case UNIT_YEAR: days = days_of((struct date){d.year, 1, 1}); break;
    default: return ms - floor_mod(ms, time_unit_ms(unit));
    }
    return days * time_unit_ms(UNIT_DAY);
}

static void put_instant(struct buf *dst, int64_t ms)
{
    struct date d = date_of(floor_div(ms, time_unit_ms(UNIT_DAY)));
    unsigned of_day = (unsigned)floor_mod(ms, time_unit_ms(UNIT_DAY)), second = of_day / 1000;
    buf_printf(dst, "%04lld-%02u-%02uT%02u:%02u:%02u", (long long)d.year, d.month, d.day, second / 3600,
               second / 60 % 60, second % 60);
    if (of_day % 1000)
        buf_printf(dst, ".%03u", of_day % 1000);
    buf_putc(dst, 'Z');
}

void time_expression_put(struct buf *dst, const struct time_expression *e, int64_t now_ms)
{
    /* a hundred million years either way are enough, and leave room to count in */
    static const int64_t most = INT64_MAX / 4;
    int64_t offset = e->offset_ms > most ? most : e->offset_ms < -most ? -most : e->offset_ms;
    int64_t ms = truncated(now_ms + offset, e->truncate);
    if (e->millis)
        buf_printf(dst, "%lld", (long long)ms);
    else
        put_instant(dst, ms);
}
