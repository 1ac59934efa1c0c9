#include "transport/engine.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"

#include "base/banned.h"

enum {
    RETRY_MIN_MS = 1000,
    RETRY_MAX_MS = 60000,
    STEADY_MS = 60000, /* a connection that held so long counts as a good one */
};

void engine_finish(struct engine *e, int exit_code)
{
    if (e->over)
        return;
    e->over = true;
    e->exit_code = exit_code;
    loop_stop(e->loop);
}

/* --- counters ---------------------------------------------------------------------------------------------------- */

void engine_count(struct engine *e, unsigned which)
{
    e->counters[which].n++;
}

/* The supervisor asks whether we live. */
static void on_usr2(int signo, void *arg)
{
    (void)signo, (void)arg;
    report_alive();
}

static void on_usr1(int signo, void *arg)
{
    struct engine *e = arg;
    (void)signo;
    counters_print(e->counters, e->n_counters);
}

/* --- stdin and stdout -------------------------------------------------------------------------------------------- */

static void on_in(struct watch *w, short revents)
{
    struct engine *e = w->arg;
    (void)revents;
    if (lines_fill(&e->in) >= 0) {
        e->readable(e->arg);
    } else if (errno !=
               EAGAIN) { /* a shared descriptor may not block, and somebody else may have been faster */
        error_sys("cannot read stdin");
        engine_finish(e, EXIT_TEMPORARY);
    }
}

/* POLLOUT needs nothing: what is left is written before the next poll. */
static void on_out(struct watch *w, short revents)
{
    struct engine *e = w->arg;
    if (!(revents & (POLLERR | POLLHUP | POLLNVAL)))
        return;
    loop_remove(e->loop, w);
    e->deaf(e->arg);
}

bool engine_flush(struct engine *e)
{
    int r = e->out.len ? lines_flush_some(STDOUT_FILENO, &e->out) : 1;
    if (r < 0) {
        error_sys("cannot write to stdout");
        engine_finish(e, EXIT_TEMPORARY);
    }
    return r > 0;
}

void engine_await(struct engine *e)
{
    e->out_watch.events = e->out.len ? POLLOUT : 0;
}

/* --- the channel ------------------------------------------------------------------------------------------------- */

void engine_opened(struct engine *e)
{
    info("connected to '%.*s:%u'", SLICE_ARG(e->connection->uri.host), e->connection->uri.port);
    report_state("connected", NULL);
    report_event(true, "Connected to '%.*s:%u'.", SLICE_ARG(e->connection->uri.host),
                 e->connection->uri.port);
    io_ready(e->ready_fd);
    e->ready_fd = -1;
    e->ready = true;
    e->opened_at = clock_ms();
}

/* --- trying again ------------------------------------------------------------------------------------------------ */

static void on_retry(struct timer *t)
{
    struct engine *e = t->arg;
    e->waiting = false;
    e->reopen(e->arg);
}

void engine_retry(struct engine *e, void (*reopen)(void *arg))
{
    e->reopen = reopen;
    e->retry = (struct timer){.at = NEVER, .fire = on_retry, .arg = e};
    e->pause_ms = RETRY_MIN_MS;
}

static void try_again(struct engine *e)
{
    if (e->ready && clock_ms() - e->opened_at >= STEADY_MS)
        e->pause_ms = RETRY_MIN_MS;
    notice("trying again in %lld s", (long long)e->pause_ms / 1000);
    e->ready = false;
    e->waiting = true;
    loop_timer(e->loop, &e->retry, clock_ms() + e->pause_ms);
    e->pause_ms = e->pause_ms * 2 < RETRY_MAX_MS ? e->pause_ms * 2 : RETRY_MAX_MS;
}

void engine_closed(struct engine *e, int exit_code, const char *reason, int asked)
{
    report_state("disconnected", reason);
    if (exit_code)
        report_event(false, "Cannot %s '%.*s:%u': %s", e->ready ? "keep the connection to" : "connect to",
                     SLICE_ARG(e->connection->uri.host), e->connection->uri.port, reason);
    if (exit_code)
        error("cannot %s '%.*s:%u': %s", e->ready ? "keep the connection to" : "connect to",
              SLICE_ARG(e->connection->uri.host), e->connection->uri.port, reason);
    if (exit_code == EXIT_TEMPORARY && e->reopen && !e->over)
        try_again(e);
    else
        engine_finish(e, exit_code ? exit_code : asked);
}

/* --- life -------------------------------------------------------------------------------------------------------- */

void engine_init(struct engine *e, const struct connection *c, int ready_fd, struct counter *counters,
                 size_t n)
{
    *e = (struct engine){
        .loop = loop_new(), .connection = c, .ready_fd = ready_fd, .counters = counters, .n_counters = n};
    lines_init(&e->in, STDIN_FILENO);
    e->in_watch = (struct watch){.fd = STDIN_FILENO, .events = POLLIN, .ready = on_in, .arg = e};
    e->out_watch = (struct watch){.fd = STDOUT_FILENO, .ready = on_out, .arg = e};
    loop_signal(e->loop, SIGUSR1, on_usr1, e);
    loop_signal(e->loop, SIGUSR2, on_usr2, e);
    loop_add(e->loop, &e->out_watch);
    report_attach(e->loop);
}

void engine_clear(struct engine *e)
{
    report_end();
    lines_free(&e->in);
    buf_free(&e->out);
    loop_free(e->loop);
}
