/* amqp10_senders.h: the sending links of a connection, one an address (private to lib/transport/amqp10*).
 *
 * Links to the addresses of targets stay; of the others the 64 that were used last are kept. Where the peer offers the
 * anonymous terminus (AMQP 1.0, "Anonymous Terminus for Message Routing"), all of the others share one link, and each
 * message says in `to` where it goes.
 *
 * Ownership: senders belong to the list, their proton links to the connection. */
#ifndef TRANSPORT_AMQP10_SENDERS_H
#define TRANSPORT_AMQP10_SENDERS_H

#include "transport/amqp10_driver.h"

struct parcel;

struct sender {
    struct sender *newer, *older; /* by last use */
    struct buf address;
    int target;     /* index of the target that it is kept for; -1: none */
    bool anonymous; /* address is empty */
    enum { ATTACHING, ATTACHED, REFUSED } state;
    struct ditto_error refusal; /* why, until it has been told */
    bool proven;                /* a message on it has been answered */
    pn_link_t *link;            /* NULL once REFUSED */
    size_t unsettled;
    msec clock;           /* while a look is taken for what has expired */
    struct buf rest;      /* of a large message, still to be handed to proton */
    struct parcel *large; /* whose it is */
};

struct senders {
    pn_session_t *session;
    struct slice name; /* the connection's: links are named after it */
    bool presettled;
    struct sender *newest, *oldest;
    size_t n, made;
};

/* The sender of that address (anonymous: the one of all others), now the newest; made and attaching if there is none.
 * NULL: there is no room, all links are busy. target: -1, or what it is kept for. */
struct sender *senders_get(struct senders *all, struct slice address, bool anonymous, int target);
struct sender *senders_find(struct senders *all, struct slice address, bool anonymous);
/* Closes its link, if there still is one, and forgets it. */
void senders_drop(struct senders *all, struct sender *s);
void senders_free(struct senders *all);

#endif
