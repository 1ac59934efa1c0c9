/* rql_value.c: comparing. */
#include <stdio.h>
#include <stdlib.h>

#include "protocol/rql_value.h"

#include "base/scan.h"

#include "base/banned.h"

struct rql_value rql_value_of(struct json v, struct buf *scratch)
{
    switch (v.type) {
    case JSON_STRING: buf_cut(scratch, 0); return (struct rql_value){RQL_STRING, json_text(v, scratch)};
    case JSON_NUMBER: return (struct rql_value){RQL_LONG, json_slice(v)};
    case JSON_TRUE: return (struct rql_value){RQL_TRUE, SLICE_NONE};
    case JSON_FALSE: return (struct rql_value){RQL_FALSE, SLICE_NONE};
    default: return (struct rql_value){RQL_NULL, SLICE_NONE};
    }
}

/* --- decimal numbers: [+-] digits [. digits] [e [+-] digits] ------------------------------------------------------- */

struct decimal {
    bool negative;
    const char *p,
        *end; /* from the first digit that is not 0 to behind the last one; there may be a point between */
    int64_t exponent;  /* 0.d1d2d3… × 10^exponent; of zero INT64_MIN */
    size_t digits;     /* without leading zeros */
    bool has_fraction; /* a point or an exponent was written */
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The digits of a number, its point counted out. false if there are none. */
static bool read_digits(struct slice *s, struct decimal *d)
{
    bool point = false, any = false;
    d->p = NULL;
    for (; s->len && (is_digit(s->p[0]) || (s->p[0] == '.' && !point)); *s = slice_skip(*s, 1)) {
        if (s->p[0] == '.') {
            point = true;
            continue;
        }
        any = true;
        if (!d->p && s->p[0] != '0')
            d->p = s->p;
        d->digits += d->p != NULL;
        d->exponent += d->p ? !point : -(int64_t)point;
    }
    d->end = s->p;
    d->has_fraction = point;
    return any;
}

/* Exponents beyond this make no difference, but must not overflow. */
enum { EXPONENT_MOST = 1000000000 };

static bool read_exponent(struct slice *s, struct decimal *d)
{
    if (s->len == 0 || (s->p[0] | 0x20) != 'e')
        return true;
    d->has_fraction = true;
    *s = slice_skip(*s, 1);
    bool negative = s->len && s->p[0] == '-';
    *s = slice_skip(*s, s->len && (s->p[0] == '-' || s->p[0] == '+'));
    int64_t n = 0;
    if (s->len == 0)
        return false;
    for (; s->len && is_digit(s->p[0]); *s = slice_skip(*s, 1))
        n = n < EXPONENT_MOST ? n * 10 + (s->p[0] - '0') : n;
    d->exponent += negative ? -n : n;
    return true;
}

static bool decimal_read(struct slice s, struct decimal *d)
{
    *d = (struct decimal){.negative = s.len && s.p[0] == '-'};
    s = slice_skip(s, s.len && (s.p[0] == '-' || s.p[0] == '+'));
    if (!read_digits(&s, d) || !read_exponent(&s, d) || s.len)
        return false;
    if (!d->p)
        d->exponent = INT64_MIN;
    return true;
}

static int next_digit(struct decimal *d)
{
    if (d->p && d->p < d->end && *d->p == '.')
        d->p++;
    return d->p && d->p < d->end ? *d->p++ - '0' : -1;
}

static int compare_magnitudes(struct decimal a, struct decimal b)
{
    if (a.exponent != b.exponent)
        return a.exponent < b.exponent ? -1 : 1;
    for (;;) {
        int x = next_digit(&a), y = next_digit(&b);
        if (x < 0 && y < 0)
            return 0;
        if ((x > 0 ? x : 0) != (y > 0 ? y : 0))
            return (x > 0 ? x : 0) - (y > 0 ? y : 0);
    }
}

static int compare_decimals(struct decimal a, struct decimal b)
{
    if (!a.p && !b.p)
        return 0;
    bool below = a.negative && a.p, other_below = b.negative && b.p;
    if (below != other_below)
        return below ? -1 : 1;
    return below ? compare_magnitudes(b, a) : compare_magnitudes(a, b);
}

/* --- doubles ----------------------------------------------------------------------------------------------------- */

/* Is it a double that is neither infinite nor so near to zero that it has fewer digits? Others stay as written. */
static bool is_near(const struct decimal *d)
{
    return !d->p || (d->exponent > -300 && d->exponent < 300);
}

/* Up to 15 digits any decimal survives being a double. */
static bool is_rounded(const struct decimal *d)
{
    return d->has_fraction && d->digits > 15 && is_near(d);
}

/* The double that s means, in as few digits as mean it, as d.ddde±x. */
static void shortest(struct slice s, char dst[NUMBER_TEXT_SIZE])
{
    char text[NUMBER_TEXT_SIZE * 2];
    struct decimal d;
    (void)decimal_read(s, &d);
    /* so many digits settle all but the most contrived cases */
    int n = snprintf(text, sizeof text, "%s0.", d.negative ? "-" : "");
    for (int c; n < NUMBER_TEXT_SIZE && (c = next_digit(&d)) >= 0;)
        text[n++] = (char)('0' + c);
    (void)decimal_read(s, &d);
    snprintf(text + n, sizeof text - (size_t)n, "e%lld", d.p ? (long long)d.exponent : 0);
    double value = strtod(text, NULL);
    for (int precision = 0; precision < 17; precision++) {
        snprintf(dst, NUMBER_TEXT_SIZE, "%.*e", precision, value);
        if (strtod(dst, NULL) == value)
            return;
    }
}

/* The number as Ditto compares it. */
static struct decimal decimal_of(struct slice text, char buf[NUMBER_TEXT_SIZE])
{
    struct decimal d;
    (void)decimal_read(text, &d);
    if (is_rounded(&d)) {
        shortest(text, buf);
        (void)decimal_read(slice_str(buf), &d);
    }
    return d;
}

/* --- what Java prints -------------------------------------------------------------------------------------------- */

/* Is it a number without a fraction that fits int64? Such a one is a Long, however it was written. */
static bool is_long(struct slice text, int64_t *out)
{
    struct json v = {JSON_NUMBER, text.p, text.len};
    return json_int(v, out) == 0;
}

/* Double.toString: digits with a point, d.dddE±x for what is very small or large. */
static struct slice double_text(struct slice text, char *dst)
{
    char e[NUMBER_TEXT_SIZE], digits[NUMBER_TEXT_SIZE / 2];
    int n = 0;
    shortest(text, e);
    const char *sign = e[0] == '-' ? "-" : "", *p = e + strlen(sign);
    for (; *p != 'e'; p++)
        if (*p != '.')
            digits[n++] = *p;
    int x = (int)strtol(p + 1, NULL, 10);
    bool below_one = x < 0 && x >= -3;
    while (!below_one && (n < 2 || (x < 7 && n < x + 2))) /* there is a digit on both sides of the point */
        digits[n++] = '0';
    digits[n] = '\0';
    if (x < -3 || x >= 7)
        snprintf(dst, NUMBER_TEXT_SIZE, "%s%c.%.20sE%d", sign, digits[0], digits + 1, x);
    else if (below_one)
        snprintf(dst, NUMBER_TEXT_SIZE, "%s0.%.*s%.20s", sign, -x - 1, "00", digits);
    else
        snprintf(dst, NUMBER_TEXT_SIZE, "%s%.*s.%s", sign, x + 1, digits, digits + x + 1);
    return slice_str(dst);
}

static struct slice long_text(int64_t n, char *dst)
{
    snprintf(dst, NUMBER_TEXT_SIZE, "%lld", (long long)n);
    return slice_str(dst);
}

/* What Java prints for it: in dst, or a text that is already so. */
static struct slice java_text(struct rql_value v, char *dst)
{
    int64_t n;
    struct decimal d;
    switch (v.type) {
    case RQL_TRUE: return S("true");
    case RQL_FALSE: return S("false");
    case RQL_NULL: return S("\x7f\x7f"); /* no text: of patterns only wildcards match it */
    case RQL_STRING:
    case RQL_PLACEHOLDER: return v.text;
    case RQL_DOUBLE: break;
    case RQL_LONG:
        if (is_long(v.text, &n))
            return long_text(n, dst);
        break;
    }
    (void)decimal_read(v.text, &d);
    return d.has_fraction && is_near(&d) ? double_text(v.text, dst) : v.text;
}

struct slice rql_like_text(struct rql_value v, char *dst)
{
    return java_text(v, dst);
}

/* --- comparing --------------------------------------------------------------------------------------------------- */

/* Java compares UTF-16 units: a surrogate comes before U+E000..U+FFFF, whose UTF-8 begins with ee or ef. */
static int compare_texts(struct slice a, struct slice b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    for (size_t i = 0; i < n; i++) {
        unsigned char x = (unsigned char)a.p[i], y = (unsigned char)b.p[i];
        if (x == y)
            continue;
        if (x >= 0xee && y >= 0xee && (x >= 0xf0) != (y >= 0xf0))
            return x >= 0xf0 ? -1 : 1;
        return x < y ? -1 : 1;
    }
    return (a.len > b.len) - (a.len < b.len);
}

static bool is_number(struct rql_value v)
{
    return v.type == RQL_LONG || v.type == RQL_DOUBLE;
}

/* Short numbers as int64: n / 10^scale. Most are so, and this is the fast way. */
enum { SHORT_DIGITS = 9 };

static bool read_short(struct slice s, int64_t *n, unsigned *scale)
{
    bool negative = s.len && s.p[0] == '-', point = false;
    *n = *scale = 0;
    s = slice_skip(s, negative);
    if (s.len == 0 || s.len > SHORT_DIGITS)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (is_digit(s.p[i]))
            *n = *n * 10 + (s.p[i] - '0'), *scale += point;
        else if (s.p[i] == '.' && !point)
            point = true;
        else
            return false;
    }
    *n = negative ? -*n : *n;
    return true;
}

