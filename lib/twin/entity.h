/* entity.h: things and policies as they are now, by kind and id.
 *
 * An entity keeps its JSON as text, as Ditto's model orders it, without revision and times: these stand beside it. One that
 * was deleted stays as a tombstone, so that its revisions go on when it is made again. A change that is not durable yet can
 * be taken back: the table keeps what stood there before until it is told which of both is true.
 *
 * Ownership: the table owns entities and their texts; a text is valid until the next change of its entity. */
#ifndef TWIN_ENTITY_H
#define TWIN_ENTITY_H

#include <stdint.h>

#include "json/json.h"

enum { BUCKETS = 4096 }; /* entities are logged in this many groups */

enum kind { KIND_THING, KIND_POLICY };

struct state {
    int64_t revision;          /* 0: never was */
    int64_t created, modified; /* wall milliseconds */
    struct slice text;         /* SLICE_NONE: it is deleted, or never was */
    struct slice metadata;     /* an object, SLICE_NONE: none */
};

struct entity {
    enum kind kind;
    struct slice id;
    unsigned bucket;
    struct state now;
    struct entity *next;           /* of the same slot */
    struct entity *next_of_bucket; /* of the same bucket */
};

struct undo {
    struct entity *entity;
    struct state before;
};

struct entities {
    size_t n, n_slots; /* n: tombstones too */
    size_t living, bytes;
    uint64_t seed;
    struct entity **slots;
    struct entity *buckets[BUCKETS];
    size_t n_undo, cap_undo;
    struct undo *undo;
};

void entities_free(struct entities *t);
/* NULL if there never was one. */
struct entity *entities_find(const struct entities *t, enum kind kind, struct slice id);
/* Adds one that never was. */
struct entity *entities_need(struct entities *t, enum kind kind, struct slice id);
/* The state becomes this one; texts are copied. */
void entities_change(struct entities *t, struct entity *e, const struct state *now);
/* What was changed since the last of these stays, or is as it was. */
void entities_keep(struct entities *t);
void entities_take_back(struct entities *t);

/* Of an entity or NULL. */
static inline bool entity_exists(const struct entity *e)
{
    return e && e->now.text.p;
}
/* Its JSON; JSON_ABSENT if it does not exist. */
struct json entity_json(const struct entity *e);

#endif
