#include "transport/amqp10_codec.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

/* --- reading ----------------------------------------------------------------------------------------------------- */

/* What a constructor byte stands for. size: bytes of a fixed width value; a signed one is extended. */
struct constructor {
    bool known;
    enum amqp10_kind kind;
    unsigned char size;
    bool is_signed;
    unsigned char width; /* of the length (and count) in front of variable, compound and array values */
};

#define FIXED(k, n)                                                                                          \
    {                                                                                                        \
        true, AMQP10_##k, n, false, 0                                                                        \
    }
#define SIGNED_OF(n)                                                                                         \
    {                                                                                                        \
        true, AMQP10_SIGNED, n, true, 0                                                                      \
    }
#define SIZED(k, w)                                                                                          \
    {                                                                                                        \
        true, AMQP10_##k, 0, false, w                                                                        \
    }

static const struct constructor constructors[256] = {
    [0x40] = FIXED(NULL, 0),     [0x41] = FIXED(BOOL, 0),     [0x42] = FIXED(BOOL, 0),
    [0x43] = FIXED(UNSIGNED, 0), [0x44] = FIXED(UNSIGNED, 0), [0x45] = FIXED(LIST, 0),
    [0x50] = FIXED(UNSIGNED, 1), [0x51] = SIGNED_OF(1),       [0x52] = FIXED(UNSIGNED, 1),
    [0x53] = FIXED(UNSIGNED, 1), [0x54] = SIGNED_OF(1),       [0x55] = SIGNED_OF(1),
    [0x56] = FIXED(BOOL, 1),     [0x60] = FIXED(UNSIGNED, 2), [0x61] = SIGNED_OF(2),
    [0x70] = FIXED(UNSIGNED, 4), [0x71] = SIGNED_OF(4),       [0x72] = FIXED(FLOAT, 4),
    [0x73] = FIXED(CHAR, 4),     [0x74] = FIXED(DECIMAL, 4),  [0x80] = FIXED(UNSIGNED, 8),
    [0x81] = SIGNED_OF(8),       [0x82] = FIXED(DOUBLE, 8),   [0x83] = SIGNED_OF(8),
    [0x84] = FIXED(DECIMAL, 8),  [0x94] = FIXED(DECIMAL, 16), [0x98] = FIXED(UUID, 16),
    [0xa0] = SIZED(BINARY, 1),   [0xa1] = SIZED(STRING, 1),   [0xa3] = SIZED(SYMBOL, 1),
    [0xb0] = SIZED(BINARY, 4),   [0xb1] = SIZED(STRING, 4),   [0xb3] = SIZED(SYMBOL, 4),
    [0xc0] = SIZED(LIST, 1),     [0xc1] = SIZED(MAP, 1),      [0xd0] = SIZED(LIST, 4),
    [0xd1] = SIZED(MAP, 4),      [0xe0] = SIZED(ARRAY, 1),    [0xf0] = SIZED(ARRAY, 4),
};

/* Takes n bytes; SLICE_NONE if there are fewer. */
static struct slice cut(struct slice *in, size_t n)
{
    struct slice s = slice_of(in->p, n);
    if (n > in->len)
        return SLICE_NONE;
    in->p += n;
    in->len -= n;
    return s;
}

static uint64_t big_endian(struct slice s)
{
    uint64_t n = 0;
    for (size_t i = 0; i < s.len; i++)
        n = n << 8 | (unsigned char)s.p[i];
    return n;
}

static int take_fixed(struct slice *in, const struct constructor *c, unsigned char code,
                      struct amqp10_value *v)
{
    v->bytes = cut(in, c->size);
    if (!v->bytes.p)
        return -1;
    if (c->size <= 8)
        v->number = big_endian(v->bytes);
    if (c->is_signed && c->size < 8 && v->number >> (8 * c->size - 1))
        v->number |= UINT64_MAX << (8 * c->size);
    if (code == 0x41)
        v->number = 1;
    return 0;
}

static int take_sized(struct slice *in, const struct constructor *c, struct amqp10_value *v)
{
    struct slice width = cut(in, c->width);
    if (!width.p)
        return -1;
    v->bytes = cut(in, (size_t)big_endian(width));
    if (!v->bytes.p)
        return -1;
    if (v->kind != AMQP10_LIST && v->kind != AMQP10_MAP)
        return 0;
    width = cut(&v->bytes, c->width);
    if (!width.p)
        return -1;
    v->count = (uint32_t)big_endian(width);
    return v->kind == AMQP10_MAP && v->count % 2 ? -1 : 0;
}

static int take_undescribed(struct slice *in, struct amqp10_value *v)
{
    struct slice code = cut(in, 1);
    const struct constructor *c = code.p ? &constructors[(unsigned char)*code.p] : NULL;
    if (!c || !c->known)
        return -1;
    *v = (struct amqp10_value){.kind = c->kind};
    return c->width ? take_sized(in, c, v) : take_fixed(in, c, (unsigned char)*code.p, v);
}

