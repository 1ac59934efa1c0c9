/* null.h: a transport without a peer, for tests and benchmarks of the engines: it serves any connection.
 *
 * specificConfig steers it (numbers):
 *   null.messages   a source makes so many messages on each lane (0), as its window allows; header "n" counts from 1.
 *                   What is redelivered comes again, attempt + 1. When all are settled for good, the channel closes
 *                   (not if they come settled).
 *   null.bytes      their payload, in 'x' (0)
 *   null.late       a sink confirms at the next round of the loop, in reverse order; else inside publish
 *   null.refuse     each so many'th message of a sink is refused with 400; of a source, by the adapter
 *   null.full       each so many'th publish finds the channel full, once */
#ifndef TRANSPORT_NULL_H
#define TRANSPORT_NULL_H

#include "transport/transport.h"

extern const struct transport null_transport;

/* What happened in this process so far. */
struct null_record {
    unsigned long made, accepted, rejected, redelivered; /* a source's */
    unsigned long unsettled, most_unsettled;             /* a source's, all lanes */
    unsigned long holds, published, text, bytes; /* a sink's: messages, those that came as text, payload */
    struct buf last; /* the address and payload of the last published message, with a blank between */
};
extern struct null_record null_record;

#endif
