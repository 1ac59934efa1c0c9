/* transport-sink: the sink's engine on the null transport, in a child whose stdin and stdout the test holds. */
#include "transport/sink.h"

#include <poll.h>
#include <signal.h>

#include "base/lines.h"
#include "transport/null.h"

#include "child.h"
#include "tap.h"

struct running {
    pid_t pid;
    int in, out, record;
};

static int serve(const char *specific, unsigned window, int record)
{
    struct connection c;
    struct ditto_error err = {0};
    struct buf doc = {0};
    buf_printf(
        &doc,
        "{\"id\":\"unit\",\"connectionType\":\"mqtt\",\"connectionStatus\":\"open\",\"uri\":\"tcp://127.0.0.1:1\","
        "\"specificConfig\":{%s},\"targets\":[{\"address\":\"x\",\"topics\":[],"
        "\"authorizationContext\":[\"x\"],\"qos\":1}]}",
        specific);
    if (connection_parse(&c, buf_slice(&doc), &err) < 0)
        abort();
    buf_free(&doc);
    struct sink_config cfg = {.transport = &null_transport,
                              .connection = &c,
                              .only = -1,
                              .qos = -1,
                              .window = window,
                              .drain_ms = 5000,
                              .connect_ms = 5000,
                              .ready_fd = -1};
    int code = sink_run(&cfg);
    connection_free(&c);
    if (write(record, &null_record, sizeof null_record) != sizeof null_record)
        abort();
    buf_free(&null_record.last);
    return code;
}

static struct running start(const char *specific, unsigned window)
{
    struct running r;
    int in[2], out[2], record[2], err = memfd_create("stderr", 0);
    make_pipe(in);
    make_pipe(out);
    make_pipe(record);
    fflush(stdout);
    r.pid = fork();
    if (r.pid == 0) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        dup2(err, 2);
        close(in[0]), close(in[1]), close(out[0]), close(out[1]), close(record[0]), close(err);
        exit(serve(specific, window, record[1]));
    }
    close(in[0]), close(out[1]), close(record[1]), close(err);
    r.in = in[1];
    r.out = out[0];
    r.record = record[0];
    return r;
}

/* Writes as long as that does not block; true if all is written. */
static bool feed(struct running *r, struct buf *text)
{
    struct pollfd p = {.fd = r->in, .events = POLLOUT};
    while (text->len && poll(&p, 1, 300) > 0 && (p.revents & POLLOUT)) {
        ssize_t n = write(r->in, buf_p(text), text->len < 4096 ? text->len : 4096);
        if (n <= 0)
            return false;
        buf_take(text, (size_t)n);
    }
    return text->len == 0;
}

/* Reads what it prints, up to its end, and feeds it the rest meanwhile. */
static void drain(struct running *r, struct buf *rest, struct buf *out)
{
    for (;;) {
        struct pollfd p[2] = {{.fd = r->out, .events = POLLIN},
                              {.fd = rest->len ? r->in : -1, .events = POLLOUT}};
        if (!rest->len && r->in >= 0) {
            close(r->in);
            r->in = -1;
        }
        if (poll(p, 2, 20000) <= 0)
            return;
        if (p[1].revents) {
            ssize_t n = write(r->in, buf_p(rest), rest->len < 4096 ? rest->len : 4096);
            buf_take(rest, n > 0 ? (size_t)n : rest->len);
        }
        if (p[0].revents) {
            ssize_t n = read(r->out, buf_room(out, 65536), 65536);
            if (n <= 0)
                return;
            buf_added(out, (size_t)n);
        }
    }
}

static struct null_record finish(struct running *r, int want, const char *what)
{
    struct null_record record = {0};
    is_int(child_wait(r->pid), want, "%s: exit code", what);
    if (read(r->record, &record, sizeof record) != sizeof record)
        ok(false, "%s: no record", what);
    close(r->out);
    close(r->record);
    return record;
}

static struct null_record run(const char *specific, unsigned window, struct slice lines, struct buf *out,
                              int want, const char *what)
{
    struct running r = start(specific, window);
    struct buf text = {0};
    buf_reset(out, 0);
    buf_put_slice(&text, lines);
    drain(&r, &text, out);
    buf_free(&text);
    return finish(&r, want, what);
}

/* --- tests ------------------------------------------------------------------------------------------------------- */

