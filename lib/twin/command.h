/* command.h: one command, read from a signal line, ready to be executed.
 *
 *   {"id":…,"headers":{…},"signal":{"type":"things.commands:modifyAttribute","thingId":…,"attribute":"/a","value":1},"context":{…}}
 *
 * Ownership: a command borrows the line; what had to be decoded or put together is in its own buffers, which are used again
 * by the next one. */
#ifndef TWIN_COMMAND_H
#define TWIN_COMMAND_H

#include "json/pointer.h"
#include "line/line.h"
#include "twin/plan.h"

struct command {
    struct line line;
    struct line_inside inside;
    const struct plan *plan;
    bool protocol;   /* came as a Ditto Protocol message, and is answered as one */
    struct slice id; /* of the entity */
    enum pointer_dialect dialect;
    struct slice place;       /* pointer to what the command is about; "" is the whole */
    struct slice parent;      /* the feature, entry or import that has to be there for it; SLICE_NONE: none */
    struct slice parent_code; /* the error if it is not */
    enum shape shape;         /* of the place */
    struct json value;        /* JSON_ABSENT: none */
    struct slice fields;      /* selection, SLICE_NONE: all */
    struct slice origin;      /* id of the connection that it came from, SLICE_NONE */
    struct json subjects;     /* array of whom it is done for; JSON_ABSENT */
    struct slice id_text, place_text; /* private to command.c */
    struct buf texts[8];
};

/* Reads a signal line; line and inside are set already. 0, or -1 with *err: members are missing. */
int command_read(struct command *c, struct ditto_error *err);
void command_free(struct command *c);

/* A header of it; JSON_ABSENT if it is not there. Decoded, of a string: SLICE_NONE if it is none. */
struct json command_header(const struct command *c, struct slice name);
struct slice command_header_text(const struct command *c, struct slice name, struct buf *scratch);
/* Is the header true? otherwise: what counts if it is not there. */
bool command_header_bool(const struct command *c, struct slice name, bool otherwise);
/* A member of the signal. */
struct json command_member(const struct command *c, const char *name);

static inline bool command_changes(const struct command *c)
{
    return c->plan->deed != DEED_RETRIEVE && c->plan->deed != DEED_RETRIEVE_MANY;
}
/* What the place names in the entity. */
struct json command_target(const struct command *c, struct json entity);
struct json place_get(struct json doc, struct slice place, enum pointer_dialect dialect);

#endif
