/* reader.h: taking typed members out of a document (private to lib/connection).
 *
 * JSON null counts as absent. A member of another type is the problem json.invalid, a required one that is missing
 * json.field.missing, both at the member's place; the caller then gets the same as for an absent one and goes on.
 * Texts borrow the document or live in the connection's arena. */
#ifndef CONNECTION_READER_H
#define CONNECTION_READER_H

#include "connection/problems.h"

struct reader {
    struct connection *c;
    struct connection_problems *problems;
};

enum { LIST_MAX = 1024 }; /* entries of any list or mapping: what is compared pairwise must be bounded */

/* An object of the document and its place. */
struct node {
    struct json v;
    struct where at;
};

enum need { OPTIONAL, REQUIRED };

struct slice read_text(struct reader *r, struct node n, const char *name, enum need need); /* SLICE_NONE */
bool read_bool(struct reader *r, struct node n, const char *name, enum need need, bool fallback);
/* json.format.invalid below min or over what fits an int */
int read_int(struct reader *r, struct node n, const char *name, int min, int fallback);
/* v is JSON_ABSENT if there is none */
struct node read_object(struct reader *r, struct node n, const char *name, enum need need);
struct node read_array(struct reader *r, struct node n, const char *name);
/* Array of texts. others: what to do with an element that is none. */
enum others { OTHERS_SKIPPED, OTHERS_REFUSED };
struct slices read_texts(struct reader *r, struct node n, const char *name, enum others others);
/* Object of texts; values of other types are dropped, or taken as their JSON text. The last of equal names counts. */
struct pairs read_pairs(struct reader *r, struct node n, const char *name, bool any_value);

/* Keeps a text for the life of the connection: takes the buffer over. */
struct slice arena_keep(struct connection *c, struct buf text);
struct slice arena_text(struct connection *c, struct json v);
struct slice arena_key(struct connection *c, struct slice raw_key);
void slices_add(struct slices *s, struct slice v);
bool slices_have(const struct slices *s, struct slice v);
void pairs_set(struct pairs *p, struct slice name, struct slice value);
struct slice pairs_get(const struct pairs *p, struct slice name); /* SLICE_NONE */

#endif
