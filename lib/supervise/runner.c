#include "supervise/runner.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"

#include "base/banned.h"

enum {
    GRACE_MS = 2000, /* between TERM and KILL for what is left of a broken ring */
    START_MS = 60000 /* until the transport is ready; it has a limit of its own below this */
};

static const char *const status_text[RUN_STATES] = {
    [RUN_DOWN] = "closed",     [RUN_QUEUED] = "unknown",
    [RUN_JOINING] = "unknown", [RUN_STARTING] = "unknown",
    [RUN_LIVE] = "open",       [RUN_STOPPING] = "closed",
    [RUN_BACKOFF] = "failed",  [RUN_MISCONFIGURED] = "misconfigured",
};

static bool under_way(enum run_state s)
{
    return s == RUN_JOINING || s == RUN_STARTING;
}

/* What failed has failed until it is live again, however often it tries. */
const char *runner_status(const struct runner *r)
{
    bool trying = r->state == RUN_QUEUED || under_way(r->state);
    return trying && r->failures ? status_text[RUN_BACKOFF] : status_text[r->state];
}

const char *direction_text(enum direction d)
{
    return d == INBOUND ? "inbound" : "outbound";
}

/* ---- states ---- */

static void give_turn_back(struct runner *r)
{
    if (r->turn)
        r->yard->turns--;
    r->turn = false;
}

/* As users see it: attempts are no news. */
static void note_status(struct runner *r)
{
    const char *status = runner_status(r);
    if (r->status && strcmp(r->status, status) == 0)
        return;
    r->status = status;
    r->since = wall_ms();
}

void runner_set_state(struct runner *r, enum run_state state)
{
    if (under_way(r->state) && !under_way(state))
        give_turn_back(r);
    r->state = state;
    note_status(r);
    if (log_at(LOG_VERBOSE))
        info("connection '%.*s': %s ring of client %u: %s%s%s", SLICE_ARG(r->connection->id),
             direction_text(r->direction), r->client, status_text[state], r->detail[0] ? ": " : "",
             r->detail);
    r->yard->changed(r->yard->arg, r);
}

void runner_set_timer(struct runner *r, msec in)
{
    loop_timer(r->yard->loop, &r->timer, in == NEVER ? NEVER : clock_ms() + in);
}

void runner_drop(struct runner *r, struct watch *w)
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
    runner_drop(r, &r->ready);
    runner_drop(r, &r->report);
    lines_free(&r->report_lines);
    buf_free(&r->hello);
    loop_timer(r->yard->loop, &r->hang, NEVER);
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
    runner_set_state(r, RUN_QUEUED);
    runner_set_timer(r, NEVER);
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

void yard_pump(struct yard *y)
{
    while (y->hub_up && y->first && y->turns < y->pace) {
        struct runner *r = y->first;
        unqueue(r);
        y->turns++;
        r->turn = true;
        runner_start(r);
        if (!under_way(r->state))
            give_turn_back(r);
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
    runner_set_timer(r, NEVER);
    r->failures = 0;
    r->detail[0] = '\0';
    runner_set_state(r, RUN_DOWN);
}

static void afresh(struct runner *r)
{
    release(r);
    r->failures = 0;
    r->detail[0] = '\0';
    enqueue(r);
}

void runner_misconfigured(struct runner *r)
{
    release(r);
    runner_set_timer(r, NEVER);
    runner_set_state(r, RUN_MISCONFIGURED);
}

void runner_failed(struct runner *r)
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
    runner_set_state(r, RUN_BACKOFF);
    runner_set_timer(r, delay);
}

