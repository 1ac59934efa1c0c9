/* transport-source: the source's engine on the null transport, in a child whose stdin and stdout the test holds. */
#include "transport/source.h"

#include <poll.h>
#include <signal.h>

#include "base/lines.h"
#include "base/log.h"
#include "line/line.h"
#include "transport/null.h"

#include "child.h"
#include "tap.h"

/* --- a source in a child ----------------------------------------------------------------------------------------- */

struct setting {
    const char *specific;  /* members of specificConfig */
    const char *addresses; /* of its one source; NULL: one */
    enum settle_mode mode;
    unsigned window;
    long expire_ms;
    bool verbose;
};

struct running {
    pid_t pid;
    int in, err, record; /* its stdin, what it logs, what it recorded at the end */
    struct lines out;
    unsigned long n; /* lines got */
};

static void document(struct buf *dst, const struct setting *s)
{
    buf_puts(dst, "{\"id\":\"unit\",\"connectionType\":\"amqp-10\",\"connectionStatus\":\"open\","
                  "\"uri\":\"amqp://127.0.0.1:1\",\"specificConfig\":{");
    buf_puts(dst, s->specific);
    buf_puts(dst, "},\"sources\":[{\"authorizationContext\":[\"x\"],\"addresses\":[");
    buf_puts(dst, s->addresses ? s->addresses : "\"a\"");
    buf_puts(dst, "]}]}");
}

/* In the child. */
static int serve(const struct setting *s, int record)
{
    struct connection c;
    struct ditto_error err = {0};
    struct buf doc = {0};
    document(&doc, s);
    if (connection_parse(&c, buf_slice(&doc), &err) < 0)
        abort();
    buf_free(&doc);
    struct source_config cfg = {.transport = &null_transport,
                                .connection = &c,
                                .only = -1,
                                .mode = s->mode,
                                .window = s->window,
                                .expire_ms = s->expire_ms ? s->expire_ms : 60000,
                                .drain_ms = 5000,
                                .connect_ms = 5000,
                                .ready_fd = -1};
    log_set_level(s->verbose ? LOG_VERBOSE : LOG_NORMAL);
    int code = source_run(&cfg);
    connection_free(&c);
    if (write(record, &null_record, sizeof null_record) != sizeof null_record)
        abort();
    return code;
}

static struct running start(const struct setting *s)
{
    struct running r = {0};
    int in[2], out[2], record[2];
    make_pipe(in);
    make_pipe(out);
    make_pipe(record);
    r.err = memfd_create("stderr", 0);
    fflush(stdout);
    r.pid = fork();
    if (r.pid == 0) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        dup2(r.err, 2);
        close(in[0]), close(in[1]), close(out[0]), close(out[1]), close(record[0]);
        signal(SIGPIPE, SIG_IGN);
        exit(serve(s, record[1]));
    }
    close(in[0]), close(out[1]), close(record[1]);
    r.in = in[1];
    r.record = record[0];
    lines_init(&r.out, out[0]);
    return r;
}

/* The next line; SLICE_NONE at the end. */
static struct slice next_line(struct running *r)
{
    struct slice line;
    for (;;) {
        enum lines_status st = lines_next(&r->out, &line);
        if (st == LINES_LINE) {
            r->n++;
            return line;
        }
        if (st != LINES_MORE || lines_fill(&r->out) < 0)
            return SLICE_NONE;
    }
}

/* The number that the null transport gave a message. */
static int64_t number_of(const struct line *l)
{
    struct buf scratch = {0};
    int64_t n = 0;
    struct slice text = json_text(json_get(l->headers, S("n")), &scratch);
    for (size_t i = 0; i < text.len; i++)
        n = n * 10 + (text.p[i] - '0');
    buf_free(&scratch);
    return n;
}

static void say(struct running *r, struct slice id, int status)
{
    struct buf out = {0};
    line_put_settlement(&out, id, status);
    if (write(r->in, buf_p(&out), out.len) != (ssize_t)out.len)
        abort();
    buf_free(&out);
}

/* Settles every message until the source ends; status_of says how. */
static void settle_all(struct running *r, int (*status_of)(int64_t n, unsigned long line))
{
    for (struct slice raw; (raw = next_line(r)).p;) {
        struct line l;
        struct json_error err;
        if (line_read(raw, &l, &err) < 0)
            abort();
        if (l.id.p)
            say(r, l.id, status_of(number_of(&l), r->n));
    }
}

