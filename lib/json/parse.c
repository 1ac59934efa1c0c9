/* parse.c: the scanner. One pass, no recursion, no allocation. */
#include "json/bytes.h"
#include "json/view.h"

#include "base/banned.h"

struct scan {
    const char *start, *end;
    struct json_error *err;
    struct json_notes *notes; /* NULL: nobody asks */
    bool object;              /* the level at hand is one, else an array */
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

static inline void push(struct scan *s, bool object)
{
    uint64_t bit = UINT64_C(1) << (s->depth % 64);
    uint64_t *word = &s->objects[s->depth / 64];
    *word = object ? *word | bit : *word & ~bit;
    s->depth++;
    s->object = object;
}

static inline void pop(struct scan *s)
{
    unsigned top = --s->depth - 1; /* of no level it is not looked at */
    s->object = s->depth && s->objects[top / 64] >> (top % 64) & 1;
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
static inline const char *scan_escape(struct scan *s, const char *p)
{
    if (s->notes)
        s->notes->escape = true;
    static const bool simple[256] = {['"'] = true, ['\\'] = true, ['/'] = true, ['b'] = true,
                                     ['f'] = true, ['n'] = true,  ['r'] = true, ['t'] = true};
    if (++p == s->end)
        return fail(s, p, cut);
    if (simple[(unsigned char)*p])
        return p + 1;
    if (*p++ != 'u')
        return fail(s, p - 1, "unknown escape");
    for (int i = 0; i < 4; i++, p++)
        if (p == s->end || !hex(*p))
            return fail(s, p, "four hexadecimal digits expected after \\u");
    return p;
}

/* p in a string where its plain run ends; returns what follows the closing quote. */
static const char *scan_string_on(struct scan *s, const char *p)
{
    while (p) {
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
        if (p)
            p = json_plain_end(p, s->end);
    }
    return NULL;
}

/* p at the opening quote; returns what follows the closing one. */
static inline const char *scan_string(struct scan *s, const char *p)
{
    p = json_plain_end(p + 1, s->end);
    return p < s->end && *p == '"' ? p + 1 : scan_string_on(s, p);
}

/* The same for a key of which notes are taken: what is odd is seen on the way. */
static const char *scan_noted(struct scan *s, const char *p)
{
    const char *from = ++p;
    bool odd = false;
    for (unsigned n = JSON_BLOCK; n == JSON_BLOCK; p += n) {
        uint64_t x = json_load_some(p, s->end);
        n = json_first(json_special(x));
        odd |= json_first(json_equal(x, '/') | json_equal(x, 0x7f)) < n;
    }
    if (p == s->end || *p != '"') {
        odd = true; /* an escape or what is beyond ASCII, if it is a string at all */
        p = scan_string_on(s, p);
        if (!p)
            return NULL;
    } else {
        p++;
    }
    s->notes->odd_key |= odd || p - from > 256;
    s->notes->empty_key |= p - from == 1;
    return p;
}

static inline bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static const char *scan_digits(struct scan *s, const char *p)
{
    const char *from = p;
    while (p < s->end && is_digit(*p))
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
static inline const char *scan_colon(struct scan *s, const char *p)
{
    p = space(s, p);
    if (p == s->end || *p != ':')
        return fail(s, p, "colon expected");
    return space(s, p + 1);
}

/* A key as most are, with nothing to be noted, its colon and value right behind. NULL if it is not like that. */
static inline const char *scan_plain_key(struct scan *s, const char *p, struct slice *key)
{
    const char *at = p; /* of the last byte that was looked at */
    uint64_t special;
    do {
        if (s->end - at < JSON_BLOCK + 4)
            return NULL;
        uint64_t x = json_load8(at + 1);
        special = json_special(x);
        if ((json_equal(x, '/') | json_equal(x, 0x7f)) & json_below(special))
            return NULL;
        at += json_first(special);
    } while (!special);
    if (*p != '"' || at[1] != '"' || at[2] != ':' || (unsigned char)at[3] <= ' ' || at == p || at - p > 255)
        return NULL;
    *key = slice_of(p + 1, (size_t)(at - p));
    return at + 3;
}

static const char *scan_any_key(struct scan *s, const char *p, struct slice *key)
{
    const char *from = p = space(s, p);
    if (p == s->end || *p != '"')
        return fail(s, p, "key expected");
    p = s->notes ? scan_noted(s, p) : scan_string(s, p);
    if (!p)
        return NULL;
    *key = slice_of(from + 1, (size_t)(p - from) - 2);
    return scan_colon(s, p);
}

/* p where a key must start, after white space; returns the start of its value. */
static inline const char *scan_key(struct scan *s, const char *p, struct slice *key)
{
    const char *plain = scan_plain_key(s, p, key);
    return plain ? plain : scan_any_key(s, p, key);
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
static inline const char *scan_after(struct scan *s, const char *p, unsigned base)
{
    while (s->depth > base) {
        if (p == s->end || (unsigned char)*p <= ' ')
            p = space(s, p);
        if (p < s->end && *p == ',') {
            struct slice key;
            return s->object ? scan_key(s, p + 1, &key) : space(s, p + 1);
        }
        if (p == s->end || *p != (s->object ? '}' : ']'))
            return fail(s, p, s->object ? "comma or } expected" : "comma or ] expected");
        pop(s);
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
        if (p == s->end)
            return fail(s, p, cut);
        switch (json_type_of(*p)) {
        case JSON_STRING: p = scan_string(s, p); break;
        case JSON_NUMBER: p = scan_number(s, p); break;
        case JSON_OBJECT:
        case JSON_ARRAY: p = scan_open(s, p, &opened); break;
        case JSON_TRUE: p = scan_word(s, p, S("true")); break;
        case JSON_FALSE: p = scan_word(s, p, S("false")); break;
        case JSON_NULL: p = scan_word(s, p, S("null")); break;
        default: p = fail(s, p, "value expected");
        }
        if (p && !opened)
            p = scan_after(s, p, base);
    } while (p && s->depth > base);
    return p;
}

/* The same: strings, which most are, without a call. */
static inline const char *scan_member_value(struct scan *s, const char *p)
{
    return p < s->end && *p == '"' ? scan_string(s, p) : scan_value(s, p);
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
    s.object = false;
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

/* p at '{'; returns what stands where the first key is expected. */
static const char *scan_first(struct scan *s, const char *p)
{
    push(s, true);
    return space(s, p + 1);
}

/* p behind a member; returns the start of the next one, or, *last set, what follows the object. */
static const char *scan_next(struct scan *s, const char *p, bool *last)
{
    if (p == s->end || (unsigned char)*p <= ' ')
        p = space(s, p);
    if (p == s->end || (*p != ',' && *p != '}'))
        return fail(s, p, "comma or } expected");
    *last = *p == '}';
    return p + 1;
}

/* One member for a view, p at its key; returns what follows its value. */
static const char *scan_member(struct scan *s, const char *p, struct json_view *v)
{
    struct json_member beyond, *m = v->n < VIEW_MEMBERS ? &v->v[v->n] : &beyond;
    const char *from = scan_key(s, p, &m->key);
    v->n++;
    p = from ? scan_member_value(s, from) : NULL;
    if (p)
        m->value = (struct json){json_type_of(*from), from, (size_t)(p - from)};
    return p;
}

/* An object whose members are gathered. */
static const char *scan_members(struct scan *s, const char *from, struct json_view *v)
{
    const char *p = scan_first(s, from);
    bool last = p < s->end && *p == '}';
    p += last;
    while (!last) {
        p = scan_member(s, p, v);
        p = p ? scan_next(s, p, &last) : NULL;
        if (!p)
            return NULL;
    }
    pop(s);
    v->object = (struct json){JSON_OBJECT, from, (size_t)(p - from)};
    return p;
}

/* The same, with a note of its own of what is written with escapes. */
static const char *scan_view(struct scan *s, const char *from, struct json_view *v)
{
    struct json_notes none = {false, false, false, false}, *notes = s->notes ? s->notes : &none;
    bool before = notes->escape;
    notes->escape = !s->notes;
    const char *p = scan_members(s, from, v);
    v->escaped = notes->escape;
    notes->escape |= before;
    return p;
}

/* One member of the outermost object, p at its key; returns what follows its value. */
static const char *read_member(struct scan *s, const char *p, const struct json_reader *r)
{
    struct json_member m;
    const char *from = scan_key(s, p, &m.key);
    if (!from)
        return NULL;
    struct json_view *v = r->on_key ? r->on_key(r->arg, m.key) : NULL;
    if (v)
        json_view_clear(v);
    p = v && from < s->end && *from == '{' ? scan_view(s, from, v) : scan_member_value(s, from);
    if (!p)
        return NULL;
    m.value = (struct json){json_type_of(*from), from, (size_t)(p - from)};
    r->on_member(r->arg, &m);
    return p;
}

int json_read(struct slice text, const struct json_reader *r, struct json_error *err)
{
    struct scan s = scan_of(text, err);
    s.notes = r->notes;
    const char *p = space(&s, s.start);
    if (p == s.end || *p != '{') {
        fail(&s, p, "object expected");
        return -1;
    }
    p = scan_first(&s, p);
    bool last = p < s.end && *p == '}';
    p += last;
    while (!last) {
        p = read_member(&s, p, r);
        p = p ? scan_next(&s, p, &last) : NULL;
        if (!p)
            return -1;
    }
    return scan_end(&s, p);
}

int json_each_member(struct slice text, void (*on_member)(void *arg, const struct json_member *m), void *arg,
                     struct json_error *err)
{
    struct json_reader r = {.on_member = on_member, .arg = arg};
    return json_read(text, &r, err);
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