bool runner_hub_is_gone(const struct runner *r)
{
    char byte;
    ssize_t n = recv(r->hub_fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

void runner_hub_lost(struct runner *r)
{
    release(r);
    snprintf(r->detail, sizeof r->detail, "the hub went away");
    enqueue(r);
}

/* Who was it? The log has what that program said itself in the lines before; the status needs it in its words. */
static void describe_end(struct runner *r)
{
    const struct ring *ring = &r->ring;
    size_t who = r->hung ? r->hung_part : ring->culprit;
    const char *name = who < ring->n ? r->names[who] : "it";
    if (r->hung)
        snprintf(r->detail, sizeof r->detail, "%s %s for %lld ms and was ended", name,
                 r->pulses[who].still ? "stood still" : "did not answer", (long long)r->yard->hang_ms);
    else if (ring->signo)
        snprintf(r->detail, sizeof r->detail, "%s was ended by signal %d (%s)", name, ring->signo,
                 strsignal(ring->signo));
    else
        snprintf(r->detail, sizeof r->detail, "%s ended with %d", name, ring->code);
}

static void add_what_it_said(struct runner *r)
{
    size_t n = strlen(r->detail);
    const char *said = r->ring.culprit < 2 ? r->said[r->ring.culprit] : "";
    if (said[0])
        snprintf(r->detail + n, sizeof r->detail - n, ": %s", said);
}

static void on_report(struct watch *w, short revents);

static void ended(struct runner *r)
{
    bool lost = r->hub_fd >= 0 && runner_hub_is_gone(r);
    int code = r->ring.code;
    if (r->report.fd >= 0)
        on_report(&r->report, POLLIN); /* its last words */
    if (r->state == RUN_STOPPING) {
        r->wanted ? afresh(r) : down(r);
        return;
    }
    if (lost && code != EXIT_PERMANENT && !r->hung) {
        runner_hub_lost(r);
        return;
    }
    describe_end(r);
    if (code == EXIT_PERMANENT || code == 126 || code == 127) {
        error(
            "connection '%.*s': %s ring of client %u is misconfigured: %s: it stays down until it is modified or opened",
            SLICE_ARG(r->connection->id), direction_text(r->direction), r->client, r->detail);
        add_what_it_said(r);
        runner_misconfigured(r);
    } else {
        runner_failed(r);
        add_what_it_said(r);
    }
}

/* The first to go breaks the ring. One that ended with 0 did so because its input ended: the one before it, which may
 * have the reason, is still on its way out, and a signal would come between. */
void runner_end_rest(struct runner *r)
{
    if (r->ring.code || r->ring.alive == r->ring.n)
        ring_end(&r->ring);
    runner_set_timer(r, GRACE_MS);
}

/* ---- children ---- */

static size_t part_of(const struct runner *r, pid_t pid)
{
    size_t i = 0;
    while (i < r->ring.n && r->ring.pids[i] != pid)
        i++;
    return i;
}

/* Somebody may be looking into it; but a connection that stands still has failed. */
static void stopped(struct yard *y, pid_t pid, bool again)
{
    for (struct runner *r = y->all; r; r = r->next_of_all) {
        size_t part = part_of(r, pid);
        if (part < r->ring.n) {
            warn("connection '%.*s': process %ld of its %s ring %s", SLICE_ARG(r->connection->id), (long)pid,
                 direction_text(r->direction), again ? "goes on" : "was stopped");
            r->pulses[part].still = !again;
            r->pulses[part].heard = again;
            loop_timer(y->loop, &r->hang, clock_ms() + y->hang_ms);
            return;
        }
    }
}

static bool reaped(struct yard *y, pid_t pid, int status)
{
    for (struct runner *r = y->all; r; r = r->next_of_all) {
        if (!ring_reaped(&r->ring, pid, status))
            continue;
        if (r->ring.alive == 0)
            ended(r);
        else if (r->state != RUN_STOPPING && r->ring.alive == r->ring.n - 1)
            runner_end_rest(r);
        return true;
    }
    return false;
}

void yard_reap(struct yard *y, void (*stray)(void *arg, pid_t pid, int wait_status), void *arg)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED | WCONTINUED)) > 0)
        if (WIFSTOPPED(status) || WIFCONTINUED(status))
            stopped(y, pid, WIFCONTINUED(status));
        else if (!reaped(y, pid, status) && stray)
            stray(arg, pid, status);
    yard_pump(y);
}

/* ---- does it live? ---- */

enum {
    LOOKS = 3,            /* times hang_ms between two questions */
    COMPUTES_MS = 1000,   /* a mapper may compute for so long, or for … */
    COMPUTES_FRACTION = 2 /* … this fraction of hang_ms, without looking up */
};

static msec cpu_of(pid_t pid)
{
    clockid_t clock;
    struct timespec used;
    if (pid <= 0 || clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) < 0)
        return 0;
    return (msec)used.tv_sec * 1000 + used.tv_nsec / 1000000;
}

void runner_watch_life(struct runner *r)
{
    r->asked = r->hung = false;
    for (size_t i = 0; i < 2; i++)
        r->pulses[i] = (struct pulse){.cpu = cpu_of(r->ring.pids[i])};
    loop_timer(r->yard->loop, &r->hang, clock_ms() + LOOKS * r->yard->hang_ms);
}

static size_t transport_part(const struct runner *r)
{
    return r->direction == INBOUND ? 0 : 1;
}

static void ask(struct runner *r)
{
    for (size_t i = 0; i < 2; i++) {
        r->pulses[i].heard &= !r->asked;
        if (!r->pulses[i].heard && r->ring.pids[i] > 0)
            kill(r->ring.pids[i], SIGUSR2);
    }
    r->asked = true;
    loop_timer(r->yard->loop, &r->hang, clock_ms() + r->yard->hang_ms);
}

/* Who writes to a reader that does not read sleeps: that is backpressure. */
static bool computes(const struct runner *r, size_t part)
{
    msec most = r->yard->hang_ms / COMPUTES_FRACTION;
    return cpu_of(r->ring.pids[part]) - r->pulses[part].cpu >= (most > COMPUTES_MS ? most : COMPUTES_MS);
}

static bool hangs(const struct runner *r, size_t part)
{
    const struct pulse *p = &r->pulses[part];
    if (p->still || !r->asked || p->heard)
        return p->still;
    return part == transport_part(r) || computes(r, part);
}

static void on_hang(struct timer *t)
{
    struct runner *r = t->arg;
    for (size_t i = 0; i < 2; i++)
        if (hangs(r, i)) {
            r->hung_part = i;
            r->hung = true;
            ring_signal(&r->ring, SIGKILL);
            return;
        }
    if (r->state != RUN_LIVE)
        return;
    if (r->pulses[0].heard && r->pulses[1].heard)
        runner_watch_life(r);
    else
        ask(r);
}

