/* hub.h: the signal bus of one machine: members at a Unix socket, and what the parts of lib/hub share.
 *
 *   hub.c        members come, are polled and written, leave
 *   member.c     one of them: its queue
 *   intake.c     the lines that they write
 *   hello.c      who a member is, or why it may not join
 *   directory.c  which targets subscribe what, which labels they answer, who should be there
 *   route.c      a message from an inbound ring to the targets of outbound rings
 *   request.c    which acknowledgements it asks for
 *   wait.c       the answers, until they are complete or late
 *   settle.c     what they mean for the delivery
 *
 * The protocol of the socket: HACKING.md, "The hub's socket". */
#ifndef HUB_HUB_H
#define HUB_HUB_H

#include "hub/directory.h"
#include "hub/member.h"
#include "line/report.h"

enum { HUB_MAX_MEMBERS = 1000, HELLO_MAX_BYTES = 1024 * 1024, HELLO_MAX_MS = 10000 };

enum hub_counter {
    HUB_RECEIVED,    /* messages of inbound rings */
    HUB_HANDED,      /* copies queued to targets */
    HUB_UNMATCHED,   /* messages that no target subscribes */
    HUB_UNSERVED,    /* messages that nobody serves: rejected */
    HUB_DROPPED,     /* copies that found a full queue */
    HUB_UNAVAILABLE, /* labels answered 503: queue full, ring away, ring left */
    HUB_TIMED_OUT,   /* labels answered 408 */
    HUB_ACCEPTED,    /* settlements of the hub's own, by class */
    HUB_REJECTED,
    HUB_REDELIVERED,
    HUB_ABANDONED, /* waits whose inbound ring left */
    HUB_BAD,       /* lines that no role may write */
    HUB_UNKNOWN,   /* settlements nobody waits for */
    HUB_REFUSED,   /* hellos */
    HUB_COUNTERS
};

struct hub {
    struct loop *loop;
    size_t max_bytes, max_messages; /* of a member's queue */
    bool block;                     /* a full queue stops the inbound ring instead of dropping */

    /* private to lib/hub */
    struct watch listener;
    struct timer retry; /* of accept, when descriptors were short */
    struct directory directory;
    struct member *members, *gone, *dirty;
    size_t n_members, n_stalled, n_waits;
    bool room; /* a queue got room: stalled members may go on */
    struct matches matches;
    struct buf scratch, rest, headers;
    struct counter counters[HUB_COUNTERS];
    msec next_complaint; /* bad lines are logged no more often than this */
    uint64_t complaints; /* those not logged since */
};

/* loop, limits and block are set; takes the loop's before-poll hook. listener is a listening socket. Raises the limit
 * of open descriptors as far as it may. */
void hub_start(struct hub *h, int listener);
/* Writes out what does not block, closes everything, frees. */
void hub_stop(struct hub *h);
/* One line on stderr: the counters above, members, waits, queued bytes. */
void hub_print_counters(struct hub *h);
/* For lib/hub: m leaves. It is out of every list and index at once; its memory goes before the next poll. What it had
 * unsettled is answered 503, its own waits end. */
void hub_leave(struct member *m);
/* For lib/hub: a warning, at most one in ten seconds; the others are counted, and the next one says how many. */
void hub_complain(struct hub *h, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
