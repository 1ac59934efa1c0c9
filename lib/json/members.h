/* members.h: an object, indexed by name, for those who look up many.
 *
 * Of duplicate members the last value counts, in the place of the first. Ownership: the index owns its tables; names and
 * values borrow the document, or the index where a name was escaped. */
#ifndef JSON_MEMBERS_H
#define JSON_MEMBERS_H

#include "json/json.h"

struct member {
    struct slice raw_name; /* between the quotes, as written */
    struct slice name;     /* decoded */
    struct json value;
    bool used; /* the caller's own mark */
};

struct members {
    size_t n;
    struct member *v;
    size_t cap;
    uint32_t *slots; /* index + 1 of a member, 0: free; only beyond a few members */
    size_t n_slots;
    struct buf names;
};

/* Fills an index that is zeroed; anything but an object gives an empty one. */
void members_index(struct members *m, struct json object);
void members_free(struct members *m);
/* NULL if there is none. */
struct member *members_find(const struct members *m, struct slice name);

#endif
