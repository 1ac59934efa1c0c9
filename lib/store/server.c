#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "store/server_parts.h"

#include "base/banned.h"

/* --- who is there ----------------------------------------------------------------------------------------------- */

static struct peer *add_peer(struct server *s, int in, int out)
{
    struct peer **end = &s->peers;
    while (*end)
        end = &(*end)->next;
    *end = peer_new(s, s->loop, in, out);
    s->n_peers++;
    (*end)->number = ++s->counts.peers;
    return *end;
}

static void refuse_peer(struct server *s, int fd, int status, const char *code, const char *why)
{
    struct ditto_error err = {0};
    struct buf line = {0};
    (void)ditto_fail(&err, status, code, NULL, NULL, "%s", why);
    answer_notice(&line, &err);
    (void)io_write_some(fd, buf_p(&line), line.len);
    (void)close(fd);
    buf_free(&line);
    s->counts.refused_peers++;
    info("refused a client: %s", why);
}

/* Makes room by closing the oldest peer that never said anything, though it had the time. */
static bool make_room(struct server *s)
{
    struct ditto_error err = {0};
    msec late = clock_ms() - SERVER_SILENCE_MS;
    for (struct peer *p = s->peers; p && p->since <= late; p = p->next)
        if (!p->spoke && !p->gone && !p->pipe) {
            (void)ditto_fail(&err, 503, UNAVAILABLE, NULL, NULL,
                             "The place is needed for somebody who has something to say.");
            answer_notice(&p->answers, &err);
            peer_flush(p);
            p->gone = true;
            s->n_peers--;
            return true;
        }
    return false;
}

static void admit(struct server *s, int fd)
{
    uid_t uid;
    if (unix_peer_uid(fd, &uid) != 0 || (uid != geteuid() && uid != 0))
        refuse_peer(s, fd, 401, "connectivity:connection.unauthorized",
                    "Only the store's own user is served.");
    else if (s->n_peers >= SERVER_PEERS && !make_room(s))
        refuse_peer(s, fd, 503, UNAVAILABLE, "The store serves as many clients as it can.");
    else
        add_peer(s, fd, fd)->trusted = uid == geteuid();
}

/* No descriptors, and nobody to take one from: that may change with time, or when somebody leaves. */
static void pause_listening(struct server *s)
{
    s->listener.off = true;
    loop_timer(s->loop, &s->pause, clock_ms() + SERVER_SILENCE_MS);
}

static void on_pause_end(struct timer *t)
{
    struct server *s = t->arg;
    s->listener.off = s->stopping;
}

static void on_listener(struct watch *w, short revents)
{
    struct server *s = w->arg;
    (void)revents;
    for (int i = 0; i < SERVER_PEERS; i++) {
        int fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
            continue;
        if (fd < 0) {
            if (errno != EAGAIN && !make_room(s))
                pause_listening(s);
            break;
        }
        admit(s, fd);
    }
}

/* --- the rhythm ------------------------------------------------------------------------------------------------- */

static size_t queued(const struct peer *p)
{
    return p->answers.len + p->follower.late.len + p->question.len + p->reply.len;
}

/* Whoever has been behind for longest; else, when answers wait for verdicts, whoever has most. NULL: nobody has much. */
static struct peer *furthest_behind(const struct server *s)
{
    struct peer *last = NULL, *most = NULL;
    for (struct peer *p = s->peers; p; p = p->next) {
        if (p->gone || p->pipe || queued(p) < PEER_SMALL_BYTES)
            continue;
        if (p->behind && (!last || p->behind < last->behind))
            last = p;
        if (!most || queued(p) > queued(most))
            most = p;
    }
    return last ? last : most;
}

/* In the middle of a long line nothing can be said any more. */
static void cut_off(struct server *s, struct peer *p)
{
    struct ditto_error err = {0};
    (void)ditto_fail(&err, 503, UNAVAILABLE, "Read the answers, or ask for less.", NULL,
                     "The store has no room for answers that are not read.");
    info("client %" PRIu64 " is closed: %zu bytes of answers are not read", p->number, queued(p));
    peer_close_with(p, &err);
    buf_wipe(&p->question);
    buf_wipe(&p->reply);
    p->gone = queued(p) >= PEER_SMALL_BYTES;
    if (p->gone)
        buf_wipe(&p->answers);
    s->counts.closed_peers++;
}

static void bound_output(struct server *s)
{
    struct peer *p;
    size_t sum = 0;
    for (p = s->peers; p; p = p->next)
        sum += queued(p);
    while (sum > SERVER_OUTPUT_BYTES && (p = furthest_behind(s))) {
        sum -= queued(p);
        cut_off(s, p);
        sum += queued(p);
    }
}