/* ---- reports ---- */

static void keep_said(struct runner *r, struct json report)
{
    struct buf scratch = {0};
    struct slice detail = json_text(json_get(report, S("detail")), &scratch);
    for (size_t i = 0; i < 2 && detail.p; i++)
        if (r->names[i] && json_text_is(json_get(report, S("from")), slice_str(r->names[i])))
            snprintf(r->said[i], sizeof r->said[i], "%.*s", SLICE_ARG(detail));
    buf_free(&scratch);
}

static void on_report_line(struct runner *r, struct slice line)
{
    struct json report;
    struct json_error err;
    if (r->yard->reported)
        r->yard->reported(r->yard->arg, r, line);
    if (json_parse(line, &report, &err) < 0)
        return;
    for (size_t i = 0; i < 2; i++)
        if (r->names[i] && json_text_is(json_get(report, S("from")), slice_str(r->names[i])))
            r->pulses[i].heard = true;
    if (json_text_is(json_get(report, S("report")), S("error")))
        keep_said(r, report);
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
        runner_drop(r, w);
}

/* ---- wishes ---- */

static void stop(struct runner *r)
{
    runner_set_state(r, RUN_STOPPING);
    runner_set_timer(r, r->yard->drain_ms);
    if (r->direction == INBOUND)
        ring_stop(&r->ring);
    else {
        /* the mapper reads to the end, the sink confirms what is left, and settlements still reach the hub */
        r->ring.stopping = true;
        shutdown(r->hub_fd, SHUT_RD);
    }
}

static void refuse(struct runner *r)
{
    switch (r->state) {
    case RUN_QUEUED: unqueue(r); /* fall through */
    case RUN_MISCONFIGURED:
    case RUN_JOINING:
    case RUN_BACKOFF: down(r); break;
    case RUN_STARTING:
    case RUN_LIVE: stop(r); break;
    case RUN_DOWN:
    case RUN_STOPPING:
    case RUN_STATES: break;
    }
}

void runner_want(struct runner *r, bool wanted)
{
    r->wanted = wanted;
    if (!wanted)
        refuse(r);
    else if (r->state == RUN_DOWN)
        enqueue(r);
    yard_pump(r->yard);
}

void runner_retry(struct runner *r)
{
    if (r->state == RUN_MISCONFIGURED || r->state == RUN_BACKOFF)
        afresh(r);
    yard_pump(r->yard);
}

void runner_restart(struct runner *r)
{
    if (r->state == RUN_STARTING || r->state == RUN_LIVE)
        stop(r);
    else if (r->state == RUN_JOINING)
        afresh(r);
    runner_retry(r);
}

void runner_adopt(struct runner *r, const struct connection *c, int full_fd, int masked_fd)
{
    r->connection = c;
    r->full_fd = full_fd;
    r->masked_fd = masked_fd;
}

static void still_starting(struct runner *r)
{
    if (r->turn) {
        give_turn_back(r);
        runner_set_timer(r, START_MS - RUNNER_TURN_MS);
        if (!r->failures)
            snprintf(r->detail, sizeof r->detail, "connecting to '%.*s:%u': no answer yet",
                     SLICE_ARG(r->connection->uri.host), r->connection->uri.port);
        return;
    }
    if (r->ring.alive == r->ring.n) {
        snprintf(r->detail, sizeof r->detail, "not ready within %d ms", START_MS);
        runner_end_rest(r);
    } else {
        ring_signal(&r->ring, SIGKILL);
    }
}

static void on_timer(struct timer *t)
{
    struct runner *r = t->arg;
    switch (r->state) {
    case RUN_BACKOFF: enqueue(r); break;
    case RUN_JOINING:
        snprintf(r->detail, sizeof r->detail, "the hub did not answer");
        runner_failed(r);
        break;
    case RUN_STARTING: still_starting(r); break;
    case RUN_STOPPING:
        warn("connection '%.*s': %s ring of client %u did not drain in time", SLICE_ARG(r->connection->id),
             direction_text(r->direction), r->client);
        ring_signal(&r->ring, SIGKILL);
        break;
    default: ring_signal(&r->ring, SIGKILL);
    }
    yard_pump(r->yard);
}

/* ---- life ---- */

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
    note_status(r);
    r->answer = (struct watch){.fd = -1, .arg = r};
    r->ready = (struct watch){.fd = -1, .arg = r};
    r->report = (struct watch){.fd = -1, .events = POLLIN, .ready = on_report, .arg = r};
    r->timer = (struct timer){.at = NEVER, .fire = on_timer, .arg = r};
    r->hang = (struct timer){.at = NEVER, .fire = on_hang, .arg = r};
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
    runner_set_timer(r, NEVER);
    give_turn_back(r);
    if (r->prev_of_all)
        r->prev_of_all->next_of_all = r->next_of_all;
    else
        y->all = r->next_of_all;
    if (r->next_of_all)
        r->next_of_all->prev_of_all = r->prev_of_all;
}
