/* loop.h: one poll(2) loop. No threads; libraries are driven through it.
 *
 * Slot 0 is the self-pipe of the signals. Watches and timers are embedded in the caller's structures (naked,
 * borrowed; remove them before they die). Callbacks may add and remove any watch or timer, their own included.
 * The poll timeout is the nearest deadline: an idle loop makes no system calls. */
#ifndef BASE_LOOP_H
#define BASE_LOOP_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"

struct loop;

struct watch {
    int fd;       /* -1: not polled */
    short events; /* POLLIN | POLLOUT; may be changed at any time; 0 still reports POLLERR and POLLHUP.
                     to leave it out of the poll set altogether, set off */
    bool off;     /* backpressure: not polled at all while true */
    void (*ready)(struct watch *w, short revents);
    void *arg;
    size_t slot; /* private */
};

struct timer {
    msec at; /* absolute; NEVER: not armed */
    void (*fire)(struct timer *t);
    void *arg;
    size_t slot; /* private */
};

struct loop *loop_new(void); /* dies with 111 when resources are missing */
void loop_free(struct loop *l);
void loop_add(struct loop *l, struct watch *w);
void loop_remove(struct loop *l, struct watch *w);
/* Arms (or re-arms, or with NEVER disarms) a timer. A timer is disarmed before it fires. */
void loop_timer(struct loop *l, struct timer *t, msec at);
/* Calls on_signal(signo, arg) from the loop, never from the handler. At most 8 signals. */
void loop_signal(struct loop *l, int signo, void (*on_signal)(int signo, void *arg), void *arg);
/* Called before every poll: the place to flush what is buffered. One hook. */
void loop_before_poll(struct loop *l, void (*hook)(void *arg), void *arg);
/* Runs until loop_stop. */
void loop_run(struct loop *l);
void loop_stop(struct loop *l);

#endif
