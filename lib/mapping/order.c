#include "mapping/order.h"

#include <stdlib.h>

#include "base/banned.h"

enum { KEEP_BYTES = 16 * 1024 };

void order_init(struct order *o)
{
    *o = (struct order){.slots = xcalloc(ORDER_MAX, sizeof *o->slots)};
}

void order_free(struct order *o)
{
    for (size_t i = 0; o->slots && i < ORDER_MAX; i++) {
        buf_free(&o->slots[i].line);
        for (size_t k = 0; k < MAPPERS_MAX; k++)
            buf_free(&o->slots[i].answers[k].text);
    }
    free(o->slots);
    *o = (struct order){0};
}

bool order_has_room(const struct order *o)
{
    return o->n < ORDER_MAX && o->bytes < ORDER_BYTES;
}

struct waiting *order_add(struct order *o, struct slice line)
{
    struct waiting *w = &o->slots[(o->first + o->n++) % ORDER_MAX];
    w->n_jobs = w->n_open = 0;
    buf_put_slice(&w->line, line);
    o->bytes += line.len;
    return w;
}

struct waiting *order_of(const struct order *o, const struct job *j)
{
    return &o->slots[(size_t)((const char *)j - (const char *)o->slots) / sizeof *o->slots];
}

void order_answer(struct order *o, struct job *j, bool failed, struct slice text)
{
    struct waiting *w = order_of(o, j);
    struct answer *a = &w->answers[j - w->jobs];
    a->script = j->script;
    a->failed = failed;
    buf_put_slice(&a->text, text);
    w->n_open--;
}

struct waiting *order_ready(struct order *o)
{
    return o->n && o->slots[o->first].n_open == 0 ? &o->slots[o->first] : NULL;
}

void order_drop(struct order *o)
{
    struct waiting *w = &o->slots[o->first];
    o->bytes -= w->line.len;
    buf_reset(&w->line, KEEP_BYTES);
    for (size_t i = 0; i < w->n_jobs; i++)
        buf_reset(&w->answers[i].text, KEEP_BYTES);
    o->first = (o->first + 1) % ORDER_MAX;
    o->n--;
}
