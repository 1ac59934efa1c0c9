#include "supervise/trial.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/io.h"
#include "base/lines.h"
#include "base/log.h"
#include "connection/programs.h"

#include "base/banned.h"

enum { PARTS_MAX = 4 };

enum outcome { TRYING, GOOD, BAD };

/* One program that tries. */
struct attempt {
    struct trial *trial;
    const char *what, *program, *success; /* "sources", "amqp-in", "connected" */
    enum outcome outcome;
    struct ring ring;
    int ring_fd; /* the other end of its stdin and stdout: nobody settles, nobody reads */
    struct watch ready, report;
    struct lines lines;
    char said[256]; /* why it failed */
};

struct trial {
    struct trials *trials;
    struct trial *next;
    struct buf answer;
    struct connection connection;
    int full_fd, masked_fd;
    struct attempt attempts[PARTS_MAX];
    size_t n;
    bool answered;
    struct timer limit;
};

/* ---- the document of a test ---- */

/* Neither the session of a running connection nor one that would stay. */
static void put_test_document(struct buf *dst, struct json doc)
{
    static const char *const ids[] = {"clientId", "publisherId", "jms.clientID"};
    struct buf specific[2] = {{0}, {0}};
    unsigned char noise[6];
    char id[32];
    size_t k = 0;
    if (getrandom(noise, sizeof noise, 0) != (ssize_t)sizeof noise)
        die_sys(EXIT_TEMPORARY, "cannot get random bytes");
    struct json v = json_get(doc, S("specificConfig"));
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++, k ^= 1) {
        snprintf(id, sizeof id, "\"test-%zu-%02x%02x%02x%02x%02x%02x\"", i, noise[0], noise[1], noise[2],
                 noise[3], noise[4], noise[5]);
        buf_reset(&specific[k], 65536);
        json_put_with(&specific[k], v, slice_str(ids[i]), slice_str(id));
        v = (struct json){JSON_OBJECT, buf_p(&specific[k]), specific[k].len};
    }
    buf_reset(&specific[k], 65536);
    json_put_with(&specific[k], v, S("cleanSession"), S("\"true\""));
    json_put_with(dst, doc, S("specificConfig"), buf_slice(&specific[k]));
    buf_wipe(&specific[0]);
    buf_wipe(&specific[1]);
}

/* ---- what came out ---- */

static bool decided(const struct trial *t)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->attempts[i].outcome == TRYING)
            return false;
    return true;
}

static bool all_good(const struct trial *t)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->attempts[i].outcome != GOOD)
            return false;
    return true;
}

static void put_parts(struct buf *dst, const struct trial *t)
{
    for (size_t i = 0; i < t->n; i++)
        buf_printf(dst, "%s%s: %s", i ? "; " : "", t->attempts[i].what,
                   t->attempts[i].outcome == GOOD ? t->attempts[i].success : t->attempts[i].said);
}

/* A verdict for each, for programs. */
static void put_verdicts(struct buf *dst, const struct trial *t)
{
    json_put_key(dst, S("parts"));
    buf_putc(dst, '[');
    for (size_t i = 0; i < t->n; i++) {
        const struct attempt *a = &t->attempts[i];
        bool good = a->outcome == GOOD;
        json_put_item(dst);
        buf_putc(dst, '{');
        json_put_member_text(dst, S("part"), slice_str(a->what));
        json_put_member_text(dst, S("program"), slice_str(a->program));
        json_put_member_int(dst, S("status"), good ? 200 : 504);
        json_put_member_text(dst, S("message"), slice_str(good ? a->success : a->said));
        buf_putc(dst, '}');
    }
    buf_putc(dst, ']');
}

/* t: NULL if nothing was tried. */
static void put_error(struct buf *dst, const struct trial *t, const struct ditto_error *err)
{
    buf_printf(dst,
               "{\"type\":\"connectivity.responses:errorResponse\",\"status\":%d,\"payload\":", err->status);
    ditto_error_put(dst, err, true);
    if (t) {
        buf_cut(dst, dst->len - 1);
        put_verdicts(dst, t);
        buf_putc(dst, '}');
    }
    buf_putc(dst, '}');
}

static void put_success(struct buf *dst, const struct trial *t, struct slice parts)
{
    struct buf text = {0};
    buf_printf(&text, "successfully connected + initialized mapper (%.*s)", SLICE_ARG(parts));
    buf_puts(dst, "{\"type\":\"connectivity.responses:testConnection\",\"status\":200");
    json_put_member_text(dst, S("connectionId"), t->connection.id);
    json_put_member_text(dst, S("testResult"), buf_slice(&text));
    put_verdicts(dst, t);
    buf_putc(dst, '}');
    buf_free(&text);
}

