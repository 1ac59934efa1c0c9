/* amqp10_message.h: AMQP 1.0 messages as lines (Ditto, "AMQP 1.0 protocol binding").
 *
 * Properties become headers of their names (message-id user-id to subject reply-to correlation-id content-type
 * absolute-expiry-time creation-time group-id group-sequence reply-to-group-id; times in ms, integers that are 0
 * left out), application properties headers of their keys (with "amqp.application.property:" before a key that is
 * one of those names), message annotations "amqp.message.annotation:<key>". A body of data is bytes, an amqp-value
 * string is text; any other body is no payload. */
#ifndef TRANSPORT_AMQP10_MESSAGE_H
#define TRANSPORT_AMQP10_MESSAGE_H

#include <proton/message.h>

#include "base/buf.h"

/* Appends `,"headers":{…}` and the payload. */
void amqp10_put_message(struct buf *line, pn_message_t *m);

#endif
