/* value.c: finding one's way in documents that passed the scanner. */
#include "json/bytes.h"

#include "base/banned.h"

const unsigned char json_types[256] = {
    ['{'] = JSON_OBJECT, ['['] = JSON_ARRAY,  ['"'] = JSON_STRING, ['t'] = JSON_TRUE,   ['f'] = JSON_FALSE,
    ['n'] = JSON_NULL,   ['-'] = JSON_NUMBER, ['0'] = JSON_NUMBER, ['1'] = JSON_NUMBER, ['2'] = JSON_NUMBER,
    ['3'] = JSON_NUMBER, ['4'] = JSON_NUMBER, ['5'] = JSON_NUMBER, ['6'] = JSON_NUMBER, ['7'] = JSON_NUMBER,
    ['8'] = JSON_NUMBER, ['9'] = JSON_NUMBER,
};

/* p at the opening quote; returns what follows the closing one. */
static const char *skip_string(const char *p, const char *end)
{
    for (p = json_quote_end(p + 1, end); *p != '"'; p = json_quote_end(p + 2, end))
        ;
    return p + 1;
}

enum nesting { NEST_PLAIN, NEST_QUOTE, NEST_OPEN, NEST_CLOSE };

static const unsigned char nesting_of[256] = {
    ['"'] = NEST_QUOTE, ['{'] = NEST_OPEN, ['['] = NEST_OPEN, ['}'] = NEST_CLOSE, [']'] = NEST_CLOSE,
};

/* p at the opening bracket. The scanner matched the kinds, so counting is enough. */
static const char *skip_container(const char *p, const char *end)
{
    size_t depth = 0;
    do {
        switch (nesting_of[(unsigned char)*p]) {
        case NEST_QUOTE: p = skip_string(p, end); continue;
        case NEST_OPEN: depth++; break;
        case NEST_CLOSE: depth--; break;
        default: break;
        }
        p++;
    } while (depth);
    return p;
}

static const char *skip_scalar(const char *p, const char *end)
{
    while (p < end && *p != ',' && *p != '}' && *p != ']' && !json_space(*p))
        p++;
    return p;
}

static const char *skip_value(const char *p, const char *end, enum json_type type)
{
    switch (type) {
    case JSON_STRING: return skip_string(p, end);
    case JSON_OBJECT:
    case JSON_ARRAY: return skip_container(p, end);
    default: return skip_scalar(p, end);
    }
}

struct json_iter json_iter(struct json v)
{
    struct json_iter it = {.p = "", .object = v.type == JSON_OBJECT};
    it.end = it.p;
    if (v.type == JSON_OBJECT || v.type == JSON_ARRAY) {
        it.p = v.p + 1;
        it.end = v.p + v.len - 1;
    }
    return it;
}

bool json_next(struct json_iter *it)
{
    const char *p = json_skip_space(it->p, it->end);
    if (p < it->end && *p == ',')
        p = json_skip_space(p + 1, it->end);
    if (p == it->end)
        return false;
    if (it->object) {
        const char *key = p + 1;
        p = skip_string(p, it->end);
        it->key = slice_of(key, (size_t)(p - key) - 1);
        p = json_skip_space(p, it->end);
        p = json_skip_space(p + 1, it->end); /* the colon */
    }
    it->value.type = json_type_of(*p);
    it->value.p = p;
    it->p = skip_value(p, it->end, it->value.type);
    it->value.len = (size_t)(it->p - p);
    return true;
}

size_t json_count(struct json container)
{
    size_t n = 0;
    struct json_iter it = json_iter(container);
    while (json_next(&it))
        n++;
    return n;
}

struct json json_get(struct json v, struct slice name)
{
    struct json found = {JSON_ABSENT, NULL, 0};
    if (v.type != JSON_OBJECT)
        return found;
    struct json_iter it = json_iter(v);
    while (json_next(&it))
        if (json_key_is(it.key, name))
            found = it.value;
    return found;
}

struct json json_at(struct json v, size_t index)
{
    if (v.type == JSON_ARRAY) {
        struct json_iter it = json_iter(v);
        while (json_next(&it))
            if (index-- == 0)
                return it.value;
    }
    return (struct json){JSON_ABSENT, NULL, 0};
}

/* RFC 6901 section 4: decimal without leading zeros. */
static bool array_index(struct slice token, size_t *index)
{
    size_t n = 0;
    if (token.len == 0 || token.len > 9 || (token.len > 1 && token.p[0] == '0'))
        return false;
    for (size_t i = 0; i < token.len; i++) {
        if (token.p[i] < '0' || token.p[i] > '9')
            return false;
        n = n * 10 + (size_t)(token.p[i] - '0');
    }
    *index = n;
    return true;
}

/* ~1 and ~0 of a pointer token; false if another character follows the ~. */
static bool unescape_token(struct slice token, struct buf *out)
{
    for (size_t i = 0; i < token.len; i++) {
        char c = token.p[i];
        if (c == '~') {
            char next = ++i < token.len ? token.p[i] : '\0';
            if (next != '0' && next != '1')
                return false;
            c = next == '0' ? '~' : '/';
        }
        buf_putc(out, c);
    }
    return true;
}

static struct json member_by_token(struct json v, struct slice token)
{
    if (token.len == 0 || !memchr(token.p, '~', token.len))
        return json_get(v, token);
    struct json found = {JSON_ABSENT, NULL, 0};
    struct buf name = {0};
    if (unescape_token(token, &name))
        found = json_get(v, buf_slice(&name));
    buf_free(&name);
    return found;
}

struct json json_pointer(struct json v, struct slice pointer)
{
    if (pointer.len == 0)
        return v;
    if (pointer.p[0] != '/')
        return (struct json){JSON_ABSENT, NULL, 0};
    struct slice rest = slice_skip(pointer, 1);
    do {
        struct slice token = slice_cut(&rest, '/');
        size_t index;
        if (v.type == JSON_ARRAY)
            v = array_index(token, &index) ? json_at(v, index) : (struct json){JSON_ABSENT, NULL, 0};
        else
            v = member_by_token(v, token);
    } while (rest.p && v.type != JSON_ABSENT);
    return v;
}
