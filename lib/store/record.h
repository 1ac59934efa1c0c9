/* record.h: one record of the event log, as bytes.
 *
 * A record describes itself: whoever finds its bytes in a torn file knows what it is, whose, in which order it came,
 * and whether it is whole. All numbers are little-endian.
 *
 *   at   0  4   magic "DEv1"
 *        4  4   CRC-32C of everything from byte 8 to the end of the payload
 *        8  1   format: 1
 *        9  1   kind
 *       10  2   bytes of the id
 *       12  4   bytes of the payload
 *       16  8   revision: counts the events of this connection, from 1, without gaps
 *       24  8   position: counts the events of the log, from 1, without gaps
 *       32  8   durable: the newest position that was known durable when this record was written
 *       40  8   wall time, milliseconds since 1970
 *       48      id, then payload (JSON)
 *
 * A later format keeps the first 16 bytes and the checksum as they are, so that this one can tell "newer" from
 * "damaged". A payload is JSON and has no control bytes, so it can never hold what looks like a whole record.
 *
 * Ownership: none; slices borrow the bytes that were read. */
#ifndef STORE_RECORD_H
#define STORE_RECORD_H

#include <stdint.h>

#include "base/buf.h"

enum record_kind {
    RECORD_EVENT = 1,
    RECORD_SNAPSHOT =
        2, /* the whole state of a connection; stands in the place of the event that led to it */
    RECORD_TOMBSTONE = 3, /* the event that deleted the connection */
    RECORD_CUT = 4,       /* up to its position there are only snapshots, revision says how many; has no id */
};

struct record {
    enum record_kind kind;
    struct slice id;
    uint64_t revision, position, durable;
    int64_t time; /* wall milliseconds */
    struct slice payload;
};

#define RECORD_MAGIC "DEv1"
enum {
    RECORD_FORMAT = 1,
    RECORD_HEAD = 48,
    RECORD_MAX_ID = 256,
    RECORD_MAX_PAYLOAD = 16 * 1024 * 1024,
    RECORD_MAX = RECORD_HEAD + RECORD_MAX_ID + RECORD_MAX_PAYLOAD,
};

void record_put(struct buf *dst, const struct record *r);

enum record_status {
    RECORD_WHOLE,
    RECORD_SHORT,   /* bytes end before the record does */
    RECORD_FOREIGN, /* no magic */
    RECORD_DAMAGED, /* magic, but lengths or checksum are wrong; the head is decoded as far as it goes */
    RECORD_NEWER,   /* whole, of a later format */
};
/* Reads the record at the start of bytes; *len is its size (for RECORD_SHORT: what is needed, as far as known). */
enum record_status record_read(struct slice bytes, struct record *out, size_t *len);

#endif
