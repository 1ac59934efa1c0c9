/* json.h: JSON (RFC 8259) as slices of the input. Nothing is copied, numbers are never converted: what is not
 * touched leaves byte for byte.
 *
 * json_parse checks a whole document once: grammar, UTF-8 (RFC 3629), no raw control bytes, depth at most
 * JSON_MAX_DEPTH, nothing after it. Everything below works on values that passed, skips fast and cannot fail on
 * grammar. Defined answers for the awkward: duplicate keys: all are kept in untouched bytes; a look-up finds the
 * LAST one (as Ditto does). A lone surrogate escape (\ud83d) is grammatical and stays verbatim; decoded it gives
 * U+FFFD. \u0000 stays verbatim; decoded it gives a NUL byte (slices carry it). Depth over the limit, bad UTF-8, raw
 * control bytes, leading zeros, NaN, empty input: an error with offset and reason, never payload bytes.
 * Numbers of any length and size are grammatical (12345678901234567890, 1e400).
 *
 * Ownership: struct json borrows the document. */
#ifndef JSON_JSON_H
#define JSON_JSON_H

#include <stdint.h>

#include "base/buf.h"

enum { JSON_MAX_DEPTH = 1000 };

enum json_type {
    JSON_ABSENT,
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
};

struct json {
    enum json_type type;
    const char *p; /* first byte: '{', '"', … ; the quotes of a string are included */
    size_t len;
};

struct json_error {
    size_t offset;      /* bytes from the start of the document */
    const char *reason; /* static text, e.g. "unexpected end of input" */
};

/* 0, or -1 with *err set (err may be NULL, here and below). White space around the value is allowed and not part of *out. */
int json_parse(struct slice text, struct json *out, struct json_error *err);

/* One pass for envelopes: checks the whole document, which must be an object, and collects its members. At most max
 * are kept in the order they stand; further ones are checked and dropped, *n counts all. key slices are the raw text
 * between the quotes (compare with json_key_is). 0, or -1 with *err. */
struct json_member {
    struct slice key; /* raw, still escaped */
    struct json value;
};
int json_parse_members(struct slice text, struct json_member *members, size_t max, size_t *n,
                       struct json_error *err);
/* The same for any number of members: each is handed to on_member as it is passed, before the rest is checked, so what
 * was gathered counts only if 0 is returned. */
int json_each_member(struct slice text, void (*on_member)(void *arg, const struct json_member *m), void *arg,
                     struct json_error *err);

/* Does the raw key spell this name? Handles escapes in the raw key. */
bool json_key_is(struct slice raw_key, struct slice name);

/* Iteration over an object or array that passed json_parse:
 *   struct json_iter it = json_iter(v); while (json_next(&it)) use it.key (raw), it.value */
struct json_iter {
    const char *p, *end;
    bool object;
    struct slice key;
    struct json value;
};
struct json_iter json_iter(struct json container);
bool json_next(struct json_iter *it);
size_t json_count(struct json container);

/* Member of an object by name (last wins), element by index, or JSON pointer (RFC 6901, "" is the whole).
 * JSON_ABSENT if it is not there, v is no container, or the pointer is none. */
struct json json_get(struct json v, struct slice name);
struct json json_at(struct json v, size_t index);
struct json json_pointer(struct json v, struct slice pointer);

static inline struct slice json_slice(struct json v)
{
    return (struct slice){v.p, v.len};
}
static inline bool json_is(struct json v, enum json_type t)
{
    return v.type == t;
}
static inline bool json_present(struct json v)
{
    return v.type != JSON_ABSENT && v.type != JSON_NULL;
}

/* Strings. json_text gives the decoded text: a slice of the document itself when nothing is escaped, else of
 * scratch (appended to; valid until scratch grows). SLICE_NONE if v is no string. */
struct slice json_text(struct json v, struct buf *scratch);
struct slice json_raw_text(struct slice raw, struct buf *scratch); /* the same for a raw key */
/* The raw text between the quotes, or SLICE_NONE. */
struct slice json_raw(struct json v);
bool json_text_is(struct json v, struct slice text);
/* Numbers: 0, or -1 if v is no integer that fits (204.0 and 2.04e2 count as 204). */
int json_int(struct json v, int64_t *out);

/* Writing. A document is put together by splicing: these append to dst. */
/* Puts ',' unless dst is empty or ends with '{' or '['. */
static inline void json_put_item(struct buf *dst)
{
    char last = dst->len ? buf_p(dst)[dst->len - 1] : '[';
    if (last != '{' && last != '[')
        buf_putc(dst, ',');
}
void json_put_text(struct buf *dst,
                   struct slice text); /* "…" escaped as RFC 8259 needs; bad UTF-8 becomes U+FFFD */
void json_put_escaped(struct buf *dst, struct slice text); /* the same without the quotes */
void json_put_key(struct buf *dst, struct slice name);     /* json_put_item, then "name": */
void json_put_member(struct buf *dst, struct slice name, struct slice raw_value);
void json_put_member_text(struct buf *dst, struct slice name, struct slice text);
void json_put_member_int(struct buf *dst, struct slice name, int64_t n);
/* Compact copy (white space outside strings removed, everything else as written). */
void json_put_compact(struct buf *dst, struct json v);
/* A copy of object v with member name replaced or appended; SLICE_NONE as raw_value removes it. The new value stands
 * where the first of that name stood, its duplicates are left out. Keys and the other values stay as written, white
 * space between members goes. A v that is no object counts as {}. */
void json_put_with(struct buf *dst, struct json v, struct slice name, struct slice raw_value);

#endif
