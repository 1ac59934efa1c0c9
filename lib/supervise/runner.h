/* runner.h: keeping one ring alive: the inbound or the outbound one of one client of one connection.
 *
 *   DOWN ──wanted──▶ QUEUED ──turn, hub up──▶ JOINING ──admitted──▶ STARTING ──ready──▶ LIVE
 *    ▲                 ▲ ▲                       │                      │                │
 *    │                 │ └─── delay over ── BACKOFF ◀── 111, refused ───┴────────────────┤
 *    │                 │                                                                 │
 *    ├── unwanted ── MISCONFIGURED ◀── 100, refused for good ────────────────────────────┤
 *    │                 │                                                                 │
 *    └── ended ───── STOPPING ◀── unwanted, or to be started anew ───────────────────────┘
 *
 * Delays grow exponentially with jitter and start anew only after a ring has been live for a while. A ring that ends
 * because the hub went away has not failed: it is queued again, without delay, until the hub is back.
 * Turns are paced: at most `pace` rings are joining or starting at a time, in the order in which they were queued; who
 * takes long to start (a peer that does not answer) holds no turn meanwhile.
 *
 * A ring hangs when a process of it was stopped, when its transport, asked with SIGUSR2, reports nothing, or when its
 * mapper does not and has computed all the while (one that only waits for its reader may do so for any time); then it is
 * killed and has failed. A ring whose processes report by themselves is not asked.
 *
 * Ownership: the runner borrows its connection and memfds from whoever made it; runner_adopt gives it others. */
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

enum { RUNNER_TURN_MS = 2000 /* who starts for longer has no turn any more */ };

struct runner;

/* What all runners share. */
struct yard {
    struct loop *loop;
    const char *hub_socket;
    unsigned pace;
    msec backoff_min, backoff_max;
    msec useful_ms; /* live for so long: the next failure is a first one */
    msec drain_ms;
    msec hang_ms; /* a process may stand still, or leave a question unanswered, for so long */
    struct part_limits limits;
    bool hub_up;
    unsigned turns;              /* taken */
    struct runner *first, *last; /* the queue */
    struct runner *all;
    /* Its state is another one. Called from within: act later, from the loop. */
    void (*changed)(void *arg, struct runner *r);
    /* A line that a program of the ring reported (HACKING.md, "Reports"); may be NULL. */
    void (*reported)(void *arg, struct runner *r, struct slice line);
    void *arg;
};

/* Of a process of a ring: does it live? */
struct pulse {
    bool heard; /* since it was asked, or since the last look */
    bool still; /* it was stopped */
    msec cpu;   /* that it had used when it was last heard */
};

struct runner {
    struct yard *yard;
    const struct connection *connection;
    int full_fd, masked_fd; /* memfds of the connection's JSON, with and without credentials; borrowed */
    unsigned client;
    enum direction direction;

    enum run_state state;
    bool wanted;
    bool turn; /* it has one */
    struct ring ring;
    const char *names[2]; /* of its parts */
    int hub_fd;           /* our duplicate of the ring's socket */
    struct buf hello;     /* what of it is still to be written */
    struct watch answer, ready, report;
    struct lines report_lines;
    struct timer timer; /* whatever the state waits for */
    struct timer hang;
    bool asked; /* whether it lives */
    struct pulse pulses[2];
    size_t hung_part; /* was stopped, or does not answer */
    bool hung;        /* and the ring was killed for that */
    unsigned failures;
    msec live_since;
    int64_t since;       /* wall clock: status is what it is since then */
    const char *status;  /* runner_status as it was last */
    char detail[384];    /* why it is not live, in words */
    char said[2][192];   /* the last error of each part */
    struct runner *next; /* in the queue */
    struct runner *next_of_all, *prev_of_all;
};

/* Turns and the hub. */
void yard_pump(struct yard *y);
void yard_hub(struct yard *y, bool up);
/* Reaps every child that ended, sees those that were stopped. stray: a child that is of no ring; may be NULL. */
void yard_reap(struct yard *y, void (*stray)(void *arg, pid_t pid, int wait_status), void *arg);

void runner_init(struct runner *r, struct yard *y, const struct connection *c, int full_fd, int masked_fd,
                 unsigned client, enum direction d);
/* Wanted: queued if it is down; otherwise it goes on as it is. Unwanted: drained and ended, until it is DOWN. */
void runner_want(struct runner *r, bool wanted);
/* What waits for its delay, or is misconfigured, tries again now, as for the first time. */
void runner_retry(struct runner *r);
/* Drained, ended and started anew, if it is wanted; what does not run yet only starts anew. */
void runner_restart(struct runner *r);
/* From the next start on it has these. */
void runner_adopt(struct runner *r, const struct connection *c, int full_fd, int masked_fd);
/* Forgets it; it must be DOWN, or its processes are killed. */
void runner_free(struct runner *r);
/* Ditto's word for the state: open, closed, failed, misconfigured, unknown. */
const char *runner_status(const struct runner *r);
const char *direction_text(enum direction d);

/* --- between runner.c and runner_start.c --- */

void runner_set_state(struct runner *r, enum run_state state);
void runner_set_timer(struct runner *r, msec in);
void runner_drop(struct runner *r, struct watch *w);
void runner_failed(struct runner *r);
void runner_misconfigured(struct runner *r);
void runner_hub_lost(struct runner *r);
/* Is our duplicate of the ring's socket at its end? Then the hub went first. */
bool runner_hub_is_gone(const struct runner *r);
/* Joins the hub, then starts the processes. */
void runner_start(struct runner *r);
void runner_watch_life(struct runner *r);
/* Ends what is left of a ring that is broken or not ready in time. */
void runner_end_rest(struct runner *r);

#endif
