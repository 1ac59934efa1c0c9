/* view.h: one pass over a document that hands out the members of an object, and gathers those of some objects in it.
 *
 * For who reads many envelopes and looks up several members of their parts: nothing is gone over twice. A view holds the
 * first VIEW_MEMBERS members; of a larger object look-ups and iteration go over the document. Views borrow it. */
#ifndef JSON_VIEW_H
#define JSON_VIEW_H

#include "json/json.h"

enum { VIEW_MEMBERS = 24 };

struct json_view {
    struct json object; /* anything else has no members */
    size_t n;           /* how many it has */
    bool escaped;       /* there may be backslashes in it */
    struct json_member v[VIEW_MEMBERS];
};

/* Forgets what a view had; v is left as it is. */
static inline void json_view_clear(struct json_view *v)
{
    v->object = (struct json){JSON_ABSENT, NULL, 0};
    v->n = 0;
    v->escaped = false;
}
/* Of a value that passed json_parse. */
void json_view_fill(struct json_view *v, struct json value);
/* The last member of that name, JSON_ABSENT if there is none. */
struct json json_view_get(const struct json_view *v, struct slice name);

/* What is grammatical, yet refused or treated with care by some readers, anywhere in a document. The caller zeroes it;
 * flags are only ever set. */
struct json_notes {
    bool empty_key;
    bool wide_integer; /* a number without fraction and exponent outside int64 */
    bool escape;       /* a backslash, in whatever string */
    bool odd_key;      /* a key with '/', DEL, an escape or a byte beyond ASCII, or longer than 255 bytes */
};

/* Who reads. on_key is told each key of the outermost object before its value is passed, and may name a view for that
 * value; on_member is told the member behind it, before the rest is checked. */
struct json_reader {
    struct json_view *(*on_key)(void *arg, struct slice raw_key);
    void (*on_member)(void *arg, const struct json_member *m);
    void *arg;
    struct json_notes *notes; /* NULL: none are taken */
};
/* Checks the whole document, which must be an object. 0, or -1 with *err (may be NULL). */
int json_read(struct slice text, const struct json_reader *r, struct json_error *err);

#endif
