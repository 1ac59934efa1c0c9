/* wire.h: one AMQP connection (pn_connection_driver) on the poll loop: bytes in, events out, bytes out.
 *
 * The owner embeds struct wire and sets loop, event and gone (fill may be NULL) before wire_start. Reading happens when
 * poll says so and sets due; wire_turn does the rest: events, fill, writing. The owner calls it from its before-poll
 * hook for every wire that is due, and sets due itself whenever it did something to the connection from outside.
 * Nothing blocks. The driver and the descriptor belong to the wire; wire_end gives them back. */
#ifndef AMQP_PEER_WIRE_H
#define AMQP_PEER_WIRE_H

#include <proton/connection_driver.h>

#include "base/loop.h"

struct wire {
    struct loop *loop;
    void (*event)(struct wire *w, pn_event_t *e);
    void (*fill)(struct wire *w); /* called before each write: the place to send more */
    void (*gone)(struct wire *w); /* both directions are closed and all events seen; calls wire_end */
    pn_connection_driver_t driver;
    struct watch watch;
    struct timer tick;
    bool due;
    bool deaf;   /* reads nothing: the kernel's buffers fill and the other side stalls */
    bool frozen; /* does nothing at all, but keeps the socket */
    bool drop;   /* once all is written, closes the socket without a word */
};

/* Sets up the driver (before the connection is bound: idle timeout, SASL, server and user belong here). */
void wire_init(struct wire *w, int fd);
void wire_start(struct wire *w);
void wire_turn(struct wire *w);
/* Stops I/O for good: events that follow from it still come. */
void wire_abort(struct wire *w);
void wire_end(struct wire *w);

static inline pn_transport_t *wire_transport(struct wire *w)
{
    return w->driver.transport;
}

static inline pn_connection_t *wire_connection(struct wire *w)
{
    return w->driver.connection;
}

#endif
