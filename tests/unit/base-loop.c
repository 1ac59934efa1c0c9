/* base-loop: watches, timers and signals of the poll loop. */
#include "base/loop.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/io.h"
#include "child.h"
#include "tap.h"

static struct loop *loop;
static struct buf seen; /* one letter an event */

static void note(char c)
{
    buf_putc(&seen, c);
}

/* --- timers ----------------------------------------------------------------------------------------------------- */

struct lettered {
    struct timer t;
    char letter;
    struct lettered *other; /* for a timer that does something to another one */
};

static void fire_note(struct timer *t)
{
    note(((struct lettered *)t->arg)->letter);
}

static void fire_stop(struct timer *t)
{
    (void)t;
    loop_stop(loop);
}

static void fire_cancel(struct timer *t)
{
    struct lettered *l = t->arg;
    note(l->letter);
    loop_timer(loop, &l->other->t, NEVER);
}

static void fire_again(struct timer *t)
{
    struct lettered *l = t->arg;
    note(l->letter++);
    if (l->letter < 'e')
        loop_timer(loop, t, clock_ms());
    else
        loop_stop(loop);
}

static void arm(struct lettered *l, char letter, void (*fire)(struct timer *t), msec at)
{
    l->letter = letter;
    l->t = (struct timer){.fire = fire, .arg = l};
    loop_timer(loop, &l->t, at);
}

static void run_until(msec at)
{
    struct timer stop = {.fire = fire_stop};
    loop_timer(loop, &stop, at);
    loop_run(loop);
}

/* Each polls once and calls what is ready before the timer that stops it. */
static void rounds(int n)
{
    while (n-- > 0)
        run_until(clock_ms());
}

static void check(const char *want, const char *what)
{
    is_slice(buf_slice(&seen), slice_str(want), "%s", what);
    buf_reset(&seen, 1024);
}

static void test_timer_order(void)
{
    struct lettered t[6];
    msec now = clock_ms();
    arm(&t[0], 'd', fire_note, now + 4);
    arm(&t[1], 'b', fire_note, now + 2);
    arm(&t[2], 'c', fire_note, now + 2);
    arm(&t[3], 'a', fire_note, now - 5);
    arm(&t[4], 'x', fire_note, now + 1);
    arm(&t[5], 'e', fire_note, now + 1);
    loop_timer(loop, &t[4].t, NEVER);
    loop_timer(loop, &t[4].t, NEVER);
    loop_timer(loop, &t[5].t, now + 5);
    run_until(now + 5);
    check("abcde", "timers fire in order of time, then of arming");
    ok(t[0].t.at == NEVER && clock_ms() >= now + 5, "and not too early");
}

static void test_timer_changes(void)
{
    struct lettered t[3];
    msec now = clock_ms();
    arm(&t[0], 'b', fire_note, now + 2);
    arm(&t[1], 'a', fire_cancel, now + 1);
    t[1].other = &t[0];
    arm(&t[2], 'c', fire_note, now + 3);
    run_until(now + 4);
    check("ac", "a timer can disarm another");
    arm(&t[0], 'a', fire_again, now);
    loop_run(loop);
    check("abcd", "a timer can arm itself again, for now");
}

/* A thousand timers, armed, moved and removed in a mixed order, come out sorted. */
static msec last_at;
static unsigned fired, unsorted;
static msec ats[1000];
static struct timer many[1000];

static void fire_sorted(struct timer *t)
{
    msec at = ats[t - many];
    fired++;
    unsorted += at < last_at;
    last_at = at;
}

static void test_timer_heap(void)
{
    unsigned r = 1, kept = 0;
    msec base = clock_ms() - 5000;
    for (size_t i = 0; i < 3000; i++) {
        r = r * 1103515245 + 12345;
        size_t k = i % 1000;
        many[k].fire = fire_sorted;
        ats[k] = i > 2000 && k % 3 == 0 ? NEVER : base + r % 4096;
        loop_timer(loop, &many[k], ats[k]);
    }
    for (size_t k = 0; k < 1000; k++)
        kept += ats[k] != NEVER;
    rounds(1);
    ok(fired == kept && unsorted == 0, "a heap of %u timers comes out sorted", kept);
}

/* --- watches ---------------------------------------------------------------------------------------------------- */

static struct watch w[3];
static int p[3][2];

static void ready_note(struct watch *x, short revents)
{
    char c;
    if (revents & POLLIN && read(x->fd, &c, 1) == 1)
        note(c);
    if (revents & POLLHUP && !(revents & POLLIN)) {
        note('H');
        loop_remove(loop, x);
    }
}

static void ready_remove_all(struct watch *x, short revents)
{
    ready_note(x, revents);
    for (int i = 0; i < 3; i++)
        loop_remove(loop, &w[i]);
}

static void ready_replace(struct watch *x, short revents)
{
    ready_note(x, revents);
    loop_remove(loop, x);
    loop_remove(loop, &w[1]);
    w[1].ready = ready_note;
    loop_add(loop, &w[1]); /* a new place: polled again before it is called */
    loop_add(loop, &w[2]);
}

