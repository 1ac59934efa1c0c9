/* plan.h: what each command of a twin leads to: which signal answers it, which events it may cause.
 *
 * Taken from the table of the protocol adapter once: the answer of "things.commands:modifyAttribute" is
 * "things.responses:modifyAttribute", its events are those about the same shape of path. */
#ifndef TWIN_PLAN_H
#define TWIN_PLAN_H

#include "protocol/table.h"
#include "twin/entity.h"

enum deed {
    DEED_CREATE,
    DEED_MODIFY,
    DEED_MERGE,
    DEED_DELETE,
    DEED_RETRIEVE,
    DEED_RETRIEVE_MANY,
    DEED_MIGRATE
};

struct plan {
    const struct signal_row *command, *answer;
    const struct signal_row *created, *modified, *deleted; /* events; NULL: there is none */
    enum deed deed;
    enum kind kind;
};

/* NULL if a twin has no such command. */
const struct plan *plan_of(struct slice type);
/* "things:attribute.notfound", … of what a shape stands for */
const char *not_found_code(enum kind kind, enum shape s);
/* What people call it: "attribute" */
const char *shape_name(enum shape s);

#endif
