/* mqtt_parcels.h: the unsettled messages of mqtt-in, each with all that it takes to send its line again.
 *
 * Ownership: all parcels belong to the list for its whole life; spare ones are used again. */
#ifndef TRANSPORT_MQTT_PARCELS_H
#define TRANSPORT_MQTT_PARCELS_H

#include <stdbool.h>

#include "base/buf.h"

struct parcel {
    struct parcel *next; /* of the spare ones, or of those to be sent again */
    struct parcel *all;
    size_t lane;
    unsigned attempt;
    unsigned life;          /* of the session that brought it */
    bool gated;             /* QoS 1: a PUBACK waits for it */
    struct buf topic, tail; /* tail: of the line */
};

struct parcels {
    struct parcel *spare, *all, *again, **again_end;
    size_t bytes; /* of the tails of those that are not spare; whoever writes one adds its length */
};

void parcels_init(struct parcels *all);
void parcels_free(struct parcels *all);
/* An empty one. */
struct parcel *parcels_take(struct parcels *all);
/* It is spare again. */
void parcels_put(struct parcels *all, struct parcel *p);
/* Puts it behind those that are to be sent again; takes the first of them, or NULL. */
void parcels_queue(struct parcels *all, struct parcel *p);
struct parcel *parcels_next(struct parcels *all);

#endif