static struct null_record finish(struct running *r, int want, const char *what)
{
    struct null_record record = {0};
    close(r->in);
    while (next_line(r).p)
        continue;
    is_int(child_wait(r->pid), want, "%s: exit code", what);
    if (read(r->record, &record, sizeof record) != sizeof record)
        ok(false, "%s: no record", what);
    lines_free(&r->out);
    close(r->out.fd);
    close(r->record);
    return record;
}

static struct buf log_of(struct running *r)
{
    struct buf text = {0};
    child_keep(r->err, &text);
    return text;
}

/* --- tests ------------------------------------------------------------------------------------------------------- */

static int accept_all(int64_t n, unsigned long line)
{
    (void)n, (void)line;
    return 200;
}

static void test_window(void)
{
    struct running r = start(&(struct setting){.specific = "\"null.messages\":\"1000\"", .window = 10});
    settle_all(&r, accept_all);
    is_int((long long)r.n, 1000, "all messages come");
    struct null_record record = finish(&r, 0, "a window of 10");
    is_int((long long)record.most_unsettled, 10, "never more than 10 are unsettled");
    is_int((long long)record.accepted, 1000, "all are accepted");
    struct buf log = log_of(&r);
    is_slice(buf_slice(&log), S(""), "nothing is logged");
    buf_free(&log);
}

static void test_lanes(void)
{
    struct setting s = {
        .specific = "\"null.messages\":\"300\"", .addresses = "\"a\",\"b\",\"c\"", .window = 7};
    struct running r = start(&s);
    settle_all(&r, accept_all);
    struct null_record record = finish(&r, 0, "three addresses");
    is_int((long long)record.most_unsettled, 6, "they share the window evenly");
    is_int((long long)record.accepted, 900, "all of them are served");
    s.window = 1;
    r = start(&s);
    settle_all(&r, accept_all);
    record = finish(&r, 0, "a window of 1 for three addresses");
    is_int((long long)record.most_unsettled, 3, "each has one place at least");
    close(r.err);
}

static int reject_each_third(int64_t n, unsigned long line)
{
    (void)line;
    return n % 3 == 0 ? 422 : 202;
}

static void test_rejected(void)
{
    struct running r = start(&(struct setting){.specific = "\"null.messages\":\"90\"", .window = 50});
    settle_all(&r, reject_each_third);
    struct null_record record = finish(&r, 0, "rejections");
    is_int((long long)record.rejected, 30, "rejected");
    is_int((long long)record.accepted, 60, "accepted");
    close(r.err);
}

static int fail_first(int64_t n, unsigned long line)
{
    return n == 1 && line == 1 ? 503 : 200;
}

static void test_redelivered(void)
{
    struct running r = start(&(struct setting){.specific = "\"null.messages\":\"5\"", .window = 2});
    settle_all(&r, fail_first);
    is_int((long long)r.n, 6, "what failed comes again, after the others");
    struct null_record record = finish(&r, 0, "a redelivery");
    is_int((long long)record.redelivered, 1, "redelivered");
    is_int((long long)record.accepted, 5, "accepted in the end");
    close(r.err);
}

static void test_refused(void)
{
    struct running r =
        start(&(struct setting){.specific = "\"null.messages\":\"100\",\"null.refuse\":\"2\"", .window = 3});
    settle_all(&r, accept_all);
    is_int((long long)r.n, 50, "what the adapter refuses makes no line");
    struct null_record record = finish(&r, 0, "refusals");
    is_int((long long)record.accepted, 50, "and keeps no place");
    close(r.err);
}

static void test_modes(void)
{
    struct running r =
        start(&(struct setting){.specific = "\"null.messages\":\"500\"", .window = 3, .mode = SETTLE_WRITE});
    while (next_line(&r).p)
        continue;
    struct null_record record = finish(&r, 0, "settled when written");
    is_int((long long)record.accepted, 500, "all");
    close(r.err);
    r = start(&(struct setting){.specific = "\"null.messages\":\"500\"", .window = 3, .mode = SETTLE_NONE});
    struct line l = {0};
    struct json_error err;
    struct slice raw = next_line(&r);
    ok(line_read(raw, &l, &err) == 0 && l.kind == LINE_EXTERNAL && !l.id.p, "pre-settled lines have no id");
    while (r.n < 500 && next_line(&r).p)
        continue;
    is_int((long long)r.n, 500, "and all come");
    kill(r.pid, SIGTERM);
    finish(&r, 0, "pre-settled");
    close(r.err);
}

