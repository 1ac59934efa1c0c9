/* worker_run.c: the process that runs scripts. It has a socket, memory, and a timer that ends it. */
#include <errno.h>
#include <signal.h>
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
    TICK_MS = 10,
};

struct worker {
    int fd;
    struct worker_shared *shared;
    const struct script_engine *engine;
    const struct scripts *scripts;
    void **programs;
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

/* --- limits ----------------------------------------------------------------------------------------------------- */

/* A tick comes after each TICK_MS of CPU time, so never to an idle process. It looks at what the process is at, and ends it;
 * no script can change that. A process-wide handler knows no more than what is static. */
static struct {
    _Atomic uint64_t turn; /* odd: at a script; differs from one to the next */
    uint64_t seen;
    unsigned ticks, max_ticks;
    size_t memory_bytes; /* 0: no limit */
} bounds;

static size_t resident_bytes(void)
{
    struct rusage u;
    return getrusage(RUSAGE_SELF, &u) < 0 ? 0 : (size_t)u.ru_maxrss * 1024;
}

static void on_tick(int signo)
{
    int saved = errno;
    uint64_t turn = atomic_load(&bounds.turn);
    (void)signo;
    bounds.ticks = turn % 2 && turn == bounds.seen ? bounds.ticks + 1 : 0;
    bounds.seen = turn;
    if (bounds.ticks >= bounds.max_ticks)
        _exit(SCRIPT_NO_TIME);
    if (bounds.memory_bytes && resident_bytes() > bounds.memory_bytes)
        _exit(SCRIPT_NO_MEMORY);
    errno = saved;
}

/* A threaded engine stops scripts at the limit, and the process is ended where that did not help. */
static void set_bounds(const struct script_engine *engine, const struct worker_limits *limits)
{
    unsigned tick_ms = limits->cpu_ms < TICK_MS ? limits->cpu_ms : TICK_MS;
    unsigned most = engine->threaded ? limits->cpu_ms * 2 + TICK_MS * 2 : limits->cpu_ms;
    struct sigaction act = {.sa_handler = on_tick, .sa_flags = SA_RESTART};
    struct timeval tick = {.tv_usec = tick_ms * 1000};
    bounds.max_ticks = most / tick_ms;
    bounds.memory_bytes = engine->threaded ? limits->memory_bytes : 0;
    (void)sigaction(SIGPROF, &act, NULL);
    (void)setitimer(ITIMER_PROF, &(struct itimerval){tick, tick}, NULL);
}

static void next_turn(void)
{
    atomic_fetch_add(&bounds.turn, 1);
}

/* A plain engine may leak; a worker that has grown makes room for a fresh one. */
static bool has_grown(const struct worker *w)
{
    return !w->engine->threaded && w->n % CHECK_EVERY == 0 && resident_bytes() > w->limits->memory_bytes / 2;
}

/* --- messages --------------------------------------------------------------------------------------------------- */

static void put_answer(struct worker *w, size_t at, bool failed)
{
    if (failed) {
        buf_cut(&w->out, at + sizeof(struct frame));
        buf_put_slice(&w->out, buf_slice(&w->why));
    }
    struct frame f = {(uint32_t)(w->out.len - at - sizeof f), failed};
    memcpy(buf_p(&w->out) + at, &f, sizeof f);
}

/* The filter made the message of a line that it had checked. */
static void run(struct worker *w, uint32_t script, struct slice text)
{
    struct json message = {JSON_OBJECT, text.p, text.len};
    size_t at = w->out.len;
    buf_put(&w->out, &(struct frame){0}, sizeof(struct frame));
    buf_reset(&w->why, KEEP_BYTES);
    int r = w->engine->run(w->programs[script], w->scripts->v[script].way, message, &w->out, &w->why);
    put_answer(w, at, r < 0);
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
    next_turn();
    run(w, f.number, slice_of(buf_p(&w->in) + sizeof f, f.bytes));
    next_turn();
    atomic_store(&w->shared->at, 0);
    buf_take(&w->in, sizeof f + f.bytes);
    if (!w->in.len)
        buf_reset(&w->in, KEEP_BYTES);
    if (w->out.len > ANSWERS_BYTES || clock_ms() - w->since >= ANSWERS_MS)
        flush(w);
}

/* Says that it is ready, or ends. */
static void load(struct worker *w)
{
    next_turn();
    bool failed = w->engine->threaded &&
                  zygote_compile(w->engine, w->scripts, w->programs, &w->shared->compiling, &w->why) < 0;
    next_turn();
    uint32_t number = failed ? (uint32_t)atomic_load(&w->shared->compiling) : FRAME_READY;
    struct frame f = {(uint32_t)w->why.len, number};
    buf_put(&w->out, &f, sizeof f);
    buf_put_slice(&w->out, buf_slice(&w->why));
    flush(w);
    if (failed)
        _exit(0);
}

void worker_run(int fd, struct worker_shared *shared, const struct script_engine *engine,
                const struct scripts *scripts, void **programs, const struct worker_limits *limits)
{
    struct worker w = {.fd = fd,
                       .shared = shared,
                       .engine = engine,
                       .scripts = scripts,
                       .programs = programs,
                       .limits = limits};
    if (engine->threaded)
        engine->warm(limits);
    (void)lockdown_enter(engine->threaded ? LOCKDOWN_WORKER_OF_THREADS : LOCKDOWN_WORKER);
    set_bounds(engine, limits);
    load(&w);
    do
        take(&w);
    while (!has_grown(&w));
    flush(&w);
    _exit(0);
}
