/* access.c: what a reader of parts sees. */
#include "protocol/access.h"

#include <stdlib.h>

#include "json/pointer.h"

#include "base/banned.h"

/* --- the header ------------------------------------------------------------------------------------------------- */

static bool has_text(struct json array, struct json text)
{
    struct buf scratch = {0};
    struct slice want = json_text(text, &scratch);
    struct json_iter it = json_iter(array);
    bool found = false;
    while (!found && json_next(&it))
        found = json_text_is(it.value, want);
    buf_free(&scratch);
    return found;
}

/* The index of each subject of the target in the header's list; false if one of them has full access. Counts those that may
 * read at all. */
static bool find_subjects(struct json listed, struct json readers, struct json target, bool *mine,
                          size_t *n_readers)
{
    struct json_iter it = json_iter(target);
    while (json_next(&it)) {
        if (it.value.type != JSON_STRING || !has_text(readers, it.value))
            continue;
        (*n_readers)++;
        if (!has_text(listed, it.value))
            return false;
        size_t i = 0;
        for (struct json_iter in = json_iter(listed); json_next(&in); i++)
            if (slice_eq(json_slice(in.value), json_slice(it.value)))
                mine[i] = true;
    }
    return true;
}

/* Is one of the indexes one of ours? -1 if they are no indexes. */
static int names_us(struct json indexes, const bool *mine, size_t n)
{
    struct json_iter it = json_iter(indexes);
    int found = 0;
    while (json_next(&it)) {
        int64_t i;
        if (json_int(it.value, &i) < 0)
            return -1;
        found |= i >= 0 && (size_t)i < n && mine[i];
    }
    return found;
}

static struct slice without_slashes(struct slice s)
{
    while (s.len && s.p[0] == '/')
        s = slice_skip(s, 1);
    while (s.len && s.p[s.len - 1] == '/')
        s.len--;
    return s;
}

/* Paths while they are gathered: their texts still move. */
struct gathering {
    struct access *a;
    size_t *at; /* where each path starts in texts */
    const bool *mine;
    size_t n_listed;
};

static void add_path(struct gathering *g, struct slice prefix, struct slice rest)
{
    struct access *a = g->a;
    size_t before = a->texts.len;
    buf_put_slice(&a->texts, prefix);
    if (prefix.len && rest.len)
        buf_putc(&a->texts, '/');
    buf_put_slice(&a->texts, rest);
    a->paths = xrealloc_array(a->paths, a->n + 1, sizeof *a->paths);
    g->at = xrealloc_array(g->at, a->n + 1, sizeof *g->at);
    g->at[a->n] = before;
    a->paths[a->n++].len = a->texts.len - before;
}

/* Recursion is as deep as the header. 0, or -1 if something in it is not what it should be. */
static int add_paths(struct gathering *g, struct slice prefix, struct json paths)
{
    struct json_iter it = json_iter(paths);
    int r = 0;
    while (r == 0 && json_next(&it)) {
        struct buf text = {0}, whole = {0};
        struct slice key = without_slashes(json_raw_text(it.key, &text));
        if (it.value.type == JSON_OBJECT) {
            buf_put_slice(&whole, prefix);
            if (prefix.len && key.len)
                buf_putc(&whole, '/');
            buf_put_slice(&whole, key);
            r = add_paths(g, buf_slice(&whole), it.value);
        } else {
            int us = it.value.type == JSON_ARRAY ? names_us(it.value, g->mine, g->n_listed) : -1;
            if (us > 0)
                add_path(g, prefix, key);
            r = us < 0 ? -1 : 0;
        }
        buf_free(&text);
        buf_free(&whole);
    }
    return r;
}

static void judge(struct access *a, struct json header, struct json readers, struct json target)
{
    struct json listed = json_get(header, S("subjects")), paths = json_get(header, S("paths"));
    size_t n = json_count(listed), n_readers = 0;
    if (listed.type != JSON_ARRAY || paths.type != JSON_OBJECT)
        return;
    bool *mine = xcalloc(n + 1, sizeof *mine);
    struct gathering g = {a, NULL, mine, n};
    if (find_subjects(listed, readers, target, mine, &n_readers)) {
        a->kind = n_readers ? ACCESS_PARTS : ACCESS_NONE;
        if (n_readers && add_paths(&g, SLICE_NONE, paths) < 0)
            a->kind = ACCESS_FULL;
    }
    for (size_t i = 0; i < a->n; i++)
        a->paths[i].p = buf_slice(&a->texts).p + g.at[i];
    free(g.at);
    free(mine);
}

