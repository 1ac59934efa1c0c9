/* pointer.h: JSON pointers, as RFC 6901 defines them and as Ditto reads them.
 *
 *                      RFC 6901                     Ditto
 *   root               ""                           "" or "/"
 *   first slash        needed                       optional
 *   last slash         an empty last token          ignored
 *   "//"               an empty token               refused
 *   ~0 ~1              "~" "/"                      "~", two characters
 *   another ~          refused                      itself
 *   array elements     by decimal index             never: tokens name members of objects
 *
 * Ownership: a pointer borrows its text. */
#ifndef JSON_POINTER_H
#define JSON_POINTER_H

#include "json/json.h"

enum pointer_dialect { POINTER_RFC6901, POINTER_DITTO };

struct pointer {
    enum pointer_dialect dialect;
    struct slice rest; /* tokens to come, joined by "/"; SLICE_NONE at the end */
};

/* Starts an iteration; false if text is no pointer of that dialect. */
bool pointer_parse(struct pointer *p, struct slice text, enum pointer_dialect dialect);
/* Cuts the next token, as written, off the front. */
bool pointer_next(struct pointer *p, struct slice *token);
/* What a token stands for: a slice of it when nothing is escaped, else of scratch (appended to). */
struct slice pointer_key(struct slice token, enum pointer_dialect dialect, struct buf *scratch);
/* Does the token stand for this key? */
bool pointer_token_is(struct slice token, struct slice key, enum pointer_dialect dialect);
/* Appends "/" and the key, escaped. */
void pointer_put_key(struct buf *dst, struct slice key, enum pointer_dialect dialect);

/* What the pointer names in doc; JSON_ABSENT if there is nothing. */
struct json pointer_get(struct json doc, struct pointer p);
/* Appends doc with the value at the pointer replaced, added (objects are made on the way, what is no object gives way to
 * one) or, with SLICE_NONE, removed (then nothing is made). Array elements can be replaced and removed, "-" and the index
 * that follows the last append. White space between members goes along the way; all else stays as written. A doc that is
 * absent counts as {}. Removing the root gives null. */
void pointer_put_with(struct buf *dst, struct json doc, struct pointer p, struct slice raw_value);

#endif