static bool compare_short(struct slice a, struct slice b, int *order)
{
    int64_t x, y;
    unsigned x_scale, y_scale;
    if (!read_short(a, &x, &x_scale) || !read_short(b, &y, &y_scale))
        return false;
    for (; x_scale < y_scale; x_scale++)
        x *= 10;
    for (; y_scale < x_scale; y_scale++)
        y *= 10;
    *order = (x > y) - (x < y);
    return true;
}

/* A number, or a text that is one (only a number's own text is rounded to a double). */
static bool as_decimal(struct rql_value v, struct decimal *d, char buf[NUMBER_TEXT_SIZE])
{
    if (v.type == RQL_STRING)
        return decimal_read(v.text, d);
    if (!is_number(v))
        return false;
    *d = decimal_of(v.text, buf);
    return true;
}

int rql_compare(struct rql_value value, struct rql_value literal)
{
    char a_buf[NUMBER_TEXT_SIZE], b_buf[NUMBER_TEXT_SIZE];
    struct decimal a, b;
    int order;
    if (value.type == RQL_STRING && literal.type == RQL_STRING)
        return compare_texts(value.text, literal.text);
    if (is_number(value) && is_number(literal) && compare_short(value.text, literal.text, &order))
        return order;
    if ((is_number(value) || is_number(literal)) && as_decimal(value, &a, a_buf) &&
        as_decimal(literal, &b, b_buf))
        return compare_decimals(a, b);
    return compare_texts(java_text(value, a_buf), java_text(literal, b_buf));
}

