#include "mapping/worker.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "base/lines.h"
#include "base/log.h"

#include "base/banned.h"

enum {
    WINDOW = 128,              /* jobs at the worker */
    WINDOW_BYTES = 256 * 1024, /* not yet taken by the socket */
    READ_BLOCK = 128 * 1024,
    KEEP_BYTES = 1024 * 1024,
    WALL_FACTOR = 10, /* of the CPU time that a message may take: the machine may be busy */
    WALL_LEAST_MS = 1000,
    USELESS_MAX = 10, /* workers in a row that ended before they got anything to do */
    READY_MS = 60000,
};

/* --- zygote ----------------------------------------------------------------------------------------------------- */

/* A report of the zygote and the descriptor that came with it (-1: none). 0, or -1 if the zygote is gone. */
static int receive(int control, struct zygote_report *report, int *fd)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } with;
    struct iovec io = {.iov_base = report, .iov_len = sizeof *report};
    struct msghdr m = {
        .msg_iov = &io, .msg_iovlen = 1, .msg_control = with.bytes, .msg_controllen = sizeof with.bytes};
    ssize_t n;
    do
        n = recvmsg(control, &m, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    *fd = -1;
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    if (n > 0 && c && c->cmsg_type == SCM_RIGHTS)
        memcpy(fd, CMSG_DATA(c), sizeof *fd);
    return n == (ssize_t)sizeof *report ? 0 : -1;
}

/* A new worker; how the one before ended. */
static int replace(struct worker *w)
{
    struct zygote_report report;
    if (w->fd >= 0)
        io_close(w->fd);
    w->answered = 0;
    w->ready = false;
    if (send(w->control, "w", 1, MSG_NOSIGNAL) != 1 || receive(w->control, &report, &w->fd) < 0 || w->fd < 0)
        die(EXIT_TEMPORARY, "cannot run scripts: the process that starts their workers is gone");
    w->watch.fd = w->fd;
    return report.status;
}

static const char *why_ended(const struct worker *w, int status, char *text, size_t size)
{
    if (status != -1 && WIFEXITED(status) && WEXITSTATUS(status) != SCRIPT_NO_TIME)
        return WEXITSTATUS(status) == SCRIPT_NO_MEMORY ? "it ran out of memory" : "its process ended";
    if (status != -1 && WIFEXITED(status)) {
        (void)snprintf(text, size, "it took more than %u ms of CPU time", w->limits.cpu_ms);
        return text;
    }
    int signo = status == -1 ? 0 : WTERMSIG(status);
    switch (signo) {
    case SIGSYS: return "it made a system call that it may not make";
    case SIGKILL: return "its process was killed";
    default: (void)snprintf(text, size, "its process crashed (signal %d)", signo); return text;
    }
}

static int start_zygote(struct worker *w)
{
    int pair[2];
    pid_t self = getpid();
    w->shared = mmap(NULL, sizeof *w->shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (w->shared == MAP_FAILED || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return -1;
    w->zygote = fork();
    if (w->zygote == 0)
        zygote_run(self, pair[1], w->shared, w->engine, w->scripts, &w->limits);
    w->control = pair[0];
    (void)close(pair[1]);
    return w->zygote < 0 ? -1 : 0;
}

/* The first frame of the worker, if it is there whole. */
static bool first_frame(const struct worker *w, struct frame *f)
{
    if (w->in.len < sizeof *f)
        return false;
    memcpy(f, buf_p(&w->in), sizeof *f);
    return f->bytes <= FRAME_MAX_BYTES && w->in.len >= sizeof *f + f->bytes;
}

static bool wait_for_bytes(struct worker *w, msec until)
{
    struct pollfd p = {.fd = w->fd, .events = POLLIN};
    msec left = until - clock_ms();
    if (left <= 0 || poll(&p, 1, (int)left) == 0)
        return false;
    ssize_t n = recv(w->fd, buf_room(&w->in, READ_BLOCK), READ_BLOCK, MSG_DONTWAIT);
    if (n > 0)
        buf_added(&w->in, (size_t)n);
    return n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN));
}

