/* bytes.h: what the scanner, the reader and the writer of lib/json share. Not for other directories.
 *
 * The run finders look at eight bytes at a time: a byte is made zero (or pushed below a bound) by xor, the
 * subtraction then borrows into its top bit. Bits above the first true one may be false, so only the lowest
 * counts. */
#ifndef JSON_BYTES_H
#define JSON_BYTES_H

#include <stdint.h>

#include "json/json.h"

#define EACH_BYTE(b) (UINT64_C(0x0101010101010101) * (b))

/* Eight bytes, the first one lowest. */
static inline uint64_t json_load8(const char *p)
{
    uint64_t x;
    memcpy(&x, p, sizeof x);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    x = __builtin_bswap64(x);
#endif
    return x;
}

/* Printable ASCII except quote and backslash: what a string holds as it is. */
static inline bool json_plain(char c)
{
    return c >= ' ' && c != '"' && c != '\\';
}

/* The first byte from p on that is not plain, or end. */
static inline const char *json_plain_end(const char *p, const char *end)
{
    for (; end - p >= 8; p += 8) {
        uint64_t x = json_load8(p);
        uint64_t low = (x ^ EACH_BYTE(0x02)) - EACH_BYTE(0x21); /* control bytes, and '"' swapped with ' ' */
        uint64_t backslash = (x ^ EACH_BYTE('\\')) - EACH_BYTE(1);
        uint64_t hit = (low | backslash | x) & EACH_BYTE(0x80);
        if (hit)
            return p + __builtin_ctzll(hit) / 8;
    }
    while (p < end && json_plain(*p))
        p++;
    return p;
}

static inline uint64_t json_zero_bytes(uint64_t x)
{
    return (x - EACH_BYTE(1)) & ~x & EACH_BYTE(0x80);
}

/* The first quote or backslash from p on, or end. For text that was checked. */
static inline const char *json_quote_end(const char *p, const char *end)
{
    for (; end - p >= 8; p += 8) {
        uint64_t x = json_load8(p);
        uint64_t hit = json_zero_bytes(x ^ EACH_BYTE('"')) | json_zero_bytes(x ^ EACH_BYTE('\\'));
        if (hit)
            return p + __builtin_ctzll(hit) / 8;
    }
    while (p < end && *p != '"' && *p != '\\')
        p++;
    return p;
}

/* Does a '/', a backslash, a DEL or a byte beyond ASCII stand in it? */
static inline bool json_is_odd(const char *p, const char *end)
{
    for (; end - p >= 8; p += 8) {
        uint64_t x = json_load8(p);
        if ((json_zero_bytes(x ^ EACH_BYTE('/')) | json_zero_bytes(x ^ EACH_BYTE('\\')) |
             json_zero_bytes(x ^ EACH_BYTE(0x7f)) | (x & EACH_BYTE(0x80))) != 0)
            return true;
    }
    for (; p < end; p++)
        if (*p == '/' || *p == '\\' || *p == 0x7f || (unsigned char)*p >= 0x80)
            return true;
    return false;
}

static inline bool json_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static inline const char *json_skip_space(const char *p, const char *end)
{
    while (p < end && json_space(*p))
        p++;
    return p;
}

/* Type of the value that starts with this byte, JSON_ABSENT if none does. */
static inline enum json_type json_type_of(char c)
{
    switch (c) {
    case '{': return JSON_OBJECT;
    case '[': return JSON_ARRAY;
    case '"': return JSON_STRING;
    case 't': return JSON_TRUE;
    case 'f': return JSON_FALSE;
    case 'n': return JSON_NULL;
    case '-': return JSON_NUMBER;
    default: return c >= '0' && c <= '9' ? JSON_NUMBER : JSON_ABSENT;
    }
}

/* Bytes of the multi-byte UTF-8 sequence at p (RFC 3629 section 4), 0 if it is none. p < end. */
size_t json_utf8_len(const char *p, const char *end);

#endif
