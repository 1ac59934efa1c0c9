#include "ctl/text.h"

#include <stdio.h>
#include "base/banned.h"

static bool is_start(char c)
{
    return ((unsigned char)c & 0xC0) != 0x80;
}

size_t text_columns(struct slice s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++)
        n += is_start(s.p[i]);
    return n;
}

static void put(struct buf *dst, char c)
{
    unsigned char u = (unsigned char)c;
    buf_putc(dst, u < ' ' || u == 0x7F ? '?' : c);
}

void text_put(struct buf *dst, struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        bool c1 = (unsigned char)s.p[i] == 0xC2 && i + 1 < s.len && (unsigned char)s.p[i + 1] < 0xA0;
        put(dst, c1 ? '?' : s.p[i]); /* U+0080 to U+009F are controls, too */
        i += c1;
    }
}

/* Its first n columns. */
static struct slice head(struct slice s, size_t n)
{
    size_t i = 0;
    while (i < s.len && (n || !is_start(s.p[i])))
        n -= is_start(s.p[i++]);
    return slice_of(s.p, i);
}

void text_pad(struct buf *dst, struct slice s, size_t width)
{
    size_t n = text_columns(s);
    if (n > width && width) {
        text_put(dst, head(s, width - 1));
        buf_puts(dst, "…");
        return;
    }
    text_put(dst, s);
    for (; n < width; n++)
        buf_putc(dst, ' ');
}

/* What of s stands in the next line: up to the last blank that fits, if there is one. */
static struct slice next_line(struct slice s, size_t width)
{
    struct slice line = head(s, width);
    size_t n = line.len;
    if (line.len == s.len)
        return line;
    if (s.p[n] == ' ')
        return line;
    while (n && line.p[n - 1] != ' ')
        n--;
    return n ? slice_of(line.p, n) : line;
}

void text_wrap(struct buf *dst, struct slice s, size_t indent)
{
    while (s.len) {
        struct slice line = next_line(s, TEXT_COLUMNS - indent);
        s = slice_skip(s, line.len);
        while (s.len && *s.p == ' ')
            s = slice_skip(s, 1);
        while (line.len && line.p[line.len - 1] == ' ')
            line.len--;
        buf_printf(dst, "%*s", (int)indent, "");
        text_put(dst, line);
        buf_putc(dst, '\n');
    }
}

struct slice text_time(struct slice iso, char dst[32])
{
    if (iso.len < 20 || iso.p[10] != 'T')
        return iso;
    int n = snprintf(dst, 32, "%.10s %.8sZ", iso.p, iso.p + 11);
    return slice_of(dst, (size_t)n);
}
