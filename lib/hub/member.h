/* member.h: a peer at the hub's socket, from accept to close.
 *
 * What is written to a member goes into its queue; the hub writes the queues out before it polls, one write a member.
 * The queue is bounded for messages (member_has_room). Settlements, parts and answers are bounded by the messages they
 * belong to: a member `in` whose queue is over the limit is not read meanwhile; a service or control, which are always
 * read, are closed when they leave more than that unread.
 * Ownership: a member owns its descriptor, its connection or offer, its outlets and its buffers; waits and index entries
 * point at it, so it is freed (member_free) only after hub.c has taken it out of all of them. */
#ifndef HUB_MEMBER_H
#define HUB_MEMBER_H

#include "base/lines.h"
#include "base/loop.h"
#include "hub/offer.h"
#include "hub/outlet.h"
#include "hub/tally.h"
#include "line/pending.h"

struct hub;
struct wait;

enum role {
    ROLE_NONE /* its hello has not come yet */,
    ROLE_IN,
    ROLE_OUT,
    ROLE_SERVICE,
    ROLE_TAP,
    ROLE_CONTROL
};

struct member {
    struct hub *hub;
    struct member *next;
    enum role role;
    unsigned client;
    struct connection connection; /* valid once role is IN or OUT */
    struct offer offer;           /* of a service or tap */
    struct lines in;
    struct watch watch;
    struct timer greeting; /* how long its hello may take */

    struct buf queue; /* to be written */
    size_t queued;    /* messages in it */
    size_t told;      /* bytes of what is no message, since it was empty */
    bool blocked;     /* the socket took no more */
    bool deaf;        /* does not read any more: what is queued for it is thrown away */
    bool dirty;       /* on the hub's list of queues to write */
    struct member *next_dirty;

    /* who gives messages: in, service, control */
    bool stalled; /* its next line waits for room in a queue */
    bool paused;  /* complete lines may be in our buffer, unread: its own queue was full */
    struct wait *waits;
    size_t n_waits;
    size_t held; /* bytes of answers that its waits hold */

    /* who takes messages: out, service */
    struct pending unsettled; /* ids given for lines handed to it; entry->data is a struct leg */
    struct outlet *outlets;   /* of each target; a service has one */
    size_t n_outlets;
    size_t parked;             /* bytes of messages that wait for their extra fields */
    bool superseded;           /* a later ring of the same client took its place */
    bool full;                 /* as last logged */
    uint64_t refused, dropped; /* since then: labels answered 503, messages dropped */
    struct member **clients;   /* the outbound rings of its connection, by client; belongs to the directory */
    size_t n_clients;
    struct tally tally; /* out: what was counted for its targets */

    uint64_t lost; /* tap: records that found no room, since the last one that did */
};

struct member *member_new(struct hub *h, int fd);
void member_free(struct member *m);
/* Once the hello is read, connection and offer are set: gets ready for its role. 0, or -1 with the error of a topic that a
 * service subscribes. */
int member_joined(struct member *m, enum role role, struct ditto_error *err);
/* False once it has left. */
static inline bool member_here(const struct member *m)
{
    return m->watch.fd >= 0;
}
/* "outbound ring 0 of 'id'", for logs; static text, valid until the next call. m may be NULL. */
const char *member_name(const struct member *m);

/* The queue, to append whole lines to; marks it to be written. */
struct buf *member_queue(struct member *m);
/* What was appended to its queue from offset at on is no message, but a settlement or the like: counted, shown to taps. */
void member_told(struct member *m, size_t at);
/* Is there room for a message of len bytes? An empty queue has room for any. Writes first, if that may help. */
bool member_has_room(struct member *m, size_t len);
/* Appends a message: `{["id":id,]` context, which is an open object (`"context":{…`), more, which are further members of it,
 * `},` and rest, the remainder of the line's object with its '}'. */
void member_hand(struct member *m, const char *id, struct slice context, struct slice more,
                 struct slice rest);
/* Notes that a message found no room; says so in the log once. */
void member_overflowed(struct member *m, bool labelled);
/* Writes what the socket takes. 0, or -1 when the peer reads no more (then it is deaf, and the queue as it was). */
int member_flush(struct member *m);
/* Should its socket be read now? */
bool member_readable(const struct member *m);
/* Does it owe its attention to what it was told? A member that is always read and never reads is closed. */
bool member_ignores(const struct member *m);
/* Brings the watch in line with the state. */
void member_watch(struct member *m);

#endif
