/* mqtt_tickets.h: which message a packet identifier stands for.
 *
 * Ownership: tickets are the caller's. A zeroed table is an empty one. */
#ifndef TRANSPORT_MQTT_TICKETS_H
#define TRANSPORT_MQTT_TICKETS_H

#include <stdbool.h>

enum { MQTT_TICKET_BUCKETS = 1024 };

struct mqtt_tickets {
    struct mqtt_ticket *buckets[MQTT_TICKET_BUCKETS], *spare;
};

void mqtt_tickets_put(struct mqtt_tickets *t, int mid, void *ticket);
bool mqtt_tickets_has(const struct mqtt_tickets *t, int mid);
/* The ticket, taken out; NULL if there is none. */
void *mqtt_tickets_take(struct mqtt_tickets *t, int mid);
void mqtt_tickets_free(struct mqtt_tickets *t);

#endif
