#include "ctl/diff.h"

#include "connection/edit.h"
#include "connection/secrets.h"
#include "json/pointer.h"

#include "base/banned.h"

#define MASK S(CONNECTION_MASK)

static struct json root(const struct buf *text)
{
    return (struct json){JSON_OBJECT, buf_p(text), text->len};
}

void side_init(struct side *s, struct json document)
{
    *s = (struct side){0};
    json_put_compact(&s->text, document);
    connection_put_masked(&s->masked, root(&s->text));
}

void side_free(struct side *s)
{
    buf_wipe(&s->text);
    buf_wipe(&s->masked);
}

/* --- masks --- */

static bool value_is_masked(enum secret kind, struct json value)
{
    struct buf decoded = {0};
    struct secret_parts parts = secret_parts(kind, json_text(value, &decoded));
    bool masked = false;
    for (size_t i = 0; i < parts.n; i++)
        masked = masked || slice_eq(parts.v[i].text, MASK);
    buf_wipe(&decoded);
    return masked;
}

static void note_mask(void *arg, struct buf *dst, enum secret kind, struct where at, struct json value)
{
    (void)dst, (void)at;
    bool *any = arg;
    *any = *any || value_is_masked(kind, value);
}

bool side_is_masked(const struct side *s)
{
    struct buf ignored = {0};
    bool any = false;
    secrets_rewrite(&ignored, root(&s->text), note_mask, &any);
    buf_wipe(&ignored);
    return any;
}

/* Masks what the other side has masked. */
static void put_part_comparable(void *other, struct buf *dst, size_t part, struct secret_part secret)
{
    const struct secret_parts *o = other;
    bool masked = part < o->n && slice_eq(o->v[part].name, secret.name) && slice_eq(o->v[part].text, MASK);
    buf_put_slice(dst, masked ? MASK : secret.text);
}

static void put_comparable(void *other, struct buf *dst, enum secret kind, struct where at, struct json value)
{
    const struct side *o = other;
    struct buf decoded = {0};
    struct json there = json_pointer(root(&o->text), slice_str(at.z));
    struct secret_parts parts = secret_parts(kind, json_text(there, &decoded));
    bool whole = kind == SECRET_WHOLE || kind == SECRET_TO_MAP;
    if (whole && value_is_masked(kind, there))
        json_put_text(dst, MASK);
    else
        secret_put_parts(dst, kind, value, put_part_comparable, &parts);
    buf_wipe(&decoded);
}

/* --- comparing --- */

struct comparison {
    struct json masked_a, masked_b;
    struct buf pointer;
    difference *found;
    void *arg;
    bool differ;
};

static void compare(struct comparison *c, struct json a, struct json b);

static void report(struct comparison *c)
{
    struct slice at = buf_slice(&c->pointer);
    c->differ = true;
    if (c->found)
        c->found(c->arg, at, json_pointer(c->masked_a, at), json_pointer(c->masked_b, at));
}

/* Compares a member or an element; key is its decoded name. */
static void compare_part(struct comparison *c, struct slice key, struct json a, struct json b)
{
    size_t before = c->pointer.len;
    pointer_put_key(&c->pointer, key, POINTER_RFC6901);
    compare(c, a, b);
    buf_cut(&c->pointer, before);
}

/* Members of v, of repeated ones the last; or only those that the other has not. */
static void compare_members(struct comparison *c, struct json v, struct json other, bool only_new)
{
    struct buf decoded = {0};
    struct json_iter it = json_iter(v);
    while (json_next(&it)) {
        struct slice name = json_raw_text(it.key, &decoded);
        struct json there = json_get(other, name);
        bool counts = json_get(v, name).p == it.value.p;
        if (counts && !only_new)
            compare_part(c, name, it.value, there);
        else if (counts && there.type == JSON_ABSENT)
            compare_part(c, name, there, it.value);
        buf_reset(&decoded, 0);
    }
    buf_free(&decoded);
}

static void compare_elements(struct comparison *c, struct json a, struct json b)
{
    size_t n = json_count(a), m = json_count(b);
    for (size_t i = 0; i < n || i < m; i++) {
        struct buf index = {0};
        buf_put_u64(&index, i);
        compare_part(c, buf_slice(&index), json_at(a, i), json_at(b, i));
        buf_free(&index);
    }
}

static bool same_text(struct json a, struct json b)
{
    struct buf x = {0}, y = {0};
    bool same = slice_eq(json_text(a, &x), json_text(b, &y));
    buf_wipe(&x);
    buf_wipe(&y);
    return same;
}

static void compare(struct comparison *c, struct json a, struct json b)
{
    if (a.type != b.type)
        report(c);
    else if (a.type == JSON_OBJECT)
        compare_members(c, a, b, false), compare_members(c, b, a, true);
    else if (a.type == JSON_ARRAY)
        compare_elements(c, a, b);
    else if (a.type == JSON_STRING ? !same_text(a, b) : !slice_eq(json_slice(a), json_slice(b)))
        report(c);
}

bool side_compare(const struct side *a, const struct side *b, difference *found, void *arg)
{
    struct buf x = {0}, y = {0};
    secrets_rewrite(&x, root(&a->text), put_comparable, (void *)(uintptr_t)b);
    secrets_rewrite(&y, root(&b->text), put_comparable, (void *)(uintptr_t)a);
    struct comparison c = {
        .masked_a = root(&a->masked), .masked_b = root(&b->masked), .found = found, .arg = arg};
    compare(&c, root(&x), root(&y));
    buf_free(&c.pointer);
    buf_wipe(&x);
    buf_wipe(&y);
    return c.differ;
}
