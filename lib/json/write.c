/* write.c: documents are put together by appending. */
#include "json/bytes.h"

#include "base/banned.h"

enum { CHUNK = 1024, LONGEST = 6 /* bytes that one byte of text may become */ };

static size_t put_control(char *to, unsigned char c)
{
    static const char short_form[0x20] = {
        ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};
    static const char digits[] = "0123456789abcdef";
    if (short_form[c]) {
        to[0] = '\\';
        to[1] = short_form[c];
        return 2;
    }
    char six[] = {'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15]};
    memcpy(to, six, sizeof six);
    return sizeof six;
}

/* One byte, or one multi-byte sequence, that is not plain, moves *p behind it. Returns how many bytes were written. */
static size_t put_special(char *to, const char **p, const char *end)
{
    unsigned char c = (unsigned char)**p;
    if (c >= 0x80) {
        size_t n = json_utf8_len(*p, end);
        memcpy(to, n ? *p : "\xef\xbf\xbd", n ? n : 3);
        *p += n ? n : 1;
        return n ? n : 3;
    }
    (*p)++;
    if (c < 0x20)
        return put_control(to, c);
    to[0] = '\\';
    to[1] = (char)c;
    return 2;
}

/* Works in chunks, so that there is room for the worst case without asking for it at every escape. */
void json_put_escaped(struct buf *dst, struct slice text)
{
    if (text.len == 0)
        return;
    const char *p = text.p, *end = p + text.len;
    while (p < end) {
        const char *until = end - p > CHUNK ? p + CHUNK : end;
        char *to = buf_room(dst, (size_t)(until - p) * LONGEST + 4), *at = to;
        while (p < until) {
            const char *stop = json_plain_end(p, until);
            memcpy(at, p, (size_t)(stop - p));
            at += stop - p;
            p = stop;
            if (p < until)
                at += put_special(at, &p, end); /* a sequence may reach over the end of the chunk */
        }
        buf_added(dst, (size_t)(at - to));
    }
}

void json_put_text(struct buf *dst, struct slice text)
{
    buf_putc(dst, '"');
    json_put_escaped(dst, text);
    buf_putc(dst, '"');
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
