/* amqp10.h: AMQP 1.0 (OASIS, ISO/IEC 19464) on qpid-proton-c, connectionType amqp-10.
 *
 * Source: one receiving link for each address and consumer. Credit is the window; at the end it is taken back (never by
 * drain, which RabbitMQ 3.10 does not survive). Fates are dispositions: accepted; rejected; and for a redelivery
 * modified(delivery-failed), or released where the peer's source does not offer modified (RabbitMQ ends the session on
 * it). A message over 16 MiB, or one that is no AMQP message, is rejected and logged. A link that the peer ends ends the
 * channel.
 *
 * Sink: one sending link for each address (amqp10_senders.h). The links of targets are attached first; those that the peer
 * refuses do no harm, unless it refuses all of them: messages for them get the reason. What the peer accepts is
 * confirmed; what it rejects is refused with a 4xx that its condition means, or 503 where the condition speaks of a
 * shortage; released, modified, settled without an outcome, or on a link that it ends: 503; not confirmed within
 * jms.sendTimeout: 408. Messages are durable, unless they are settled beforehand (jms.presettlePolicy).
 *
 * Both: a session or connection that the peer ends, and a peer that is silent for amqp.idleTimeout (60 s), end the
 * channel. */
#ifndef TRANSPORT_AMQP10_H
#define TRANSPORT_AMQP10_H

#include "transport/transport.h"

extern const struct transport amqp10_transport, amqp10_out_transport;

/* Shared by both. */
int amqp10_transport_check(const struct connection *c, struct ditto_error *err);
#define AMQP10_TEXT(n)  AMQP10_TEXT_(n)
#define AMQP10_TEXT_(n) #n
/* needs proton/version.h */
#define AMQP10_LIBRARIES                                                                                     \
    "qpid-proton " AMQP10_TEXT(PN_VERSION_MAJOR) "." AMQP10_TEXT(PN_VERSION_MINOR) "." AMQP10_TEXT(          \
        PN_VERSION_POINT)

#endif
