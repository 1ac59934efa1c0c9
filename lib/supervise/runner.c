#include "supervise/runner.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "supervise/join.h"

#include "base/banned.h"

enum {
    ANSWER_MS = 15000, /* the hub's answer to a hello */
    START_MS = 60000,  /* until the transport is ready; it has a limit of its own below this */
    GRACE_MS = 2000,   /* between TERM and KILL for what is left of a broken ring */
    CONFIG_FD = 3,
    READY_FD = 4,
    REPORT_FD = 5,
};

static const char *const status_text[RUN_STATES] = {
    [RUN_DOWN] = "closed",     [RUN_QUEUED] = "unknown",
    [RUN_JOINING] = "unknown", [RUN_STARTING] = "unknown",
    [RUN_LIVE] = "open",       [RUN_STOPPING] = "closed",
    [RUN_BACKOFF] = "failed",  [RUN_MISCONFIGURED] = "misconfigured",
};

const char *runner_status(const struct runner *r)
{
    return status_text[r->state];
}

const char *direction_text(enum direction d)
{
    return d == INBOUND ? "inbound" : "outbound";
}

static bool under_way(enum run_state s)
{
    return s == RUN_JOINING || s == RUN_STARTING;
}

static void set_state(struct runner *r, enum run_state state)
{
    struct yard *y = r->yard;
    if (under_way(r->state) && !under_way(state))
        y->starting--;
    if (!under_way(r->state) && under_way(state))
        y->starting++;
    r->state = state;
    r->since = wall_ms();
    if (log_at(LOG_VERBOSE))
        info("connection '%.*s': %s ring of client %u: %s%s%s", SLICE_ARG(r->connection->id),
             direction_text(r->direction), r->client, status_text[state], r->detail[0] ? ": " : "",
             r->detail);
}

static void set_timer(struct runner *r, msec in)
{
    loop_timer(r->yard->loop, &r->timer, in == NEVER ? NEVER : clock_ms() + in);
}

static void drop_watch(struct runner *r, struct watch *w)
{
    if (w->fd < 0)
        return;
    loop_remove(r->yard->loop, w);
    close(w->fd);
    w->fd = -1;
}

static void release(struct runner *r)
{
    if (r->answer.fd >= 0) /* shares its descriptor with hub_fd */
        loop_remove(r->yard->loop, &r->answer);
    r->answer.fd = -1;
    drop_watch(r, &r->ready);
    drop_watch(r, &r->report);
    lines_free(&r->report_lines);
    buf_free(&r->hello);
    if (r->hub_fd >= 0)
        close(r->hub_fd);
    r->hub_fd = -1;
}

/* ---- turns ---- */

static void enqueue(struct runner *r)
{
    struct yard *y = r->yard;
    r->next = NULL;
    if (y->last)
        y->last->next = r;
    else
        y->first = r;
    y->last = r;
    set_state(r, RUN_QUEUED);
    set_timer(r, NEVER);
}

static void unqueue(struct runner *r)
{
    struct yard *y = r->yard;
    struct runner **at = &y->first, *before = NULL;
    while (*at && *at != r) {
        before = *at;
        at = &(*at)->next;
    }
    if (!*at)
        return;
    *at = r->next;
    if (y->last == r)
        y->last = before;
}

static void start(struct runner *r);

void yard_pump(struct yard *y)
{
    while (y->hub_up && y->first && y->starting < y->pace) {
        struct runner *r = y->first;
        unqueue(r);
        start(r);
    }
}

void yard_hub(struct yard *y, bool up)
{
    y->hub_up = up;
    yard_pump(y);
}

/* ---- ends ---- */

static void down(struct runner *r)
{
    release(r);
    set_timer(r, NEVER);
    set_state(r, RUN_DOWN);
    r->yard->idle(r->yard->arg, r);
}

static void misconfigured(struct runner *r)
{
    release(r);
    set_timer(r, NEVER);
    error(
        "connection '%.*s': %s ring of client %u is misconfigured: %s: it stays down until it is modified or opened",
        SLICE_ARG(r->connection->id), direction_text(r->direction), r->client, r->detail);
    set_state(r, RUN_MISCONFIGURED);
}

