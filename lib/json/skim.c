/* skim.c: passing over JSON. Containers are passed in blocks of 64 bytes, of which masks tell where the quotes and the
 * brackets are. */
#include "json/skim.h"
#include "json/bytes.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/banned.h"

enum { BLOCK = 64 };

struct masks { /* a bit a byte, the first one lowest */
    uint64_t quotes, backslashes, opens, closes;
};

#ifdef __SSE2__
static inline void look(struct masks *m, const char *p, int at)
{
    __m128i x = _mm_loadu_si128((const __m128i *)(const void *)(p + at));
    __m128i bracket = _mm_or_si128(x, _mm_set1_epi8(0x20)); /* '[' becomes '{', ']' becomes '}' */
#define MASK(v, c) ((uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_set1_epi8(c))) << at)
    m->quotes |= MASK(x, '"');
    m->backslashes |= MASK(x, '\\');
    m->opens |= MASK(bracket, '{');
    m->closes |= MASK(bracket, '}');
#undef MASK
}

static inline struct masks masks_of(const char *p)
{
    struct masks m = {0, 0, 0, 0};
    look(&m, p, 0);
    look(&m, p, 16);
    look(&m, p, 32);
    look(&m, p, 48);
    return m;
}
#else
static inline uint64_t mask_of(uint64_t x, int at)
{
    uint64_t low = EACH_BYTE(0x7f);
    uint64_t zero = ~(((x & low) + low) | x | low); /* 0x80 where x has a zero byte */
    return (zero >> 7) * UINT64_C(0x0102040810204080) >> 56 << at;
}

static inline struct masks masks_of(const char *p)
{
    struct masks m = {0, 0, 0, 0};
    for (int at = 0; at < BLOCK; at += 8) {
        uint64_t x = json_load8(p + at);
        uint64_t bracket = x | EACH_BYTE(0x20); /* '[' becomes '{', ']' becomes '}' */
        m.quotes |= mask_of(x ^ EACH_BYTE('"'), at);
        m.backslashes |= mask_of(x ^ EACH_BYTE('\\'), at);
        m.opens |= mask_of(bracket ^ EACH_BYTE('{'), at);
        m.closes |= mask_of(bracket ^ EACH_BYTE('}'), at);
    }
    return m;
}
#endif

/* Bit i of the result is the parity of bits 0..i: set from an opening quote to before the closing one. */
static inline uint64_t parity(uint64_t x)
{
    x ^= x << 1;
    x ^= x << 2;
    x ^= x << 4;
    x ^= x << 8;
    x ^= x << 16;
    return x ^ x << 32;
}

struct passing {
    size_t depth;
    bool in_string, escaped;
};

/* One block, byte by byte: for where there are backslashes. Returns how many bytes of it belong to the container. */
static __attribute__((noinline)) size_t pass_bytes(struct passing *s, const char *p)
{
    for (size_t i = 0; i < BLOCK; i++) {
        if (s->escaped) {
            s->escaped = false;
        } else if (s->in_string) {
            s->escaped = p[i] == '\\';
            s->in_string = p[i] != '"';
        } else if (p[i] == '"') {
            s->in_string = true;
        } else if ((p[i] | 0x20) == '{') {
            s->depth++;
        } else if ((p[i] | 0x20) == '}' && --s->depth == 0) {
            return i + 1;
        }
    }
    return BLOCK;
}

static inline __attribute__((always_inline)) size_t pass_block(struct passing *s, const char *p)
{
    struct masks m = masks_of(p);
    if (m.backslashes || s->escaped)
        return pass_bytes(s, p);
    uint64_t strings = parity(m.quotes) ^ (s->in_string ? ~UINT64_C(0) : 0);
    s->in_string = strings >> 63;
    for (uint64_t brackets = (m.opens | m.closes) & ~strings; brackets; brackets &= brackets - 1) {
        uint64_t bit = brackets & -brackets;
        if (m.opens & bit)
            s->depth++;
        else if (--s->depth == 0)
            return (size_t)__builtin_ctzll(brackets) + 1;
    }
    return BLOCK;
}

/* The last block of a text, which is shorter. */
static __attribute__((noinline)) const char *pass_rest(struct passing *s, const char *p, const char *end)
{
    char rest[BLOCK] = {0};
    memcpy(rest, p, (size_t)(end - p));
    size_t n = pass_block(s, rest);
    return s->depth == 0 ? p + n : NULL;
}

/* p at a bracket. Returns what follows the one that closes it, NULL if none does. */
static const char *pass_container(const char *p, const char *end)
{
    struct passing s = {0, false, false};
    for (; end - p >= BLOCK; p += BLOCK) {
        size_t n = pass_block(&s, p);
        if (s.depth == 0)
            return p + n;
    }
    return pass_rest(&s, p, end);
}

/* The first quote or backslash from p on, or end; p <= end. */
static inline const char *quote_end(const char *p, const char *end)
{
#ifdef __SSE2__
    for (; end - p >= 16; p += 16) {
        __m128i x = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i hit =
            _mm_or_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8('"')), _mm_cmpeq_epi8(x, _mm_set1_epi8('\\')));
        int bits = _mm_movemask_epi8(hit);
        if (bits)
            return p + __builtin_ctz((unsigned)bits);
    }
#endif
    return json_quote_end(p, end);
}