/* Waits for the first worker, which may be the one that compiles. */
static int await_first(struct worker *w, struct buf *why, int *script)
{
    struct frame f;
    char text[64];
    msec until = clock_ms() + READY_MS;
    while (!first_frame(w, &f)) {
        if (wait_for_bytes(w, until))
            continue;
        *script = atomic_load(&w->shared->compiling);
        buf_puts(why, why_ended(w, replace(w), text, sizeof text));
        return -1;
    }
    if (f.number != FRAME_READY) {
        *script = (int)f.number;
        buf_put(why, buf_p(&w->in) + sizeof f, f.bytes);
        return -1;
    }
    buf_take(&w->in, sizeof f + f.bytes);
    w->ready = true;
    return 0;
}

int worker_start(struct worker *w, struct buf *why, int *script)
{
    struct zygote_report report = {.why = ""};
    int none;
    w->fd = w->control = -1;
    *script = NO_SCRIPT;
    if (start_zygote(w) < 0) {
        buf_puts(why, strerror(errno));
        return -1;
    }
    if (receive(w->control, &report, &none) < 0) {
        *script = atomic_load(&w->shared->compiling);
        buf_puts(why, "the compiler did not survive it");
        return -1;
    }
    report.why[sizeof report.why - 1] = '\0';
    if (report.why[0]) {
        buf_puts(why, report.why);
        *script = report.script;
        return -1;
    }
    (void)replace(w);
    return await_first(w, why, script);
}

void worker_stop(struct worker *w)
{
    if (w->loop) {
        loop_remove(w->loop, &w->watch);
        loop_timer(w->loop, &w->watchdog, NEVER);
    }
    io_close(w->fd);
    io_close(w->control);
    if (w->zygote > 0)
        while (waitpid(w->zygote, NULL, 0) < 0 && errno == EINTR)
            ;
    buf_free(&w->in);
    buf_free(&w->out);
    if (w->shared && w->shared != MAP_FAILED)
        (void)munmap(w->shared, sizeof *w->shared);
    *w = (struct worker){.fd = -1, .control = -1};
}

/* --- jobs out --------------------------------------------------------------------------------------------------- */

static void put_job(struct worker *w, const struct job *j)
{
    size_t at = w->out.len;
    buf_put(&w->out, &(struct frame){0}, sizeof(struct frame));
    w->put_message(w->arg, j, &w->out);
    struct frame f = {(uint32_t)(w->out.len - at - sizeof f), j->script};
    memcpy(buf_p(&w->out) + at, &f, sizeof f);
}

static void feed(struct worker *w)
{
    if (w->unsent && !w->in_flight)
        w->since = clock_ms();
    while (w->unsent && w->in_flight < WINDOW && w->out.len < WINDOW_BYTES) {
        put_job(w, w->unsent);
        w->unsent = w->unsent->next;
        w->in_flight++;
    }
}

static msec wall_limit(const struct worker *w)
{
    msec ms = (msec)w->limits.cpu_ms * WALL_FACTOR;
    if (!w->ready)
        return READY_MS;
    return ms > WALL_LEAST_MS ? ms : WALL_LEAST_MS;
}

void worker_submit(struct worker *w, struct job *job)
{
    job->next = NULL;
    if (w->first)
        w->last->next = job;
    else
        w->first = job;
    w->last = job;
    if (!w->unsent)
        w->unsent = job;
    feed(w);
}

static void died(struct worker *w, const char *known_why);

void worker_flush(struct worker *w)
{
    while (w->out.len) {
        int r = lines_flush_some(w->fd, &w->out);
        if (r < 0) { /* EPIPE: it died; its replacement gets the same again */
            died(w, NULL);
            continue;
        }
        feed(w);
        if (r == 0)
            break;
    }
    w->watch.events = w->out.len ? POLLIN | POLLOUT : POLLIN;
    if (w->in_flight && w->watchdog.at == NEVER)
        loop_timer(w->loop, &w->watchdog, w->since + wall_limit(w));
}

/* --- answers in ------------------------------------------------------------------------------------------------- */

static void answer(struct worker *w, bool failed, struct slice text)
{
    struct job *j = w->first;
    w->first = j->next;
    w->in_flight--;
    w->since = clock_ms();
    w->on_answer(w->arg, j, failed, text);
}

