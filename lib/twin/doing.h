/* doing.h: one command on its way. Private to lib/twin: execute.c (the order of the checks), permit.c, query.c, update.c.
 *
 * Functions that return int: 0, or -1 with d->err. */
#ifndef TWIN_DOING_H
#define TWIN_DOING_H

#include "twin/enforce.h"
#include "twin/twin.h"

struct doing {
    struct twin *t;
    struct command *c;
    struct buf *out;
    struct entity *entity; /* NULL: there never was one */
    struct rights rights;  /* with -e */
    struct json target;    /* what the place names now */
    uint64_t key[2];
    struct ditto_error err;
};

/* Writes the answer; who wants none gets a settlement with that status, or error (NULL: none). */
void doing_finish(struct doing *d, struct slice members, int status, const struct ditto_error *e);
/* 503 */
int doing_unavailable(struct doing *d);
/* 404 of the entity, of a part of it */
int doing_not_found(struct doing *d);
int doing_part_not_found(struct doing *d, const char *code, const char *what);
/* With -e: may it be done for its subjects? Fills rights. */
int doing_permitted(struct doing *d);
/* The policy that counts for an entity (may be NULL), or for one whose JSON is v. */
struct json doing_policy_of(struct twin *t, const struct entity *e);
struct json doing_policy_for(struct twin *t, enum kind kind, struct slice id, struct json v);

/* tag: of what the place names */
int doing_retrieve(struct doing *d, struct slice tag);
int doing_retrieve_many(struct doing *d);
int doing_change(struct doing *d);

#endif
