#include "supervise/link.h"

#include <errno.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"

#include "base/banned.h"

enum { RETRY_MIN_MS = 100, RETRY_MAX_MS = 2000, OUT_MAX_BYTES = 256 * 1024 * 1024 };

static void disconnect(struct link *l)
{
    loop_remove(l->loop, &l->watch);
    close(l->watch.fd);
    l->watch.fd = -1;
    lines_free(&l->in);
    buf_free(&l->out);
    l->connected = false;
}

static void retry_later(struct link *l)
{
    loop_timer(l->loop, &l->retry, clock_ms() + backoff_ms(l->failures++, RETRY_MIN_MS, RETRY_MAX_MS));
}

void link_break(struct link *l)
{
    if (!l->connected)
        return;
    disconnect(l);
    l->down(l->arg);
    retry_later(l);
}

void link_flush(struct link *l)
{
    int r = 1;
    if (!l->connected)
        return;
    if (l->out.len)
        r = lines_flush_some(l->watch.fd, &l->out);
    l->watch.events = POLLIN | (r == 0 ? POLLOUT : 0);
    if (r < 0 || l->out.len > OUT_MAX_BYTES)
        link_break(l);
}

static void on_ready(struct watch *w, short revents)
{
    struct link *l = w->arg;
    struct slice line;
    enum lines_status st;
    int got = 1;
    if (revents & (POLLIN | POLLHUP | POLLERR))
        got = lines_fill(&l->in);
    while (l->connected && (st = lines_next(&l->in, &line)) == LINES_LINE)
        l->line(l->arg, line);
    if (!l->connected)
        return;
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
        warn("the %s went away", l->what);
        link_break(l);
        return;
    }
    link_flush(l);
}

static void try(struct link *l)
{
    int fd = unix_connect_now(l->path);
    if (fd < 0) {
        if (l->failures == 0)
            warn("cannot reach the %s at '%s': %s: trying again", l->what, l->path, strerror(errno));
        retry_later(l);
        return;
    }
    io_nonblock(fd);
    l->failures = 0;
    l->watch = (struct watch){.fd = fd, .events = POLLIN, .ready = on_ready, .arg = l};
    lines_init(&l->in, fd);
    loop_add(l->loop, &l->watch);
    l->connected = true;
    info("connected to the %s", l->what);
    l->up(l->arg);
    link_flush(l);
}

static void on_retry(struct timer *t)
{
    try(t->arg);
}

void link_open(struct link *l)
{
    l->retry = (struct timer){.at = NEVER, .fire = on_retry, .arg = l};
    l->watch.fd = -1;
    try(l);
}

void link_close(struct link *l)
{
    loop_timer(l->loop, &l->retry, NEVER);
    if (l->connected)
        disconnect(l);
}
