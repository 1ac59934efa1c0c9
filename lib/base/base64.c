#include "base/base64.h"

#include <errno.h>
#include <stdint.h>

#include "base/log.h"

#include "base/banned.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

enum { NONE = 0xff };
static uint8_t values[256]; /* of each letter; all zeros until first used */

static void fill_values(void)
{
    if (values[0] == NONE)
        return;
    memset(values, NONE, sizeof values);
    for (uint8_t i = 0; i < 64; i++)
        values[(unsigned char)alphabet[i]] = i;
}

static void put_group(char *q, unsigned bits)
{
    for (int i = 0; i < 4; i++)
        q[i] = alphabet[bits >> (18 - 6 * i) & 63];
}

void base64_put(struct buf *dst, const void *p, size_t len)
{
    const unsigned char *s = p;
    if (len > SIZE_MAX / 2)
        die_oom();
    size_t size = (len + 2) / 3 * 4;
    char *q = buf_room(dst, size);
    for (; len >= 3; len -= 3, s += 3, q += 4)
        put_group(q, (unsigned)s[0] << 16 | (unsigned)s[1] << 8 | s[2]);
    if (len) {
        put_group(q, (unsigned)s[0] << 16 | (len == 2 ? (unsigned)s[1] << 8 : 0));
        q[3] = '=';
        if (len == 1)
            q[2] = '=';
    }
    buf_added(dst, size);
}

/* Four letters of a group without padding; a value over 24 bits tells of a wrong one. */
static uint32_t group(const unsigned char *s)
{
    unsigned a = values[s[0]], b = values[s[1]], c = values[s[2]], d = values[s[3]];
    return (a | b | c | d) & 0xc0 ? UINT32_MAX : a << 18 | b << 12 | c << 6 | d;
}

/* The last group, with its padding: bytes written, or -1. */
static int last_group(const unsigned char *s, char *q)
{
    unsigned char full[4] = {s[0], s[1], s[2], s[3]};
    int bytes = 3;
    if (full[3] == '=') {
        full[3] = 'A';
        bytes = 2;
        if (full[2] == '=') {
            full[2] = 'A';
            bytes = 1;
        }
    }
    uint32_t bits = group(full);
    uint32_t pad = bytes == 3 ? 0 : bytes == 2 ? 0xff : 0xffff;
    if (bits == UINT32_MAX || bits & pad)
        return -1;
    for (int i = 0; i < bytes; i++)
        q[i] = (char)(bits >> (16 - 8 * i));
    return bytes;
}

/* Bytes written to q, or -1. len is a multiple of 4 and not 0. */
static long decode(const unsigned char *s, size_t len, char *q)
{
    char *start = q;
    for (; len > 4; len -= 4, s += 4) {
        uint32_t bits = group(s);
        if (bits == UINT32_MAX)
            return -1;
        *q++ = (char)(bits >> 16);
        *q++ = (char)(bits >> 8);
        *q++ = (char)bits;
    }
    int last = last_group(s, q);
    return last < 0 ? -1 : q - start + last;
}

int base64_get(struct buf *dst, struct slice text)
{
    fill_values();
    if (!text.len)
        return 0;
    long n =
        text.len % 4 ? -1 : decode((const unsigned char *)text.p, text.len, buf_room(dst, text.len / 4 * 3));
    if (n < 0) {
        errno = EINVAL;
        return -1;
    }
    buf_added(dst, (size_t)n);
    return 0;
}
