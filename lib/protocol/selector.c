/* selector.c: field selectors. */
#include <stdlib.h>

#include "json/pointer.h"
#include "protocol/form.h"
#include "protocol/selector.h"

#include "base/banned.h"

/* Pointers while they are gathered: texts may move, so they are offsets. */
struct gathering {
    struct slice text; /* the whole selector, for errors */
    struct ditto_error *err;
    struct buf path; /* what the parentheses around the part at hand stand behind */
    struct buf texts;
    struct {
        size_t start, len;
    } pointers[SELECTOR_POINTERS_MAX];
    size_t n;
};

static int invalid(struct gathering *g, const char *why)
{
    return ditto_fail(g->err, 400, "json.fieldselector.invalid", why, NULL,
                      "The field selector '%.*s' is invalid.", SLICE_ARG(g->text));
}

static struct slice pointer_text(const struct gathering *g, size_t i)
{
    return slice_of(buf_p(&g->texts) + g->pointers[i].start, g->pointers[i].len);
}

/* Appends a pointer as Ditto prints it; the root is nothing. */
static int put_pointer(struct gathering *g, struct buf *dst, struct slice text)
{
    struct pointer p;
    struct slice token;
    struct buf key = {0};
    if (dst->len + 2 * text.len > SELECTOR_BYTES_MAX)
        return invalid(g, "It is too long.");
    if (!pointer_parse(&p, text, POINTER_DITTO))
        return ditto_fail(g->err, 400, "json.pointer.invalid", "Consecutive slashes are not supported.", NULL,
                          "The JSON pointer '%.*s' is invalid.", SLICE_ARG(text));
    while (pointer_next(&p, &token)) {
        buf_cut(&key, 0);
        pointer_put_key(dst, pointer_key(token, POINTER_DITTO, &key), POINTER_DITTO);
    }
    buf_free(&key);
    return 0;
}

/* Adds the pointer that the path and text make, unless it is the root or there. */
static int add(struct gathering *g, struct slice text)
{
    size_t start = g->texts.len;
    buf_put_slice(&g->texts, buf_slice(&g->path));
    if (put_pointer(g, &g->texts, text) < 0)
        return -1;
    struct slice pointer = slice_skip(buf_slice(&g->texts), start);
    bool there = pointer.len == 0;
    for (size_t i = 0; i < g->n && !there; i++)
        there = slice_eq(pointer_text(g, i), pointer);
    if (there) {
        buf_cut(&g->texts, start);
        return 0;
    }
    if (g->n == SELECTOR_POINTERS_MAX)
        return invalid(g, "It has too many pointers.");
    g->pointers[g->n].start = start;
    g->pointers[g->n++].len = pointer.len;
    return 0;
}

/* --- the full grammar --------------------------------------------------------------------------------------------- */

/* Cuts the part before the next comma that stands in no parentheses off the front. */
static struct slice next_part(struct slice *rest)
{
    size_t depth = 0;
    for (size_t i = 0; i < rest->len; i++) {
        char c = rest->p[i];
        depth += c == '(';
        depth -= c == ')' && depth;
        if (c == ',' && !depth) {
            struct slice part = slice_of(rest->p, i);
            *rest = slice_skip(*rest, i + 1);
            return part;
        }
    }
    struct slice part = *rest;
    *rest = SLICE_NONE;
    return part;
}

static bool has_placeholder(struct slice part)
{
    const char *open = part.len ? memmem(part.p, part.len, "{{", 2) : NULL;
    return open && memmem(open + 2, part.len - (size_t)(open + 2 - part.p), "}}", 2);
}

/* Where the first "(" is, if the first ")" stands behind it. */
static const char *opening(struct slice part)
{
    const char *open = part.len ? memchr(part.p, '(', part.len) : NULL;
    const char *close = part.len ? memchr(part.p, ')', part.len) : NULL;
    return open && close && open < close ? open : NULL;
}

static int add_list(struct gathering *g, struct slice list, unsigned depth);

