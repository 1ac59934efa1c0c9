/* parse.c: the scanner. One pass, no recursion, no allocation. */
#include "json/bytes.h"

#include "base/banned.h"

struct scan {
    const char *start, *end;
    struct json_error *err;
    struct json_notes *notes; /* NULL: nobody asks */
    unsigned depth;
    uint64_t objects[(JSON_MAX_DEPTH + 63) / 64]; /* one bit a level: an object, else an array */
};

static const char cut[] = "unexpected end of input";

static const char *fail(struct scan *s, const char *p, const char *reason)
{
    if (s->err)
        *s->err = (struct json_error){(size_t)(p - s->start), p == s->end ? cut : reason};
    return NULL;
}

static void push(struct scan *s, bool object)
{
    uint64_t bit = UINT64_C(1) << (s->depth % 64);
    uint64_t *word = &s->objects[s->depth / 64];
    *word = object ? *word | bit : *word & ~bit;
    s->depth++;
}

static bool in_object(const struct scan *s)
{
    unsigned top = s->depth - 1;
    return s->objects[top / 64] >> (top % 64) & 1;
}

static inline const char *space(const struct scan *s, const char *p)
{
    return json_skip_space(p, s->end);
}

size_t json_utf8_len(const char *text, const char *end)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t n = p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;
    if (n == 0 || (size_t)(end - text) < n)
        return 0;
    /* the second byte is bounded more tightly where overlong forms, surrogates or U+110000 would begin */
    unsigned char least = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80;
    unsigned char most = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;
    if (p[1] < least || p[1] > most)
        return 0;
    for (size_t i = 2; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return n;
}

static bool hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* p at the backslash; returns what follows the escape. */
static const char *scan_escape(struct scan *s, const char *p)
{
    if (++p == s->end)
        return fail(s, p, cut);
    switch (*p++) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't': return p;
    case 'u': break;
    default: return fail(s, p - 1, "unknown escape");
    }
    for (int i = 0; i < 4; i++, p++)
        if (p == s->end || !hex(*p))
            return fail(s, p, "four hexadecimal digits expected after \\u");
    return p;
}

/* p at the opening quote; returns what follows the closing one. */
static const char *scan_string(struct scan *s, const char *p)
{
    p++;
    while (p) {
        p = json_plain_end(p, s->end);
        if (p == s->end)
            return fail(s, p, cut);
        if (*p == '"')
            return p + 1;
        if (*p == '\\') {
            p = scan_escape(s, p);
        } else if ((unsigned char)*p < 0x80) {
            p = fail(s, p, "control byte in a string");
        } else {
            size_t n = json_utf8_len(p, s->end);
            p = n ? p + n : fail(s, p, "invalid UTF-8");
        }
    }
    return NULL;
}

static const char *scan_digits(struct scan *s, const char *p)
{
    const char *from = p;
    while (p < s->end && *p >= '0' && *p <= '9')
        p++;
    return p > from ? p : fail(s, p, "digit expected");
}

/* Digits without leading zeros, of which int64 takes 19 at most. */
static bool is_wide(const char *digits, const char *end, bool negative)
{
    static const char most[] = "9223372036854775807";
    size_t len = (size_t)(end - digits);
    if (len != sizeof most - 1)
        return len > sizeof most - 1;
    int order = memcmp(digits, most, len);
    return order > 0 && !(negative && memcmp(digits, "9223372036854775808", len) == 0);
}

static const char *scan_number(struct scan *s, const char *p)
{
    bool negative = *p == '-';
    p += negative;
    const char *first = p;
    p = scan_digits(s, p);
    if (p && *first == '0' && p - first > 1)
        return fail(s, first, "leading zero");
    if (p && p - first > 18 && s->notes && (p == s->end || (*p != '.' && (*p | 0x20) != 'e')))
        s->notes->wide_integer |= is_wide(first, p, negative);
    if (p && p < s->end && *p == '.')
        p = scan_digits(s, p + 1);
    if (p && p < s->end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < s->end && (*p == '+' || *p == '-'))
            p++;
        p = scan_digits(s, p);
    }
    return p;
}

static const char *scan_word(struct scan *s, const char *p, struct slice word)
{
    struct slice rest = {p, (size_t)(s->end - p)};
    return slice_starts(rest, word) ? p + word.len : fail(s, p, "unknown word");
}

/* p after a key; returns the start of its value. */
static const char *scan_colon(struct scan *s, const char *p)
{
    p = space(s, p);
    if (p == s->end || *p != ':')
        return fail(s, p, "colon expected");
    return space(s, p + 1);
}

static void note_key(struct json_notes *notes, struct slice key)
{
    notes->empty_key |= key.len == 0;
    notes->odd_key |= key.len > 255 || json_is_odd(key.p, key.p + key.len);
}

/* p where a key must start; returns the start of its value. */
static const char *scan_key(struct scan *s, const char *p, struct slice *key)
{
    const char *from = p;
    if (p == s->end || *p != '"')
        return fail(s, p, "key expected");
    p = scan_string(s, p);
    if (!p)
        return NULL;
    *key = slice_of(from + 1, (size_t)(p - from) - 2);
    if (s->notes)
        note_key(s->notes, *key);
    return scan_colon(s, p);
}