static void answer(struct trial *t)
{
    struct buf signal = {0}, parts = {0};
    struct ditto_error err = {0};
    put_parts(&parts, t);
    if (all_good(t)) {
        put_success(&signal, t, buf_slice(&parts));
    } else {
        ditto_fail(&err, 504, "connectivity:connection.failed", buf_z(&parts), NULL,
                   "The Connection with ID '%.*s' failed to connect.", SLICE_ARG(t->connection.id));
        put_error(&signal, t, &err);
    }
    t->answered = true;
    t->trials->done(t->trials->arg, buf_slice(&t->answer), buf_slice(&signal));
    buf_free(&signal);
    buf_free(&parts);
}

/* ---- attempts ---- */

static void drop(struct attempt *a, struct watch *w)
{
    if (w->fd < 0)
        return;
    loop_remove(a->trial->trials->loop, w);
    close(w->fd);
    w->fd = -1;
}

static void trial_free(struct trial *t)
{
    struct trials *all = t->trials;
    struct trial **at = &all->first;
    while (*at != t)
        at = &(*at)->next;
    *at = t->next;
    all->n--;
    loop_timer(all->loop, &t->limit, NEVER);
    for (size_t i = 0; i < t->n; i++) {
        struct attempt *a = &t->attempts[i];
        ring_signal(&a->ring, SIGKILL);
        drop(a, &a->ready);
        drop(a, &a->report);
        lines_free(&a->lines);
        if (a->ring_fd >= 0)
            close(a->ring_fd);
    }
    if (t->full_fd >= 0)
        close(t->full_fd);
    if (t->masked_fd >= 0)
        close(t->masked_fd);
    connection_free(&t->connection);
    buf_free(&t->answer);
    free(t);
}

/* Answered as soon as every part is decided; its processes may take a moment longer to end. */
static void look(struct trial *t)
{
    if (!t->answered && decided(t))
        answer(t);
    if (!t->answered)
        return;
    for (size_t i = 0; i < t->n; i++)
        if (t->attempts[i].ring.alive)
            return;
    trial_free(t);
}

static void on_ready(struct watch *w, short revents)
{
    struct attempt *a = w->arg;
    char byte;
    (void)revents;
    if (io_read_some(w->fd, &byte, 1) == 1 && a->outcome == TRYING) {
        a->outcome = GOOD;
        ring_stop(&a->ring);
    }
    drop(a, w);
    look(a->trial);
}

static void on_report(struct watch *w, short revents)
{
    struct attempt *a = w->arg;
    struct buf scratch = {0};
    struct slice line;
    struct json report;
    int got = lines_fill(&a->lines);
    (void)revents;
    while (lines_next(&a->lines, &line) == LINES_LINE)
        if (json_parse(line, &report, NULL) == 0 && json_text_is(json_get(report, S("report")), S("error")))
            snprintf(a->said, sizeof a->said, "%s: %.*s", a->program,
                     SLICE_ARG(json_text(json_get(report, S("detail")), &scratch)));
    buf_free(&scratch);
    if (got == 0 || (got < 0 && errno != EAGAIN))
        drop(a, w);
}

static void on_limit(struct timer *timer)
{
    struct trial *t = timer->arg;
    for (size_t i = 0; i < t->n; i++) {
        struct attempt *a = &t->attempts[i];
        ring_signal(&a->ring, SIGKILL);
        if (a->outcome != TRYING)
            continue;
        a->outcome = BAD;
        if (!a->said[0])
            snprintf(a->said, sizeof a->said, "%s: no answer within %d ms", a->program, TRIAL_MS);
    }
    look(t);
}

static void ended(struct attempt *a)
{
    if (a->report.fd >= 0)
        on_report(&a->report, POLLIN); /* its last words */
    if (a->outcome == TRYING)
        a->outcome = a->ring.code == 0 && a->ready.fd < 0 ? GOOD : BAD;
    if (a->outcome == BAD && !a->said[0])
        snprintf(a->said, sizeof a->said, "%s ended with %d", a->program, a->ring.code);
    look(a->trial);
}

void trials_reaped(struct trials *all, pid_t pid, int status)
{
    for (struct trial *t = all->first; t; t = t->next)
        for (size_t i = 0; i < t->n; i++)
            if (ring_reaped(&t->attempts[i].ring, pid, status)) {
                ended(&t->attempts[i]);
                return;
            }
}

/* ---- starting ---- */

static void listen_on(struct trial *t, struct watch *w, int fd)
{
    io_nonblock(fd);
    w->fd = fd;
    loop_add(t->trials->loop, w);
}

static void hand(struct part *p, int fd, int as)
{
    p->handed[p->n_handed].fd = fd;
    p->handed[p->n_handed++].as = as;
}