static void ready_switch(struct watch *x, short revents)
{
    ready_note(x, revents);
    w[1].off = true;
    w[2].events = 0;
}

static void open_pipes(void (*first)(struct watch *x, short revents))
{
    for (int i = 0; i < 3; i++) {
        make_pipe(p[i]);
        (void)io_write_all(p[i][1], (char[]){(char)('0' + i)}, 1);
        w[i] = (struct watch){.fd = p[i][0], .events = POLLIN, .ready = i ? ready_note : first};
        loop_add(loop, &w[i]);
        loop_add(loop, &w[i]);
    }
}

static void close_pipes(void)
{
    for (int i = 0; i < 3; i++) {
        loop_remove(loop, &w[i]);
        loop_remove(loop, &w[i]);
        close(p[i][0]);
        close(p[i][1]);
    }
}

static void test_watches(void)
{
    open_pipes(ready_note);
    rounds(1);
    check("012", "every ready watch is called");
    close(p[1][1]);
    rounds(1);
    check("H", "a hang-up is reported");
    close_pipes();
    open_pipes(ready_remove_all);
    rounds(2);
    check("0", "a removed watch is not called any more");
    close_pipes();
    open_pipes(ready_replace);
    rounds(2);
    check("021", "a watch that was added again is");
    close_pipes();
    open_pipes(ready_switch);
    rounds(2);
    check("0", "neither is one that was switched off or lost its events");
    w[1].off = false;
    w[2].events = POLLIN;
    rounds(2);
    check("12", "until it is switched on again");
    w[0].fd = -1;
    rounds(1);
    check("", "a watch without a descriptor rests");
    close_pipes();
}

static void ready_free(struct watch *x, short revents)
{
    ready_note(x, revents);
    loop_remove(loop, x);
    free(x);
}

static void test_freed(void)
{
    int fds[2];
    make_pipe(fds);
    (void)io_write_all(fds[1], "f", 1);
    struct watch *x = calloc(1, sizeof *x);
    *x = (struct watch){.fd = fds[0], .events = POLLIN, .ready = ready_free};
    loop_add(loop, x);
    rounds(2);
    check("f", "a watch may be freed in its own callback");
    close(fds[0]);
    close(fds[1]);
}

/* --- signals and the hook --------------------------------------------------------------------------------------- */

static void on_signal(int signo, void *arg)
{
    note(signo == SIGUSR1 ? 'U' : 'T');
    if (signo == SIGTERM)
        loop_stop(arg);
}

static void hook(void *arg)
{
    note(*(char *)arg);
}

static void ready_raise(struct watch *x, short revents)
{
    ready_note(x, revents);
    raise(SIGUSR1);
    raise(SIGUSR1);
    note('.');
    raise(SIGTERM);
}

static void test_signals(void)
{
    loop_signal(loop, SIGUSR1, on_signal, loop);
    loop_signal(loop, SIGTERM, on_signal, loop);
    open_pipes(ready_raise);
    loop_run(loop);
    check("0.12UT", "signals are called from the loop, each once, in order");
    close_pipes();
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        raise(SIGTERM);
        _exit(0);
    }
    child_wait(child);
    rounds(2);
    check("", "a signal of a child that was forked is not ours");
}

static void test_hook(void)
{
    char letter = 'h';
    loop_before_poll(loop, hook, &letter);
    open_pipes(ready_raise);
    loop_run(loop);
    check("h0.12hUT", "the hook is called before every poll");
    loop_before_poll(loop, NULL, NULL);
    close_pipes();
    loop_stop(loop);
    loop_run(loop);
    check("", "a loop that was stopped before does not run");
}

static void tick(int signo)
{
    (void)signo;
}

static void test_interrupted(void)
{
    const struct itimerval every = {{0, 300}, {0, 300}}, never = {{0, 0}, {0, 0}};
    const struct sigaction sa = {.sa_handler = tick};
    struct lettered t;
    sigaction(SIGALRM, &sa, NULL);
    setitimer(ITIMER_REAL, &every, NULL);
    msec until = clock_ms() + 20;
    arm(&t, 'a', fire_note, until - 10);
    run_until(until);
    setitimer(ITIMER_REAL, &never, NULL);
    check("a", "interruptions change nothing");
    ok(clock_ms() >= until, "and no timer comes early");
}

static void test_free(void)
{
    struct sigaction now;
    loop_free(loop);
    loop_free(NULL);
    sigaction(SIGUSR1, NULL, &now);
    ok(now.sa_handler == SIG_DFL, "a freed loop gives its signals back");
}

int main(void)
{
    io_init();
    loop = loop_new();
    test_timer_order();
    test_timer_changes();
    test_timer_heap();
    test_watches();
    test_freed();
    test_signals();
    test_hook();
    test_interrupted();
    test_free();
    buf_free(&seen);
    return done();
}
