/* amqp10.h: AMQP 1.0 (OASIS, ISO/IEC 19464) on qpid-proton-c, connectionType amqp-10.
 *
 * Source: one receiving link for each address and consumer. Credit is the window; at the end it is taken back (never by
 * drain, which RabbitMQ 3.10 does not survive). Fates are dispositions: accepted; rejected; and for a redelivery
 * modified(delivery-failed), or released where the peer's source does not offer modified (RabbitMQ ends the session on
 * it). A message over 16 MiB, or one that is no AMQP message, is rejected and logged.
 * A link, session or connection that the peer ends, and a peer that is silent for amqp.idleTimeout (60 s), end the
 * channel. */
#ifndef TRANSPORT_AMQP10_H
#define TRANSPORT_AMQP10_H

#include "transport/transport.h"

extern const struct transport amqp10_transport;

#endif