/* root(list): Ditto takes the last character for the closing parenthesis, whatever it is. */
static int add_group(struct gathering *g, struct slice part, const char *open, unsigned depth)
{
    struct slice root = slice_of(part.p, (size_t)(open - part.p));
    size_t before = g->path.len;
    if (depth == SELECTOR_DEPTH_MAX)
        return invalid(g, "It is nested too deeply.");
    if (put_pointer(g, &g->path, root) < 0 ||
        add_list(g, slice_of(open + 1, part.len - root.len - 2), depth + 1) < 0)
        return -1;
    buf_cut(&g->path, before);
    return 0;
}

static int add_list(struct gathering *g, struct slice list, unsigned depth)
{
    do {
        struct slice part = next_part(&list);
        const char *open = has_placeholder(part) ? NULL : opening(part);
        if ((open ? add_group(g, part, open, depth) : add(g, part)) < 0)
            return -1;
    } while (list.p);
    return 0;
}

static bool is_balanced(struct slice text)
{
    size_t open = 0, close = 0;
    for (size_t i = 0; i < text.len; i++) {
        open += text.p[i] == '(';
        close += text.p[i] == ')';
    }
    return open == 0 || open == close;
}

static int gather_full(struct gathering *g, struct slice text)
{
    if (!is_balanced(text))
        return invalid(g, "Each '(' needs a ')'.");
    return text.len ? add_list(g, text, 0) : 0;
}

/* --- the others --------------------------------------------------------------------------------------------------- */

static int gather_protocol(struct gathering *g, struct slice text)
{
    while (text.len)
        if (add(g, slice_cut(&text, ',')) < 0)
            return -1;
    return 0;
}

/* One field of a thing, or anything with a placeholder in it. */
static bool is_extra_field(struct slice part)
{
    static const struct {
        const char *name;
        bool deeper;
    } fields[] = {{"thingId", false},   {"policyId", false}, {"definition", false}, {"_namespace", false},
                  {"_revision", false}, {"_created", false}, {"_modified", false},  {"_policy", false},
                  {"_metadata", true},  {"_context", true},  {"features", true},    {"attributes", true}};
    struct slice rest = slice_skip(part, part.len && part.p[0] == '/');
    struct slice name = slice_cut(&rest, '/');
    if (has_placeholder(part))
        return true;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (slice_eq(name, slice_str(fields[i].name)))
            return !rest.p || (fields[i].deeper && rest.len);
    return false;
}

static int gather_extra(struct gathering *g, struct slice text)
{
    struct slice rest = text;
    bool valid = true;
    do
        valid = is_extra_field(slice_cut(&rest, ','));
    while (valid && rest.p);
    if (valid)
        return gather_full(g, text);
    return ditto_fail(
        g->err, 400, "things:field.selection.invalid",
        "It is a list of thingId, policyId, definition, _namespace, _revision, _created, _modified, _policy and, "
        "with or without a pointer behind them, attributes, features, _metadata, _context; joined by commas "
        "without blanks.",
        NULL, "The selection of fields '%.*s' is invalid.", SLICE_ARG(text));
}

/* --- all ---------------------------------------------------------------------------------------------------------- */

static void finish(struct selector *s, struct gathering *g)
{
    *s = (struct selector){.n = g->n, .pointers = xcalloc(g->n + 1, sizeof *s->pointers)};
    s->texts = xstrndup(g->texts.len ? buf_p(&g->texts) : "", g->texts.len);
    for (size_t i = 0; i < g->n; i++)
        s->pointers[i] = slice_of(s->texts + g->pointers[i].start, g->pointers[i].len);
}

static int parse(struct selector *s, struct slice text, int (*gather)(struct gathering *g, struct slice text),
                 struct ditto_error *err)
{
    struct gathering *g = xcalloc(1, sizeof *g);
    g->text = text;
    g->err = err;
    int r = gather(g, text);
    if (r == 0)
        finish(s, g);
    buf_free(&g->texts);
    buf_free(&g->path);
    free(g);
    return r;
}

int selector_parse_protocol(struct selector *s, struct slice text, struct ditto_error *err)
{
    return parse(s, text, gather_protocol, err);
}

int selector_parse_extra(struct selector *s, struct slice text, struct ditto_error *err)
{
    return parse(s, text, gather_extra, err);
}