static void failed(struct runner *r)
{
    struct yard *y = r->yard;
    bool useful = r->live_since && clock_ms() - r->live_since >= y->useful_ms;
    msec delay;
    release(r);
    if (useful)
        r->failures = 0;
    delay = backoff_ms(r->failures, y->backoff_min, y->backoff_max);
    r->failures++;
    warn("connection '%.*s': %s ring of client %u failed: %s: retry %u in %lld ms",
         SLICE_ARG(r->connection->id), direction_text(r->direction), r->client, r->detail, r->failures,
         (long long)delay);
    set_state(r, RUN_BACKOFF);
    set_timer(r, delay);
}

/* Is our duplicate of the ring's socket at its end? Then the hub went first. */
static bool hub_is_gone(const struct runner *r)
{
    char byte;
    ssize_t n = recv(r->hub_fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

static void hub_lost(struct runner *r)
{
    release(r);
    snprintf(r->detail, sizeof r->detail, "the hub went away");
    enqueue(r);
}

static void describe_end(struct runner *r)
{
    const struct ring *ring = &r->ring;
    const char *name = ring->culprit < ring->n ? r->names[ring->culprit] : "it";
    if (ring->signo)
        snprintf(r->detail, sizeof r->detail, "%s was ended by signal %d (%s)", name, ring->signo,
                 strsignal(ring->signo));
    else
        snprintf(r->detail, sizeof r->detail, "%s ended with %d", name, ring->code);
}

static void ended(struct runner *r)
{
    bool lost = r->hub_fd >= 0 && hub_is_gone(r);
    int code = r->ring.code;
    if (!r->wanted || r->state == RUN_STOPPING) {
        down(r);
        return;
    }
    if (lost && code != EXIT_PERMANENT) {
        hub_lost(r);
        return;
    }
    describe_end(r);
    if (code == EXIT_PERMANENT || code == 126 || code == 127)
        misconfigured(r);
    else
        failed(r);
}

/* The first to go breaks the ring. One that ended with 0 did so because its input ended: the one before it, which may
 * have the reason, is still on its way out, and a signal would come between. */
static void end_rest(struct runner *r)
{
    if (r->ring.code)
        ring_end(&r->ring);
    set_timer(r, GRACE_MS);
}

void yard_reap(struct yard *y)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        for (struct runner *r = y->all; r; r = r->next_of_all) {
            if (!ring_reaped(&r->ring, pid, status))
                continue;
            if (r->ring.alive == 0)
                ended(r);
            else if (r->state != RUN_STOPPING && r->ring.alive == r->ring.n - 1)
                end_rest(r);
            break;
        }
    yard_pump(y);
}

/* ---- starting ---- */

static void spawn(struct runner *r);
static void say_hello(struct runner *r);

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
        return;
    }
    snprintf(r->detail, sizeof r->detail, "the hub refused it: %.40s: %.120s", err.code, err.message);
    if (err.status == 503 && hub_is_gone(r))
        hub_lost(r);
    else if (err.status == 400 || err.status == 413)
        misconfigured(r); /* the connection itself cannot be served */
    else
        failed(r); /* 409: an earlier ring may not have left yet; 408, 429, 503: another time */
    yard_pump(r->yard);
}

/* A hub that is away or too busy is no failure of the connection: no longer delay than the first one. */
static void cannot_join(struct runner *r)
{
    bool away = errno == ECONNREFUSED || errno == ENOENT || errno == EAGAIN;
    snprintf(r->detail, sizeof r->detail, "cannot join the hub: %s", strerror(errno));
    if (!away) {
        failed(r);
        return;
    }
    set_state(r, RUN_BACKOFF);
    set_timer(r, r->yard->backoff_min);
}

/* Writes what is left of the hello, as far as the hub takes it. */
static void say_hello(struct runner *r)
{
    int rc = lines_flush_some(r->hub_fd, &r->hello);
    r->answer.events = POLLIN | (rc == 0 ? POLLOUT : 0);
    if (rc >= 0)
        return;
    snprintf(r->detail, sizeof r->detail, "cannot say hello to the hub: %s", strerror(errno));
    hub_lost(r);
}

static void start(struct runner *r)
{
    struct buf masked = {0};
    r->detail[0] = '\0';
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
    set_state(r, RUN_JOINING);
    set_timer(r, ANSWER_MS);
    r->answer.fd = r->hub_fd;
    loop_add(r->yard->loop, &r->answer);
    say_hello(r);
}

static void hand(struct part *p, int fd, int as)
{
    p->handed[p->n_handed].fd = fd;
    p->handed[p->n_handed++].as = as;
}

