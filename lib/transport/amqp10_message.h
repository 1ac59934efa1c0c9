/* amqp10_message.h: AMQP 1.0 messages as lines (OASIS AMQP 1.0 part 3, "Message Format"; Ditto, "AMQP 1.0 protocol
 * binding").
 *
 * Properties become headers of their names (message-id user-id to subject reply-to correlation-id content-type
 * content-encoding absolute-expiry-time creation-time group-id group-sequence reply-to-group-id; times in ms, numbers that
 * are 0 left out), application properties headers of their keys (with "amqp.application.property:"
 * before a key that is one of those names), message annotations "amqp.message.annotation:<key>". Values without a text
 * (null, lists, maps, …) are left out; what is no UTF-8 gets U+FFFD.
 * A body of data sections is their bytes, joined; an amqp-value string or binary its bytes; of any other body the message
 * has no payload.
 *
 * Ownership: struct amqp10_message borrows the encoded message; joined is its own. A zeroed one is an empty one. */
#ifndef TRANSPORT_AMQP10_MESSAGE_H
#define TRANSPORT_AMQP10_MESSAGE_H

#include "transport/amqp10_codec.h"

struct amqp10_message {
    unsigned delivery_count;
    struct amqp10_value annotations, properties, application; /* NULL kind: absent */
    struct slice payload;                                     /* SLICE_NONE: none */
    const char *body; /* what the body is, if it is nothing that becomes a payload; else NULL */
    struct buf joined;
};

/* Reads and checks the whole message. 0, or -1 if it is malformed. */
int amqp10_message_read(struct amqp10_message *m, struct slice encoded);
/* Appends `,"headers":{…}` and the payload. */
void amqp10_message_put(struct buf *line, const struct amqp10_message *m);
void amqp10_message_free(struct amqp10_message *m);

#endif
