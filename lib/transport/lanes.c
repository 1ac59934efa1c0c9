#include "transport/lanes.h"

#include <stdlib.h>

#include "base/banned.h"

static size_t count(const struct source *s, int only, bool per_address)
{
    if (only >= 0 && (size_t)only != s->index)
        return 0;
    return per_address ? s->addresses.n * s->consumer_count : 1;
}

static void put_context(struct buf *dst, const struct connection *c, unsigned source)
{
    buf_puts(dst, ",\"context\":{\"connection\":");
    json_put_text(dst, c->id);
    buf_printf(dst, ",\"source\":%u}", source);
}

/* The k-th lane of n of this source: consumers of an address stand beside each other. */
static struct lane make(const struct source *s, size_t k, bool per_address)
{
    struct lane lane = {.source = (unsigned)s->index, .address = SLICE_NONE};
    if (per_address) {
        lane.address = s->addresses.v[k / s->consumer_count];
        lane.consumer = (unsigned)(k % s->consumer_count);
    }
    return lane;
}

static void add(struct lanes *l, const struct connection *c, const struct source *s, size_t n,
                bool per_address, unsigned window)
{
    for (size_t k = 0; k < n; k++, l->n++) {
        l->v[l->n] = make(s, k, per_address);
        l->windows[l->n].size = window > n ? window / (unsigned)n : 1;
        put_context(&l->contexts[l->n], c, l->v[l->n].source);
    }
}

void lanes_make(struct lanes *l, const struct connection *c, int only, bool per_address, unsigned window)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n_sources; i++)
        n += count(&c->sources[i], only, per_address);
    *l = (struct lanes){.v = xcalloc(n, sizeof *l->v),
                        .windows = xcalloc(n, sizeof *l->windows),
                        .contexts = xcalloc(n, sizeof *l->contexts)};
    for (size_t i = 0; i < c->n_sources; i++)
        add(l, c, &c->sources[i], count(&c->sources[i], only, per_address), per_address, window);
}

void lanes_free(struct lanes *l)
{
    for (size_t i = 0; i < l->n; i++)
        buf_free(&l->contexts[i]);
    free(l->v);
    free(l->windows);
    free(l->contexts);
    *l = (struct lanes){0};
}
