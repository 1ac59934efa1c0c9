/* pointer.c: JSON pointers. */
#include "json/pointer.h"

#include "base/banned.h"

static const struct json absent = {JSON_ABSENT, NULL, 0};

/* Every "~" is followed by 0 or 1 (RFC 6901 section 3). */
static bool tildes_valid(struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.p[i] == '~' && (i + 1 == text.len || (text.p[i + 1] != '0' && text.p[i + 1] != '1')))
            return false;
    return true;
}

static bool parse_rfc(struct pointer *p, struct slice text)
{
    if (text.len == 0)
        return true;
    if (text.p[0] != '/' || !tildes_valid(text))
        return false;
    p->rest = slice_skip(text, 1);
    return true;
}

static bool parse_ditto(struct pointer *p, struct slice text)
{
    for (size_t i = 1; i < text.len; i++)
        if (text.p[i] == '/' && text.p[i - 1] == '/')
            return false;
    text = slice_skip(text, text.len && text.p[0] == '/');
    if (text.len && text.p[text.len - 1] == '/')
        text.len--;
    if (text.len)
        p->rest = text;
    return true;
}

bool pointer_parse(struct pointer *p, struct slice text, enum pointer_dialect dialect)
{
    *p = (struct pointer){.dialect = dialect, .rest = SLICE_NONE};
    return dialect == POINTER_RFC6901 ? parse_rfc(p, text) : parse_ditto(p, text);
}

bool pointer_next(struct pointer *p, struct slice *token)
{
    if (!p->rest.p)
        return false;
    *token = slice_cut(&p->rest, '/');
    return true;
}

struct slice pointer_key(struct slice token, enum pointer_dialect dialect, struct buf *scratch)
{
    if (token.len == 0 || !memchr(token.p, '~', token.len))
        return token;
    size_t before = scratch->len;
    for (size_t i = 0; i < token.len; i++) {
        char c = token.p[i], next = i + 1 < token.len ? token.p[i + 1] : '\0';
        bool escape = c == '~' && (next == '0' || (next == '1' && dialect == POINTER_RFC6901));
        buf_putc(scratch, escape && next == '1' ? '/' : c);
        i += escape;
    }
    return slice_skip(buf_slice(scratch), before);
}

bool pointer_token_is(struct slice token, struct slice key, enum pointer_dialect dialect)
{
    if (!token.len || !memchr(token.p, '~', token.len))
        return slice_eq(token, key);
    while (token.len && key.len) {
        bool tilde = slice_starts(token, S("~0")),
             slash = dialect == POINTER_RFC6901 && slice_starts(token, S("~1"));
        if (key.p[0] != (slash ? '/' : token.p[0]))
            return false;
        token = slice_skip(token, tilde || slash ? 2 : 1);
        key = slice_skip(key, 1);
    }
    return token.len == 0 && key.len == 0;
}

void pointer_put_key(struct buf *dst, struct slice key, enum pointer_dialect dialect)
{
    buf_putc(dst, '/');
    for (size_t i = 0; i < key.len; i++) {
        if (key.p[i] == '~')
            buf_puts(dst, "~0");
        else if (key.p[i] == '/' && dialect == POINTER_RFC6901)
            buf_puts(dst, "~1");
        else
            buf_putc(dst, key.p[i]);
    }
}

/* RFC 6901 section 4: decimal, no leading zeros. */
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

static bool indexes(struct json v, const struct pointer *p)
{
    return v.type == JSON_ARRAY && p->dialect == POINTER_RFC6901;
}

static struct json step(struct json v, const struct pointer *p, struct slice token, struct buf *scratch)
{
    size_t index;
    if (indexes(v, p))
        return array_index(token, &index) ? json_at(v, index) : absent;
    return json_get(v, pointer_key(token, p->dialect, scratch));
}

struct json pointer_get(struct json doc, struct pointer p)
{
    struct buf scratch = {0};
    struct slice token;
    while (doc.type != JSON_ABSENT && pointer_next(&p, &token))
        doc = step(doc, &p, token, &scratch);
    buf_free(&scratch);
    return doc;
}