void access_judge(struct access *a, struct json header, struct json readers, struct json target)
{
    struct buf text = {0};
    *a = (struct access){.kind = ACCESS_FULL};
    if (header.type == JSON_STRING && json_parse(json_text(header, &text), &header, NULL) < 0)
        header.type = JSON_ABSENT;
    if (header.type == JSON_OBJECT && json_count(target))
        judge(a, header, readers, target);
    buf_free(&text);
}

void access_free(struct access *a)
{
    free(a->paths);
    buf_free(&a->texts);
    *a = (struct access){.kind = ACCESS_FULL};
}

/* --- values ----------------------------------------------------------------------------------------------------- */

static bool whole(const struct slice *paths, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (paths[i].len == 0)
            return true;
    return false;
}

/* The paths that go on below key, without it. */
static size_t step(const struct slice *paths, size_t n, struct slice key, struct slice *below)
{
    size_t m = 0;
    for (size_t i = 0; i < n; i++) {
        struct slice rest = paths[i], token = slice_cut(&rest, '/');
        if (pointer_token_is(token, key, POINTER_DITTO))
            below[m++] = rest.p ? rest : S("");
    }
    return m;
}

/* What every reader of a thing sees. */
static bool always(struct slice key)
{
    static const char *const names[] = {"thingId", "_namespace", "_revision", "_modified", "_created", NULL};
    for (size_t i = 0; names[i]; i++)
        if (slice_eq(key, slice_str(names[i])))
            return true;
    return false;
}

static bool put_parts(struct buf *dst, struct json v, const struct slice *paths, size_t n, bool root);

static bool put_member(struct buf *dst, struct slice raw_key, struct json v, const struct slice *paths,
                       size_t n)
{
    size_t before = dst->len;
    json_put_item(dst);
    buf_putc(dst, '"');
    buf_put_slice(dst, raw_key);
    buf_puts(dst, "\":");
    bool left = true;
    if (whole(paths, n))
        buf_put_slice(dst, json_slice(v));
    else
        left = v.type == JSON_OBJECT && put_parts(dst, v, paths, n, false);
    if (!left)
        buf_cut(dst, before);
    return left;
}

/* The members of an object that paths lead to. False if there are none. */
static bool put_parts(struct buf *dst, struct json v, const struct slice *paths, size_t n, bool root)
{
    static const struct slice all = {"", 0};
    struct slice *below = xcalloc(n + 1, sizeof *below);
    struct buf text = {0};
    struct json_iter it = json_iter(v);
    size_t left = 0;
    buf_putc(dst, '{');
    while (json_next(&it)) {
        buf_cut(&text, 0);
        struct slice key = json_raw_text(it.key, &text);
        size_t m = step(paths, n, key, below);
        if (root && always(key))
            left += put_member(dst, it.key, it.value, &all, 1);
        else if (m)
            left += put_member(dst, it.key, it.value, below, m);
    }
    buf_putc(dst, '}');
    buf_free(&text);
    free(below);
    return left > 0;
}

/* Is the path one of those that may be read, or below one? */
static bool may_read(const struct access *a, struct slice path)
{
    path = without_slashes(path);
    for (size_t i = 0; i < a->n; i++) {
        struct slice p = a->paths[i];
        if (slice_starts(path, p) && (p.len == 0 || path.len == p.len || path.p[p.len] == '/'))
            return true;
    }
    return false;
}

bool access_put_value(struct buf *dst, const struct access *a, struct slice path, struct json value)
{
    bool some = value.type != JSON_ABSENT;
    if (a->kind == ACCESS_FULL ||
        (a->kind == ACCESS_PARTS && value.type != JSON_OBJECT && may_read(a, path))) {
        if (some)
            buf_put_slice(dst, json_slice(value));
        return true;
    }
    if (a->kind == ACCESS_PARTS && value.type == JSON_OBJECT && json_count(value)) {
        if (!whole(a->paths, a->n))
            return put_parts(dst, value, a->paths, a->n, true);
        buf_put_slice(dst, json_slice(value));
        return true;
    }
    buf_puts(dst, "{}");
    return a->kind == ACCESS_NONE || !some || (value.type == JSON_OBJECT && json_count(value) == 0);
}

bool access_put_extra(struct buf *dst, const struct access *a, struct json extra)
{
    size_t before = dst->len;
    if (a->kind == ACCESS_FULL || (a->kind == ACCESS_PARTS && whole(a->paths, a->n))) {
        buf_put_slice(dst, json_slice(extra));
        return true;
    }
    if (a->kind == ACCESS_PARTS && put_parts(dst, extra, a->paths, a->n, true))
        return true;
    buf_cut(dst, before);
    return false;
}
