/* conn-up: the whole house in the foreground, for a person without a supervision suite.
 *
 *   conn-up [-t] [-w] [-d FD]
 *
 * Starts conn-store, conn-hub, with -t ditto-twin at the hub, and conn-supervise, each when the one before is ready.
 * Standard error is theirs, too; standard input and output are not used. One that ends is started again after a growing
 * delay; one that ends with 100 cannot be helped by that, so everything is ended, and the exit code is 100.
 *
 * TERM or INT ends them in the opposite order, each when the one after it is gone: rings are drained while the hub is
 * there, the hub is there while the twin answers, the store goes last. Then 0. They die with conn-up, however it goes. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/opt.h"
#include "supervise/ring.h"

#include "base/banned.h"

enum { READY_FD = 4, RETRY_MIN_MS = 200, RETRY_MAX_MS = 10000, USEFUL_MS = 10000, STOP_MS = 30000 };

#define TWIN_HELLO                                                                                           \
    "{\"hello\":1,\"role\":\"service\",\"service\":\"twin\","                                                \
    "\"topics\":[\"_/_/things/twin/commands\",\"_/_/policies/commands\"],\"labels\":[\"twin-persisted\"]}"

static bool with_twin, stand_by;
static int ready_fd = -1;

static const struct opt opts[] = {
    {'d', "FD", "write a newline there once everything is ready", OPT_FD, &ready_fd, 0, 0},
    {'t', NULL, "with ditto-twin as a service of the hub", OPT_FLAG, &with_twin, 0, 0},
    {'w', NULL, "stand by: wait until another house with this state is gone", OPT_FLAG, &stand_by, 0, 0},
    OPT_END,
};

static const struct program program = {
    .name = "conn-up", .operands = "", .summary = "the whole house in the foreground", .opts = opts};

struct service {
    const char *argv[6]; /* each writes to descriptor 4 when it is ready */
    struct up *up;
    struct ring process;
    struct watch ready;
    struct timer timer; /* until it is started again; once it was asked to end: until it is killed */
    bool is_ready;
    unsigned failures;
    msec started;
};

enum { STORE, HUB, TWIN, SUPERVISE, SERVICES };

struct up {
    struct loop *loop;
    struct service services[SERVICES];
    int null_fd;
    bool stopping, told;
    int code;
};

/* --- beginning --------------------------------------------------------------------------------------------------- */

static void start(struct service *s);

/* The first that does not run yet, unless one before it is not ready. */
static void start_next(struct up *up)
{
    for (struct service *s = up->services; s < up->services + SERVICES; s++) {
        if (!s->argv[0] || s->is_ready)
            continue;
        if (!s->process.alive && s->timer.at == NEVER)
            start(s);
        if (!s->is_ready)
            return;
    }
    if (!up->told)
        io_ready(ready_fd);
    up->told = true;
}

static void forget_ready(struct service *s)
{
    if (s->ready.fd < 0)
        return;
    loop_remove(s->up->loop, &s->ready);
    (void)close(s->ready.fd);
    s->ready.fd = -1;
}

static void on_ready(struct watch *w, short revents)
{
    struct service *s = w->arg;
    char byte;
    (void)revents;
    bool ready = io_read_some(w->fd, &byte, 1) == 1;
    forget_ready(s);
    s->is_ready = ready;
    if (ready && !s->up->stopping)
        start_next(s->up);
}

static void again_later(struct service *s)
{
    if (clock_ms() - s->started >= USEFUL_MS)
        s->failures = 0;
    loop_timer(s->up->loop, &s->timer, clock_ms() + backoff_ms(s->failures++, RETRY_MIN_MS, RETRY_MAX_MS));
}

static void start(struct service *s)
{
    struct part part = {0};
    int ready[2];
    memcpy(part.argv, s->argv, sizeof s->argv);
    s->started = clock_ms();
    if (pipe2(ready, O_CLOEXEC) < 0)
        die_sys(EXIT_TEMPORARY, "cannot make a pipe");
    part.handed[part.n_handed].fd = ready[1];
    part.handed[part.n_handed++].as = READY_FD;
    s->ready.fd = ready[0];
    loop_add(s->up->loop, &s->ready);
    if (ring_start(&s->process, &part, 1, s->up->null_fd) < 0) {
        error_sys("cannot start '%s'", s->argv[0]);
        forget_ready(s);
        again_later(s);
    }
    (void)close(ready[1]);
}

