/* values.h: what an expression of a template gives, and the memory that resolving takes.
 *
 * An expression has values, has none (unresolved), or says that what it stands for is to be left out (deleted). Source:
 * mapping reference 2.2; Ditto's documentation, "Placeholders".
 *
 * Everything that resolving makes lives in a scratch, at fixed places, until the next scratch_reset; it never takes more than
 * SCRATCH_MAX_BYTES, whatever a message holds. In the steady state nothing is allocated.
 *
 * Ownership: a scratch owns its memory; values and texts borrow it, the facts, or the template. */
#ifndef MAPPING_VALUES_H
#define MAPPING_VALUES_H

#include "json/json.h"
#include "protocol/error.h"

enum { SCRATCH_MAX_BYTES = 64 * 1024 * 1024 };

struct scratch {
    struct buf text; /* what templates are put together in: valid until the next resolving */
    struct buf work; /* for one text while it is made */
    struct scratch_block *first, *now;
    size_t used;  /* of the block at hand */
    size_t taken; /* since the reset */
};
void scratch_free(struct scratch *s);
void scratch_reset(struct scratch *s);
/* Memory for n bytes, aligned for anything; NULL if that were too much. */
void *scratch_take(struct scratch *s, size_t n);
/* A copy; SLICE_NONE if that were too much. */
struct slice scratch_copy(struct scratch *s, struct slice text);
/* What a JSON value says as a text: of a string what it says, else its JSON without white space. SLICE_NONE if it is absent,
 * or that were too much. */
struct slice scratch_text(struct scratch *s, struct json v);

enum value_state { VALUE_UNRESOLVED, VALUE_DELETED, VALUE_RESOLVED, VALUE_FAILED };

struct values {
    enum value_state state; /* never VALUE_FAILED: that is a -1 of whoever makes them */
    size_t n, cap;          /* n > 0 only if resolved */
    struct slice *v;
};

/* All of these: 0, or -1 with placeholder:function.too.complex (400) in *err if that were too much. */

/* One more value; makes it resolved. A text of SLICE_NONE is one that there was no room for. */
int values_add(struct values *v, struct slice text, struct scratch *s, struct ditto_error *err);
/* Each value of v followed by each of by; the order is that of v first. Both are resolved. */
int values_multiply(struct values *v, const struct values *by, struct scratch *s, struct ditto_error *err);
int values_too_many(struct ditto_error *err);

/* The first one, SLICE_NONE if there is none. */
static inline struct slice values_first(const struct values *v)
{
    return v->n ? v->v[0] : SLICE_NONE;
}

#endif