/* --- like -------------------------------------------------------------------------------------------------------- */

/* Bytes of the character at p, which is UTF-8. */
static size_t char_len(const char *p, const char *end)
{
    unsigned char c = (unsigned char)*p;
    size_t n = c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    return n < (size_t)(end - p) ? n : (size_t)(end - p);
}

/* What a wildcard does not match: LF, CR, U+0085, U+2028, U+2029. */
static bool line_break(const char *p, size_t len)
{
    return *p == '\n' || *p == '\r' || (len == 2 && memcmp(p, "\xc2\x85", 2) == 0) ||
           (len == 3 && (memcmp(p, "\xe2\x80\xa8", 3) == 0 || memcmp(p, "\xe2\x80\xa9", 3) == 0));
}

static bool same_char(char a, char b, bool fold)
{
    if (a == b)
        return true;
    char letter = (char)(a | 0x20);
    return fold && letter == (b | 0x20) && letter >= 'a' && letter <= 'z';
}

static bool has_line_break(const char *p, const char *end)
{
    for (; p < end; p++)
        if ((unsigned char)*p < ' ' || (unsigned char)*p > '~') {
            size_t len = char_len(p, end);
            if (line_break(p, len))
                return true;
            p += len - 1;
        }
    return false;
}

bool rql_like(struct slice pattern, struct slice text, bool fold)
{
    const char *p = pattern.p, *p_end = p + pattern.len, *t = text.p, *t_end = t + text.len;
    const char *star = NULL, *from = NULL; /* behind the last "*" and where its run ends for now */
    while (t < t_end || p < p_end) {
        size_t len = t < t_end ? char_len(t, t_end) : 0;
        if (p < p_end && *p == '*') {
            star = ++p;
            from = t;
            if (p == p_end)
                return !has_line_break(t, t_end);
        } else if (p < p_end && len && *p == '?' && !line_break(t, len)) {
            p++;
            t += len;
        } else if (p < p_end && len && *p != '?' && same_char(*p, *t, fold)) {
            p++;
            t++;
        } else {
            /* the run takes one more character: the leftmost match of what follows a "*" is as good as any other */
            len = star && from < t_end ? char_len(from, t_end) : 0;
            if (!len || line_break(from, len))
                return false;
            t = from += len;
            p = star;
        }
    }
    return true;
}
