/* amqp10_encode.h: external messages as encoded AMQP 1.0 messages (OASIS AMQP 1.0 part 3, "Message Format"; Ditto, "AMQP
 * 1.0 protocol binding"). The reverse of amqp10_message.h.
 *
 * Headers named like a property set it: message-id user-id to subject reply-to correlation-id content-type
 * content-encoding absolute-expiry-time creation-time group-id group-sequence reply-to-group-id; a value that the property
 * cannot hold (a time that is no number, a content type that is not ASCII) is left out, as Ditto does; to and reply-to
 * lose a "queue://" or "topic://". "amqp.message.annotation:<key>" sets an annotation, any other header, without an
 * "amqp.application.property:" in front of it, an application property; all of them strings. Nothing is added: no message
 * id, no time.
 * Text becomes an amqp-value string, bytes one data section, no payload an amqp-value null.
 *
 * Ownership: struct amqp10_encoder owns its scratch memory; a zeroed one is an empty one. */
#ifndef TRANSPORT_AMQP10_ENCODE_H
#define TRANSPORT_AMQP10_ENCODE_H

#include "transport/transport.h"

enum { AMQP10_PROPERTIES = 13 };

struct amqp10_encoder {
    struct buf annotations, application; /* encoded items */
    struct buf texts;                    /* of properties; all of its slices end with it */
    size_t n_annotations, n_application;
    struct {
        bool present;
        size_t at, len; /* in texts */
    } properties[AMQP10_PROPERTIES];
    struct buf name, value; /* of the header at hand */
};

/* Appends the message to dst. user_id and to: what these properties are whatever the headers say; SLICE_NONE: what they
 * say. 0, or -1 with *err (400): a header that is no string, an annotation whose key is not ASCII. */
int amqp10_encode(struct amqp10_encoder *e, struct buf *dst, const struct outgoing *m, bool durable,
                  struct slice user_id, struct slice to, struct ditto_error *err);
void amqp10_encoder_free(struct amqp10_encoder *e);

#endif
