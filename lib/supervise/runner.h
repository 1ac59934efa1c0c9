/* runner.h: keeping one ring alive: the inbound or the outbound one of one client of one connection.
 *
 *   DOWN ──wanted──▶ QUEUED ──turn, hub up──▶ JOINING ──admitted──▶ STARTING ──ready──▶ LIVE
 *    ▲                 ▲                         │                      │                │
 *    │                 └───── delay over ── BACKOFF ◀── 111, refused ───┴────────────────┤
 *    │                                                                                   │
 *    ├── unwanted ── MISCONFIGURED ◀── 100, refused for good ────────────────────────────┤
 *    └── ended ───── STOPPING ◀── unwanted ──────────────────────────────────────────────┘
 *
 * Delays grow exponentially with jitter and start anew only after a ring has been live for a while. A ring that ends
 * because the hub went away has not failed: it is queued again, without delay, until the hub is back.
 * Turns are paced: at most `pace` rings are joining or starting at a time, in the order in which they were queued.
 *
 * Ownership: the runner borrows its connection's memfds from whoever made it, which has to outlive it. */
#ifndef SUPERVISE_RUNNER_H
#define SUPERVISE_RUNNER_H

#include "base/lines.h"
#include "base/loop.h"
#include "connection/connection.h"
#include "supervise/ring.h"

enum run_state {
    RUN_DOWN,
    RUN_QUEUED,
    RUN_JOINING,
    RUN_STARTING,
    RUN_LIVE,
    RUN_STOPPING,
    RUN_BACKOFF,
    RUN_MISCONFIGURED,
    RUN_STATES
};
enum direction { INBOUND, OUTBOUND };

struct runner;

/* What all runners share. */
struct yard {
    struct loop *loop;
    const char *hub_socket;
    unsigned pace;
    msec backoff_min, backoff_max;
    msec useful_ms; /* live for so long: the next failure is a first one */
    msec drain_ms;
    bool hub_up;
    unsigned starting;
    struct runner *first, *last; /* the queue */
    struct runner *all;
    void (*idle)(void *arg, struct runner *r); /* a runner that was told to stop is DOWN */
    void *arg;
};

struct runner {
    struct yard *yard;
    const struct connection *connection;
    int full_fd, masked_fd; /* memfds of the connection's JSON, with and without credentials; borrowed */
    unsigned client;
    enum direction direction;

    enum run_state state;
    bool wanted;
    struct ring ring;
    const char *names[2]; /* of its parts */
    int hub_fd;           /* our duplicate of the ring's socket */
    struct buf hello;     /* what of it is still to be written */
    struct watch answer, ready, report;
    struct lines report_lines;
    struct timer timer; /* whatever the state waits for */
    unsigned failures;
    msec live_since;
    int64_t since; /* wall clock of the last change of state */
    char detail[192];
    uint64_t received, settled, published, failed; /* last totals reported by the ring that runs */
    struct runner *next;                           /* in the queue */
    struct runner *next_of_all, *prev_of_all;
};

/* Turns and the hub. */
void yard_pump(struct yard *y);
void yard_hub(struct yard *y, bool up);
/* Reaps every child that ended. */
void yard_reap(struct yard *y);

void runner_init(struct runner *r, struct yard *y, const struct connection *c, int full_fd, int masked_fd,
                 unsigned client, enum direction d);
/* Wanted: queued if it is down or misconfigured. Unwanted: drained and ended; yard->idle tells when it is down (at once,
 * if it is). */
void runner_want(struct runner *r, bool wanted);
/* Forgets it; it must be DOWN, or its processes are killed. */
void runner_free(struct runner *r);
/* Ditto's word for the state: open, closed, failed, misconfigured, unknown. */
const char *runner_status(const struct runner *r);
const char *direction_text(enum direction d);

#endif
