#include "mapping/charset.h"

#include "base/scan.h"

#include "base/banned.h"

enum charset { UTF_8, ASCII, LATIN_1, UTF_16, UTF_16BE, UTF_16LE };

static const struct {
    const char *name;
    enum charset charset;
} names[] = {
    {"us-ascii", ASCII}, {"ascii", ASCII},       {"iso-8859-1", LATIN_1}, {"latin1", LATIN_1},
    {"utf-16", UTF_16},  {"utf-16be", UTF_16BE}, {"utf-16le", UTF_16LE},  {"utf16", UTF_16},
};

/* What stands behind "charset=", "" without it. */
static struct slice name_of(struct slice content_type)
{
    static const char key[] = "charset=";
    const char *at = content_type.len ? memmem(content_type.p, content_type.len, key, sizeof key - 1) : NULL;
    size_t before = at ? (size_t)(at - content_type.p) : 0;
    if (!(before >= 1 && at[-1] == ';') && !(before >= 2 && at[-2] == ';'))
        return S("");
    struct slice rest = slice_skip(content_type, before + sizeof key - 1);
    struct slice name = slice_trim(slice_cut(&rest, ';'));
    if (name.len >= 2 && name.p[0] == '"' && name.p[name.len - 1] == '"')
        name = slice_of(name.p + 1, name.len - 2);
    return name;
}

static enum charset charset_of(struct slice content_type)
{
    struct slice name = name_of(content_type);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (slice_eq_nocase(name, slice_str(names[i].name)))
            return names[i].charset;
    return UTF_8;
}

bool charset_is_utf8(struct slice content_type)
{
    return charset_of(content_type) == UTF_8;
}

enum { REPLACEMENT = 0xfffd };

static void put_character(struct buf *dst, uint32_t c)
{
    char text[4];
    size_t n = 0;
    if (c < 0x80) {
        text[n++] = (char)c;
    } else if (c < 0x800) {
        text[n++] = (char)(0xc0 | c >> 6);
    } else if (c < 0x10000) {
        text[n++] = (char)(0xe0 | c >> 12);
        text[n++] = (char)(0x80 | (c >> 6 & 0x3f));
    } else {
        text[n++] = (char)(0xf0 | c >> 18);
        text[n++] = (char)(0x80 | (c >> 12 & 0x3f));
        text[n++] = (char)(0x80 | (c >> 6 & 0x3f));
    }
    if (c >= 0x80)
        text[n++] = (char)(0x80 | (c & 0x3f));
    buf_put(dst, text, n);
}

static void put_single(struct buf *dst, struct slice bytes, bool ascii)
{
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char c = (unsigned char)bytes.p[i];
        put_character(dst, ascii && c >= 0x80 ? REPLACEMENT : c);
    }
}

static uint32_t unit_at(struct slice bytes, size_t i, bool little)
{
    if (i + 2 > bytes.len)
        return 0;
    unsigned char first = (unsigned char)bytes.p[i], second = (unsigned char)bytes.p[i + 1];
    return little ? (uint32_t)(second << 8 | first) : (uint32_t)(first << 8 | second);
}

static void put_utf16(struct buf *dst, struct slice bytes, bool little)
{
    for (size_t i = 0; i < bytes.len; i += 2) {
        uint32_t c = unit_at(bytes, i, little), low = unit_at(bytes, i + 2, little);
        if (i + 1 == bytes.len) {
            c = REPLACEMENT;
        } else if (c >= 0xd800 && c < 0xdc00 && low >= 0xdc00 && low < 0xe000) {
            c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
            i += 2;
        } else if (c >= 0xd800 && c < 0xe000) {
            c = REPLACEMENT;
        }
        put_character(dst, c);
    }
}

/* How long the well-formed sequence is that bytes begin with; 0 if they begin with none. */
static size_t sequence(struct slice bytes)
{
    for (size_t n = 1; n <= 4 && n <= bytes.len; n++)
        if (utf8_valid(slice_of(bytes.p, n)))
            return n;
    return 0;
}

static void put_utf8(struct buf *dst, struct slice bytes)
{
    if (utf8_valid(bytes)) {
        buf_put_slice(dst, bytes);
        return;
    }
    while (bytes.len) {
        size_t n = sequence(bytes);
        if (n)
            buf_put(dst, bytes.p, n);
        else
            put_character(dst, REPLACEMENT);
        bytes = slice_skip(bytes, n ? n : 1);
    }
}

void charset_put(struct buf *dst, struct slice bytes, struct slice content_type)
{
    enum charset charset = charset_of(content_type);
    bool little = charset == UTF_16LE;
    if (charset == UTF_16 && bytes.len >= 2 &&
        (unit_at(bytes, 0, false) == 0xfeff || unit_at(bytes, 0, true) == 0xfeff)) {
        little = unit_at(bytes, 0, true) == 0xfeff;
        bytes = slice_skip(bytes, 2);
    }
    if (charset == UTF_8)
        put_utf8(dst, bytes);
    else if (charset == ASCII || charset == LATIN_1)
        put_single(dst, bytes, charset == ASCII);
    else
        put_utf16(dst, bytes, little);
}