static void test_order(void)
{
    struct buf out = {0};
    struct slice lines = S("{\"id\":\"1\",\"address\":\"a\",\"text\":\"x\"}\n"
                           "{\"id\":\"s\",\"status\":200}\n"
                           "{\"address\":\"a\",\"bytes\":\"AQI=\"}\n"
                           "{\"id\":\"2\",\"address\":\"a\"}\n"
                           "{\"id\":\"p\",\"parts\":1}\n");
    struct null_record record = run("", 10, lines, &out, 0, "confirmed at once");
    is_slice(buf_slice(&out),
             S("{\"id\":\"1\",\"status\":200}\n{\"id\":\"s\",\"status\":200}\n"
               "{\"id\":\"2\",\"status\":200}\n{\"id\":\"p\",\"parts\":1}\n"),
             "settlements and what passes through, in order");
    is_int((long long)record.published, 3, "published");
    is_int((long long)record.text, 1, "as text");
    is_int((long long)record.bytes, 3, "bytes");
    run("\"null.late\":\"1\"", 10, lines, &out, 0, "confirmed later");
    is_slice(buf_slice(&out),
             S("{\"id\":\"s\",\"status\":200}\n{\"id\":\"p\",\"parts\":1}\n"
               "{\"id\":\"2\",\"status\":200}\n{\"id\":\"1\",\"status\":200}\n"),
             "what passes through does not wait");
    buf_free(&out);
}

static void test_window(void)
{
    struct buf out = {0};
    struct slice lines = S("{\"id\":\"1\",\"address\":\"a\"}\n{\"id\":\"2\",\"address\":\"a\"}\n"
                           "{\"id\":\"3\",\"address\":\"a\"}\n{\"id\":\"4\",\"address\":\"a\"}\n");
    run("\"null.late\":\"1\"", 2, lines, &out, 0, "a window of 2");
    is_slice(buf_slice(&out),
             S("{\"id\":\"2\",\"status\":200}\n{\"id\":\"1\",\"status\":200}\n"
               "{\"id\":\"4\",\"status\":200}\n{\"id\":\"3\",\"status\":200}\n"),
             "two are under way at a time");
    run("\"null.full\":\"2\"", 9, lines, &out, 0, "a channel that is full now and then");
    is_slice(buf_slice(&out),
             S("{\"id\":\"1\",\"status\":200}\n{\"id\":\"2\",\"status\":200}\n"
               "{\"id\":\"3\",\"status\":200}\n{\"id\":\"4\",\"status\":200}\n"),
             "gets the same line again, and nothing twice");
    run("\"null.refuse\":\"2\"", 9, S("{\"id\":\"1\",\"address\":\"a\"}\n{\"id\":\"2\",\"address\":\"a\"}\n"),
        &out, 0, "a channel that refuses");
    is_slice(buf_slice(&out),
             S("{\"id\":\"1\",\"status\":200}\n{\"id\":\"2\",\"status\":400,\"error\":{\"status\":400,"
               "\"error\":\"connectivity:message.sending.failed\",\"message\":\"Refused, as asked.\"}}\n"),
             "its reason is the settlement");
    buf_free(&out);
}

static void test_cut(void)
{
    struct buf out = {0};
    struct null_record record =
        run("", 9, S("{\"id\":\"1\",\"address\":\"a\"}\n{\"id\":\"2\",\"address\":\"a\"}"), &out, 111,
            "a cut last line");
    is_slice(buf_slice(&out), S("{\"id\":\"1\",\"status\":200}\n"), "is not published");
    is_int((long long)record.published, 1, "the others are");
    buf_free(&out);
}

/* Nobody reads stdout until the sink stops reading stdin: then all of it has to come. */
static void test_slow_reader(void)
{
    enum { COUNT = 100000 };
    struct running r = start("", 500);
    struct buf text = {0}, out = {0};
    for (int i = 0; i < COUNT; i++)
        buf_printf(&text, "{\"id\":\"some-longer-id-%d\",\"address\":\"a\"}\n", i);
    ok(!feed(&r, &text), "it stops reading when nobody reads what it prints");
    drain(&r, &text, &out);
    struct null_record record = finish(&r, 0, "a slow reader");
    is_int((long long)record.published, COUNT, "all are published");
    size_t n = 0;
    for (size_t i = 0; i < out.len; i++)
        n += buf_p(&out)[i] == '\n';
    is_int((long long)n, COUNT, "and settled");
    buf_free(&text);
    buf_free(&out);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    test_order();
    test_window();
    test_cut();
    test_slow_reader();
    return done();
}