/* p at a bracket. An empty container is passed whole; of another one the way to its first value, *opened set. */
static const char *scan_open(struct scan *s, const char *p, bool *opened)
{
    bool object = *p == '{';
    if (s->depth == JSON_MAX_DEPTH)
        return fail(s, p, "nested too deeply");
    p = space(s, p + 1);
    if (p < s->end && *p == (object ? '}' : ']'))
        return p + 1;
    push(s, object);
    *opened = true;
    struct slice key;
    return object ? scan_key(s, p, &key) : p;
}

/* After a value: closes what ends here, down to level base, or goes on to the next value. */
static const char *scan_after(struct scan *s, const char *p, unsigned base)
{
    while (s->depth > base) {
        bool object = in_object(s);
        p = space(s, p);
        if (p < s->end && *p == ',') {
            struct slice key;
            p = space(s, p + 1);
            return object ? scan_key(s, p, &key) : p;
        }
        if (p == s->end || *p != (object ? '}' : ']'))
            return fail(s, p, object ? "comma or } expected" : "comma or ] expected");
        s->depth--;
        p++;
    }
    return p;
}

/* One value with all that is in it; p at its first byte (white space skipped). Returns what follows it. */
static const char *scan_value(struct scan *s, const char *p)
{
    unsigned base = s->depth;
    do {
        bool opened = false;
        switch (p < s->end ? json_type_of(*p) : JSON_ABSENT) {
        case JSON_STRING: p = scan_string(s, p); break;
        case JSON_NUMBER: p = scan_number(s, p); break;
        case JSON_OBJECT:
        case JSON_ARRAY: p = scan_open(s, p, &opened); break;
        case JSON_TRUE: p = scan_word(s, p, S("true")); break;
        case JSON_FALSE: p = scan_word(s, p, S("false")); break;
        case JSON_NULL: p = scan_word(s, p, S("null")); break;
        case JSON_ABSENT: p = fail(s, p, "value expected"); break;
        }
        if (p && !opened)
            p = scan_after(s, p, base);
    } while (p && s->depth > base);
    return p;
}

static int scan_end(struct scan *s, const char *p)
{
    if (p)
        p = space(s, p);
    if (p && p < s->end)
        p = fail(s, p, "something follows the value");
    return p ? 0 : -1;
}

static struct scan scan_of(struct slice text, struct json_error *err)
{
    struct scan s;
    s.start = text.p ? text.p : "";
    s.end = s.start + text.len;
    s.err = err;
    s.notes = NULL;
    s.depth = 0;
    s.objects[0] = 0;
    return s;
}

int json_parse(struct slice text, struct json *out, struct json_error *err)
{
    struct scan s = scan_of(text, err);
    const char *from = space(&s, s.start);
    const char *to = scan_value(&s, from);
    if (scan_end(&s, to) < 0)
        return -1;
    *out = (struct json){json_type_of(*from), from, (size_t)(to - from)};
    return 0;
}

/* One member, p at its key; returns what follows its value. */
static const char *scan_member(struct scan *s, const char *p, struct json_member *m)
{
    const char *from = scan_key(s, p, &m->key);
    p = from ? scan_value(s, from) : NULL;
    if (p)
        m->value = (struct json){json_type_of(*from), from, (size_t)(p - from)};
    return p;
}

static int refuse(struct scan *s, const char *p, const char *reason)
{
    fail(s, p, reason);
    return -1;
}

int json_each_member(struct slice text, void (*on_member)(void *arg, const struct json_member *m), void *arg,
                     struct json_error *err)
{
    return json_each_member_noting(text, on_member, arg, NULL, err);
}

int json_each_member_noting(struct slice text, void (*on_member)(void *arg, const struct json_member *m), void *arg,
                            struct json_notes *notes, struct json_error *err)
{
    struct scan s = scan_of(text, err);
    s.notes = notes;
    const char *p = space(&s, s.start);
    if (p == s.end || *p != '{')
        return refuse(&s, p, "object expected");
    push(&s, true);
    p = space(&s, p + 1);
    if (p < s.end && *p == '}')
        return scan_end(&s, p + 1);
    for (;;) {
        struct json_member m;
        p = scan_member(&s, p, &m);
        if (!p)
            return -1;
        on_member(arg, &m);
        p = space(&s, p);
        if (p == s.end || (*p != ',' && *p != '}'))
            return refuse(&s, p, "comma or } expected");
        if (*p == '}')
            return scan_end(&s, p + 1);
        p = space(&s, p + 1);
    }
}

struct collected {
    struct json_member *members;
    size_t max, n;
};

static void collect(void *arg, const struct json_member *m)
{
    struct collected *c = arg;
    if (c->n < c->max)
        c->members[c->n] = *m;
    c->n++;
}

int json_parse_members(struct slice text, struct json_member *members, size_t max, size_t *n,
                       struct json_error *err)
{
    struct collected c = {members, max, 0};
    int r = json_each_member(text, collect, &c, err);
    *n = c.n;
    return r;
}
