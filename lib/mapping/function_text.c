/* function_text.c: functions that change a text: blanks, encodings, replacing. */
#include "base/base64.h"
#include "mapping/function.h"

#include "base/banned.h"

/* Bytes as text: what is not UTF-8 in them becomes U+FFFD. */
static void put_as_text(const struct application *a, struct slice bytes, struct buf *dst)
{
    struct buf escaped = {0}, decoded = {0};
    (void)a;
    json_put_escaped(&escaped, bytes);
    buf_put_slice(dst, json_raw_text(buf_slice(&escaped), &decoded));
    buf_free(&escaped);
    buf_free(&decoded);
}

enum value_state change_trim(const struct application *a, struct slice value, struct buf *dst)
{
    (void)a;
    buf_put_slice(dst, slice_trim(value));
    return VALUE_RESOLVED;
}

/* --- application/x-www-form-urlencoded ------------------------------------------------------------------------------ */

static bool unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_' || c == '*';
}

enum value_state change_url_encode(const struct application *a, struct slice value, struct buf *dst)
{
    static const char digits[] = "0123456789ABCDEF";
    (void)a;
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.p[i];
        if (unreserved(value.p[i]))
            buf_putc(dst, value.p[i]);
        else if (c == ' ')
            buf_putc(dst, '+');
        else
            buf_put(dst, (char[]){'%', digits[c >> 4], digits[c & 15]}, 3);
    }
    return VALUE_RESOLVED;
}

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte that an escape stands for, -1 if it is none. */
static int escaped_byte(struct slice s)
{
    int high = s.len > 2 ? hex(s.p[1]) : -1, low = s.len > 2 ? hex(s.p[2]) : -1;
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

enum value_state change_url_decode(const struct application *a, struct slice value, struct buf *dst)
{
    struct buf bytes = {0};
    int c = 0;
    for (; value.len && c >= 0; value = slice_skip(value, value.p[0] == '%' ? 3 : 1)) {
        c = value.p[0] == '+' ? ' ' : (unsigned char)value.p[0];
        if (c == '%')
            c = escaped_byte(value);
        if (c >= 0)
            buf_putc(&bytes, (char)c);
    }
    if (c >= 0)
        put_as_text(a, buf_slice(&bytes), dst);
    else
        (void)application_fail(a, "The value has a '%' that is not followed by two hexadecimal digits.");
    buf_free(&bytes);
    return c < 0 ? VALUE_FAILED : VALUE_RESOLVED;
}

/* --- base64 --------------------------------------------------------------------------------------------------------- */

enum value_state change_base64_encode(const struct application *a, struct slice value, struct buf *dst)
{
    (void)a;
    base64_put(dst, value.p, value.len);
    return VALUE_RESOLVED;
}

/* The bytes of the last, incomplete group of two or three digits; bits that are left over are ignored, as in Ditto. */
static int get_rest(struct buf *dst, struct slice digits)
{
    char group[4] = {'A', 'A', 'A', 'A'};
    size_t before = dst->len;
    if (digits.len == 1)
        return -1;
    if (!digits.len)
        return 0;
    memcpy(group, digits.p, digits.len);
    if (base64_get(dst, slice_of(group, sizeof group)) < 0)
        return -1;
    buf_cut(dst, before + digits.len - 1);
    return 0;
}

/* Padding may be missing, but not be wrong. */
static int get_base64(struct buf *dst, struct slice text)
{
    size_t n = text.len, padding = 0;
    while (padding < 2 && padding < n && text.p[n - padding - 1] == '=')
        padding++;
    if (padding && n % 4)
        return -1;
    struct slice digits = slice_of(text.p, n - padding);
    struct slice whole = slice_of(digits.p, digits.len - digits.len % 4);
    if (whole.len && base64_get(dst, whole) < 0)
        return -1;
    return get_rest(dst, slice_of(digits.p + whole.len, digits.len % 4));
}

enum value_state change_base64_decode(const struct application *a, struct slice value, struct buf *dst)
{
    struct buf bytes = {0};
    int r = get_base64(&bytes, value);
    if (r == 0)
        put_as_text(a, buf_slice(&bytes), dst);
    else
        (void)application_fail(a, "The value is not base64.");
    buf_free(&bytes);
    return r < 0 ? VALUE_FAILED : VALUE_RESOLVED;
}

/* --- replacing ------------------------------------------------------------------------------------------------------ */

static size_t char_len(struct slice s)
{
    size_t n = s.len > 0;
    while (n < s.len && ((unsigned char)s.p[n] & 0xc0) == 0x80)
        n++;
    return n;
}

/* Nothing stands between all characters. */
static bool put_between(struct slice value, struct slice to, struct buf *dst)
{
    for (;;) {
        struct slice c = slice_of(value.p, char_len(value));
        buf_put_slice(dst, to);
        buf_put_slice(dst, c);
        if (!c.len || dst->len > SCRATCH_MAX_BYTES)
            return dst->len <= SCRATCH_MAX_BYTES;
        value = slice_of(value.p + c.len, value.len - c.len);
    }
}

static bool put_replaced(struct slice value, struct slice from, struct slice to, struct buf *dst)
{
    const char *at;
    while ((at = value.len ? memmem(value.p, value.len, from.p, from.len) : NULL)) {
        size_t n = (size_t)(at - value.p);
        buf_put(dst, value.p, n);
        buf_put_slice(dst, to);
        if (dst->len > SCRATCH_MAX_BYTES)
            return false;
        value = slice_of(at + from.len, value.len - n - from.len);
    }
    buf_put_slice(dst, value);
    return true;
}

enum value_state change_replace(const struct application *a, struct slice value, struct buf *dst)
{
    struct slice from = values_first(&a->parameters[0]), to = values_first(&a->parameters[1]);
    bool fits = from.len ? put_replaced(value, from, to, dst) : put_between(value, to, dst);
    return fits || values_too_many(a->err) == 0 ? VALUE_RESOLVED : VALUE_FAILED;
}
