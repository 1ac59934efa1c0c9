/* patch.c: merge patches. Recursion is as deep as the patch: JSON_MAX_DEPTH at most. */
#include "json/patch.h"

#include <regex.h>

#include "json/members.h"

#include "base/banned.h"

static const struct json absent = {JSON_ABSENT, NULL, 0};

struct slice patch_pattern(struct slice key)
{
    if (!slice_starts(key, S("{{")) || !slice_ends(key, S("}}")) || key.len < 4)
        return SLICE_NONE;
    struct slice s = slice_trim(slice_of(key.p + 2, key.len - 4));
    if (s.len < 2 || (s.p[0] != '~' && s.p[0] != '/') || s.p[s.len - 1] != s.p[0])
        return SLICE_NONE;
    return slice_of(s.p + 1, s.len - 2);
}

/* The compiler of the C library unrolls what is repeated, groups with all that is in them: how large a pattern becomes is
 * reckoned first. More than this would only cost memory. */
enum { UNROLLED_MAX = 10000, GROUPS_MAX = 64 };

struct reckoning {
    size_t size[GROUPS_MAX]; /* of the groups that are open, so far */
    size_t depth;
    size_t last; /* size of what a repetition repeats */
};

static void reckon(struct reckoning *r, size_t size)
{
    r->size[r->depth] += size;
    r->last = size;
}

static void repeat(struct reckoning *r, size_t times)
{
    size_t more = times > 1 ? r->last * (times - 1) : 0;
    r->size[r->depth] += more;
    r->last += more;
}

/* Behind "[": what follows the bracket expression. */
static size_t skip_brackets(struct slice pattern, size_t i)
{
    i += i < pattern.len && pattern.p[i] == '^';
    i += i < pattern.len && pattern.p[i] == ']';
    while (i < pattern.len && pattern.p[i] != ']')
        i++;
    return i + 1;
}

/* Behind "{": the larger bound, and what follows the brace. */
static size_t read_bound(struct slice pattern, size_t *i)
{
    size_t most = 0, n = 0;
    for (; *i < pattern.len && pattern.p[*i] != '}'; ++*i) {
        bool digit = pattern.p[*i] >= '0' && pattern.p[*i] <= '9';
        n = digit && n <= UNROLLED_MAX ? n * 10 + (size_t)(pattern.p[*i] - '0') : digit ? n : 0;
        most = n > most ? n : most;
    }
    ++*i;
    return most + 1; /* {n,} is one more */
}

/* One character of the pattern, with all that belongs to it, at i; returns what follows it. */
static size_t reckon_one(struct reckoning *r, struct slice pattern, size_t i)
{
    size_t inside;
    switch (pattern.p[i++]) {
    case '\\': reckon(r, 1); return i + 1;
    case '[': reckon(r, 1); return skip_brackets(pattern, i);
    case '(':
        r->depth++;
        r->size[r->depth % GROUPS_MAX] = 1;
        break;
    case ')':
        inside = r->size[r->depth];
        r->depth -= r->depth > 0;
        reckon(r, inside);
        break;
    case '+': repeat(r, 2); break;
    case '{': repeat(r, read_bound(pattern, &i)); break;
    case '*':
    case '?': break;
    default: reckon(r, 1); break;
    }
    return i;
}

static bool affordable(struct slice pattern)
{
    struct reckoning r = {.depth = 0};
    for (size_t i = 0; i < pattern.len;) {
        i = reckon_one(&r, pattern, i);
        if (r.depth >= GROUPS_MAX || r.size[r.depth] > UNROLLED_MAX)
            return false;
    }
    return true;
}

/* The regex, matching whole names only. */
static bool compile(struct slice pattern, regex_t *re)
{
    struct buf whole = {0};
    buf_puts(&whole, "^(");
    for (size_t i = 0; i < pattern.len; i++) {
        bool digit = pattern.p[i] == '\\' && i + 1 < pattern.len && pattern.p[i + 1] == 'd';
        if (digit)
            buf_puts(&whole, "[0-9]");
        else
            buf_putc(&whole, pattern.p[i]);
        i += digit;
    }
    buf_puts(&whole, ")$");
    bool good = affordable(pattern) && regcomp(re, buf_z(&whole), REG_EXTENDED | REG_NOSUB) == 0;
    buf_free(&whole);
    return good;
}

static bool matches(const regex_t *re, struct slice name)
{
    struct buf z = {0};
    buf_put_slice(&z, name);
    bool hit = regexec(re, buf_z(&z), 0, NULL, 0) == 0;
    buf_free(&z);
    return hit;
}

/* Takes the values away that the null of a pattern removes. */
static void remove_matching(struct members *target, struct member *patch)
{
    struct slice pattern = patch_pattern(patch->name);
    regex_t re;
    patch->used = true;
    if (!compile(pattern, &re))
        return;
    for (size_t i = 0; i < target->n; i++)
        if (matches(&re, target->v[i].name))
            target->v[i].value = absent;
    regfree(&re);
}

