#include "base/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"

#include "base/banned.h"

enum { MAX_SIGNALS = 8 };

/* Heap order: nearest first, and in the order of arming among equals. */
struct due {
    msec at;
    uint64_t order;
    struct timer *t;
};

struct handled {
    int signo;
    void (*on_signal)(int signo, void *arg);
    void *arg;
    struct sigaction before;
};

/* A watch keeps its place until the next poll: removing leaves a hole, adding appends. So a place names the same watch
 * all through a round of callbacks. Slots are places + 1, so that a zeroed watch or timer is in no loop. */
struct loop {
    struct watch **watches;
    size_t n_watches, cap_watches;
    struct pollfd *polled; /* [0]: the self-pipe */
    size_t *places;        /* of polled[i] in watches */
    size_t n_polled, cap_polled;
    struct due *heap;
    size_t n_heap, cap_heap;
    uint64_t order;
    struct handled signals[MAX_SIGNALS];
    size_t n_signals;
    int pipe[2];
    void (*hook)(void *arg);
    void *hook_arg;
    bool stopped;
};

/* What the handler needs. The pid keeps a forked child, before it execs, from writing into its parent's pipe. */
static volatile sig_atomic_t handler_fd = -1;
static volatile pid_t handler_pid;

struct loop *loop_new(void)
{
    struct loop *l = xcalloc(1, sizeof *l);
    if (pipe2(l->pipe, O_CLOEXEC | O_NONBLOCK) < 0)
        die_sys(EXIT_TEMPORARY, "cannot make a pipe");
    return l;
}

void loop_free(struct loop *l)
{
    if (!l)
        return;
    for (size_t i = 0; i < l->n_signals; i++)
        (void)sigaction(l->signals[i].signo, &l->signals[i].before, NULL);
    if (handler_fd == l->pipe[1])
        handler_fd = -1;
    (void)close(l->pipe[0]);
    (void)close(l->pipe[1]);
    free(l->watches);
    free(l->polled);
    free(l->places);
    free(l->heap);
    free(l);
}

/* --- watches ---------------------------------------------------------------------------------------------------- */

static size_t grown(size_t cap)
{
    return cap ? cap * 2 : 16;
}

void loop_add(struct loop *l, struct watch *w)
{
    if (w->slot)
        return;
    if (l->n_watches == l->cap_watches) {
        l->cap_watches = grown(l->cap_watches);
        l->watches = xrealloc_array(l->watches, l->cap_watches, sizeof *l->watches);
    }
    l->watches[l->n_watches++] = w;
    w->slot = l->n_watches;
}

void loop_remove(struct loop *l, struct watch *w)
{
    if (!w->slot)
        return;
    l->watches[w->slot - 1] = NULL;
    w->slot = 0;
}

static void close_holes(struct loop *l)
{
    size_t n = 0;
    for (size_t i = 0; i < l->n_watches; i++) {
        struct watch *w = l->watches[i];
        if (!w)
            continue;
        l->watches[n++] = w;
        w->slot = n;
    }
    l->n_watches = n;
}

static void build_poll_set(struct loop *l)
{
    close_holes(l);
    if (l->cap_polled < l->n_watches + 1) {
        l->cap_polled = l->cap_watches + 1;
        l->polled = xrealloc_array(l->polled, l->cap_polled, sizeof *l->polled);
        l->places = xrealloc_array(l->places, l->cap_polled, sizeof *l->places);
    }
    l->polled[0] = (struct pollfd){.fd = l->pipe[0], .events = POLLIN};
    l->n_polled = 1;
    for (size_t i = 0; i < l->n_watches; i++) {
        const struct watch *w = l->watches[i];
        if (w->off || w->fd < 0)
            continue;
        l->places[l->n_polled] = i;
        l->polled[l->n_polled++] = (struct pollfd){.fd = w->fd, .events = w->events};
    }
}

/* What an earlier callback of this round has removed, switched off or given another descriptor is not called. */
static void call_watches(struct loop *l)
{
    for (size_t i = 1; i < l->n_polled && !l->stopped; i++) {
        const struct pollfd *p = &l->polled[i];
        struct watch *w = p->revents ? l->watches[l->places[i]] : NULL;
        if (!w || w->off || w->fd != p->fd)
            continue;
        short revents = p->revents & (short)(w->events | POLLERR | POLLHUP | POLLNVAL);
        if (revents)
            w->ready(w, revents);
    }
}

/* --- timers ----------------------------------------------------------------------------------------------------- */

static bool before(const struct due *a, const struct due *b)
{
    return a->at < b->at || (a->at == b->at && a->order < b->order);
}

