#include "transport/mqtt_parcels.h"

#include <stdlib.h>

#include "base/banned.h"

enum { KEEP_BYTES = 4096 };

void parcels_init(struct parcels *all)
{
    *all = (struct parcels){.again_end = &all->again};
}

void parcels_free(struct parcels *all)
{
    while (all->all) {
        struct parcel *p = all->all;
        all->all = p->all;
        buf_free(&p->topic);
        buf_free(&p->tail);
        free(p);
    }
}

struct parcel *parcels_take(struct parcels *all)
{
    struct parcel *p = all->spare;
    if (p) {
        all->spare = p->next;
        buf_reset(&p->topic, KEEP_BYTES);
        buf_reset(&p->tail, KEEP_BYTES);
        return p;
    }
    p = xcalloc(1, sizeof *p);
    p->all = all->all;
    all->all = p;
    return p;
}

void parcels_put(struct parcels *all, struct parcel *p)
{
    all->bytes -= p->tail.len;
    buf_reset(&p->tail, KEEP_BYTES);
    p->next = all->spare;
    all->spare = p;
}

void parcels_queue(struct parcels *all, struct parcel *p)
{
    p->next = NULL;
    *all->again_end = p;
    all->again_end = &p->next;
}

struct parcel *parcels_next(struct parcels *all)
{
    struct parcel *p = all->again;
    if (!p)
        return NULL;
    all->again = p->next;
    if (!all->again)
        all->again_end = &all->again;
    return p;
}