static void put_key(struct buf *dst, struct slice raw_name)
{
    json_put_item(dst);
    buf_putc(dst, '"');
    buf_put_slice(dst, raw_name);
    buf_puts(dst, "\":");
}

static void put_member(struct buf *dst, const struct member *m, struct json target, struct json patch,
                       enum patch_dialect dialect)
{
    put_key(dst, m->raw_name);
    json_put_patched(dst, target, patch, dialect);
}

static void put_old(struct buf *dst, const struct members *target, const struct members *patch,
                    enum patch_dialect dialect)
{
    for (size_t i = 0; i < target->n; i++) {
        const struct member *m = &target->v[i];
        struct member *p = members_find(patch, m->name);
        if (m->value.type == JSON_ABSENT || (p && p->value.type == JSON_NULL && !p->used))
            continue; /* what a pattern removed may come back below */
        if (!p || p->used) {
            put_key(dst, m->raw_name);
            buf_put_slice(dst, json_slice(m->value));
            continue;
        }
        p->used = true;
        put_member(dst, m, m->value, p->value, dialect);
    }
}

static void put_new(struct buf *dst, const struct members *patch, enum patch_dialect dialect)
{
    for (size_t i = 0; i < patch->n; i++)
        if (!patch->v[i].used && patch->v[i].value.type != JSON_NULL)
            put_member(dst, &patch->v[i], absent, patch->v[i].value, dialect);
}

void json_put_patched(struct buf *dst, struct json target, struct json patch, enum patch_dialect dialect)
{
    struct members old = {0}, new = {0};
    if (patch.type != JSON_OBJECT) {
        buf_put_slice(dst, json_slice(patch));
        return;
    }
    members_index(&old, target);
    members_index(&new, patch);
    for (size_t i = 0; dialect == PATCH_DITTO && i < new.n; i++)
        if (new.v[i].value.type == JSON_NULL && patch_pattern(new.v[i].name).p)
            remove_matching(&old, &new.v[i]);
    buf_putc(dst, '{');
    put_old(dst, &old, &new, dialect);
    put_new(dst, &new, dialect);
    buf_putc(dst, '}');
    members_free(&old);
    members_free(&new);
}

/* --- the other way round ------------------------------------------------------------------------------------------ */

static bool same_text(struct json a, struct json b)
{
    struct buf one = {0}, two = {0};
    bool same = slice_eq(json_raw(a), json_raw(b)) || slice_eq(json_text(a, &one), json_text(b, &two));
    buf_free(&one);
    buf_free(&two);
    return same;
}

static bool same(struct json a, struct json b)
{
    struct buf none = {0};
    if (a.type != b.type)
        return false;
    if (a.type == JSON_STRING)
        return same_text(a, b);
    if (a.type == JSON_OBJECT) {
        bool differs = json_put_diff(&none, a, b);
        buf_free(&none);
        return !differs;
    }
    if (a.type != JSON_ARRAY)
        return slice_eq(json_slice(a), json_slice(b));
    struct json_iter i = json_iter(a), j = json_iter(b);
    bool more = json_next(&i), also = json_next(&j);
    while (more && also && same(i.value, j.value))
        more = json_next(&i), also = json_next(&j);
    return !more && !also;
}

static bool put_members_diff(struct buf *dst, const struct members *old, const struct members *new)
{
    size_t before = dst->len;
    for (size_t i = 0; i < old->n; i++) {
        size_t at = dst->len;
        struct member *m = members_find(new, old->v[i].name);
        put_key(dst, old->v[i].raw_name);
        if (!m)
            buf_puts(dst, "null");
        else if (!json_put_diff(dst, old->v[i].value, m->value))
            buf_cut(dst, at);
        if (m)
            m->used = true;
    }
    for (size_t i = 0; i < new->n; i++)
        if (!new->v[i].used) {
            put_key(dst, new->v[i].raw_name);
            buf_put_slice(dst, json_slice(new->v[i].value));
        }
    return dst->len > before;
}

bool json_put_diff(struct buf *dst, struct json from, struct json to)
{
    struct members old = {0}, new = {0};
    size_t at = dst->len;
    if (from.type != JSON_OBJECT || to.type != JSON_OBJECT) {
        if (same(from, to))
            return false;
        buf_put_slice(dst, json_slice(to));
        return true;
    }
    members_index(&old, from);
    members_index(&new, to);
    buf_putc(dst, '{');
    bool differs = put_members_diff(dst, &old, &new);
    buf_putc(dst, '}');
    if (!differs)
        buf_cut(dst, at);
    members_free(&old);
    members_free(&new);
    return differs;
}
