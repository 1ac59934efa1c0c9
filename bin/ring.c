/* ring: close a pipeline to a ring: the source's stdin is the sink's stdout.
 *
 *   ring CMD...             each CMD is run by sh -c; the last one's stdout leads back into the first one's stdin
 *   ring -j HELLO CMD...    joins the hub with that hello line; the hub's socket is stdin of the first and stdout of the
 *                           last one
 *
 * TERM or INT ends it in order: the first CMD, the source, is asked to stop (an outbound ring of the hub has no source of
 * its own: its socket is shut for reading), the others end by end of file. A second one asks them all. When a CMD fails,
 * the rest is ended too. The exit code is that of the CMD that failed first (111 if a signal ended it), else 0. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
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
    {'D', "MS", "how long the ring may take to drain, in ms (20000)", OPT_NUMBER, &drain_ms, 0, 3600000},
    OPT_END,
};

static const struct program program = {
    .name = "ring", .operands = "CMD...", .summary = "close a pipeline to a ring", .opts = opts};

struct running {
    struct loop *loop;
    struct ring ring;
    int hub;            /* our duplicate of the ring's socket, to shut it; -1: none is needed */
    struct timer limit; /* what is left then is killed */
    const char *const *commands;
};

/* --- the hub ----------------------------------------------------------------------------------------------------- */

static bool joins_outbound(void)
{
    struct json h;
    struct json_error err;
    if (json_parse(slice_str(hello), &h, &err) < 0 || h.type != JSON_OBJECT || strchr(hello, '\n'))
        opt_usage(&program, "HELLO is one line of JSON, an object");
    return json_text_is(json_get(h, S("role")), S("out"));
}

static int say_hello(void)
{
    char path[128];
    struct buf line = {0};
    if (!socket_path && conn_socket_path(path, sizeof path, "hub.sock") < 0)
        die_sys(EXIT_TEMPORARY, "cannot find the hub's socket");
    buf_puts(&line, hello);
    buf_putc(&line, '\n');
    int fd = unix_connect(socket_path ? socket_path : path);
    if (fd < 0 || io_write_all(fd, buf_p(&line), line.len) < 0)
        die_sys(EXIT_TEMPORARY, "cannot join the hub at '%s'", socket_path ? socket_path : path);
    buf_free(&line);
    return fd;
}

static int join(void)
{
    struct ditto_error err = {0};
    int fd = say_hello(), r = 0;
    for (msec until = clock_ms() + ANSWER_MS; r == 0;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        msec left = until - clock_ms();
        if (left <= 0 || (poll(&p, 1, (int)left) < 0 && errno != EINTR))
            die(EXIT_TEMPORARY, "cannot join the hub: no answer");
        r = join_answer(fd, &err);
    }
    if (r < 0)
        die(err.status == 400 || err.status == 413 ? EXIT_PERMANENT : EXIT_TEMPORARY,
            "cannot join the hub: %s: %s", err.code, err.message);
    return fd;
}

/* --- the end ----------------------------------------------------------------------------------------------------- */

static void limit(struct running *r, msec ms)
{
    if (r->limit.at > clock_ms() + ms)
        loop_timer(r->loop, &r->limit, clock_ms() + ms);
}

static void on_limit(struct timer *t)
{
    struct running *r = t->arg;
    warn("not all have ended: killing the rest");
    ring_signal(&r->ring, SIGKILL);
}

static void on_term(int signo, void *arg)
{
    struct running *r = arg;
    (void)signo;
    if (r->ring.stopping)
        ring_signal(&r->ring, SIGTERM);
    else if (r->hub >= 0)
        (void)shutdown(r->hub, SHUT_RD);
    else
        ring_stop(&r->ring);
    r->ring.stopping = true;
    limit(r, (msec)drain_ms);
}

/* The first to go breaks the ring: the others come to the end of file by themselves, unless it failed. */
static void broken(struct running *r)
{
    bool failed = r->ring.code && !r->ring.stopping;
    if (failed) {
        const char *command = r->commands[r->ring.culprit];
        if (r->ring.signo)
            warn("'%s' was ended by signal %d", command, r->ring.signo);
        else
            warn("'%s' ended with %d", command, r->ring.code);
        r->ring.stopping = true;
        ring_signal(&r->ring, SIGTERM);
    }
    limit(r, failed ? GRACE_MS : (msec)drain_ms);
}

static void on_child(int signo, void *arg)
{
    struct running *r = arg;
    int status;
    pid_t pid;
    (void)signo;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        if (ring_reaped(&r->ring, pid, status))
            broken(r);
    if (!r->ring.alive)
        loop_stop(r->loop);
}

/* --- the beginning ----------------------------------------------------------------------------------------------- */

static bool is_program(struct slice word)
{
    struct slice folders = slice_str(getenv("PATH"));
    struct buf path = {0};
    bool found = false;
    if (word.len == 0)
        return false;
    if (memchr(word.p, '/', word.len))
        return true;
    while (folders.p && !found) {
        struct slice folder = slice_cut(&folders, ':');
        buf_cut(&path, 0);
        buf_put_slice(&path, folder.len ? folder : S("."));
        buf_putc(&path, '/');
        buf_put_slice(&path, word);
        found = access(buf_z(&path), X_OK) == 0;
    }
    buf_free(&path);
    return found;
}

/* A simple command takes the place of its shell, so that signals, exit codes and the death of ring reach it. What needs
 * the shell after it (or quotes one of these characters) keeps it. */
static const char *script(const char *command)
{
    struct buf text = {0};
    if (strpbrk(command, ";&|(){}`\n!") || !is_program(slice_of(command, strcspn(command, " \t"))))
        return command;
    buf_puts(&text, "exec ");
    buf_puts(&text, command);
    return buf_z(&text);
}

static void start(struct running *r, size_t n, int hub)
{
    static struct part parts[RING_PARTS_MAX]; /* and their texts, for the life of the process */
    for (size_t i = 0; i < n; i++)
        parts[i] = (struct part){.argv = {"/bin/sh", "-c", script(r->commands[i]), NULL}};
    if (ring_start(&r->ring, parts, n, hub) < 0)
        die_sys(EXIT_TEMPORARY, "cannot start the ring");
}

int main(int argc, char **argv)
{
    struct running r = {.hub = -1};
    int hub = -1;
    io_init();
    int at = opt_parse(&program, argc, argv);
    size_t n = (size_t)(argc - at);
    if (n == 0 || n > RING_PARTS_MAX)
        opt_usage(&program, n ? "more than 16 commands" : "a command is needed");
    bool outbound = hello && joins_outbound();
    r.commands = (const char *const *)argv + at;
    r.loop = loop_new();
    r.limit = (struct timer){.at = NEVER, .fire = on_limit, .arg = &r};
    loop_signal(r.loop, SIGTERM, on_term, &r);
    loop_signal(r.loop, SIGINT, on_term, &r);
    loop_signal(r.loop, SIGCHLD, on_child, &r);
    if (hello)
        hub = join();
    start(&r, n, hub);
    if (outbound)
        r.hub = hub;
    else if (hub >= 0)
        close(hub);
    loop_run(r.loop);
    loop_free(r.loop);
    return r.ring.code;
}