/* --- the end ----------------------------------------------------------------------------------------------------- */

/* The last that still runs; when there is none, it is over. */
static void stop_next(struct up *up)
{
    for (struct service *s = up->services + SERVICES; s-- > up->services;) {
        if (!s->process.alive)
            continue;
        if (!s->process.stopping) {
            ring_stop(&s->process);
            loop_timer(up->loop, &s->timer, clock_ms() + STOP_MS);
        }
        return;
    }
    loop_stop(up->loop);
}

static void stop_all(struct up *up, int code)
{
    if (up->stopping)
        return;
    up->stopping = true;
    up->code = code;
    for (int i = 0; i < SERVICES; i++)
        loop_timer(up->loop, &up->services[i].timer, NEVER);
    stop_next(up);
}

static void on_timer(struct timer *t)
{
    struct service *s = t->arg;
    if (!s->up->stopping) {
        start_next(s->up);
        return;
    }
    warn("'%s' did not end in time: killing it", s->argv[0]);
    ring_signal(&s->process, SIGKILL);
}

static void ended(struct service *s)
{
    forget_ready(s);
    s->is_ready = false;
    if (s->up->stopping) {
        loop_timer(s->up->loop, &s->timer, NEVER);
        stop_next(s->up);
        return;
    }
    if (s->process.signo)
        warn("'%s' was ended by signal %d", s->argv[0], s->process.signo);
    else
        warn("'%s' ended with %d", s->argv[0], s->process.code);
    if (s->process.code == EXIT_PERMANENT || s->process.code == 127)
        stop_all(s->up, EXIT_PERMANENT);
    else
        again_later(s);
}

static void on_child(int signo, void *arg)
{
    struct up *up = arg;
    int status;
    pid_t pid;
    (void)signo;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        for (int i = 0; i < SERVICES; i++)
            if (ring_reaped(&up->services[i].process, pid, status))
                ended(&up->services[i]);
}

static void on_term(int signo, void *arg)
{
    (void)signo;
    stop_all(arg, EXIT_DONE);
}

/* --- life -------------------------------------------------------------------------------------------------------- */

static void describe(struct up *up)
{
    const char *wait = stand_by ? "-w" : NULL;
    up->services[STORE] = (struct service){.argv = {"conn-store", "-d", "4", wait}};
    up->services[HUB] = (struct service){.argv = {"conn-hub", "-d", "4"}};
    if (with_twin)
        up->services[TWIN] = (struct service){.argv = {"ring", "-j", TWIN_HELLO, "ditto-twin -d 4"}};
    up->services[SUPERVISE] = (struct service){.argv = {"conn-supervise", "-d", "4", wait}};
    for (struct service *s = up->services; s < up->services + SERVICES; s++) {
        s->up = up;
        s->ready = (struct watch){.fd = -1, .events = POLLIN, .ready = on_ready, .arg = s};
        s->timer = (struct timer){.at = NEVER, .fire = on_timer, .arg = s};
    }
}

int main(int argc, char **argv)
{
    struct up up = {0};
    io_init();
    if (opt_parse(&program, argc, argv) < argc)
        opt_usage(&program, "no operands are taken");
    up.null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (up.null_fd < 0)
        die_sys(EXIT_TEMPORARY, "cannot open '/dev/null'");
    up.loop = loop_new();
    describe(&up);
    loop_signal(up.loop, SIGCHLD, on_child, &up);
    loop_signal(up.loop, SIGTERM, on_term, &up);
    loop_signal(up.loop, SIGINT, on_term, &up);
    start_next(&up);
    loop_run(up.loop);
    loop_free(up.loop);
    (void)close(up.null_fd);
    return up.code;
}