int selector_parse(struct selector *s, struct slice text, bool form_encoded, struct ditto_error *err)
{
    struct buf decoded = {0};
    if (form_encoded && form_decode(&decoded, text) < 0) {
        buf_free(&decoded);
        return ditto_fail(err, 400, "json.fieldselector.invalid", "It is not URL-encoded correctly.", NULL,
                          "The field selector '%.*s' is invalid.", SLICE_ARG(text));
    }
    int r = parse(s, form_encoded ? buf_slice(&decoded) : text, gather_full, err);
    buf_free(&decoded);
    return r;
}

void selector_free(struct selector *s)
{
    free(s->pointers);
    free(s->texts);
    *s = (struct selector){0};
}

/* --- applying ----------------------------------------------------------------------------------------------------- */

/* Pointers that lead into the value at hand lie on a stack: of each what is left of it, SLICE_NONE at its end. */
struct application {
    struct buf *dst;
    bool any_id;
    struct slice *live;
    size_t n, cap;
    struct buf key;
};

static void push(struct application *a, struct slice rest)
{
    if (a->n == a->cap) {
        a->cap = a->cap ? 2 * a->cap : 32;
        a->live = xrealloc_array(a->live, a->cap, sizeof *a->live);
    }
    a->live[a->n++] = rest;
}

/* Pushes what is left of those of n pointers from first on that go through key; true if one of them ends there. */
static bool follow(struct application *a, size_t first, size_t n, struct slice key, bool features)
{
    for (size_t i = first; i < first + n; i++) {
        struct slice rest = a->live[i];
        struct slice token = slice_cut(&rest, '/');
        if (!pointer_token_is(token, key, POINTER_DITTO) && !(features && slice_eq(token, S("*"))))
            continue;
        if (!rest.p)
            return true;
        push(a, rest);
    }
    return false;
}

static bool apply_object(struct application *a, size_t first, size_t n, struct json object, unsigned level);

/* What the pointers from first on leave of a value; false (and nothing appended that stays) if it is nothing. */
static bool apply_value(struct application *a, size_t first, struct json v, unsigned level)
{
    size_t n = a->n - first;
    if (v.type == JSON_OBJECT)
        return apply_object(a, first, n, v, level);
    struct json_iter it = json_iter(v);
    bool found = false;
    buf_putc(a->dst, '[');
    while (v.type == JSON_ARRAY && json_next(&it))
        if (it.value.type == JSON_OBJECT) {
            json_put_item(a->dst);
            found |= apply_object(a, first, n, it.value, level);
        }
    buf_putc(a->dst, ']');
    return found;
}

static bool apply_object(struct application *a, size_t first, size_t n, struct json object, unsigned level)
{
    struct json_iter it = json_iter(object);
    bool found = false, features = a->any_id && level == 1;
    buf_putc(a->dst, '{');
    while (json_next(&it)) {
        size_t start = a->dst->len, from = a->n;
        buf_cut(&a->key, 0);
        struct slice key = json_raw_text(it.key, &a->key);
        bool whole = follow(a, first, n, key, features);
        bool is_features = level == 0 && slice_eq(key, S("features"));
        if (whole || a->n > from) {
            json_put_item(a->dst);
            buf_putc(a->dst, '"');
            buf_put_slice(a->dst, it.key);
            buf_puts(a->dst, "\":");
            if (whole)
                buf_put_slice(a->dst, json_slice(it.value));
            else
                whole = apply_value(a, from, it.value, is_features ? 1 : 2);
        }
        if (!whole)
            buf_cut(a->dst, start);
        found |= whole;
        a->n = from;
    }
    buf_putc(a->dst, '}');
    return found;
}

void selector_apply(struct buf *dst, const struct selector *s, struct json v, bool any_id)
{
    struct application a = {.dst = dst, .any_id = any_id};
    for (size_t i = 0; i < s->n; i++)
        push(&a, slice_skip(s->pointers[i], 1));
    (void)apply_object(&a, 0, a.n, v.type == JSON_OBJECT ? v : (struct json){JSON_OBJECT, "{}", 2}, 0);
    free(a.live);
    buf_free(&a.key);
}
