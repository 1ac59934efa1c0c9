/* text.c: what strings and numbers mean, for the few places that need to know. */
#include "json/bytes.h"

#include "base/banned.h"

static unsigned hex4(const char *p)
{
    unsigned n = 0;
    for (int i = 0; i < 4; i++)
        n = n << 4 | (unsigned)(p[i] <= '9' ? p[i] - '0' : (p[i] | 0x20) - 'a' + 10);
    return n;
}

static size_t put_utf8(char out[4], unsigned c)
{
    if (c < 0x80)
        return out[0] = (char)c, 1;
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = n - 1; i > 0; i--, c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)(lead[n] | c);
    return n;
}

/* The code point of the \u escape at *p (a pair counts as one), *p moved behind it. */
static unsigned decode_u(const char **p, const char *end)
{
    unsigned c = hex4(*p + 2);
    *p += 6;
    if (c < 0xd800 || c > 0xdfff)
        return c;
    if (c < 0xdc00 && end - *p >= 6 && (*p)[0] == '\\' && (*p)[1] == 'u') {
        unsigned low = hex4(*p + 2);
        if (low >= 0xdc00 && low <= 0xdfff) {
            *p += 6;
            return 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        }
    }
    return 0xfffd;
}

/* The bytes of the escape at *p into out, *p moved behind it. Returns how many. */
static inline size_t decode_escape(const char **p, const char *end, char out[4])
{
    static const char simple[256] = {['b'] = '\b', ['f'] = '\f', ['n'] = '\n', ['r'] = '\r', ['t'] = '\t'};
    char c = (*p)[1];
    if (c == 'u')
        return put_utf8(out, decode_u(p, end));
    out[0] = simple[(unsigned char)c] ? simple[(unsigned char)c] : c;
    *p += 2;
    return 1;
}

static bool escaped(struct slice raw)
{
    return raw.len && memchr(raw.p, '\\', raw.len);
}

bool json_key_is(struct slice raw, struct slice name)
{
    if (raw.len < name.len) /* an escape is never shorter than what it stands for */
        return false;
    if (!escaped(raw))
        return slice_eq(raw, name);
    const char *p = raw.p, *end = raw.p + raw.len;
    while (p < end) {
        char out[4] = {*p};
        size_t n = *p == '\\' ? decode_escape(&p, end, out) : (p++, 1);
        if (n > name.len || memcmp(name.p, out, n) != 0)
            return false;
        name = slice_skip(name, n);
    }
    return name.len == 0;
}

struct slice json_raw_text(struct slice raw, struct buf *scratch)
{
    if (!escaped(raw))
        return raw;
    size_t before = scratch->len;
    const char *p = raw.p, *end = raw.p + raw.len;
    /* an escape is never shorter than what it stands for; blocks are copied whole */
    char *to = buf_room(scratch, raw.len + JSON_BLOCK), *at = to;
    while (p < end) {
        size_t left = (size_t)(end - p);
        uint64_t hit = json_equal(json_load_some(p, end), '\\');
        size_t n = json_first(hit) < left ? json_first(hit) : left;
        memcpy(at, p, left < JSON_BLOCK ? left : JSON_BLOCK);
        at += n;
        p += n;
        if (hit && p < end)
            at += decode_escape(&p, end, at);
    }
    buf_added(scratch, (size_t)(at - to));
    return slice_skip(buf_slice(scratch), before);
}

struct slice json_raw(struct json v)
{
    return v.type == JSON_STRING ? slice_of(v.p + 1, v.len - 2) : SLICE_NONE;
}

struct slice json_text(struct json v, struct buf *scratch)
{
    return v.type == JSON_STRING ? json_raw_text(json_raw(v), scratch) : SLICE_NONE;
}

bool json_text_is(struct json v, struct slice text)
{
    return v.type == JSON_STRING && json_key_is(json_raw(v), text);
}

/* A decimal: digits × 10^exponent. */
struct decimal {
    uint64_t digits;
    int64_t exponent;
    size_t zeros; /* read, but not yet part of digits: they only count when another digit follows */
    bool negative, huge;
};

static void decimal_digit(struct decimal *d, char c)
{
    if (c == '0') {
        d->zeros++;
        return;
    }
    for (size_t i = 0; d->digits && i <= d->zeros && !d->huge; i++)
        d->huge = __builtin_mul_overflow(d->digits, 10, &d->digits);
    d->zeros = 0;
    d->huge |= __builtin_add_overflow(d->digits, (uint64_t)(c - '0'), &d->digits);
}

/* The exponent as written; beyond a million it makes no difference, but must not overflow. */
static int64_t read_exponent(const char *p, const char *end)
{
    bool negative = *p == '-';
    int64_t n = 0;
    for (p += *p == '-' || *p == '+'; p < end; p++)
        n = n < INT64_C(1000000000000) ? n * 10 + (*p - '0') : n;
    return negative ? -n : n;
}

static struct decimal read_decimal(const char *p, const char *end)
{
    struct decimal d = {.negative = *p == '-'};
    size_t fraction = 0;
    bool point = false;
    for (p += d.negative; p < end && (*p | 0x20) != 'e'; p++) {
        if (*p == '.') {
            point = true;
            continue;
        }
        decimal_digit(&d, *p);
        fraction += point;
    }
    d.exponent = (p < end ? read_exponent(p + 1, end) : 0) - (int64_t)fraction + (int64_t)d.zeros;
    return d;
}

int json_int(struct json v, int64_t *out)
{
    if (v.type != JSON_NUMBER)
        return -1;
    struct decimal d = read_decimal(v.p, v.p + v.len);
    if (d.huge || (d.digits && (d.exponent < 0 || d.exponent > 18)))
        return -1;
    for (; d.digits && d.exponent > 0; d.exponent--)
        if (__builtin_mul_overflow(d.digits, 10, &d.digits))
            return -1;
    if (d.digits > (uint64_t)INT64_MAX + d.negative)
        return -1;
    *out = d.negative ? (int64_t)(0 - d.digits) : (int64_t)d.digits;
    return 0;
}