int amqp10_take(struct slice *in, struct amqp10_value *v)
{
    struct amqp10_value descriptor = {0};
    if (in->len && *in->p == 0x00) {
        cut(in, 1);
        if (take_undescribed(in, &descriptor) < 0)
            return -1;
    }
    if (take_undescribed(in, v) < 0)
        return -1;
    v->descriptor = descriptor.kind == AMQP10_UNSIGNED ? descriptor.number : 0;
    return 0;
}

bool amqp10_items_valid(const struct amqp10_value *compound)
{
    struct slice in = compound->bytes;
    struct amqp10_value v;
    for (uint32_t i = 0; i < compound->count; i++)
        if (amqp10_take(&in, &v) < 0)
            return false;
    return in.len == 0;
}

/* --- text -------------------------------------------------------------------------------------------------------- */

/* d as "d.ddde±x" with as few digits as bring back the same number. */
static void shortest(char *text, size_t size, double d, bool is_float)
{
    for (int precision = 0; precision < 17; precision++) {
        (void)snprintf(text, size, "%.*e", precision, d);
        if (is_float ? strtof(text, NULL) == (float)d : strtod(text, NULL) == d)
            return;
    }
}

/* Digits and exponent, laid out as Java does: plain from 0.001 to 10000000, else with one digit before the point. */
static void put_laid_out(struct buf *dst, struct slice digits, int exponent)
{
    bool plain = exponent >= -3 && exponent < 7;
    size_t before = plain && exponent > 0 ? (size_t)exponent + 1 : 1;
    if (plain && exponent < 0) {
        buf_puts(dst, "0.");
        buf_put(dst, "00", (size_t)(-exponent - 1));
        buf_put_slice(dst, digits);
        return;
    }
    for (size_t i = 0; i < before; i++)
        buf_putc(dst, i < digits.len ? digits.p[i] : '0');
    buf_putc(dst, '.');
    if (digits.len > before)
        buf_put_slice(dst, slice_skip(digits, before));
    else
        buf_putc(dst, '0');
    if (!plain)
        buf_printf(dst, "E%d", exponent);
}

static void put_floating(struct buf *dst, double d, bool is_float)
{
    char text[40], digits[20];
    size_t n = 0;
    if (isnan(d) || isinf(d)) {
        buf_puts(dst, isnan(d) ? "NaN" : d < 0 ? "-Infinity" : "Infinity");
        return;
    }
    if (signbit(d))
        buf_putc(dst, '-');
    shortest(text, sizeof text, fabs(d), is_float);
    const char *p = text;
    for (; *p && *p != 'e'; p++)
        if (*p != '.')
            digits[n++] = *p;
    while (n > 1 && digits[n - 1] == '0')
        n--;
    put_laid_out(dst, slice_of(digits, n), (int)strtol(p + 1, NULL, 10));
}

static void put_char(struct buf *dst, uint64_t c)
{
    char utf8[4];
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) {
        buf_puts(dst, "\xef\xbf\xbd");
        return;
    }
    for (size_t i = n; i-- > 1; c >>= 6)
        utf8[i] = (char)(0x80 | (c & 0x3f));
    utf8[0] = (char)(lead[n] | c);
    buf_put(dst, utf8, n);
}

static void put_uuid(struct buf *dst, struct slice bytes)
{
    for (size_t i = 0; i < bytes.len; i++)
        buf_printf(dst, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
                   (unsigned char)bytes.p[i]);
}

static void put_signed(struct buf *dst, int64_t n)
{
    if (n < 0)
        buf_putc(dst, '-');
    buf_put_u64(dst, n < 0 ? 0 - (uint64_t)n : (uint64_t)n);
}

static double to_double(uint64_t bits)
{
    double d;
    memcpy(&d, &bits, sizeof d);
    return d;
}

static float to_float(uint64_t bits)
{
    uint32_t half = (uint32_t)bits;
    float f;
    memcpy(&f, &half, sizeof f);
    return f;
}

bool amqp10_put_text(struct buf *dst, const struct amqp10_value *v)
{
    switch (v->kind) {
    case AMQP10_BOOL: buf_puts(dst, v->number ? "true" : "false"); return true;
    case AMQP10_UNSIGNED: buf_put_u64(dst, v->number); return true;
    case AMQP10_SIGNED: put_signed(dst, (int64_t)v->number); return true;
    case AMQP10_FLOAT: put_floating(dst, (double)to_float(v->number), true); return true;
    case AMQP10_DOUBLE: put_floating(dst, to_double(v->number), false); return true;
    case AMQP10_CHAR: put_char(dst, v->number); return true;
    case AMQP10_UUID: put_uuid(dst, v->bytes); return true;
    case AMQP10_BINARY:
    case AMQP10_STRING:
    case AMQP10_SYMBOL: buf_put_slice(dst, v->bytes); return true;
    default: return false;
    }
}
