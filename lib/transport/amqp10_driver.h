/* amqp10_driver.h: one AMQP 1.0 connection inside our loop: TCP, SASL, heartbeats, and the bytes to and from
 * qpid-proton-c's connection driver. What is sent or received over it is its owner's business.
 *
 * Ownership: the connection, its session and all links belong to the driver; loop and connection are borrowed. */
#ifndef TRANSPORT_AMQP10_DRIVER_H
#define TRANSPORT_AMQP10_DRIVER_H

#include <proton/connection_driver.h>

#include "base/loop.h"
#include "connection/connection.h"
#include "transport/tcp.h"

struct amqp10_driver {
    struct loop *loop;
    pn_connection_driver_t pn;
    pn_session_t *session;
    struct tcp tcp;
    struct watch watch;
    struct timer tick;
    bool connected;   /* TCP */
    bool over;        /* failed was called, or the owner wants no more events */
    const char *lost; /* why the socket is gone, if it is */
    /* The owner's. Events of links, deliveries, the remote side's closing, … */
    void (*event)(void *arg, pn_event_t *e);
    /* The connection did not come up, or is gone; permanent: only another configuration can help. Once. */
    void (*failed)(void *arg, const char *reason, bool permanent);
    void *arg;
};

/* Sets the connection and its session up; links may be added before amqp10_driver_connect. role: "in" or "out", the end
 * of the container id (Ditto: jms.clientID, else the connection's id). */
void amqp10_driver_init(struct amqp10_driver *d, struct loop *loop, const struct connection *c,
                        unsigned client, const char *role);
/* Looks the host up and starts to connect. */
void amqp10_driver_connect(struct amqp10_driver *d, const struct connection *c);
/* All that can be done now: events, and writing what they made. */
void amqp10_drive(struct amqp10_driver *d);
/* Frees all at once; the socket closes. */
void amqp10_driver_free(struct amqp10_driver *d);

#endif
