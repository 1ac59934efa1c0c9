/* load.h: messages of the demo's form, made from one encoded template: cheap enough to flood with.
 *
 * Message n has the message-id "m-<n, ten digits>", content-type application/json, the application properties
 * device_id = "dev-<n mod 10>" and n (ulong), and as one data section the body
 *   {"temp":21.5,"ts":<wall clock, ms>,"n":<n, padded with spaces>,"pad":"xxx…"}
 * of the wanted size ("pad" is left out, or spaces stand for it, where it does not fit).
 *
 * LOAD_ENVELOPE: the same, inside the Ditto Protocol message that the demo's mapper makes of it; content-type
 * application/vnd.eclipse.ditto+json, and the body as a whole has the wanted size:
 *   {"topic":"org.example/dev-<n mod 10>/things/live/messages/temperature","headers":{"content-type":"application/json",
 *    "response-required":false,"correlation-id":"m-<n>"},"path":"/outbox/messages/temperature","value":{"temp":…}} */
#ifndef AMQP_PEER_LOAD_H
#define AMQP_PEER_LOAD_H

#include <stdint.h>

#include "base/buf.h"

enum load_form { LOAD_TELEMETRY, LOAD_ENVELOPE };
enum { LOAD_PLACES = 2 };

struct load {
    struct buf encoded; /* no header section */
    int places;         /* where id and device stand: in the sections before the body, in the envelope */
    size_t id[LOAD_PLACES], device[LOAD_PLACES], number, temp, ts, body_n; /* offsets of what changes */
};

enum { LOAD_MIN_BYTES = 48, LOAD_MAX_BYTES = 64 * 1024 * 1024 };

/* body_bytes is raised to LOAD_MIN_BYTES, or to what the envelope needs. */
void load_init_form(struct load *l, enum load_form form, size_t body_bytes);
static inline void load_init(struct load *l, size_t body_bytes)
{
    load_init_form(l, LOAD_TELEMETRY, body_bytes);
}
/* The encoded message, valid until the next call. */
struct slice load_make(struct load *l, uint64_t n);
/* "COUNT,ADDRESS,BYTES" or "COUNT,ADDRESS,BYTES,RATE": 0, or -1. The address is borrowed from text. */
int load_parse(const char *text, uint64_t *count, struct slice *address, uint64_t *bytes, uint64_t *rate);

#endif
