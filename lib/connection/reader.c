#include "connection/reader.h"

#include <limits.h>
#include <stdlib.h>

#include "base/banned.h"

static const char *const type_names[] = {
    [JSON_NULL] = "null",        [JSON_FALSE] = "a boolean", [JSON_TRUE] = "a boolean",
    [JSON_NUMBER] = "a number",  [JSON_STRING] = "a text",   [JSON_ARRAY] = "an array",
    [JSON_OBJECT] = "an object",
};

static void wrong_type(struct reader *r, struct where at, enum json_type wanted, struct json found)
{
    PROBLEM(r->problems, at, "json.invalid", NULL, "Expected %s but found %s.", type_names[wanted],
            type_names[found.type]);
}

static bool is_type(struct json v, enum json_type wanted)
{
    return v.type == wanted || (wanted == JSON_TRUE && v.type == JSON_FALSE);
}

static struct json member(struct reader *r, struct node n, const char *name, enum json_type wanted,
                          enum need need)
{
    struct json v = json_get(n.v, slice_str(name));
    if (!json_present(v)) {
        if (need == REQUIRED)
            PROBLEM(r->problems, where_name(n.at, name), "json.field.missing",
                    "Check if all required fields were set.", "The required field '%s' is missing.", name);
        return (struct json){JSON_ABSENT, NULL, 0};
    }
    if (is_type(v, wanted))
        return v;
    wrong_type(r, where_name(n.at, name), wanted, v);
    return (struct json){JSON_ABSENT, NULL, 0};
}

struct slice read_text(struct reader *r, struct node n, const char *name, enum need need)
{
    return arena_text(r->c, member(r, n, name, JSON_STRING, need));
}

bool read_bool(struct reader *r, struct node n, const char *name, enum need need, bool fallback)
{
    struct json v = member(r, n, name, JSON_TRUE, need);
    return v.type == JSON_ABSENT ? fallback : v.type == JSON_TRUE;
}

int read_int(struct reader *r, struct node n, const char *name, int min, int fallback)
{
    int64_t i;
    struct json v = member(r, n, name, JSON_NUMBER, OPTIONAL);
    if (v.type == JSON_ABSENT)
        return fallback;
    if (json_int(v, &i) < 0 || i > INT_MAX || i < INT_MIN) {
        PROBLEM(r->problems, where_name(n.at, name), "json.invalid", NULL, "'%s' is no integer of 32 bits.",
                name);
        return fallback;
    }
    if (i < min) {
        PROBLEM(r->problems, where_name(n.at, name), "json.format.invalid", NULL, "'%s' must be at least %d.",
                name, min);
        return fallback;
    }
    return (int)i;
}

struct node read_object(struct reader *r, struct node n, const char *name, enum need need)
{
    return (struct node){member(r, n, name, JSON_OBJECT, need), where_name(n.at, name)};
}

/* An array or object with more entries than anybody needs counts as absent. */
static struct node bounded(struct reader *r, struct node n)
{
    if (n.v.type == JSON_ABSENT || json_count(n.v) <= LIST_MAX)
        return n;
    PROBLEM(r->problems, n.at, CONFIG_INVALID, NULL, "More than %d entries.", LIST_MAX);
    n.v = (struct json){JSON_ABSENT, NULL, 0};
    return n;
}

struct node read_array(struct reader *r, struct node n, const char *name)
{
    return bounded(r, (struct node){member(r, n, name, JSON_ARRAY, OPTIONAL), where_name(n.at, name)});
}

struct slices read_texts(struct reader *r, struct node n, const char *name, enum others others)
{
    struct slices s = {0};
    struct node array = read_array(r, n, name);
    struct json_iter it = json_iter(array.v);
    for (size_t i = 0; json_next(&it); i++) {
        if (it.value.type == JSON_STRING)
            slices_add(&s, arena_text(r->c, it.value));
        else if (others == OTHERS_REFUSED)
            wrong_type(r, where_index(array.at, i), JSON_STRING, it.value);
    }
    return s;
}

/* The text of a scalar is its value, of anything else its JSON. */
static struct slice any_text(struct connection *c, struct json v)
{
    return v.type == JSON_STRING ? arena_text(c, v) : json_slice(v);
}

struct pairs read_pairs(struct reader *r, struct node n, const char *name, bool any_value)
{
    struct pairs p = {0};
    struct node object = bounded(r, read_object(r, n, name, OPTIONAL));
    struct json_iter it = json_iter(object.v);
    while (json_next(&it)) {
        if (any_value || it.value.type == JSON_STRING)
            pairs_set(&p, arena_key(r->c, it.key), any_text(r->c, it.value));
    }
    return p;
}

struct slice arena_keep(struct connection *c, struct buf text)
{
    c->arena = xrealloc_array(c->arena, c->n_arena + 1, sizeof(*c->arena));
    c->arena[c->n_arena] = text;
    return buf_slice(&c->arena[c->n_arena++]);
}

struct slice arena_text(struct connection *c, struct json v)
{
    struct buf decoded = {0};
    struct slice s = json_text(v, &decoded);
    return decoded.len ? arena_keep(c, decoded) : s;
}

struct slice arena_key(struct connection *c, struct slice raw_key)
{
    struct buf decoded = {0};
    struct slice s = json_raw_text(raw_key, &decoded);
    return decoded.len ? arena_keep(c, decoded) : s;
}

void slices_add(struct slices *s, struct slice v)
{
    s->v = xrealloc_array(s->v, s->n + 1, sizeof(*s->v));
    s->v[s->n++] = v;
}

bool slices_have(const struct slices *s, struct slice v)
{
    for (size_t i = 0; i < s->n; i++) {
        if (slice_eq(s->v[i], v))
            return true;
    }
    return false;
}

static size_t pairs_find(const struct pairs *p, struct slice name)
{
    size_t i = 0;
    while (i < p->n && !slice_eq(p->v[i].name, name))
        i++;
    return i;
}

void pairs_set(struct pairs *p, struct slice name, struct slice value)
{
    size_t i = pairs_find(p, name);
    if (i == p->n) {
        p->v = xrealloc_array(p->v, p->n + 1, sizeof(*p->v));
        p->n++;
    }
    p->v[i].name = name;
    p->v[i].value = value;
}

struct slice pairs_get(const struct pairs *p, struct slice name)
{
    size_t i = pairs_find(p, name);
    return i < p->n ? p->v[i].value : SLICE_NONE;
}
