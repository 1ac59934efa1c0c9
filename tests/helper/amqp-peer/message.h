/* message.h: AMQP 1.0 messages as JSON objects, for the AMQP test programs.
 *
 * The object (all members are optional, unknown ones are ignored):
 *   "address"                 where it goes; the program's business
 *   "durable", "priority", "ttl" (ms), "settled" (send it pre-settled)
 *   "properties"              message-id correlation-id user-id to subject reply-to content-type content-encoding
 *                             absolute-expiry-time creation-time (ms) group-id group-sequence reply-to-group-id
 *   "application-properties", "annotations"   {name: value}
 *   one body:  "text" amqp-value string · "data" (base64) a data section · "map", "list", "value" (any) amqp-value
 *              · "sequence" an amqp-sequence. Without one: amqp-value null.
 * JSON values become null, boolean, string, long (ulong beyond int64), double, list, map. In properties,
 * annotations and as "value" an object of one member named like an AMQP type makes exactly that type: {"ubyte":5},
 * {"symbol":"x"}, {"timestamp":0}, {"uuid":"00112233-4455-6677-8899-aabbccddeeff"}, {"binary":"<base64>"},
 * {"float":0.5}. Ids: string, number (ulong), or such an object. What is printed has the same shape, plus "body" (the name of the body
 * member, or "none"), so a printed message can be sent again.
 *
 * An encoded message is kept without its header section, since that is what a broker changes: struct header. */
#ifndef AMQP_PEER_MESSAGE_H
#define AMQP_PEER_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "json/json.h"

/* OASIS AMQP 1.0 part 3, 3.2.1. ttl_ms 0: none. */
struct header {
    bool durable;
    bool first_acquirer;
    uint8_t priority; /* 4 is the default */
    uint32_t ttl_ms;
    uint32_t delivery_count;
};

enum { HEADER_MAX = 32 };
#define HEADER_DEFAULT ((struct header){.priority = 4})

/* Writes the section to dst; returns its length, at most HEADER_MAX. */
size_t header_put(char *dst, const struct header *h);
/* Reads the header section at the start of an encoded message into *h (defaults where it says nothing); returns its
 * length, 0 if there is none or it cannot be read. */
size_t header_get(struct slice message, struct header *h);

/* Appends the encoded message, without its header section, to dst. 0, or -1 with *reason (static text). */
int message_from_json(struct json object, struct buf *dst, struct header *h, const char **reason);
/* Appends the members "properties", … "body" and the body to the object that stands open at the end of dst.
 * 0, or -1 if the message cannot be decoded (dst as it was). */
int message_to_json(struct buf *dst, struct slice encoded);
/* The property "to" of an encoded message, appended to dst; false if it has none. */
bool message_to(struct buf *dst, struct slice encoded);

#endif
