/* worker_run.c: the process that runs scripts. It has a socket, memory, and a timer that ends it. */
#include <errno.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/clock.h"
#include "mapping/lockdown.h"
#include "mapping/zygote.h"

#include "base/banned.h"

enum {
    READ_BLOCK = 64 * 1024,
    ANSWERS_BYTES = 64 * 1024, /* answers that are held back while there are messages to take */
    ANSWERS_MS = 2,
    KEEP_BYTES = 1024 * 1024,
    CHECK_EVERY = 1024, /* messages */
};

struct worker {
    int fd;
    struct worker_shared *shared;
    const struct script_engine *engine;
    const struct scripts *scripts;
    void *const *programs;
    const struct worker_limits *limits;
    struct buf in, out, why;
    uint64_t n; /* messages taken */
    msec since; /* the oldest answer in out */
};

static void flush(struct worker *w)
{
    while (w->out.len) {
        ssize_t n = send(w->fd, buf_p(&w->out), w->out.len, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR)
            _exit(0);
        if (n > 0)
            buf_take(&w->out, (size_t)n);
    }
    buf_reset(&w->out, KEEP_BYTES);
}

static void fill(struct worker *w, size_t least)
{
    size_t room = least > READ_BLOCK ? least : READ_BLOCK;
    ssize_t n = recv(w->fd, buf_room(&w->in, room), room, 0);
    if (n == 0 || (n < 0 && errno != EINTR))
        _exit(0);
    if (n > 0)
        buf_added(&w->in, (size_t)n);
}

/* Waits until n bytes are there; what was answered goes out before that. */
static void need(struct worker *w, size_t n)
{
    if (w->in.len < n)
        flush(w);
    while (w->in.len < n)
        fill(w, n - w->in.len);
}

/* The default action of the signal ends the process, and no script can change that. */
static void arm(unsigned ms)
{
    struct itimerval t = {.it_value = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000}};
    (void)setitimer(ITIMER_VIRTUAL, &t, NULL);
}

static void put_answer(struct worker *w, size_t at, bool failed)
{
    if (failed) {
        buf_cut(&w->out, at + sizeof(struct frame));
        buf_put_slice(&w->out, buf_slice(&w->why));
    }
    struct frame f = {(uint32_t)(w->out.len - at - sizeof f), failed};
    memcpy(buf_p(&w->out) + at, &f, sizeof f);
}

static void run(struct worker *w, uint32_t script, struct slice text)
{
    struct json message;
    size_t at = w->out.len;
    bool failed = true;
    buf_put(&w->out, &(struct frame){0}, sizeof(struct frame));
    buf_reset(&w->why, KEEP_BYTES);
    if (json_parse(text, &message, NULL) == 0)
        failed =
            w->engine->run(w->programs[script], w->scripts->v[script].way, message, &w->out, &w->why) < 0;
    put_answer(w, at, failed);
}

static void take(struct worker *w)
{
    struct frame f;
    need(w, sizeof f);
    memcpy(&f, buf_p(&w->in), sizeof f);
    need(w, sizeof f + f.bytes);
    if (!w->out.len)
        w->since = clock_ms();
    atomic_store(&w->shared->at, ++w->n);
    arm(w->limits->cpu_ms);
    run(w, f.number, slice_of(buf_p(&w->in) + sizeof f, f.bytes));
    atomic_store(&w->shared->at, 0);
    buf_take(&w->in, sizeof f + f.bytes);
    if (!w->in.len)
        buf_reset(&w->in, KEEP_BYTES);
    if (w->out.len > ANSWERS_BYTES || clock_ms() - w->since >= ANSWERS_MS)
        flush(w);
}

/* libjq leaks on some programs; a worker that has grown makes room for a fresh one. */
static bool has_grown(const struct worker *w)
{
    struct rusage u;
    if (w->n % CHECK_EVERY != 0 || getrusage(RUSAGE_SELF, &u) < 0)
        return false;
    return (size_t)u.ru_maxrss * 1024 > w->limits->memory_bytes / 2;
}

void worker_run(int fd, struct worker_shared *shared, const struct script_engine *engine,
                const struct scripts *scripts, void *const *programs, const struct worker_limits *limits)
{
    struct worker w = {.fd = fd,
                       .shared = shared,
                       .engine = engine,
                       .scripts = scripts,
                       .programs = programs,
                       .limits = limits};
    (void)lockdown_enter(LOCKDOWN_WORKER);
    do
        take(&w);
    while (!has_grown(&w));
    flush(&w);
    _exit(0);
}
