#include "store/peer.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "store/answer.h"
#include "store/verdicts.h"

#include "base/banned.h"

enum { IDLE_BYTES = 64 * 1024 }; /* that a queue keeps when it is empty */

/* A client that went away is its own affair; with a pipe it is the failure of the whole run. */
static void broken(struct peer *p, const char *what)
{
    p->gone = true;
    if (!p->pipe)
        return;
    p->cut = true;
    error_sys("cannot %s", what);
}

static void on_readable(struct watch *w, short revents)
{
    struct peer *p = w->arg;
    if (p->ended) { /* only asked for the end of the connection */
        p->gone = revents & (POLLHUP | POLLERR);
        return;
    }
    if (lines_fill(&p->lines) < 0 && errno != EAGAIN)
        broken(p, "read stdin");
}

static void on_writable(struct watch *w, short revents)
{
    struct peer *p = w->arg;
    if (revents & (POLLERR | POLLHUP | POLLNVAL))
        p->gone = true;
}

static void on_linger_end(struct timer *t)
{
    struct peer *p = t->arg;
    p->gone = true;
}

struct peer *peer_new(struct server *server, struct loop *loop, int in, int out)
{
    struct peer *p = xcalloc(1, sizeof *p);
    p->server = server;
    p->loop = loop;
    p->since = clock_ms();
    p->in = (struct watch){.fd = in, .events = POLLIN, .ready = on_readable, .arg = p};
    p->out = (struct watch){.fd = out, .events = POLLOUT, .off = true, .ready = on_writable, .arg = p};
    p->timer = p->verdict = (struct timer){.at = NEVER, .arg = p};
    lines_init(&p->lines, in);
    p->lines.max = PEER_LINE_BYTES;
    loop_add(loop, &p->in);
    loop_add(loop, &p->out);
    return p;
}

void peer_free(struct peer *p)
{
    loop_remove(p->loop, &p->in);
    loop_remove(p->loop, &p->out);
    verdicts_drop(p, 0);
    free(p->waits);
    loop_timer(p->loop, &p->timer, NEVER);
    (void)close(p->in.fd);
    if (p->out.fd != p->in.fd)
        (void)close(p->out.fd);
    buf_wipe(&p->lines.in);
    buf_wipe(&p->answers);
    buf_wipe(&p->question);
    buf_wipe(&p->reply);
    follower_free(&p->follower);
    free(p);
}

bool peer_is_full(const struct peer *p)
{
    return p->answers.len >= PEER_ANSWER_BYTES || p->n_waits >= PEER_WAITS;
}

enum lines_status peer_next(struct peer *p, struct slice *line)
{
    p->held_back = peer_is_full(p);
    if (p->held_back || p->waiting || p->closing || p->gone || p->ended)
        return LINES_MORE;
    enum lines_status st = lines_next(&p->lines, line);
    p->spoke |= st == LINES_LINE;
    p->ended = st == LINES_END || st == LINES_CUT;
    p->cut |= st == LINES_CUT;
    return st == LINES_END ? LINES_MORE : st;
}

size_t peer_sendable(const struct peer *p)
{
    return p->n_waits ? p->waits[0].at : p->answers.len;
}

static void sent(struct peer *p, size_t n)
{
    buf_take(&p->answers, n);
    for (size_t i = 0; i < p->n_waits; i++)
        p->waits[i].at -= n;
    if (!p->answers.len)
        buf_reset(&p->answers, IDLE_BYTES);
}

void peer_flush(struct peer *p)
{
    ssize_t n = 1;
    while (n > 0 && peer_sendable(p) && !p->gone) {
        n = io_write_some(p->out.fd, buf_p(&p->answers), peer_sendable(p));
        if (n < 0)
            broken(p, "write to stdout");
        else
            sent(p, (size_t)n);
    }
    if (!peer_sendable(p))
        p->behind = 0;
    else if (!p->behind)
        p->behind = clock_ms();
}

/* A pipe is done when it has seen all there is; a socket may be half closed and go on following. */
static bool follows_on(const struct peer *p)
{
    return p->follower.phase != FOLLOW_NOTHING && !(p->pipe && p->follower.phase == FOLLOW_LIVE);
}

void peer_settle(struct peer *p)
{
    bool done = p->closing || (p->ended && !p->waiting && !follows_on(p));
    p->gone |= done && !p->answers.len;
    p->in.off = (p->waiting && !p->ended) || p->closing || peer_is_full(p);
    if (p->ended) {
        p->in.events = 0;
        p->in.off = p->pipe;
    }
    /* a follower that catches up is fed a piece a round, so that the others get their turn */
    enum follow_phase phase = p->follower.phase;
    bool writes = peer_sendable(p) || (phase != FOLLOW_NOTHING && phase != FOLLOW_LIVE);
    p->out.events = writes ? POLLOUT : 0;
    p->out.off = !writes && !p->pipe;
}

void peer_close_with(struct peer *p, const struct ditto_error *err)
{
    size_t may = peer_sendable(p);
    const char *end = may ? memchr(buf_p(&p->answers), '\n', may) : NULL;
    /* the beginning of the first line may be on the way already */
    buf_cut(&p->answers, end ? (size_t)(end - buf_p(&p->answers)) + 1 : 0);
    verdicts_drop(p, 0);
    answer_notice(&p->answers, err);
    follower_free(&p->follower);
    p->closing = true;
    p->timer.fire = on_linger_end;
    loop_timer(p->loop, &p->timer, clock_ms() + PEER_LINGER_MS);
}
