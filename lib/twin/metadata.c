#include "twin/metadata.h"

#include "protocol/selector.h"

#include "base/banned.h"

enum { KEY_SEGMENTS = 32, VALUE_DEPTH = 64 };

struct putting {
    struct buf doc, next, path; /* the metadata so far, what it becomes, where we are */
    struct slice value;
};

static void put_at(struct putting *p, struct slice place, struct slice raw)
{
    struct pointer at;
    struct json doc = {JSON_OBJECT, buf_p(&p->doc), p->doc.len};
    if (!pointer_parse(&at, place, POINTER_DITTO))
        return;
    buf_reset(&p->next, 65536);
    pointer_put_with(&p->next, doc, at, raw);
    buf_reset(&p->doc, 65536);
    buf_put_slice(&p->doc, buf_slice(&p->next));
}

static void put_here(struct putting *p, const struct slice *keys, size_t n)
{
    size_t at = p->path.len;
    for (size_t i = 0; i < n; i++) {
        buf_putc(&p->path, '/');
        buf_put_slice(&p->path, keys[i]);
    }
    put_at(p, buf_slice(&p->path), p->value);
    buf_cut(&p->path, at);
}

static void put_members(struct putting *p, struct json value, const struct slice *keys, size_t n, bool leaves,
                        unsigned depth);

static void put_in(struct putting *p, struct json value, const struct slice *keys, size_t n, bool leaves,
                   unsigned depth)
{
    if (leaves && value.type == JSON_OBJECT && json_count(value)) {
        put_members(p, value, keys, n, true, depth);
    } else if (leaves || !n || !slice_eq(keys[0], S("*"))) {
        if (n <= 1 || leaves) {
            put_here(p, keys, n);
            return;
        }
        size_t at = p->path.len;
        struct pointer one;
        struct json below = {JSON_ABSENT, NULL, 0};
        buf_putc(&p->path, '/');
        buf_put_slice(&p->path, keys[0]);
        if (pointer_parse(&one, keys[0], POINTER_DITTO))
            below = pointer_get(value, one);
        put_in(p, below, keys + 1, n - 1, false, depth);
        buf_cut(&p->path, at);
    } else {
        put_members(p, value, keys + 1, n - 1, false, depth);
    }
}

static void put_members(struct putting *p, struct json value, const struct slice *keys, size_t n, bool leaves,
                        unsigned depth)
{
    struct json_iter it = json_iter(value);
    struct buf name = {0};
    while (depth < VALUE_DEPTH && value.type == JSON_OBJECT && json_next(&it)) {
        size_t at = p->path.len;
        buf_reset(&name, 4096);
        pointer_put_key(&p->path, json_raw_text(it.key, &name), POINTER_DITTO);
        put_in(p, it.value, keys, n, leaves, depth + 1);
        buf_cut(&p->path, at);
    }
    buf_free(&name);
}

/* The key "*" and more: of every leaf. */
static void put_entry(struct putting *p, struct slice place, struct json entry, struct json value, bool wild)
{
    struct buf text = {0};
    struct slice keys[KEY_SEGMENTS], rest = json_text(json_get(entry, S("key")), &text);
    size_t n = 0;
    if (slice_starts(rest, S("/")))
        rest = slice_skip(rest, 1);
    while (rest.len && n < KEY_SEGMENTS)
        keys[n++] = slice_cut(&rest, '/');
    bool leaves = n && slice_eq(keys[0], S("*")), any = leaves;
    for (size_t i = 0; i < n; i++)
        any |= slice_eq(keys[i], S("*"));
    p->value = json_slice(json_get(entry, S("value")));
    if (n && any == wild && p->value.p) {
        buf_reset(&p->path, 4096);
        buf_put_slice(&p->path, place);
        put_in(p, value, keys + leaves, n - leaves, leaves, 0);
    }
    buf_free(&text);
}

/* A header may be JSON or a string of it. */
static struct json json_header(const struct command *c, struct slice name, struct buf *scratch)
{
    struct json v = command_header(c, name), parsed;
    if (v.type != JSON_STRING)
        return v;
    if (json_parse(json_text(v, scratch), &parsed, NULL) == 0)
        return parsed;
    return (struct json){JSON_ABSENT, NULL, 0};
}

static void put_all(struct putting *p, const struct command *c)
{
    struct buf text = {0};
    struct json entries = json_header(c, S("put-metadata"), &text);
    for (int wild = 1; entries.type == JSON_ARRAY && wild >= 0; wild--) { /* what is named wins */
        struct json_iter it = json_iter(entries);
        while (json_next(&it))
            put_entry(p, c->place, it.value, c->value, wild);
    }
    buf_free(&text);
}

static int delete_selected(struct putting *p, const struct command *c, struct ditto_error *err)
{
    struct buf text = {0}, at = {0};
    struct selector s;
    struct slice wanted = command_header_text(c, S("delete-metadata"), &text);
    int rc = 0;
    if (wanted.p && slice_eq(slice_trim(wanted), S("*"))) {
        put_at(p, c->place, c->place.len ? SLICE_NONE : S("{}"));
    } else if (wanted.p && (rc = selector_parse(&s, wanted, false, err)) == 0) {
        for (size_t i = 0; i < s.n; i++) {
            buf_reset(&at, 4096);
            buf_put_slice(&at, c->place);
            buf_put_slice(&at, s.pointers[i]);
            put_at(p, buf_slice(&at), SLICE_NONE);
        }
        selector_free(&s);
    }
    buf_free(&text);
    buf_free(&at);
    return rc;
}

int metadata_change(struct buf *dst, const struct command *c, struct slice now, struct ditto_error *err)
{
    struct putting p = {0};
    bool puts = json_present(command_header(c, S("put-metadata"))),
         deletes = json_present(command_header(c, S("delete-metadata")));
    if (puts && (deletes || json_present(command_header(c, S("get-metadata")))))
        return ditto_fail(err, 400, "things:metadata.headersconflict", "Send put-metadata, or the others.",
                          NULL, "The header 'put-metadata' excludes 'get-metadata' and 'delete-metadata'.");
    if (!now.p && !puts)
        return 0;
    buf_put_slice(&p.doc, now.p ? now : S("{}"));
    if (c->plan->deed == DEED_DELETE && c->place.len)
        put_at(&p, c->place, SLICE_NONE);
    if (puts)
        put_all(&p, c);
    int rc = deletes ? delete_selected(&p, c, err) : 0;
    if (rc == 0 && !slice_eq(buf_slice(&p.doc), S("{}")) && !slice_eq(buf_slice(&p.doc), S("null")))
        buf_put_slice(dst, buf_slice(&p.doc));
    buf_free(&p.doc);
    buf_free(&p.next);
    buf_free(&p.path);
    return rc;
}

int metadata_get(struct buf *dst, const struct command *c, struct slice now, struct ditto_error *err)
{
    struct buf text = {0};
    struct selector s;
    struct slice wanted = command_header_text(c, S("get-metadata"), &text);
    struct json all = {now.p ? JSON_OBJECT : JSON_ABSENT, now.p, now.len};
    int rc = 0;
    if (wanted.p) {
        struct json part = place_get(all, c->place, POINTER_DITTO);
        if (part.type != JSON_OBJECT)
            buf_puts(dst, "{}");
        else if (slice_eq(slice_trim(wanted), S("*")))
            buf_put_slice(dst, json_slice(part));
        else if ((rc = selector_parse(&s, wanted, false, err)) == 0) {
            selector_apply(dst, &s, part, true);
            selector_free(&s);
        }
    }
    buf_free(&text);
    return rc;
}
