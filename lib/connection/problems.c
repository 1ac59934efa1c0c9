#include "connection/problems.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

static void where_put(struct where *at, size_t *n, char c)
{
    if (*n + 1 < sizeof(at->z))
        at->z[(*n)++] = c;
    at->z[*n] = 0;
}

struct where where_key(struct where at, struct slice key)
{
    size_t n = strlen(at.z);
    where_put(&at, &n, '/');
    for (size_t i = 0; i < key.len; i++) {
        char c = key.p[i];
        if (c == '~' || c == '/')
            where_put(&at, &n, '~');
        where_put(&at, &n, c == '~' ? '0' : c == '/' ? '1' : c);
    }
    return at;
}

struct where where_name(struct where at, const char *name)
{
    return where_key(at, slice_str(name));
}

struct where where_index(struct where at, size_t index)
{
    char digits[24];
    int n = snprintf(digits, sizeof(digits), "%zu", index);
    return where_key(at, slice_of(digits, (size_t)n));
}

static bool at_or_below(const char *place, const char *reported)
{
    size_t n = strlen(reported);
    return n && strncmp(place, reported, n) == 0 && (place[n] == 0 || place[n] == '/');
}

struct ditto_error *problem_slot(struct connection_problems *p, struct where at)
{
    bool follow_up = p->n >= CONNECTION_PROBLEMS_MAX;
    for (size_t i = 0; i < p->n && !follow_up; i++)
        follow_up = at_or_below(at.z, p->v[i].pointer);
    if (follow_up) {
        p->ignored = (struct ditto_error){0};
        return &p->ignored;
    }
    p->v = xrealloc_array(p->v, p->n + 1, sizeof(*p->v));
    p->v[p->n] = (struct ditto_error){0};
    return &p->v[p->n++];
}

void connection_problems_free(struct connection_problems *p)
{
    free(p->v);
    *p = (struct connection_problems){0};
}
