/* enrich.h: extra fields: messages that a target wants with parts of their thing.
 *
 * The hub asks the service of twin commands for the thing, in the name of the target's subjects, and keeps it in a cache that
 * the events of that service keep true; an event that does not follow the revision at hand empties its place, and so does a
 * service that leaves. Messages wait for the answer in order. Then the filters are applied again, on message and extra fields
 * together; what does not match is answered as filtered. Without an answer within 10 s, or with an error, the message is not
 * handed on: its labels are answered with the error. Source: mapping reference 4.6, protocol reference 10.5, 10.6.
 *
 * Bounded: EXTRAS_MAX_BYTES of things; waiting messages count as their member's queue. */
#ifndef HUB_ENRICH_H
#define HUB_ENRICH_H

#include "hub/wait.h"

enum { EXTRAS_MAX_BYTES = 16 * 1024 * 1024, EXTRAS_BUCKETS = 4096, FETCH_MAX_MS = 10000 };

struct extras {
    struct fetch *buckets[EXTRAS_BUCKETS]; /* by thing */
    struct fetch *oldest, *newest;         /* used */
    size_t bytes, n;
};

/* A message for an outlet that wants extra fields: handed on at once if they are known, else later. l: its leg, with id; NULL:
 * nobody waits. more: further members of its context. rest: its line's object behind id and context. */
void enrich_hand(struct hub *h, const struct match *m, const struct topic *t, struct leg *l, const char *id,
                 struct slice more, struct slice rest);
/* A twin event: what is known of its thing follows it. */
void enrich_event(struct hub *h, const struct line *l, const struct topic *t);
/* The answer to a question of the hub's: its line (topic, status, value). */
void enrich_response(struct leg *l, const struct line *answer);
/* … or how it ended without one. */
void enrich_answered(struct leg *l, int status, const struct said *s);
/* Nobody waits for the leg any more: its message is handed on without id. */
void enrich_unclaimed(struct leg *l);
/* m leaves: nothing waits for it, and if it is a service, nothing is known any more. */
void enrich_leave(struct hub *h, struct member *m);
void enrich_start(struct hub *h);
void enrich_stop(struct hub *h);

#endif
