/* ring: close a pipeline to a ring: the source's stdin is the sink's stdout.
 *
 *   ring CMD...             each CMD is run by sh -c; the last one's stdout leads back into the first one's stdin
 *   ring -j HELLO CMD...    joins the hub with that hello line; the hub's socket is stdin of the first and stdout of the
 *                           last one
 *
 * TERM or INT asks the first CMD, the source, to stop; the others end by end of file. When a CMD fails, the rest is
 * ended too. The exit code is that of the CMD that failed first (111 if a signal ended it), else 0. */
#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/opt.h"
#include "line/line.h"
#include "supervise/join.h"
#include "supervise/ring.h"

#include "base/banned.h"

enum { ANSWER_MS = 15000, GRACE_MS = 2000 };

static const char *hello, *socket_path;
static unsigned long drain_ms = 20000;

static const struct opt opts[] = {
    {'j', "HELLO", "join the hub with this hello line (JSON)", OPT_STRING, &hello, 0, 0},
    {'s', "PATH", "the hub's socket ($CONN_RUN/hub.sock)", OPT_STRING, &socket_path, 0, 0},
    {'D', "MS", "how long the ring may take to drain after TERM, in ms (20000)", OPT_NUMBER, &drain_ms, 0, 3600000},
    OPT_END,
};

static const struct program program = {
    .name = "ring", .operands = "CMD...", .summary = "close a pipeline to a ring", .opts = opts};

struct running {
    struct loop *loop;
    struct ring ring;
    struct timer limit;
};

static void join_died(struct ditto_error *err)
{
    die(line_class_of(err->status) == CLASS_REJECT ? EXIT_PERMANENT : EXIT_TEMPORARY, "cannot join the hub: %s: %s", err->code, err->message);
}

static int join(void)
{
    char path[128];
    struct ditto_error err = {0};
    struct buf line = {0};
    int fd, r = 0;
    if (!socket_path && conn_socket_path(path, sizeof path, "hub.sock") < 0)
        die_sys(EXIT_TEMPORARY, "cannot find the hub's socket");
    buf_puts(&line, hello);
    buf_putc(&line, '\n');
    fd = join_begin(socket_path ? socket_path : path, buf_slice(&line));
    if (fd < 0)
        die_sys(EXIT_TEMPORARY, "cannot join the hub at '%s'", socket_path ? socket_path : path);
    buf_free(&line);
    for (msec until = clock_ms() + ANSWER_MS; r == 0;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        msec left = until - clock_ms();
        if (left <= 0 || (poll(&p, 1, (int)left) < 0 && errno != EINTR))
            die(EXIT_TEMPORARY, "cannot join the hub: no answer");
        r = join_answer(fd, &err);
    }
    if (r < 0)
        join_died(&err);
    return fd;
}

static void end_rest(struct running *r, msec grace)
{
    loop_timer(r->loop, &r->limit, clock_ms() + grace);
}

static void on_limit(struct timer *t)
{
    struct running *r = t->arg;
    ring_signal(&r->ring, SIGKILL);
}

static void on_term(int signo, void *arg)
{
    struct running *r = arg;
    (void)signo;
    ring_stop(&r->ring);
    end_rest(r, (msec)drain_ms);
}

static void on_child(int signo, void *arg)
{
    struct running *r = arg;
    int status;
    pid_t pid;
    (void)signo;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (!ring_reaped(&r->ring, pid, status) || !r->ring.alive)
            continue;
        if (r->ring.code && !r->ring.stopping) {
            r->ring.stopping = true;
            ring_signal(&r->ring, SIGTERM);
            end_rest(r, GRACE_MS);
        }
    }
    if (!r->ring.alive)
        loop_stop(r->loop);
}

int main(int argc, char **argv)
{
    struct running r = {0};
    struct part parts[RING_PARTS_MAX] = {0};
    size_t n;
    int hub = -1;
    io_init();
    int at = opt_parse(&program, argc, argv);
    n = (size_t)(argc - at);
    if (n == 0 || n > RING_PARTS_MAX)
        opt_usage(&program, n ? "more than 16 commands" : "a command is needed");
    for (size_t i = 0; i < n; i++)
        parts[i] = (struct part){.argv = {"/bin/sh", "-c", argv[at + (int)i], NULL}};
    r.loop = loop_new();
    r.limit = (struct timer){.at = NEVER, .fire = on_limit, .arg = &r};
    loop_signal(r.loop, SIGTERM, on_term, &r);
    loop_signal(r.loop, SIGINT, on_term, &r);
    loop_signal(r.loop, SIGCHLD, on_child, &r);
    if (hello)
        hub = join();
    if (ring_start(&r.ring, parts, n, hub) < 0)
        die_sys(EXIT_TEMPORARY, "cannot start the ring");
    if (hub >= 0)
        close(hub);
    loop_run(r.loop);
    if (r.ring.code && r.ring.culprit < n)
        warn("'%s' ended first, with %d", argv[at + (int)r.ring.culprit], r.ring.code);
    loop_free(r.loop);
    return r.ring.code;
}