static void feed(struct server *s, struct peer *p)
{
    struct ditto_error err = {0};
    int rc;
    do {
        rc = follower_feed(&p->follower, s->store, &p->answers, &err);
        peer_flush(p);
    } while (rc == 0 && !p->gone && follower_lags(&p->follower, s->store) &&
             p->answers.len < FOLLOW_QUEUE_BYTES / 2);
    if (rc == 0 && follower_lags(&p->follower, s->store))
        rc = ditto_fail(
            /* which one arrived last only the follower knows: what is queued behind the first line is cut off */
            &err, 408, "streaming.subscription.timeout", "Follow again from the last one that arrived.", NULL,
            "Events are not read as fast as they happen.");
    if (rc != 0)
        peer_close_with(p, &err);
}

/* True if there may be lines to work on that nobody could be asked for before. */
static bool send_all(struct server *s)
{
    bool again = questions_exchange(s) || batch_is_full(s);
    if (!verdicts_expected(s))
        verdicts_give_up(s, "The supervisor went away before it said what became of it.");
    for (struct peer *p = s->peers; p; p = p->next) {
        if (p->follower.phase != FOLLOW_NOTHING && !p->closing && !p->gone)
            feed(s, p);
        peer_flush(p);
        if (p->answers.len >= PEER_ANSWER_BYTES) /* many such would not fit at once */
            bound_output(s);
        again |= p->held_back && !peer_is_full(p) && !p->gone;
    }
    bound_output(s);
    return again;
}

static void bound_input(struct server *s)
{
    struct ditto_error err = {0};
    struct peer *most = NULL;
    size_t sum = 0;
    for (struct peer *p = s->peers; p; p = p->next) {
        sum += p->lines.in.len;
        if (!p->closing && (!most || p->lines.in.len > most->lines.in.len))
            most = p;
    }
    if (sum <= SERVER_INPUT_BYTES || !most)
        return;
    (void)ditto_fail(&err, 503, UNAVAILABLE, NULL, NULL,
                     "The store has no room for a line as long as this one.");
    peer_close_with(most, &err);
    lines_free(&most->lines);
    lines_init(&most->lines, most->in.fd);
}

static void reap(struct server *s)
{
    struct peer **at = &s->peers;
    s->n_peers = 0;
    while (*at) {
        struct peer *p = *at;
        peer_settle(p);
        p->in.off |= s->stopping;
        p->gone |= s->stopping && !p->answers.len;
        if (!p->gone) {
            at = &p->next;
            s->n_peers++;
            continue;
        }
        s->cut |= p->pipe && p->cut;
        *at = p->next;
        peer_free(p);
        s->listener.off = s->stopping;
    }
    if (!s->peers && (s->once || s->stopping))
        loop_stop(s->loop);
}

static void before_poll(void *arg)
{
    struct server *s = arg;
    do
        batch_serve(s);
    while (send_all(s));
    bound_input(s);
    reap(s);
}

static void on_drain_end(struct timer *t)
{
    struct server *s = t->arg;
    loop_stop(s->loop);
}

struct server *server_new(struct loop *loop, struct store *store)
{
    struct server *s = xcalloc(1, sizeof *s);
    s->loop = loop;
    s->store = store;
    s->listener.fd = -1;
    s->drain = (struct timer){.at = NEVER, .fire = on_drain_end, .arg = s};
    s->pause = (struct timer){.at = NEVER, .fire = on_pause_end, .arg = s};
    loop_before_poll(loop, before_poll, s);
    return s;
}

void server_free(struct server *s)
{
    while (s->peers) {
        struct peer *p = s->peers;
        s->peers = p->next;
        peer_free(p);
    }
    loop_remove(s->loop, &s->listener);
    loop_timer(s->loop, &s->drain, NEVER);
    loop_timer(s->loop, &s->pause, NEVER);
    if (s->listener.fd >= 0) {
        (void)unlink(s->path);
        (void)close(s->listener.fd);
    }
    free(s->path);
    loop_before_poll(s->loop, NULL, NULL);
    free(s);
}

int server_listen(struct server *s, const char *path)
{
    int fd = unix_listen(path, 0600);
    if (fd < 0 || io_nonblock(fd) < 0)
        return -1;
    s->path = xstrndup(path, strlen(path));
    s->listener = (struct watch){.fd = fd, .events = POLLIN, .ready = on_listener, .arg = s};
    loop_add(s->loop, &s->listener);
    return 0;
}

void server_pipe(struct server *s)
{
    struct peer *p = add_peer(s, STDIN_FILENO, STDOUT_FILENO);
    p->pipe = p->trusted = true;
    s->once = true;
}

void server_stop(struct server *s)
{
    s->stopping = true;
    s->listener.off = true;
    verdicts_give_up(s, "The store ends before the supervisor said what became of it.");
    loop_timer(s->loop, &s->drain, clock_ms() + SERVER_DRAIN_MS);
}

bool server_cut(const struct server *s)
{
    return s->cut;
}

struct server_counts server_counts(const struct server *s)
{
    return s->counts;
}
