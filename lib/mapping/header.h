/* header.h: the headers of a message, looked up and written. What Ditto knows of its own headers: protocol/headers.h.
 *
 * Names are compared without regard to the case of ASCII letters.
 *
 * Ownership: an index borrows the object it was made from. */
#ifndef MAPPING_HEADER_H
#define MAPPING_HEADER_H

#include "json/json.h"
#include "protocol/headers.h"

/* Appends a member with what text says as a value of that header (rule NULL: of the user's own): arrays take JSON or a comma
 * list. name is in lower case. 0, or -1 with header.invalid or timeout.invalid (400) in *err and dst as it was. */
int header_put_member(struct buf *dst, const struct header_rule *rule, struct slice name, struct slice text,
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
/* The same for headers of a Ditto Protocol message that comes in: those that may, their values judged, typed as Ditto prints
 * them, and of two spellings of one name the later. What has to be written anew for that is appended to judged. 0, or -1
 * with header.invalid, timeout.invalid, json.invalid, json.format.invalid (400) or headers.too.large (431) in *err. */
int headers_take(struct headers *h, struct json object, struct buf *judged, struct ditto_error *err);
void headers_free(struct headers *h);
/* The value of a header, JSON_ABSENT without one. exact: the case of letters counts. */
struct json headers_get(const struct headers *h, struct slice name, bool exact);
/* The text of a header value: of a string what it says, else its JSON. SLICE_NONE if absent or null. */
struct slice header_text(struct json value, struct buf *scratch);

#endif