static struct attempt *add_attempt(struct trial *t, const char *what, const char *program,
                                   const char *success)
{
    struct attempt *a = &t->attempts[t->n++];
    *a = (struct attempt){.trial = t, .what = what, .program = program, .success = success, .ring_fd = -1};
    a->ready = (struct watch){.fd = -1, .events = POLLIN, .ready = on_ready, .arg = a};
    a->report = (struct watch){.fd = -1, .events = POLLIN, .ready = on_report, .arg = a};
    return a;
}

static void cannot_try(struct attempt *a)
{
    a->outcome = BAD;
    snprintf(a->said, sizeof a->said, "cannot start %s: %s", a->program, strerror(errno));
}

/* Whatever fails here is the answer about this part. */
static void run(struct attempt *a, struct part *p, bool tells_ready)
{
    int ready[2] = {-1, -1}, report[2], ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
        cannot_try(a);
        return;
    }
    a->ring_fd = ends[0];
    if (pipe2(report, O_CLOEXEC) == 0) {
        hand(p, report[1], 5);
        listen_on(a->trial, &a->report, report[0]);
        lines_init(&a->lines, report[0]);
        if (tells_ready && pipe2(ready, O_CLOEXEC) == 0) {
            hand(p, ready[1], 4);
            listen_on(a->trial, &a->ready, ready[0]);
        }
        p->env = "CONN_REPORT_FD=5";
        p->limits = a->trial->trials->limits;
        if (!tells_ready)
            p->limits.memory_bytes = 0; /* ditto-map limits itself */
        if ((tells_ready && ready[0] < 0) || ring_start(&a->ring, p, 1, ends[1]) < 0)
            cannot_try(a);
        close(report[1]);
        if (ready[1] >= 0)
            close(ready[1]);
    } else {
        cannot_try(a);
    }
    close(ends[1]);
}

static void try_transport(struct trial *t, const char *what, const char *program)
{
    struct part p = {.argv = {program, "-c", "fd:3", "-d", "4", "-C", "0", NULL}};
    hand(&p, t->full_fd, 3);
    run(add_attempt(t, what, program, "connected"), &p, true);
}

static void try_mapper(struct trial *t, const char *what, const char *direction)
{
    struct part p = {.argv = {"ditto-map", direction, "-n", "-c", "fd:3", NULL}};
    hand(&p, t->masked_fd, 3);
    run(add_attempt(t, what, "ditto-map", "initialized"), &p, false);
}

static bool replies(const struct connection *c)
{
    for (size_t i = 0; i < c->n_sources; i++)
        if (c->sources[i].reply.present)
            return true;
    return false;
}

static void try_all(struct trial *t)
{
    const struct connection *c = &t->connection;
    bool publishes = c->n_targets || replies(c);
    if (c->n_sources) {
        try_transport(t, "sources", program_in(c->type));
        try_mapper(t, "inbound mapping", "-i");
    }
    if (publishes) {
        try_transport(t, "targets", program_out(c->type));
        try_mapper(t, "outbound mapping", "-o");
    }
}

static int judge(struct trials *all, struct connection *c, struct json doc, struct ditto_error *err)
{
    if (all->n >= TRIALS_MAX)
        return ditto_fail(err, 503, "connectivity:connection.unavailable", "Try again later.", NULL,
                          "Too many connections are being tested.");
    if (connection_parse(c, json_slice(doc), err) < 0)
        return -1;
    if (programs_check(c, err) == 0)
        return 0;
    connection_free(c);
    return -1;
}

static void refuse(struct trials *all, struct slice begin, const struct ditto_error *err)
{
    struct buf signal = {0};
    put_error(&signal, NULL, err);
    all->done(all->arg, begin, buf_slice(&signal));
    buf_free(&signal);
}

static void hold_documents(struct trial *t)
{
    struct buf doc = {0}, masked = {0};
    put_test_document(&doc, t->connection.json);
    connection_put_without_credentials(&masked, t->connection.json);
    t->full_fd = io_memfd("connection-test", buf_slice(&doc));
    t->masked_fd = io_memfd("connection-test-masked", buf_slice(&masked));
    buf_wipe(&doc);
    buf_free(&masked);
}

void trial_start(struct trials *all, struct json doc, struct slice begin)
{
    struct ditto_error err = {0};
    struct connection c;
    if (judge(all, &c, doc, &err) < 0) {
        refuse(all, begin, &err);
        return;
    }
    struct trial *t = xcalloc(1, sizeof *t);
    t->trials = all;
    t->connection = c;
    buf_put_slice(&t->answer, begin);
    t->limit = (struct timer){.at = NEVER, .fire = on_limit, .arg = t};
    t->next = all->first;
    all->first = t;
    all->n++;
    hold_documents(t);
    loop_timer(all->loop, &t->limit, clock_ms() + TRIAL_MS);
    try_all(t);
    look(t);
}

void trials_free(struct trials *all)
{
    while (all->first)
        trial_free(all->first);
}
