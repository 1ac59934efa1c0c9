/* header.h: Ditto's own headers (type, and on which side of the border they may be seen), and header objects.
 *
 * Names are compared without regard to the case of ASCII letters. A name that is not in the table is the user's own: a
 * string that passes both ways. Source: protocol reference, "Headers"; Ditto's header definitions.
 *
 * Ownership: definitions are static; an index borrows the object it was made from. */
#ifndef MAPPING_HEADER_H
#define MAPPING_HEADER_H

#include "json/json.h"
#include "protocol/error.h"

enum header_type {
    HEADER_STRING,
    HEADER_NOT_EMPTY,
    HEADER_BOOL,
    HEADER_INT,
    HEADER_ARRAY,
    HEADER_OBJECT,
    HEADER_DURATION,
    HEADER_ETAGS,
    HEADER_CHANNEL,
};

struct header_definition {
    struct slice name; /* lower case */
    enum header_type type;
    bool in;  /* may come from outside */
    bool out; /* may be shown outside */
};

/* NULL for a name of the user's own. Fast: it is asked for every header of every message. */
const struct header_definition *header_definition(struct slice name);

/* Appends text as the JSON value that a header of this definition (NULL: the user's own) has: arrays take JSON or a comma
 * list. 0, or -1 with header.invalid or timeout.invalid (400) in *err and dst as it was. */
int header_put_value(struct buf *dst, const struct header_definition *d, struct slice name, struct slice text,
                     struct ditto_error *err);
/* Are two names the same header? */
bool header_is(struct slice name, struct slice other);
/* Appends the name in lower case as a key (with a comma where one is due). raw_name is as it stands in a document. */
void header_put_key(struct buf *dst, struct slice raw_name);

/* A header object, indexed for several look-ups. A member that is null is absent; of several the last one counts. */
struct header {
    struct slice raw;  /* the name as it stands */
    struct slice name; /* what it says */
    struct json value;
};
struct headers {
    size_t n, cap;
    struct header *v;
    struct buf names; /* those that are written with escapes */
    bool nulls;       /* some members were null */
};
/* Forgets what it held; anything but an object leaves it empty. */
void headers_index(struct headers *h, struct json object);
void headers_free(struct headers *h);
/* The value of a header, JSON_ABSENT without one. exact: the case of letters counts. */
struct json headers_get(const struct headers *h, struct slice name, bool exact);
/* The text of a header value: of a string what it says, else its JSON. SLICE_NONE if absent or null. */
struct slice header_text(struct json value, struct buf *scratch);

#endif
