/* form.c: form-encoded texts. */
#include "protocol/form.h"

#include "base/scan.h"
#include "json/json.h"

#include "base/banned.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte of the escape at text.p, or -1. */
static int escaped_byte(struct slice text)
{
    int high = text.len > 2 ? hex_digit(text.p[1]) : -1, low = text.len > 2 ? hex_digit(text.p[2]) : -1;
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

static int put_decoded(struct buf *dst, struct slice text)
{
    while (text.len) {
        int c = text.p[0] == '%' ? escaped_byte(text) : text.p[0] == '+' ? ' ' : (unsigned char)text.p[0];
        if (c < 0)
            return -1;
        buf_putc(dst, (char)c);
        text = slice_skip(text, text.p[0] == '%' ? 3 : 1);
    }
    return 0;
}

/* What stands from start on becomes valid UTF-8. */
static void mend(struct buf *dst, size_t start)
{
    struct slice broken = slice_skip(buf_slice(dst), start);
    if (utf8_valid(broken))
        return;
    struct buf quoted = {0};
    json_put_text(&quoted, broken); /* which knows how to replace what is no UTF-8 */
    buf_cut(dst, start);
    struct slice raw = {buf_p(&quoted) + 1, quoted.len - 2};
    json_raw_text(raw, dst);
    if (dst->len == start) /* nothing was escaped, so nothing was appended */
        buf_put_slice(dst, raw);
    buf_free(&quoted);
}

int form_decode(struct buf *dst, struct slice text)
{
    size_t start = dst->len;
    if (put_decoded(dst, text) < 0)
        return -1;
    mend(dst, start);
    return 0;
}
