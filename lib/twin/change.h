/* change.h: what a change makes of an entity. Used when a command is executed and again when the log is read, so that both
 * come to the same.
 *
 * Ownership: texts are appended to buffers of the caller. */
#ifndef TWIN_CHANGE_H
#define TWIN_CHANGE_H

#include "twin/command.h"

struct change {
    enum kind kind;
    enum deed deed; /* CREATE and MODIFY put, DELETE removes, MERGE patches */
    enum pointer_dialect dialect;
    struct slice place;
    struct json value; /* not of DELETE */
};

/* Appends the entity with the change applied, which is not its removal; before may be JSON_ABSENT. */
void change_apply(struct buf *dst, const struct change *c, struct json before);
/* Is the whole entity removed? */
static inline bool change_ends(const struct change *c)
{
    return c->deed == DEED_DELETE && c->place.len == 0;
}
/* Appends a thing or policy with what belongs into it, in Ditto's order. policy_id: the one that a thing has if it names none,
 * or SLICE_NONE. */
void change_put_model(struct buf *dst, enum kind kind, struct json v, struct slice policy_id);

/* Words for the log. */
const char *deed_text(enum deed d);
/* DEED_RETRIEVE if it is none that changes. */
enum deed deed_of(struct slice text);

#endif
