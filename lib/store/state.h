/* state.h: what the log adds up to: every connection as its snapshot and events leave it, in order of id.
 *
 * Nothing but records changes it. What a record changes can be taken back until state_keep: that is how a command that
 * cannot be made durable leaves no trace. A deleted connection stays, as its revision counter goes on if it is created
 * again.
 *
 * Ownership: everything belongs to the state; a struct held is valid until the next state_apply or state_undo. A zeroed
 * state is empty. */
#ifndef STORE_STATE_H
#define STORE_STATE_H

#include "json/json.h"
#include "store/record.h"

struct held {
    struct slice id;
    struct slice doc;                /* the connection with its secrets; SLICE_NONE if deleted */
    uint64_t revision;               /* of the newest event */
    uint64_t position;               /* of the newest event */
    uint64_t entity_revision;        /* Ditto's _revision: of the newest created or modified */
    int64_t created, modified, time; /* wall milliseconds; time: of the newest event */
    bool deleted;
};

struct change {
    struct held *before; /* NULL: was not there */
    struct held *after;
};

struct state {
    size_t n, cap;
    struct held **v; /* in order of id */
    size_t n_changes, cap_changes;
    struct change *changes; /* since the last state_keep */
};

void state_free(struct state *s);
void state_apply(struct state *s, const struct record *r);
/* What was applied is for good / is taken back. */
void state_keep(struct state *s);
void state_undo(struct state *s);

/* NULL if there never was one. */
const struct held *state_find(const struct state *s, struct slice id);
/* The first one, deleted ones included, whose id is greater than `after` (SLICE_NONE: the very first), or NULL. */
const struct held *state_next(const struct state *s, struct slice after);
struct json held_doc(const struct held *h);
bool held_open(const struct held *h);
/* Appends the payload of a snapshot record, from which state_apply makes the same again; seal is kept with it. */
void held_put_snapshot(struct buf *dst, const struct held *h, const char *seal);

#endif
