#include "twin/enforce.h"

#include <stdlib.h>

#include "base/banned.h"

static struct slice bare(struct slice path)
{
    while (path.len && path.p[0] == '/')
        path = slice_skip(path, 1);
    while (path.len && path.p[path.len - 1] == '/')
        path.len--;
    return path;
}

/* --- what a policy says ------------------------------------------------------------------------------------------------ */

static bool says(struct json list, const char *word)
{
    struct json_iter it = json_iter(list);
    while (list.type == JSON_ARRAY && json_next(&it))
        if (json_text_is(it.value, slice_str(word)))
            return true;
    return false;
}

static void add(struct rights *r, struct slice path, struct json resource)
{
    static const char *const words[] = {"READ", "WRITE"};
    struct right new = {.path = bare(path)};
    if (r->n == r->cap) {
        r->cap = r->cap ? r->cap * 2 : 8;
        r->v = xrealloc_array(r->v, r->cap, sizeof *r->v);
    }
    for (int p = MAY_READ; p <= MAY_WRITE; p++) {
        new.grant[p] = says(json_get(resource, S("grant")), words[p]);
        new.revoke[p] = says(json_get(resource, S("revoke")), words[p]);
    }
    r->v[r->n++] = new;
}

static void add_resources(struct rights *r, struct json resources, struct slice type)
{
    struct json_iter it = json_iter(resources);
    while (resources.type == JSON_OBJECT && json_next(&it)) {
        struct slice path = it.key, of = slice_cut(&path, ':');
        if (slice_eq(of, type) && path.p)
            add(r, path, it.value);
    }
}

static bool is_about(struct json entry_subjects, struct json subjects)
{
    struct json_iter it = json_iter(subjects);
    struct buf text = {0};
    bool about = false;
    while (subjects.type == JSON_ARRAY && !about && json_next(&it)) {
        buf_reset(&text, 4096);
        struct slice name = json_text(it.value, &text);
        about = name.p && json_get(entry_subjects, name).type != JSON_ABSENT;
    }
    buf_free(&text);
    return about;
}

void rights_collect(struct rights *r, struct json policy, struct json subjects, struct slice type)
{
    struct json entries = json_get(policy, S("entries"));
    struct json_iter it = json_iter(entries);
    *r = (struct rights){0};
    while (entries.type == JSON_OBJECT && json_next(&it))
        if (is_about(json_get(it.value, S("subjects")), subjects))
            add_resources(r, json_get(it.value, S("resources")), type);
}

void rights_free(struct rights *r)
{
    free(r->v);
    *r = (struct rights){0};
}

bool policy_has_owner(struct json policy)
{
    struct json entries = json_get(policy, S("entries"));
    struct json_iter it = json_iter(entries);
    while (entries.type == JSON_OBJECT && json_next(&it)) {
        struct json subjects = json_get(it.value, S("subjects"));
        struct json all = json_get(json_get(it.value, S("resources")), S("policy:/"));
        if (subjects.type == JSON_OBJECT && json_count(subjects) &&
            says(json_get(all, S("grant")), "WRITE") && !says(json_get(all, S("revoke")), "WRITE"))
            return true;
    }
    return false;
}

/* --- what follows from it ---------------------------------------------------------------------------------------------- */

/* Is a the same as b, or above it? */
static bool covers(struct slice a, struct slice b)
{
    return !a.len || (slice_starts(b, a) && (b.len == a.len || b.p[a.len] == '/'));
}

static bool granted(const struct rights *r, enum permission p, struct slice path)
{
    size_t best = 0;
    bool yes = false, any = false;
    for (size_t i = 0; i < r->n; i++) {
        const struct right *one = &r->v[i];
        if (!(one->grant[p] || one->revoke[p]) || !covers(one->path, path))
            continue;
        if (!any || one->path.len > best)
            yes = !one->revoke[p];
        else if (one->path.len == best)
            yes = yes && !one->revoke[p];
        else
            continue;
        best = one->path.len;
        any = true;
    }
    return yes;
}

