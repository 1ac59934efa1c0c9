/* peer.h: one client of the store: its lines in, its answers out, and what it is waiting for.
 *
 * A peer costs at most PEER_LINE_BYTES in, and PEER_ANSWER_BYTES (a follower: FOLLOW_QUEUE_BYTES) plus one line out: a
 * line that is longer is refused when it ends, and a peer whose answers pile up is not read.
 * Ownership: a peer owns its descriptors. */
#ifndef STORE_PEER_H
#define STORE_PEER_H

#include "base/lines.h"
#include "base/loop.h"
#include "store/followers.h"

enum {
    PEER_LINE_BYTES = 4 * 1024 * 1024,
    PEER_ANSWER_BYTES = 1024 * 1024,
    PEER_SMALL_BYTES = 64 * 1024, /* so much may always be queued */
    PEER_WAITS = 256,             /* answers that wait for a verdict; with more it is not read */
    PEER_LINGER_MS = 10 * 1000,   /* how long a peer that is being closed has to read its last lines */
};

struct server;

/* An answer in a peer's queue that is not to be sent yet, nor what stands behind it. */
struct wait {
    size_t at, len;    /* in answers; newline included */
    struct slice id;   /* of the connection; owned */
    uint64_t revision; /* a verdict on this one, or a later one, will do */
    msec until;
};

struct peer {
    struct server *server;
    struct peer *next;
    uint64_t number; /* of all that ever came */
    msec since;      /* when it came */
    msec behind;     /* since when something is queued that it does not read; 0: nothing is */
    struct loop *loop;
    struct watch in, out;
    struct timer timer; /* for the answer of the supervisor, or for closing */
    struct lines lines;
    struct buf answers;
    size_t mark;    /* bytes of answers that stand whatever becomes of the commit */
    bool pipe;      /* stdin and stdout */
    bool trusted;   /* has the store's own uid */
    bool spoke;     /* sent at least one line */
    bool held_back; /* was not read because answers piled up */
    bool ended;     /* its input is used up */
    bool cut;       /* … and ended inside a line, or (a pipe) it could not be read or written to its end */
    bool closing;   /* gets no more than what is in answers */
    bool gone;      /* to be freed */
    struct follower follower;
    uint64_t waiting;    /* number of its question to the supervisor, 0: none */
    uint64_t asked;      /* … and number of the peer that was asked it, 0: none yet */
    struct buf question; /* the line */
    struct buf reply;    /* the signal that the supervisor answered */
    struct wait *waits;  /* in order; the first PEER_WAITS */
    size_t n_waits;
    struct timer verdict; /* the first one's until */
};

/* in and out may be the same descriptor. */
struct peer *peer_new(struct server *server, struct loop *loop, int in, int out);
void peer_free(struct peer *p);
/* The next line to be worked on, or what went wrong with it (LINES_LONG, LINES_CUT); LINES_MORE: nothing now. */
enum lines_status peer_next(struct peer *p, struct slice *line);
/* Is it not read for now, because so much is still to be answered? */
bool peer_is_full(const struct peer *p);
/* Bytes of answers that may be sent: up to the first one that waits. */
size_t peer_sendable(const struct peer *p);
/* Writes what can be written without blocking; sets gone when the other side is. */
void peer_flush(struct peer *p);
/* Sets what is polled, and gone when nothing is left to be done. To be called before the loop polls. */
void peer_settle(struct peer *p);
/* Says err, and closes once that is read; lines after the first one in the queue are dropped. */
void peer_close_with(struct peer *p, const struct ditto_error *err);

#endif
