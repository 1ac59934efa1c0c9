#include "store/server.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/scan.h"
#include "store/commands.h"

#include "base/banned.h"

#define UNAVAILABLE "connectivity:connection.unavailable"
#define ID_PREFIX   "s-" /* of the ids that questions to the supervisor have */

struct work { /* one line of a batch */
    struct peer *peer;
    enum lines_status status;
    struct slice line; /* in the peer's reader, which is not filled before the batch is done */
};

struct server {
    struct loop *loop;
    struct store *store;
    struct watch listener;
    char *path; /* of its socket */
    struct timer drain;
    struct peer *peers; /* in the order in which they came */
    size_t n_peers;
    size_t n_work;
    struct work work[SERVER_BATCH];
    struct peer *supervisor; /* while a batch is worked on: who is asked about live state */
    uint64_t questions;      /* asked so far */
    bool once, stopping, cut;
    struct server_counts counts;
};

/* --- who is there ----------------------------------------------------------------------------------------------- */

static struct peer *add_peer(struct server *s, int in, int out)
{
    struct peer **end = &s->peers;
    while (*end)
        end = &(*end)->next;
    *end = peer_new(s, s->loop, in, out);
    s->n_peers++;
    s->counts.peers++;
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

/* Makes room by closing the oldest peer that never said anything. */
static bool make_room(struct server *s)
{
    struct ditto_error err = {0};
    for (struct peer *p = s->peers; p; p = p->next)
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

static void on_listener(struct watch *w, short revents)
{
    struct server *s = w->arg;
    (void)revents;
    for (int i = 0; i < SERVER_PEERS; i++) {
        int fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
            continue;
        if (fd < 0) {
            w->off = errno != EAGAIN; /* no descriptors: until somebody leaves */
            break;
        }
        admit(s, fd);
    }
}

static struct peer *find_supervisor(const struct server *s)
{
    struct peer *newest = NULL;
    for (struct peer *p = s->peers; p; p = p->next)
        if (p->follower.supervise && !p->closing && !p->gone)
            newest = p;
    return newest;
}

/* --- questions about live state --------------------------------------------------------------------------------- */

static void put_object(struct buf *dst, struct json object, struct slice name)
{
    struct json v = json_get(object, name);
    json_put_member(dst, name, v.type == JSON_OBJECT ? json_slice(v) : S("{}"));
}

static struct json question_of(const struct peer *p)
{
    return (struct json){JSON_OBJECT, buf_p(&p->question), p->question.len};
}

static void answer_instead(struct peer *p, const char *code, const char *why)
{
    struct ditto_error err = {0};
    (void)ditto_fail(&err, 503, code, NULL, NULL, "%s", why);
    if (answer_wanted(question_of(p)))
        answer_error(&p->answers, question_of(p), &err);
    p->waiting = 0;
    p->asked = false;
    loop_timer(p->loop, &p->timer, NEVER);
}

static void on_no_answer(struct timer *t)
{
    answer_instead(t->arg, "connectivity:connection.timeout", "The supervisor did not answer in time.");
}

static void ask(struct server *s, struct peer *p, struct peer *supervisor)
{
    char id[32];
    struct buf *out = &supervisor->answers;
    int n = snprintf(id, sizeof id, ID_PREFIX "%" PRIu64, p->waiting);
    buf_putc(out, '{');
    json_put_member_text(out, S("id"), slice_of(id, (size_t)n));
    put_object(out, question_of(p), S("headers"));
    put_object(out, question_of(p), S("signal"));
    buf_puts(out, "}\n");
    p->asked = true;
    p->timer.fire = on_no_answer;
    loop_timer(s->loop, &p->timer, clock_ms() + SERVER_ANSWER_MS);
}

static void pass_on(struct peer *p)
{
    if (answer_wanted(question_of(p))) {
        answer_begin(&p->answers, question_of(p), 0);
        buf_put_slice(&p->answers, buf_slice(&p->reply));
        answer_end(&p->answers);
    }
    buf_reset(&p->reply, PEER_ANSWER_BYTES);
    p->waiting = 0;
    p->asked = false;
    loop_timer(p->loop, &p->timer, NEVER);
}

static struct peer *whose_question(const struct server *s, struct json id)
{
    struct slice digits = json_raw(id);
    uint64_t n;
    if (!digits.p || !slice_starts(digits, S(ID_PREFIX)) || scan_u64(slice_skip(digits, 2), &n) != 0)
        return NULL;
    for (struct peer *p = s->peers; p; p = p->next)
        if (n && p->waiting == n && !p->gone)
            return p;
    return NULL;
}

/* What came from or for the supervisor goes its way once the batch is durable. True if somebody has waited long enough
 * and may have more lines. */
static bool exchange(struct server *s)
{
    struct peer *supervisor = find_supervisor(s);
    bool answered = false;
    for (struct peer *p = s->peers; p; p = p->next) {
        if (!p->waiting)
            continue;
        if (p->reply.len)
            pass_on(p);
        else if (!supervisor)
            answer_instead(p, UNAVAILABLE, "The supervisor went away.");
        else if (!p->asked)
            ask(s, p, supervisor);
        answered |= !p->waiting;
    }
    return answered;
}

/* --- lines ------------------------------------------------------------------------------------------------------ */

static void bad_line(struct peer *p, struct json line, const char *code, const char *pointer,
                     const char *what)
{
    struct ditto_error err = {0};
    (void)ditto_fail(&err, 400, code, NULL, pointer, "%s", what);
    answer_error(&p->answers, line, &err);
}

static void run_command(struct server *s, struct peer *p, struct json line)
{
    struct asker asker = {.secrets = p->trusted, .supervised = s->supervisor && s->supervisor != p};
    if (commands_run(s->store, line, asker, &p->answers) == COMMAND_ANSWERED)
        return;
    p->waiting = ++s->questions;
    buf_reset(&p->question, PEER_ANSWER_BYTES);
    buf_put_slice(&p->question, json_slice(line));
}

static bool is_response(struct json signal)
{
    return slice_starts(json_raw(json_get(signal, S("type"))), S("connectivity.responses:"));
}

static void take_reply(struct server *s, struct json line, struct json signal)
{
    struct peer *asker = whose_question(s, json_get(line, S("id")));
    if (!asker)
        return; /* too late */
    buf_reset(&asker->reply, PEER_ANSWER_BYTES);
    buf_put_slice(&asker->reply, json_slice(signal));
}

static void follow(struct server *s, struct peer *p, struct json request)
{
    struct ditto_error err = {0};
    if (follower_start(&p->follower, s->store, request, p->trusted, &err) != 0)
        answer_notice(&p->answers, &err);
}

static void take_line(struct server *s, struct peer *p, struct slice text)
{
    struct json line, none = {JSON_ABSENT, NULL, 0}, signal, request;
    struct json_error err;
    if (json_parse(text, &line, &err) != 0) {
        char what[128];
        (void)snprintf(what, sizeof what, "The line is not JSON: %s at byte %zu.", err.reason, err.offset);
        bad_line(p, none, "json.invalid", NULL, what);
        return;
    }
    signal = json_get(line, S("signal"));
    request = json_get(line, S("follow"));
    if (line.type != JSON_OBJECT)
        bad_line(p, none, "json.invalid", NULL, "The line is not a JSON object.");
    else if (p->follower.supervise && is_response(signal))
        take_reply(s, line, signal);
    else if (json_present(signal))
        run_command(s, p, line);
    else if (request.type != JSON_ABSENT)
        follow(s, p, request);
    else
        bad_line(p, line, "json.field.missing", "/signal", "The line has neither 'signal' nor 'follow'.");
}

static void work_on(struct server *s, const struct work *w)
{
    struct json none = {JSON_ABSENT, NULL, 0};
    if (w->status == LINES_LONG)
        bad_line(w->peer, none, "json.invalid", NULL, "The line is longer than 4 MiB.");
    else if (w->status == LINES_CUT)
        bad_line(w->peer, none, "json.invalid", NULL, "The line is cut off: it does not end in a newline.");
    else
        take_line(s, w->peer, w->line);
}

/* --- a batch ---------------------------------------------------------------------------------------------------- */

static bool work_once(struct server *s, struct peer *p)
{
    struct work *w = &s->work[s->n_work];
    enum lines_status st = s->n_work < SERVER_BATCH ? peer_next(p, &w->line) : LINES_MORE;
    if (st == LINES_MORE)
        return false;
    w->peer = p;
    w->status = st;
    s->n_work++;
    s->counts.lines++;
    work_on(s, w);
    return true;
}

static void work_on_all(struct server *s)
{
    bool some;
    s->supervisor = find_supervisor(s);
    s->n_work = 0;
    for (struct peer *p = s->peers; p; p = p->next)
        p->mark = p->answers.len;
    do {
        some = false;
        for (struct peer *p = s->peers; p; p = p->next)
            some |= work_once(s, p);
    } while (some);
}

static void work_again_refusing(struct server *s, int why)
{
    errno = why;
    error_sys("cannot write the event log: refused what %zu lines asked for", s->n_work);
    for (struct peer *p = s->peers; p; p = p->next) {
        buf_cut(&p->answers, p->mark);
        if (!p->asked)
            p->waiting = 0;
    }
    s->store->refusing = why;
    s->supervisor = NULL; /* a question that comes up only now would let later answers overtake its own */
    for (size_t i = 0; i < s->n_work; i++)
        work_on(s, &s->work[i]);
    s->store->refusing = 0;
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
            &err, 408, "streaming.subscription.timeout", "Follow again from there.", NULL,
            "Events are not read as fast as they happen; the last one sent is at position %" PRIu64 ".",
            p->follower.position);
    if (rc != 0)
        peer_close_with(p, &err);
}

/* True if there may be lines to work on that nobody could be asked for before. */
static bool send_all(struct server *s)
{
    bool again = exchange(s) || s->n_work == SERVER_BATCH;
    for (struct peer *p = s->peers; p; p = p->next) {
        if (p->follower.phase != FOLLOW_NOTHING && !p->closing && !p->gone)
            feed(s, p);
        peer_flush(p);
        again |= p->held_back && p->answers.len < PEER_ANSWER_BYTES && !p->gone;
    }
    return again;
}

static void serve_batch(struct server *s)
{
    work_on_all(s);
    if (store_commit(s->store) != 0)
        work_again_refusing(s, errno);
    s->counts.batches += s->n_work > 0;
}

/* --- the rhythm ------------------------------------------------------------------------------------------------- */

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
        serve_batch(s);
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
