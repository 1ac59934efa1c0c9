#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "connection/programs.h"
#include "supervise/join.h"
#include "supervise/runner.h"

#include "base/banned.h"

enum {
    ANSWER_MS = 15000, /* the hub's answer to a hello */
    CONFIG_FD = 3,
    READY_FD = 4,
    REPORT_FD = 5,
};

/* ---- joining ---- */

static void spawn(struct runner *r);
static void say_hello(struct runner *r);

static void refused(struct runner *r, const struct ditto_error *err)
{
    snprintf(r->detail, sizeof r->detail, "the hub refused it: %.40s: %.120s", err->code, err->message);
    if (err->status == 503 && runner_hub_is_gone(r)) {
        runner_hub_lost(r);
    } else if (err->status == 400 || err->status == 413) { /* the connection itself cannot be served */
        error(
            "connection '%.*s': %s ring of client %u is misconfigured: %s: it stays down until it is modified or opened",
            SLICE_ARG(r->connection->id), direction_text(r->direction), r->client, r->detail);
        runner_misconfigured(r);
    } else { /* 409: an earlier ring may not have left yet; 408, 429, 503: another time */
        runner_failed(r);
    }
}

static void on_answer(struct watch *w, short revents)
{
    struct runner *r = w->arg;
    struct ditto_error err = {0};
    int admitted;
    if (revents & POLLOUT) {
        say_hello(r);
        return;
    }
    admitted = join_answer(w->fd, &err);
    if (admitted == 0)
        return;
    if (admitted > 0) {
        loop_remove(r->yard->loop, &r->answer);
        r->answer.fd = -1;
        spawn(r);
    } else {
        refused(r, &err);
    }
    yard_pump(r->yard);
}

/* A hub that is away or too busy is no failure of the connection: no longer delay than the first one. */
static void cannot_join(struct runner *r)
{
    bool away = errno == ECONNREFUSED || errno == ENOENT || errno == EAGAIN;
    snprintf(r->detail, sizeof r->detail, "cannot join the hub: %s", strerror(errno));
    if (!away) {
        runner_failed(r);
        return;
    }
    runner_set_state(r, RUN_BACKOFF);
    runner_set_timer(r, r->yard->backoff_min);
}

/* Writes what is left of the hello, as far as the hub takes it. */
static void say_hello(struct runner *r)
{
    int rc = lines_flush_some(r->hub_fd, &r->hello);
    r->answer.events = POLLIN | (rc == 0 ? POLLOUT : 0);
    if (rc >= 0)
        return;
    runner_hub_lost(r);
}

void runner_start(struct runner *r)
{
    struct buf masked = {0};
    buf_reset(&r->hello, 0);
    r->live_since = 0;
    connection_put_masked(&masked, r->connection->json);
    join_put_hello(&r->hello, r->direction == INBOUND ? "in" : "out", r->client, buf_slice(&masked));
    buf_free(&masked);
    r->hub_fd = unix_connect_now(r->yard->hub_socket);
    if (r->hub_fd < 0) {
        cannot_join(r);
        return;
    }
    runner_set_state(r, RUN_JOINING);
    runner_set_timer(r, ANSWER_MS);
    r->answer.fd = r->hub_fd;
    r->answer.ready = on_answer;
    loop_add(r->yard->loop, &r->answer);
    say_hello(r);
}

/* ---- processes ---- */

static void hand(struct part *p, int fd, int as)
{
    p->handed[p->n_handed].fd = fd;
    p->handed[p->n_handed++].as = as;
}

static const char *transport_program(const struct runner *r)
{
    enum connection_type type = r->connection->type;
    const char *name = r->direction == INBOUND ? program_in(type) : program_out(type);
    return name ? name : "";
}

/* Engines of scripts reserve far more than they use, and ditto-map limits its memory and theirs by itself. */
static struct part_limits mapper_limits(const struct yard *y)
{
    struct part_limits limits = y->limits;
    limits.memory_bytes = 0;
    return limits;
}

static void fill_parts(struct runner *r, struct part parts[2], char *client, size_t size, int ready,
                       int report)
{
    struct part *mapper = &parts[r->direction == INBOUND ? 1 : 0];
    struct part *transport = &parts[r->direction == INBOUND ? 0 : 1];
    snprintf(client, size, "%u", r->client);
    *mapper = (struct part){.argv = {"ditto-map", r->direction == INBOUND ? "-i" : "-o", "-c", "fd:3", NULL},
                            .env = "CONN_REPORT_FD=5",
                            .limits = mapper_limits(r->yard)};
    hand(mapper, r->masked_fd, CONFIG_FD);
    hand(mapper, report, REPORT_FD);
    *transport = (struct part){.argv = {transport_program(r), "-c", "fd:3", "-d", "4", "-C", client, NULL},
                               .env = "CONN_REPORT_FD=5",
                               .limits = r->yard->limits};
    hand(transport, r->full_fd, CONFIG_FD);
    hand(transport, ready, READY_FD);
    hand(transport, report, REPORT_FD);
    for (int i = 0; i < 2; i++) {
        r->names[i] = parts[i].argv[0];
        r->said[i][0] = '\0';
    }
}

static void on_ready(struct watch *w, short revents)
{
    struct runner *r = w->arg;
    char byte;
    ssize_t n = io_read_some(w->fd, &byte, 1);
    (void)revents;
    if (n < 0 && errno == EAGAIN)
        return;
    runner_drop(r, w);
    if (n != 1 || r->state != RUN_STARTING)
        return; /* it ended before it was ready: reaping tells */
    r->live_since = clock_ms();
    r->detail[0] = '\0';
    runner_set_timer(r, NEVER);
    runner_set_state(r, RUN_LIVE);
    runner_watch_life(r);
    notice("connection '%.*s': %s ring of client %u is open", SLICE_ARG(r->connection->id),
           direction_text(r->direction), r->client);
    yard_pump(r->yard);
}

static void listen_on(struct runner *r, struct watch *w, int pipe_end)
{
    io_nonblock(pipe_end);
    w->fd = pipe_end;
    loop_add(r->yard->loop, w);
}

static void close_pipe(int fds[2])
{
    for (int end = 0; end < 2; end++)
        if (fds[end] >= 0)
            close(fds[end]);
}

static void spawn(struct runner *r)
{
    struct part parts[2];
    char client[16];
    int ready[2] = {-1, -1}, report[2] = {-1, -1};
    if (pipe2(ready, O_CLOEXEC) < 0 || pipe2(report, O_CLOEXEC) < 0) {
        snprintf(r->detail, sizeof r->detail, "cannot make pipes: %s", strerror(errno));
        close_pipe(ready);
        runner_failed(r);
        return;
    }
    fill_parts(r, parts, client, sizeof client, ready[1], report[1]);
    if (ring_start(&r->ring, parts, 2, r->hub_fd) < 0) {
        snprintf(r->detail, sizeof r->detail, "cannot start processes: %s", strerror(errno));
        close_pipe(ready);
        close_pipe(report);
        runner_failed(r);
        return;
    }
    close(ready[1]);
    close(report[1]);
    r->ready.ready = on_ready;
    r->ready.events = POLLIN;
    listen_on(r, &r->ready, ready[0]);
    listen_on(r, &r->report, report[0]);
    lines_init(&r->report_lines, report[0]);
    r->hung = r->asked = false;
    memset(r->pulses, 0, sizeof r->pulses);
    runner_set_state(r, RUN_STARTING);
    runner_set_timer(r, RUNNER_TURN_MS);
}