/* The transports, and so the programs, that a connection's type names. */
static const char *transport_program(const struct connection *c, enum direction d)
{
    switch (c->type) {
    case TYPE_AMQP_10: return d == INBOUND ? "amqp-in" : "amqp-out";
    case TYPE_MQTT:
    case TYPE_MQTT_5: return d == INBOUND ? "mqtt-in" : "mqtt-out";
    case TYPE_AMQP_091: return d == INBOUND ? "amqp091-in" : "amqp091-out";
    case TYPE_KAFKA:
    case TYPE_HONO: return d == INBOUND ? "kafka-in" : "kafka-out";
    case TYPE_HTTP_PUSH: return "http-out";
    }
    return "";
}

static void fill_parts(struct runner *r, struct part parts[2], char *client, size_t size, int ready,
                       int report)
{
    struct part *mapper = &parts[r->direction == INBOUND ? 1 : 0];
    struct part *transport = &parts[r->direction == INBOUND ? 0 : 1];
    snprintf(client, size, "%u", r->client);
    *mapper = (struct part){.argv = {"ditto-map", r->direction == INBOUND ? "-i" : "-o", "-c", "fd:3", NULL},
                            .env = "CONN_REPORT_FD=5"};
    hand(mapper, r->masked_fd, CONFIG_FD);
    hand(mapper, report, REPORT_FD);
    *transport = (struct part){
        .argv = {transport_program(r->connection, r->direction), "-c", "fd:3", "-d", "4", "-C", client, NULL},
        .env = "CONN_REPORT_FD=5"};
    hand(transport, r->full_fd, CONFIG_FD);
    hand(transport, ready, READY_FD);
    hand(transport, report, REPORT_FD);
    for (int i = 0; i < 2; i++)
        r->names[i] = parts[i].argv[0];
}

static int listen_on(struct runner *r, struct watch *w, int pipe_end)
{
    io_nonblock(pipe_end);
    w->fd = pipe_end;
    loop_add(r->yard->loop, w);
    return 0;
}

static void spawn(struct runner *r)
{
    struct part parts[2];
    char client[16];
    int ready[2] = {-1, -1}, report[2] = {-1, -1};
    if (pipe2(ready, O_CLOEXEC) < 0 || pipe2(report, O_CLOEXEC) < 0) {
        snprintf(r->detail, sizeof r->detail, "cannot make pipes: %s", strerror(errno));
        if (ready[0] >= 0)
            close(ready[0]), close(ready[1]);
        failed(r);
        return;
    }
    fill_parts(r, parts, client, sizeof client, ready[1], report[1]);
    int rc = ring_start(&r->ring, parts, 2, r->hub_fd);
    int e = errno;
    close(ready[1]);
    close(report[1]);
    if (rc < 0) {
        snprintf(r->detail, sizeof r->detail, "cannot start processes: %s", strerror(e));
        close(ready[0]);
        close(report[0]);
        failed(r);
        return;
    }
    r->received = r->settled = r->published = r->failed = 0;
    listen_on(r, &r->ready, ready[0]);
    listen_on(r, &r->report, report[0]);
    lines_init(&r->report_lines, report[0]);
    set_state(r, RUN_STARTING);
    set_timer(r, START_MS);
}

static void on_ready(struct watch *w, short revents)
{
    struct runner *r = w->arg;
    char byte;
    ssize_t n = io_read_some(w->fd, &byte, 1);
    (void)revents;
    if (n < 0 && errno == EAGAIN)
        return;
    drop_watch(r, w);
    if (n != 1 || r->state != RUN_STARTING)
        return; /* it ended before it was ready: reaping tells */
    r->live_since = clock_ms();
    set_timer(r, NEVER);
    set_state(r, RUN_LIVE);
    notice("connection '%.*s': %s ring of client %u is open", SLICE_ARG(r->connection->id),
           direction_text(r->direction), r->client);
    yard_pump(r->yard);
}

/* ---- reports ---- */

static void keep(struct json report, struct slice name, uint64_t *to)
{
    int64_t n;
    if (json_int(json_get(report, name), &n) == 0 && n >= 0)
        *to = (uint64_t)n;
}

