/* hub.h: the signal bus of one machine: members at a Unix socket, and what the parts of lib/hub share.
 *
 *   hub.c        members come, are polled and written, leave
 *   member.c     one of them: its queue
 *   intake.c     the lines that they write
 *   hello.c      who a member is, or why it may not join
 *   offer.c      … and what a service offers
 *   outlet.c     what a target, or a service, subscribes
 *   directory.c  who subscribes, serves, answers what; who should be there
 *   route.c      a message, to whoever it is for
 *   request.c    what it asks for: acknowledgements, a response
 *   wait.c       the answers, until they are complete or late
 *   leg.c        the lines that were handed on meanwhile
 *   answer.c     answers that are messages: of services, of devices
 *   response.c   what is told of a message
 *   reply.c      … to who asked
 *   settle.c     what the answers mean for the delivery
 *   enrich.c     extra fields, and the things they are cut from
 *   selection.c  … which of them go with a message
 *   visible.c    what of an event a target may see
 *   tap.c        who only looks
 *   tally.c      what is counted for each target
 *
 * The protocol of the socket: HACKING.md, "The hub's socket". */
#ifndef HUB_HUB_H
#define HUB_HUB_H

#include "hub/directory.h"
#include "hub/member.h"
#include "line/report.h"

enum { HUB_MAX_MEMBERS = 1000, HELLO_MAX_BYTES = 1024 * 1024, HELLO_MAX_MS = 10000, CORRELATIONS = 4096 };

enum hub_counter {
    HUB_RECEIVED,    /* messages of members */
    HUB_HANDED,      /* copies queued to targets and subscribers */
    HUB_ASKED,       /* commands and messages queued to who serves them */
    HUB_REPLIES,     /* responses queued to reply targets */
    HUB_UNDELIVERED, /* responses that found no reply target */
    HUB_UNMATCHED,   /* messages that nobody gets */
    HUB_UNSERVED,    /* messages that nobody serves: refused */
    HUB_DROPPED,     /* copies that found a full queue */
    HUB_UNAVAILABLE, /* labels answered 503: queue full, ring away, ring left */
    HUB_TIMED_OUT,   /* labels answered 408 */
    HUB_ACCEPTED,    /* settlements of the hub's own, by class */
    HUB_REJECTED,
    HUB_REDELIVERED,
    HUB_ABANDONED, /* waits whose sender left */
    HUB_BAD,       /* lines that no role may write */
    HUB_UNKNOWN,   /* settlements and answers nobody waits for */
    HUB_REFUSED,   /* hellos */
    HUB_COUNTERS
};

struct extras;

struct hub {
    struct loop *loop;
    size_t max_bytes, max_messages; /* of a member's queue */
    size_t max_line;                /* of a member's line */
    bool block;                     /* a full queue stops the inbound ring instead of dropping */

    /* private to lib/hub */
    struct watch listener;
    struct timer retry;   /* of accept, when descriptors were short */
    struct timer telling; /* control: tally.h */
    struct directory directory;
    struct member *members, *gone, *dirty;
    const struct member *speaker; /* whose line is at work; NULL: the hub's own time */
    size_t n_members, n_taps, n_stalled, n_waits, n_held;
    bool room; /* a queue got room, a ring came or left: stalled members and held responses may go on */
    struct wait *held; /* whose responses found no room */
    struct wait *by_correlation[CORRELATIONS];
    struct extras *extras;
    struct matches matches;
    struct buf scratch, rest, headers, more;
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