/* Objects for all tokens that are left, around the value. */
static void put_new(struct buf *dst, struct pointer p, struct slice raw_value)
{
    struct buf key = {0};
    struct slice token;
    size_t depth = 0;
    for (; pointer_next(&p, &token); depth++) {
        buf_putc(dst, '{');
        buf_cut(&key, 0);
        json_put_key(dst, pointer_key(token, p.dialect, &key));
    }
    buf_put_slice(dst, raw_value);
    while (depth--)
        buf_putc(dst, '}');
    buf_free(&key);
}

static void put_with(struct buf *dst, struct json v, struct pointer p, struct slice raw_value);

/* The child that token names, changed; false if it is to be left out. */
static bool put_child(struct buf *dst, struct json child, struct pointer rest, struct slice raw_value)
{
    if (!raw_value.p && !rest.rest.p)
        return false;
    put_with(dst, child, rest, raw_value);
    return true;
}

static void put_array(struct buf *dst, struct json v, struct slice token, struct pointer rest,
                      struct slice raw_value)
{
    size_t at = json_count(v), i = 0;
    bool known = slice_eq(token, S("-")) || array_index(token, &at);
    struct json_iter it = json_iter(v);
    buf_putc(dst, '[');
    for (; json_next(&it); i++) {
        size_t before = dst->len;
        json_put_item(dst);
        if (!known || i != at)
            buf_put_slice(dst, json_slice(it.value));
        else if (!put_child(dst, it.value, rest, raw_value))
            buf_cut(dst, before);
    }
    if (known && i == at && raw_value.p) {
        json_put_item(dst);
        put_new(dst, rest, raw_value);
    }
    buf_putc(dst, ']');
}

static void put_raw_key(struct buf *dst, struct slice raw_key)
{
    json_put_item(dst);
    buf_putc(dst, '"');
    buf_put_slice(dst, raw_key);
    buf_putc(dst, '"');
    buf_putc(dst, ':');
}

/* Of duplicate members the last one counts, and takes the place of the first. */
static void put_object(struct buf *dst, struct json v, struct slice key, struct pointer rest,
                       struct slice raw_value)
{
    struct json child = json_get(v, key);
    bool due = child.type != JSON_ABSENT || raw_value.p;
    struct json_iter it = json_iter(v);
    buf_putc(dst, '{');
    while (json_next(&it)) {
        if (!json_key_is(it.key, key)) {
            put_raw_key(dst, it.key);
            buf_put_slice(dst, json_slice(it.value));
        } else if (due) {
            size_t before = dst->len;
            put_raw_key(dst, it.key);
            if (!put_child(dst, child, rest, raw_value))
                buf_cut(dst, before);
            due = false;
        }
    }
    if (due) {
        json_put_key(dst, key);
        put_new(dst, rest, raw_value);
    }
    buf_putc(dst, '}');
}

/* Recursion is as deep as the pointer is long, and ends where the document does: JSON_MAX_DEPTH at most. */
static void put_with(struct buf *dst, struct json v, struct pointer p, struct slice raw_value)
{
    struct slice token;
    struct pointer rest = p;
    if (!pointer_next(&rest, &token)) {
        buf_put_slice(dst, raw_value);
    } else if (indexes(v, &p)) {
        put_array(dst, v, token, rest, raw_value);
    } else if (v.type == JSON_OBJECT) {
        struct buf scratch = {0};
        put_object(dst, v, pointer_key(token, p.dialect, &scratch), rest, raw_value);
        buf_free(&scratch);
    } else if (raw_value.p) {
        put_new(dst, p, raw_value);
    } else {
        buf_put_slice(dst, json_slice(v));
    }
}

void pointer_put_with(struct buf *dst, struct json doc, struct pointer p, struct slice raw_value)
{
    static const struct json empty = {JSON_OBJECT, "{}", 2};
    if (!p.rest.p && !raw_value.p)
        raw_value = S("null");
    put_with(dst, doc.type == JSON_ABSENT ? empty : doc, p, raw_value);
}
