#include "twin/entity.h"

#include <stdlib.h>
#include <sys/random.h>

#include "base/banned.h"

/* seed: 0 gives the same in every process; else who chooses ids cannot tell which of them share a slot. */
static uint64_t hash(uint64_t seed, enum kind kind, struct slice id)
{
    uint64_t h = 0xcbf29ce484222325ULL ^ seed ^ (uint64_t)kind;
    for (size_t i = 0; i < id.len; i++)
        h = (h ^ (unsigned char)id.p[i]) * 0x100000001b3ULL;
    return h ^ h >> 29;
}

static void drop(struct slice s)
{
    free((char *)s.p);
}

static void drop_state(struct state *s)
{
    drop(s->text);
    drop(s->metadata);
}

void entities_free(struct entities *t)
{
    entities_keep(t);
    for (unsigned b = 0; b < BUCKETS; b++)
        for (struct entity *e = t->buckets[b], *next; e; e = next) {
            next = e->next_of_bucket;
            drop_state(&e->now);
            drop(e->id);
            free(e);
        }
    free(t->slots);
    free(t->undo);
    *t = (struct entities){0};
}

struct entity *entities_find(const struct entities *t, enum kind kind, struct slice id)
{
    if (!t->n_slots)
        return NULL;
    struct entity *e = t->slots[hash(t->seed, kind, id) & (t->n_slots - 1)];
    while (e && (e->kind != kind || !slice_eq(e->id, id)))
        e = e->next;
    return e;
}

static void link_in(struct entities *t, struct entity *e)
{
    struct entity **slot = &t->slots[hash(t->seed, e->kind, e->id) & (t->n_slots - 1)];
    e->next = *slot;
    *slot = e;
}

static void grow(struct entities *t)
{
    if (!t->n_slots && getrandom(&t->seed, sizeof t->seed, 0) < 0)
        t->seed = 0;
    t->n_slots = t->n_slots ? t->n_slots * 2 : 1024;
    free(t->slots);
    t->slots = xcalloc(t->n_slots, sizeof *t->slots);
    for (unsigned b = 0; b < BUCKETS; b++)
        for (struct entity *e = t->buckets[b]; e; e = e->next_of_bucket)
            link_in(t, e);
}

struct entity *entities_need(struct entities *t, enum kind kind, struct slice id)
{
    struct entity *e = entities_find(t, kind, id);
    if (e)
        return e;
    if (t->n == t->n_slots)
        grow(t);
    e = xcalloc(1, sizeof *e);
    e->kind = kind;
    e->id = slice_dup(id);
    e->bucket = (unsigned)(hash(0, kind, id) >> 40) % BUCKETS;
    e->next_of_bucket = t->buckets[e->bucket];
    t->buckets[e->bucket] = e;
    link_in(t, e);
    t->n++;
    return e;
}

static size_t size_of(const struct state *s)
{
    return s->text.len + s->metadata.len;
}

static void set(struct entities *t, struct entity *e, const struct state *now)
{
    t->living += (size_t) !!now->text.p - (size_t) !!e->now.text.p;
    t->bytes += size_of(now) - size_of(&e->now);
    e->now = *now;
}

void entities_change(struct entities *t, struct entity *e, const struct state *now)
{
    struct state copy = *now;
    copy.text = now->text.p ? slice_dup(now->text) : SLICE_NONE;
    copy.metadata = now->metadata.p ? slice_dup(now->metadata) : SLICE_NONE;
    if (t->n_undo == t->cap_undo) {
        t->cap_undo = t->cap_undo ? t->cap_undo * 2 : 64;
        t->undo = xrealloc_array(t->undo, t->cap_undo, sizeof *t->undo);
    }
    t->undo[t->n_undo++] = (struct undo){e, e->now};
    set(t, e, &copy);
}

void entities_keep(struct entities *t)
{
    while (t->n_undo)
        drop_state(&t->undo[--t->n_undo].before);
}

void entities_take_back(struct entities *t)
{
    while (t->n_undo) {
        struct undo *u = &t->undo[--t->n_undo];
        struct state refused = u->entity->now;
        set(t, u->entity, &u->before);
        drop_state(&refused);
    }
}

/* What stands there was checked when it came. */
struct json entity_json(const struct entity *e)
{
    if (!entity_exists(e))
        return (struct json){JSON_ABSENT, NULL, 0};
    return (struct json){JSON_OBJECT, e->now.text.p, e->now.text.len};
}
