/* amqp10.h: AMQP 1.0 (OASIS, ISO/IEC 19464) on qpid-proton-c, connectionType amqp-10.
 *
 * Source: one receiving link for each address and consumer. Fates are dispositions: accepted; rejected; and for a
 * redelivery modified(delivery-failed), or released where the peer's source does not offer modified (RabbitMQ ends the
 * session on it). */
#ifndef TRANSPORT_AMQP10_H
#define TRANSPORT_AMQP10_H

#include "transport/transport.h"

extern const struct transport amqp10_transport;

#endif