static bool below(const struct rights *r, enum permission p, struct slice path, bool revoked)
{
    for (size_t i = 0; i < r->n; i++) {
        const struct right *one = &r->v[i];
        if ((revoked ? one->revoke[p] : one->grant[p]) && one->path.len > path.len &&
            covers(path, one->path) && (revoked || granted(r, p, one->path)))
            return true;
    }
    return false;
}

bool rights_all(const struct rights *r, enum permission p, struct slice path)
{
    path = bare(path);
    return granted(r, p, path) && !below(r, p, path, true);
}

bool rights_some(const struct rights *r, enum permission p, struct slice path)
{
    path = bare(path);
    return granted(r, p, path) || below(r, p, path, false);
}

static void put_view(struct buf *dst, const struct rights *r, struct buf *path, struct json v)
{
    struct json_iter it = json_iter(v);
    struct buf name = {0};
    buf_putc(dst, '{');
    while (json_next(&it)) {
        size_t at = path->len;
        bool id = !at && (json_key_is(it.key, S("thingId")) || json_key_is(it.key, S("policyId")));
        if (at)
            buf_putc(path, '/');
        buf_reset(&name, 4096);
        buf_put_slice(path, json_raw_text(it.key, &name));
        if (id || rights_some(r, MAY_READ, buf_slice(path))) {
            json_put_item(dst);
            buf_putc(dst, '"');
            buf_put_slice(dst, it.key);
            buf_puts(dst, "\":");
            if (id || it.value.type != JSON_OBJECT || rights_all(r, MAY_READ, buf_slice(path)))
                buf_put_slice(dst, json_slice(it.value));
            else
                put_view(dst, r, path, it.value);
        }
        buf_cut(path, at);
    }
    buf_putc(dst, '}');
    buf_free(&name);
}

void rights_put_view(struct buf *dst, const struct rights *r, struct slice path, struct json v)
{
    struct buf at = {0};
    buf_put_slice(&at, bare(path));
    if (v.type != JSON_OBJECT || rights_all(r, MAY_READ, path))
        buf_put_slice(dst, json_slice(v));
    else
        put_view(dst, r, &at, v);
    buf_free(&at);
}

static bool may_read(struct json policy, struct slice raw_subject, struct slice type, struct slice path)
{
    struct rights r;
    struct buf list = {0};
    struct json one;
    buf_puts(&list, "[\"");
    buf_put_slice(&list, raw_subject);
    buf_puts(&list, "\"]");
    one = (struct json){JSON_ARRAY, buf_p(&list), list.len};
    rights_collect(&r, policy, one, type);
    bool yes = rights_all(&r, MAY_READ, path);
    rights_free(&r);
    buf_free(&list);
    return yes;
}

void rights_put_readers(struct buf *dst, struct json policy, struct slice type, struct slice path)
{
    struct json entries = json_get(policy, S("entries"));
    struct json_iter entry = json_iter(entries);
    size_t begin = dst->len;
    buf_putc(dst, '[');
    while (entries.type == JSON_OBJECT && json_next(&entry)) {
        struct json subjects = json_get(entry.value, S("subjects"));
        struct json_iter it = json_iter(subjects);
        while (subjects.type == JSON_OBJECT && json_next(&it)) {
            struct buf quoted = {0};
            buf_printf(&quoted, "\"%.*s\"", SLICE_ARG(it.key));
            bool there = memmem(buf_p(dst) + begin, dst->len - begin, buf_p(&quoted), quoted.len) != NULL;
            if (!there && may_read(policy, it.key, type, path)) {
                json_put_item(dst);
                buf_put_slice(dst, buf_slice(&quoted));
            }
            buf_free(&quoted);
        }
    }
    buf_putc(dst, ']');
}
