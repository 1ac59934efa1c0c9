/* members.c: objects by name. A few members are searched one by one, many through a hash table. */
#include "json/members.h"

#include <stdlib.h>

#include "base/banned.h"

enum { FEW = 8, SLOTS_LEAST = 32 };

/* FNV-1a. */
static size_t hash_of(struct slice s)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < s.len; i++)
        h = (h ^ (unsigned char)s.p[i]) * UINT64_C(0x100000001b3);
    return (size_t)(h ^ h >> 32);
}

/* The slot of name, or the free one where it would stand. The table is at most half full. */
static uint32_t *slot_of(const struct members *m, struct slice name)
{
    size_t i = hash_of(name) & (m->n_slots - 1);
    while (m->slots[i] && !slice_eq(m->v[m->slots[i] - 1].name, name))
        i = (i + 1) & (m->n_slots - 1);
    return &m->slots[i];
}

static void rehash(struct members *m)
{
    free(m->slots);
    m->n_slots = m->n_slots ? 2 * m->n_slots : SLOTS_LEAST;
    m->slots = xcalloc(m->n_slots, sizeof *m->slots);
    for (size_t i = 0; i < m->n; i++)
        *slot_of(m, m->v[i].name) = (uint32_t)(i + 1);
}

struct member *members_find(const struct members *m, struct slice name)
{
    if (m->n_slots) {
        uint32_t *slot = slot_of(m, name);
        return *slot ? &m->v[*slot - 1] : NULL;
    }
    for (size_t i = 0; i < m->n; i++)
        if (slice_eq(m->v[i].name, name))
            return &m->v[i];
    return NULL;
}

static void add(struct members *m, struct member one)
{
    struct member *there = members_find(m, one.name);
    if (there) {
        there->value = one.value;
        return;
    }
    if (m->n == m->cap) {
        m->cap = m->cap ? 2 * m->cap : FEW;
        m->v = xrealloc_array(m->v, m->cap, sizeof *m->v);
    }
    m->v[m->n++] = one;
    if (m->n > FEW && 2 * m->n > m->n_slots)
        rehash(m);
    else if (m->n_slots)
        *slot_of(m, one.name) = (uint32_t)m->n;
}

void members_index(struct members *m, struct json object)
{
    struct json_iter it = json_iter(object);
    if (object.type != JSON_OBJECT)
        return;
    while (json_next(&it)) {
        struct member one = {.raw_name = it.key, .name = it.key, .value = it.value};
        if (it.key.len && memchr(it.key.p, '\\', it.key.len)) {
            if (!m->names.cap) /* decoded is never longer than written: what is handed out must not move */
                buf_room(&m->names, object.len);
            one.name = json_raw_text(it.key, &m->names);
        }
        add(m, one);
    }
}

void members_free(struct members *m)
{
    free(m->v);
    free(m->slots);
    buf_free(&m->names);
    *m = (struct members){0};
}