/* p behind the opening quote. Returns what follows the closing one, or NULL; *escaped is set if there are backslashes. */
static inline const char *pass_string(const char *p, const char *end, bool *escaped)
{
    while (p < end && (p = quote_end(p, end)) < end) {
        if (*p == '"')
            return p + 1;
        *escaped = true;
        p += 2;
    }
    return NULL;
}

/* Mostly there is none. */
static inline const char *space(const char *p, const char *end)
{
    return p < end && (unsigned char)*p > ' ' ? p : json_skip_space(p, end);
}

static const bool ends_scalar[256] = {
    [','] = true, ['}'] = true, [']'] = true, [' '] = true, ['\n'] = true, ['\r'] = true, ['\t'] = true,
};

static inline const char *pass_scalar(const char *p, const char *end)
{
    while (p < end && !ends_scalar[(unsigned char)*p])
        p++;
    return p;
}

/* p at the first byte of a value; returns what follows it, or NULL. */
static inline const char *pass_value(struct skim *s, const char *p)
{
    s->value.p = p;
    if (*p == '"') {
        s->value.type = JSON_STRING;
        return pass_string(p + 1, s->end, &s->value_escaped);
    }
    s->value.type = json_type_of(*p);
    if (s->value.type == JSON_OBJECT || s->value.type == JSON_ARRAY)
        return pass_container(p, s->end);
    return s->value.type == JSON_ABSENT ? NULL : pass_scalar(p, s->end);
}

struct skim skim_of(struct slice text)
{
    const char *p = text.p ? text.p : "";
    struct skim s = {.p = p, .end = p + text.len, .first = true};
    s.p = space(s.p, s.end);
    if (s.p == s.end || *s.p != '{')
        s.end = s.p; /* nothing to come, and not whole */
    else
        s.p++;
    return s;
}

/* p at the key; returns what follows the colon, or NULL. */
static inline const char *pass_key(struct skim *s, const char *p)
{
    const char *key = p + 1;
    s->escaped = false;
    if (p == s->end || *p != '"' || !(p = pass_string(key, s->end, &s->escaped)))
        return NULL;
    s->key = slice_of(key, (size_t)(p - key) - 1);
    p = space(p, s->end);
    return p < s->end && *p == ':' ? space(p + 1, s->end) : NULL;
}

/* p at the key; returns what follows the value, or NULL. */
static inline const char *pass_member(struct skim *s, const char *p)
{
    const char *from = pass_key(s, p);
    if (!from || from == s->end)
        return NULL;
    p = pass_value(s, from);
    s->value.len = (size_t)(p - from);
    return p;
}

bool skim_next(struct skim *s)
{
    const char *p = space(s->p, s->end);
    if (p < s->end && *p == '}') {
        s->whole = space(p + 1, s->end) == s->end;
        p = NULL;
    } else if (s->first) {
        p = pass_member(s, p);
    } else {
        p = p < s->end && *p == ',' ? pass_member(s, space(p + 1, s->end)) : NULL;
    }
    if (!p)
        s->end = s->p; /* nothing more to come */
    else
        s->p = p;
    s->first = false;
    return p;
}

bool skim_key_sound(struct slice raw)
{
    struct json key;
    return !raw.len || !memchr(raw.p, '\\', raw.len) ||
           json_parse(slice_of(raw.p - 1, raw.len + 2), &key, NULL) == 0;
}

bool skim_key_is(struct slice raw, struct slice name)
{
    if (raw.len == name.len) /* an escape is longer than what it stands for */
        return slice_eq(raw, name);
    return raw.len > name.len && memchr(raw.p, '\\', raw.len) && skim_key_sound(raw) &&
           json_key_is(raw, name);
}

/* May the key that s is at come again? Then it stands there as it does here, quotes included, or with escapes. A quick look
 * finds where it may begin; if that happens, it may. */
static bool may_repeat(const struct skim *s)
{
    const char *p = s->p, *end = s->end;
#ifdef __SSE2__
    __m128i quote = _mm_set1_epi8('"'), first = _mm_set1_epi8(s->key.len ? s->key.p[0] : '"');
    for (; end - p >= 17; p += 16) {
        __m128i x = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i next = _mm_loadu_si128((const __m128i *)(const void *)(p + 1));
        __m128i begins = _mm_and_si128(_mm_cmpeq_epi8(x, quote), _mm_cmpeq_epi8(next, first));
        if (_mm_movemask_epi8(_mm_or_si128(begins, _mm_cmpeq_epi8(x, _mm_set1_epi8('\\')))))
            return true;
    }
#endif
    size_t rest = (size_t)(end - p);
    return memchr(p, '\\', rest) || memmem(p, rest, s->key.p - 1, s->key.len + 2);
}

struct json skim_get(struct slice text, struct slice name)
{
    struct json found = {JSON_ABSENT, NULL, 0};
    struct skim s = skim_of(text);
    while (skim_next(&s))
        if (s.escaped ? skim_key_is(s.key, name) : slice_eq(s.key, name)) {
            found = s.value;
            if (!s.escaped && !may_repeat(&s))
                break;
        }
    return found;
}

struct slice skim_text(struct json v, struct buf *scratch)
{
    struct slice raw = json_raw(v);
    if (!raw.len || !memchr(raw.p, '\\', raw.len))
        return raw;
    return skim_key_sound(raw) ? json_raw_text(raw, scratch) : SLICE_NONE;
}
