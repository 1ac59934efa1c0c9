#include "mapping/values.h"

#include <stdalign.h>
#include <stdlib.h>

#include "base/banned.h"

enum { BLOCK_BYTES = 4096, KEEP_BYTES = 64 * 1024, VALUES_MAX = 64 * 1024 };

/* --- memory ------------------------------------------------------------------------------------------------------- */

struct scratch_block {
    struct scratch_block *next;
    size_t size;
    alignas(max_align_t) char mem[];
};

static void free_blocks(struct scratch_block *b)
{
    while (b) {
        struct scratch_block *next = b->next;
        free(b);
        b = next;
    }
}

void scratch_free(struct scratch *s)
{
    buf_free(&s->text);
    buf_free(&s->work);
    free_blocks(s->first);
    *s = (struct scratch){.used = 0};
}

void scratch_reset(struct scratch *s)
{
    if (s->taken > KEEP_BYTES) {
        free_blocks(s->first);
        s->first = NULL;
    }
    s->now = s->first;
    s->used = s->taken = 0;
}

/* The next block of those that are kept, or a new one: large enough for n bytes. */
static void add_block(struct scratch *s, size_t n)
{
    struct scratch_block **at = s->now ? &s->now->next : &s->first;
    if (!*at || (*at)->size < n) {
        size_t size = n > BLOCK_BYTES ? n : BLOCK_BYTES;
        struct scratch_block *b = xmalloc(sizeof *b + size);
        b->size = size;
        b->next = *at;
        *at = b;
    }
    s->now = *at;
    s->used = 0;
}

void *scratch_take(struct scratch *s, size_t n)
{
    n = (n + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    if (n > SCRATCH_MAX_BYTES - s->taken)
        return NULL;
    if (!s->now || s->now->size - s->used < n)
        add_block(s, n);
    void *p = s->now->mem + s->used;
    s->used += n;
    s->taken += n;
    return p;
}

struct slice scratch_copy(struct scratch *s, struct slice text)
{
    char *p = scratch_take(s, text.len + !text.len);
    if (!p)
        return SLICE_NONE;
    if (text.len)
        memcpy(p, text.p, text.len);
    return slice_of(p, text.len);
}

struct slice scratch_text(struct scratch *s, struct json v)
{
    struct slice as_written = json_slice(v), text;
    buf_cut(&s->work, 0);
    if (v.type == JSON_ABSENT)
        return SLICE_NONE;
    if (v.type == JSON_STRING) {
        text = json_text(v, &s->work);
        return s->work.len ? scratch_copy(s, text) : text;
    }
    if (v.type != JSON_OBJECT && v.type != JSON_ARRAY)
        return as_written;
    json_put_compact(&s->work, v);
    return s->work.len == v.len ? as_written : scratch_copy(s, buf_slice(&s->work));
}

/* --- values ------------------------------------------------------------------------------------------------------- */

int values_too_many(struct ditto_error *err)
{
    return ditto_fail(err, 400, "placeholder:function.too.complex",
                      "It gives more or larger values than are allowed.", NULL,
                      "A placeholder could not be resolved.");
}

static bool grow(struct values *v, struct scratch *s)
{
    size_t cap = v->cap ? v->cap * 2 : 1;
    struct slice *larger = cap > VALUES_MAX ? NULL : scratch_take(s, cap * sizeof *larger);
    if (!larger)
        return false;
    if (v->n)
        memcpy(larger, v->v, v->n * sizeof *larger);
    v->v = larger;
    v->cap = cap;
    return true;
}

int values_add(struct values *v, struct slice text, struct scratch *s, struct ditto_error *err)
{
    if (!text.p || (v->n == v->cap && !grow(v, s)))
        return values_too_many(err);
    v->state = VALUE_RESOLVED;
    v->v[v->n++] = text;
    return 0;
}

static struct slice joined(struct scratch *s, struct slice a, struct slice b)
{
    char *p = a.len && b.len ? scratch_take(s, a.len + b.len) : NULL;
    if (!a.len || !b.len)
        return a.len ? a : b;
    if (!p)
        return SLICE_NONE;
    memcpy(p, a.p, a.len);
    memcpy(p + a.len, b.p, b.len);
    return slice_of(p, a.len + b.len);
}

int values_multiply(struct values *v, const struct values *by, struct scratch *s, struct ditto_error *err)
{
    struct values all = {.state = VALUE_RESOLVED};
    for (size_t i = 0; i < v->n; i++)
        for (size_t k = 0; k < by->n; k++)
            if (values_add(&all, joined(s, v->v[i], by->v[k]), s, err) < 0)
                return -1;
    *v = all;
    return 0;
}