static void on_report_line(struct runner *r, struct slice line)
{
    struct json report;
    struct json_error err;
    if (json_parse(line, &report, &err) < 0 || !json_text_is(json_get(report, S("report")), S("counters")))
        return;
    keep(report, S("received"), &r->received);
    keep(report, S("accepted"), &r->settled);
    keep(report, S("published"), &r->published);
    keep(report, S("failed"), &r->failed);
}

static void on_report(struct watch *w, short revents)
{
    struct runner *r = w->arg;
    struct slice line;
    int got = lines_fill(&r->report_lines);
    (void)revents;
    while (lines_next(&r->report_lines, &line) == LINES_LINE)
        on_report_line(r, line);
    if (got == 0 || (got < 0 && errno != EAGAIN))
        drop_watch(r, w);
}

/* ---- stopping ---- */

static void stop(struct runner *r)
{
    set_state(r, RUN_STOPPING);
    set_timer(r, r->yard->drain_ms);
    if (r->direction == INBOUND)
        ring_stop(&r->ring);
    else {
        /* the mapper reads to the end, the sink confirms what is left, and settlements still reach the hub */
        r->ring.stopping = true;
        shutdown(r->hub_fd, SHUT_RD);
    }
}

void runner_want(struct runner *r, bool wanted)
{
    r->wanted = wanted;
    switch (r->state) {
    case RUN_DOWN:
        if (wanted)
            enqueue(r);
        else
            r->yard->idle(r->yard->arg, r);
        break;
    case RUN_MISCONFIGURED:
        r->failures = 0;
        if (wanted)
            enqueue(r);
        else
            down(r);
        break;
    case RUN_QUEUED:
        if (!wanted) {
            unqueue(r);
            down(r);
        }
        break;
    case RUN_JOINING:
    case RUN_BACKOFF:
        if (!wanted)
            down(r);
        break;
    case RUN_STARTING:
    case RUN_LIVE:
        if (!wanted)
            stop(r);
        break;
    case RUN_STOPPING:
    case RUN_STATES: break;
    }
    yard_pump(r->yard);
}

static void on_timer(struct timer *t)
{
    struct runner *r = t->arg;
    switch (r->state) {
    case RUN_BACKOFF:
        enqueue(r);
        yard_pump(r->yard);
        break;
    case RUN_JOINING:
        snprintf(r->detail, sizeof r->detail, "the hub did not answer");
        failed(r);
        yard_pump(r->yard);
        break;
    case RUN_STARTING:
        if (r->ring.alive == r->ring.n) {
            snprintf(r->detail, sizeof r->detail, "not ready within %d ms", START_MS);
            end_rest(r);
            break;
        }
        ring_signal(&r->ring, SIGKILL);
        break;
    case RUN_STOPPING:
        warn("connection '%.*s': %s ring of client %u did not drain in time", SLICE_ARG(r->connection->id),
             direction_text(r->direction), r->client);
        ring_signal(&r->ring, SIGKILL);
        break;
    default: ring_signal(&r->ring, SIGKILL);
    }
}

void runner_init(struct runner *r, struct yard *y, const struct connection *c, int full_fd, int masked_fd,
                 unsigned client, enum direction d)
{
    *r = (struct runner){.yard = y,
                         .connection = c,
                         .full_fd = full_fd,
                         .masked_fd = masked_fd,
                         .client = client,
                         .direction = d,
                         .hub_fd = -1,
                         .since = wall_ms()};
    r->answer = (struct watch){.fd = -1, .events = POLLIN, .ready = on_answer, .arg = r};
    r->ready = (struct watch){.fd = -1, .events = POLLIN, .ready = on_ready, .arg = r};
    r->report = (struct watch){.fd = -1, .events = POLLIN, .ready = on_report, .arg = r};
    r->timer = (struct timer){.at = NEVER, .fire = on_timer, .arg = r};
    r->next_of_all = y->all;
    if (y->all)
        y->all->prev_of_all = r;
    y->all = r;
}

void runner_free(struct runner *r)
{
    struct yard *y = r->yard;
    if (r->state == RUN_QUEUED)
        unqueue(r);
    if (r->ring.alive)
        ring_signal(&r->ring, SIGKILL);
    release(r);
    set_timer(r, NEVER);
    if (under_way(r->state))
        y->starting--;
    if (r->prev_of_all)
        r->prev_of_all->next_of_all = r->next_of_all;
    else
        y->all = r->next_of_all;
    if (r->next_of_all)
        r->next_of_all->prev_of_all = r->prev_of_all;
}