static void place(struct loop *l, size_t i, struct due d)
{
    l->heap[i] = d;
    d.t->slot = i + 1;
}

/* Puts d at i or where it belongs above or below. */
static void sift(struct loop *l, size_t i, struct due d)
{
    while (i > 0 && before(&d, &l->heap[(i - 1) / 2])) {
        place(l, i, l->heap[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    for (;;) {
        size_t child = 2 * i + 1;
        if (child + 1 < l->n_heap && before(&l->heap[child + 1], &l->heap[child]))
            child++;
        if (child >= l->n_heap || !before(&l->heap[child], &d))
            break;
        place(l, i, l->heap[child]);
        i = child;
    }
    place(l, i, d);
}

static void disarm(struct loop *l, struct timer *t)
{
    size_t i = t->slot - 1;
    t->slot = 0;
    l->n_heap--;
    if (i < l->n_heap)
        sift(l, i, l->heap[l->n_heap]);
}

void loop_timer(struct loop *l, struct timer *t, msec at)
{
    t->at = at;
    if (t->slot)
        disarm(l, t);
    if (at == NEVER)
        return;
    if (l->n_heap == l->cap_heap) {
        l->cap_heap = grown(l->cap_heap);
        l->heap = xrealloc_array(l->heap, l->cap_heap, sizeof *l->heap);
    }
    l->n_heap++;
    sift(l, l->n_heap - 1, (struct due){.at = at, .order = l->order++, .t = t});
}

/* A timer armed in this round waits for the next, so that one which re-arms itself for now cannot starve the rest. */
static void call_timers(struct loop *l)
{
    uint64_t round = l->order;
    msec now = l->n_heap ? clock_ms() : 0;
    while (l->n_heap && !l->stopped && l->heap[0].at <= now && l->heap[0].order < round) {
        struct timer *t = l->heap[0].t;
        disarm(l, t);
        t->at = NEVER;
        t->fire(t);
    }
}

static int poll_timeout(const struct loop *l)
{
    if (!l->n_heap)
        return -1;
    msec left = l->heap[0].at - clock_ms();
    return left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

/* --- signals ---------------------------------------------------------------------------------------------------- */

static void handler(int signo)
{
    int saved = errno;
    unsigned char c = (unsigned char)signo;
    if (getpid() == handler_pid)
        (void)!write(handler_fd, &c, 1);
    errno = saved;
}

void loop_signal(struct loop *l, int signo, void (*on_signal)(int signo, void *arg), void *arg)
{
    struct sigaction sa = {.sa_handler = handler, .sa_flags = SA_RESTART};
    if (l->n_signals == MAX_SIGNALS)
        bug("more than %d signals", MAX_SIGNALS);
    struct handled *h = &l->signals[l->n_signals++];
    *h = (struct handled){.signo = signo, .on_signal = on_signal, .arg = arg};
    handler_fd = l->pipe[1];
    handler_pid = getpid();
    (void)sigfillset(&sa.sa_mask);
    if (sigaction(signo, &sa, &h->before) < 0)
        bug("cannot handle signal %d", signo);
}

/* Signals that came several times since the last poll are one. */
static void call_signals(struct loop *l)
{
    unsigned char come[256];
    bool seen[256] = {false};
    ssize_t n;
    if (!l->polled[0].revents)
        return;
    while ((n = read(l->pipe[0], come, sizeof come)) > 0)
        while (n > 0)
            seen[come[--n]] = true;
    for (size_t i = 0; i < l->n_signals && !l->stopped; i++)
        if (seen[(unsigned char)l->signals[i].signo])
            l->signals[i].on_signal(l->signals[i].signo, l->signals[i].arg);
}

/* --- running ---------------------------------------------------------------------------------------------------- */

void loop_before_poll(struct loop *l, void (*hook)(void *arg), void *arg)
{
    l->hook = hook;
    l->hook_arg = arg;
}

void loop_stop(struct loop *l)
{
    l->stopped = true;
}

static void poll_once(struct loop *l)
{
    build_poll_set(l);
    int n = poll(l->polled, (nfds_t)l->n_polled, poll_timeout(l));
    if (n < 0 && errno != EINTR)
        die_sys(EXIT_TEMPORARY, "cannot poll");
    if (n > 0) {
        call_signals(l);
        call_watches(l);
    }
    call_timers(l);
}

void loop_run(struct loop *l)
{
    while (!l->stopped) {
        if (l->hook)
            l->hook(l->hook_arg);
        if (!l->stopped)
            poll_once(l);
    }
    l->stopped = false;
}
