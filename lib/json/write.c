/* write.c: documents are put together by appending. */
#include "json/bytes.h"

#include "base/banned.h"

static void put_control(struct buf *dst, unsigned char c)
{
    static const char short_form[0x20] = {
        ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};
    static const char digits[] = "0123456789abcdef";
    if (short_form[c]) {
        char two[] = {'\\', short_form[c]};
        buf_put(dst, two, sizeof two);
    } else {
        char six[] = {'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15]};
        buf_put(dst, six, sizeof six);
    }
}

/* One byte, or one multi-byte sequence, that is not plain. Returns how many bytes it took. */
static size_t put_special(struct buf *dst, const char *p, const char *end)
{
    unsigned char c = (unsigned char)*p;
    if (c >= 0x80) {
        size_t n = json_utf8_len(p, end);
        if (n)
            buf_put(dst, p, n);
        else
            buf_put(dst, "\xef\xbf\xbd", 3);
        return n ? n : 1;
    }
    if (c < 0x20) {
        put_control(dst, c);
    } else {
        char two[] = {'\\', *p};
        buf_put(dst, two, sizeof two);
    }
    return 1;
}

void json_put_escaped(struct buf *dst, struct slice text)
{
    if (text.len == 0)
        return;
    const char *p = text.p, *end = p + text.len;
    while (p < end) {
        const char *stop = json_plain_end(p, end);
        buf_put(dst, p, (size_t)(stop - p));
        p = stop;
        if (p < end)
            p += put_special(dst, p, end);
    }
}

void json_put_text(struct buf *dst, struct slice text)
{
    buf_putc(dst, '"');
    json_put_escaped(dst, text);
    buf_putc(dst, '"');
}

void json_put_item(struct buf *dst)
{
    char last = dst->len ? buf_p(dst)[dst->len - 1] : '[';
    if (last != '{' && last != '[')
        buf_putc(dst, ',');
}

void json_put_key(struct buf *dst, struct slice name)
{
    json_put_item(dst);
    json_put_text(dst, name);
    buf_putc(dst, ':');
}

void json_put_member(struct buf *dst, struct slice name, struct slice raw_value)
{
    json_put_key(dst, name);
    buf_put_slice(dst, raw_value);
}

void json_put_member_text(struct buf *dst, struct slice name, struct slice text)
{
    json_put_key(dst, name);
    json_put_text(dst, text);
}

void json_put_member_int(struct buf *dst, struct slice name, int64_t n)
{
    json_put_key(dst, name);
    if (n < 0)
        buf_putc(dst, '-');
    buf_put_u64(dst, n < 0 ? 0 - (unsigned long long)n : (unsigned long long)n);
}

void json_put_compact(struct buf *dst, struct json v)
{
    const char *p = v.p, *end = v.p + v.len, *from = p;
    while (p < end) {
        if (*p == '"') {
            for (p = json_quote_end(p + 1, end); *p != '"'; p = json_quote_end(p + 2, end))
                ;
            p++;
        } else if (json_space(*p)) {
            buf_put(dst, from, (size_t)(p - from));
            from = p = json_skip_space(p, end);
        } else {
            p++;
        }
    }
    if (from < end)
        buf_put(dst, from, (size_t)(end - from));
}

static void put_raw_member(struct buf *dst, struct slice raw_key, struct slice raw_value)
{
    json_put_item(dst);
    buf_putc(dst, '"');
    buf_put_slice(dst, raw_key);
    buf_puts(dst, "\":");
    buf_put_slice(dst, raw_value);
}

void json_put_with(struct buf *dst, struct json v, struct slice name, struct slice raw_value)
{
    bool due = raw_value.p != NULL;
    struct json none = {JSON_ABSENT, NULL, 0};
    struct json_iter it = json_iter(v.type == JSON_OBJECT ? v : none);
    buf_putc(dst, '{');
    while (json_next(&it)) {
        bool named = json_key_is(it.key, name);
        if (!named || due)
            put_raw_member(dst, it.key, named ? raw_value : json_slice(it.value));
        due = due && !named;
    }
    if (due)
        json_put_member(dst, name, raw_value);
    buf_putc(dst, '}');
}
