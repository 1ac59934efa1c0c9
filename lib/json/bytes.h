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

static inline uint64_t json_zero_bytes(uint64_t x)
{
    return (x - EACH_BYTE(1)) & ~x & EACH_BYTE(0x80);
}

/* A block of bytes of a document, and what stands in it: of the bits that a question gives back the lowest one says where,
 * as json_first reads it. */
enum { JSON_BLOCK = 8 };

static inline uint64_t json_equal(uint64_t x, char c)
{
    return json_zero_bytes(x ^ EACH_BYTE((unsigned char)c));
}

/* Bytes that are not plain. */
static inline uint64_t json_special(uint64_t x)
{
    uint64_t low = (x ^ EACH_BYTE(0x02)) - EACH_BYTE(0x21); /* control bytes, and '"' swapped with ' ' */
    uint64_t backslash = (x ^ EACH_BYTE('\\')) - EACH_BYTE(1);
    return (low | backslash | x) & EACH_BYTE(0x80);
}

/* JSON_BLOCK if there is none. */
static inline unsigned json_first(uint64_t bits)
{
    return bits ? (unsigned)__builtin_ctzll(bits) / 8 : JSON_BLOCK;
}

/* The bits below the lowest one, all if there is none. */
static inline uint64_t json_below(uint64_t bits)
{
    return (bits & (0 - bits)) - 1;
}

/* As many bytes as there are; zeros for the rest. */
static inline uint64_t json_load_some(const char *p, const char *end)
{
    if (end - p >= JSON_BLOCK)
        return json_load8(p);
    char some[JSON_BLOCK] = {0};
    memcpy(some, p, (size_t)(end - p));
    return json_load8(some);
}

/* The first byte from p on that is not plain, or end. */
static inline const char *json_plain_end(const char *p, const char *end)
{
    for (; end - p >= JSON_BLOCK; p += JSON_BLOCK) {
        uint64_t hit = json_special(json_load8(p));
        if (hit)
            return p + json_first(hit);
    }
    while (p < end && json_plain(*p))
        p++;
    return p;
}

/* The first quote or backslash from p on, or end. For text that was checked. */
static inline const char *json_quote_end(const char *p, const char *end)
{
    for (; end - p >= JSON_BLOCK; p += JSON_BLOCK) {
        uint64_t x = json_load8(p);
        uint64_t hit = json_equal(x, '"') | json_equal(x, '\\');
        if (hit)
            return p + json_first(hit);
    }
    while (p < end && *p != '"' && *p != '\\')
        p++;
    return p;
}

static inline bool json_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static inline const char *json_skip_space(const char *p, const char *end)
{
    while (p < end && (unsigned char)*p <= ' ' && json_space(*p))
        p++;
    return p;
}

/* Type of the value that starts with this byte, JSON_ABSENT if none does. */
extern const unsigned char json_types[256];
static inline enum json_type json_type_of(char c)
{
    return (enum json_type)json_types[(unsigned char)c];
}

/* Bytes of the multi-byte UTF-8 sequence at p (RFC 3629 section 4), 0 if it is none. p < end. */
size_t json_utf8_len(const char *p, const char *end);

#endif