/* Was the worker at a job when it died, so that this one is to blame? Answers that it still held back are lost with it:
 * their jobs, and the ones behind, go to the next worker. A worker that answered nothing is not believed. */
static uint64_t jobs_before_culprit(const struct worker *w, uint64_t at)
{
    if (at > w->answered && at <= w->answered + w->in_flight)
        return at - w->answered - 1;
    return w->answered ? UINT64_MAX : 0;
}

/* Takes the culprit out of the list. */
static struct job *take_job(struct worker *w, uint64_t n)
{
    struct job **link = &w->first, *before = NULL;
    for (; n && (*link)->next; n--) {
        before = *link;
        link = &before->next;
    }
    struct job *j = *link;
    *link = j->next;
    if (w->last == j)
        w->last = before;
    return j;
}

static void died(struct worker *w, const char *known_why)
{
    char text[64];
    uint64_t at = atomic_load(&w->shared->at);
    uint64_t before = w->ready && w->in_flight ? jobs_before_culprit(w, at) : UINT64_MAX;
    w->useless = w->ready && (w->answered || w->in_flight) ? 0 : w->useless + 1;
    int status = replace(w);
    const char *why = known_why ? known_why : why_ended(w, status, text, sizeof text);
    if (w->useless == USELESS_MAX)
        die(EXIT_TEMPORARY, "cannot run scripts: a worker ended before it got its first message: %s", why);
    info("a script worker was replaced: %s", why);
    struct job *culprit = before == UINT64_MAX ? NULL : take_job(w, before);
    buf_reset(&w->in, KEEP_BYTES);
    buf_reset(&w->out, KEEP_BYTES);
    w->in_flight = 0;
    w->unsent = w->first;
    if (culprit)
        w->on_answer(w->arg, culprit, true, slice_str(why));
    feed(w);
}

/* A worker that cannot compile what the first one could ends by itself. */
static int take_first(struct worker *w)
{
    struct frame f;
    if (!first_frame(w, &f))
        return 0;
    if (f.number != FRAME_READY)
        return -1;
    buf_take(&w->in, sizeof f + f.bytes);
    w->ready = true;
    w->since = clock_ms();
    return 1;
}

/* One answer, if it is there whole. 1, 0 without one, -1 if it cannot be one. */
static int next_answer(struct worker *w)
{
    struct frame f;
    if (!w->ready)
        return take_first(w);
    if (w->in.len < sizeof f)
        return 0;
    memcpy(&f, buf_p(&w->in), sizeof f);
    if (f.bytes > FRAME_MAX_BYTES || !w->in_flight)
        return -1;
    if (w->in.len < sizeof f + f.bytes)
        return 0;
    w->answered++;
    answer(w, f.number != 0, slice_of(buf_p(&w->in) + sizeof f, f.bytes));
    buf_take(&w->in, sizeof f + f.bytes);
    return 1;
}

static void on_ready(struct watch *watch, short revents)
{
    struct worker *w = watch->arg;
    if (!(revents & (POLLIN | POLLHUP | POLLERR)))
        return; /* room to write: worker_flush */
    ssize_t n = recv(w->fd, buf_room(&w->in, READ_BLOCK), READ_BLOCK, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        died(w, NULL);
        return;
    }
    buf_added(&w->in, (size_t)n);
    int r;
    while ((r = next_answer(w)) > 0)
        ;
    if (r < 0)
        died(w, "its process sent what is no answer");
    else if (!w->in.len)
        buf_reset(&w->in, KEEP_BYTES);
    feed(w);
}

/* Answers that wait in the socket were taken before timers fire. */
static void on_watchdog(struct timer *t)
{
    struct worker *w = t->arg;
    if (w->in_flight && clock_ms() - w->since >= wall_limit(w))
        died(w, "it did not end in time");
}

void worker_attach(struct worker *w, struct loop *loop)
{
    w->loop = loop;
    w->watch = (struct watch){.fd = w->fd, .events = POLLIN, .ready = on_ready, .arg = w};
    w->watchdog = (struct timer){.at = NEVER, .fire = on_watchdog, .arg = w};
    loop_add(loop, &w->watch);
}
