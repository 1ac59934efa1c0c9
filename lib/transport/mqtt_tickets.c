#include "transport/mqtt_tickets.h"

#include <stdlib.h>

#include "base/buf.h"

#include "base/banned.h"

struct mqtt_ticket {
    struct mqtt_ticket *next;
    void *ticket;
    int mid;
};

static struct mqtt_ticket **bucket_of(struct mqtt_tickets *t, int mid)
{
    return &t->buckets[mid % MQTT_TICKET_BUCKETS];
}

void mqtt_tickets_put(struct mqtt_tickets *t, int mid, void *ticket)
{
    struct mqtt_ticket *m = t->spare, **bucket = bucket_of(t, mid);
    if (m)
        t->spare = m->next;
    else
        m = xmalloc(sizeof *m);
    *m = (struct mqtt_ticket){.next = *bucket, .ticket = ticket, .mid = mid};
    *bucket = m;
}

bool mqtt_tickets_has(const struct mqtt_tickets *t, int mid)
{
    const struct mqtt_ticket *m = t->buckets[mid % MQTT_TICKET_BUCKETS];
    while (m && m->mid != mid)
        m = m->next;
    return m;
}

void *mqtt_tickets_take(struct mqtt_tickets *t, int mid)
{
    struct mqtt_ticket **at = bucket_of(t, mid), *m;
    while (*at && (*at)->mid != mid)
        at = &(*at)->next;
    m = *at;
    if (!m)
        return NULL;
    *at = m->next;
    m->next = t->spare;
    t->spare = m;
    return m->ticket;
}

static void free_all(struct mqtt_ticket *m)
{
    while (m) {
        struct mqtt_ticket *next = m->next;
        free(m);
        m = next;
    }
}

void mqtt_tickets_free(struct mqtt_tickets *t)
{
    for (int i = 0; i < MQTT_TICKET_BUCKETS; i++)
        free_all(t->buckets[i]);
    free_all(t->spare);
    *t = (struct mqtt_tickets){0};
}