/* 33 MiB of payload: no line may hold them. */
static void test_long(void)
{
    struct running r = start(
        &(struct setting){.specific = "\"null.messages\":\"2\",\"null.bytes\":\"34603008\"", .window = 3});
    is_slice(next_line(&r), SLICE_NONE, "no line over 32 MiB");
    struct null_record record = finish(&r, 0, "too long");
    is_int((long long)record.rejected, 2, "rejected");
    struct buf log = log_of(&r);
    is_slice(
        buf_slice(&log),
        S("?: warning: a message of source 0 is rejected: its line would be longer than 33554432 bytes\n"
          "?: warning: a message of source 0 is rejected: its line would be longer than 33554432 bytes\n"),
        "and logged");
    buf_free(&log);
}

static bool quiet(struct running *r)
{
    struct pollfd p = {.fd = r->record, .events = POLLIN};
    return poll(&p, 1, 300) == 0;
}

/* 100 messages of 1 MiB while nobody reads. */
static void test_hold(void)
{
    struct running r = start(
        &(struct setting){.specific = "\"null.messages\":\"100\",\"null.bytes\":\"1048576\"", .window = 200});
    ok(quiet(&r), "it waits for stdout");
    settle_all(&r, accept_all);
    is_int((long long)r.n, 100, "all come when somebody reads");
    struct null_record record = finish(&r, 0, "held");
    ok(record.holds > 0 && record.most_unsettled < 60, "no more was taken than may wait (%lu)",
       record.most_unsettled);
    close(r.err);
}

static void test_expiry(void)
{
    struct running r =
        start(&(struct setting){.specific = "\"null.messages\":\"1\"", .window = 2, .expire_ms = 100});
    next_line(&r);
    struct slice raw = next_line(&r);
    struct line l;
    struct json_error err;
    ok(raw.p && line_read(raw, &l, &err) == 0 && number_of(&l) == 1, "what nobody settles comes again");
    if (raw.p)
        say(&r, l.id, 200);
    struct null_record record = finish(&r, 0, "expired");
    is_int((long long)record.redelivered, 1, "it was redelivered");
    close(r.err);
}

/* Waits until it has logged the text. */
static bool logged(struct running *r, const char *text)
{
    struct pollfd nothing = {.fd = -1};
    for (int tries = 0; tries < 500; tries++) {
        struct buf log = {0};
        child_keep(dup(r->err), &log);
        bool found = strstr(buf_z(&log), text);
        buf_free(&log);
        if (found)
            return true;
        poll(&nothing, 1, 10);
    }
    return false;
}

static void test_ends(void)
{
    struct running r = start(&(struct setting){.specific = "\"null.messages\":\"9\"", .window = 2});
    next_line(&r);
    struct null_record record = finish(&r, 111, "the end of stdin");
    is_int((long long)record.accepted, 0, "nothing is settled by it");
    close(r.err);
    r = start(&(struct setting){.specific = "\"null.messages\":\"9\"", .window = 2, .verbose = true});
    struct slice raw = next_line(&r);
    struct line l;
    struct json_error err;
    if (line_read(raw, &l, &err) < 0)
        abort();
    kill(r.pid, SIGTERM);
    ok(logged(&r, "stopping: 2 in flight"), "TERM is heard");
    say(&r, l.id, 200);
    if (line_read(next_line(&r), &l, &err) < 0)
        abort();
    say(&r, l.id, 500);
    is_slice(next_line(&r), SLICE_NONE, "after TERM nothing new comes");
    record = finish(&r, 0, "TERM");
    is_int((long long)record.accepted, 1, "what was in flight is accepted");
    is_int((long long)record.redelivered, 1, "or given back, without a pause");
    close(r.err);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    test_window();
    test_lanes();
    test_rejected();
    test_redelivered();
    test_refused();
    test_modes();
    test_long();
    test_hold();
    test_expiry();
    test_ends();
    return done();
}
