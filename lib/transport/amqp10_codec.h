/* amqp10_codec.h: reading encoded AMQP 1.0 values (OASIS AMQP 1.0 part 1, "Types"), without copying or allocating.
 *
 * Why not libqpid-proton's pn_message_decode: it keeps only the last of several data sections, aborts on an empty
 * message, and costs more than all the rest of receiving. */
#ifndef TRANSPORT_AMQP10_CODEC_H
#define TRANSPORT_AMQP10_CODEC_H

#include <stdint.h>

#include "base/buf.h"

enum amqp10_kind {
    AMQP10_NULL,
    AMQP10_BOOL,
    AMQP10_UNSIGNED, /* ubyte to ulong */
    AMQP10_SIGNED,   /* byte to long, timestamp */
    AMQP10_FLOAT,
    AMQP10_DOUBLE,
    AMQP10_CHAR,
    AMQP10_UUID,
    AMQP10_DECIMAL,
    AMQP10_BINARY,
    AMQP10_STRING,
    AMQP10_SYMBOL,
    AMQP10_LIST,
    AMQP10_MAP,
    AMQP10_ARRAY,
};

struct amqp10_value {
    enum amqp10_kind kind;
    uint64_t descriptor; /* of a described value, where it is a number; 0: none */
    uint64_t number;     /* BOOL to CHAR: the value, signed ones extended, the bits of floating ones */
    struct slice bytes;  /* UUID to SYMBOL: the content; LIST and MAP: their encoded items */
    uint32_t count;      /* LIST and MAP: how many items (a map has two an entry) */
};

/* Takes one value off the front of *in; what is inside a compound value is not looked at. 0, or -1 if it is malformed
 * or cut off. */
int amqp10_take(struct slice *in, struct amqp10_value *v);
/* Are there exactly `count` well-formed items in a list's or map's bytes? Items that are compound are not looked into. */
bool amqp10_items_valid(const struct amqp10_value *compound);
/* Appends the text of a scalar as Java's toString has it, since Ditto's headers are made by that: 1.0, 1.0E10, true,
 * the character itself, the bytes of binary as they are. False, and nothing, for null, decimal and compound values. */
bool amqp10_put_text(struct buf *dst, const struct amqp10_value *v);

#endif
