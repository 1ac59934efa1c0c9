/* diff.h: how two connections differ.
 *
 * Compared are the effective documents, so that what is written out and what is meant by default are the same. A secret that
 * is masked in one of them counts as equal. What is reported has its secrets masked: a changed one shows that it changed, no
 * more. */
#ifndef CTL_DIFF_H
#define CTL_DIFF_H

#include "json/json.h"

/* An effective document, ready to be compared. */
struct side {
    struct buf text, masked;
};

/* From a document that connection_put_effective made, or the store's. */
void side_init(struct side *s, struct json document);
void side_free(struct side *s);
/* Are secrets masked in it? */
bool side_is_masked(const struct side *s);

/* Calls found for every place that differs, in the order of a, then what only b has: its JSON pointer, and the values, masked;
 * JSON_ABSENT where there is none. Of a value that is an object or an array on both sides the parts are reported. True if
 * they differ. */
typedef void difference(void *arg, struct slice pointer, struct json a, struct json b);
bool side_compare(const struct side *a, const struct side *b, difference *found, void *arg);

#endif
