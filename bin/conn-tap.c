/* conn-tap: look at what flows through the hub.
 *
 *   conn-tap [-l] [-C CONNECTION] [-i CORRELATION-ID] [-n COUNT] [-s PATH] [-d FD] [TOPIC…]
 *
 * Joins the hub read-only. stdin is not used. stdout: a record for each line that is handed to a member, or that nobody gets:
 *   {"from":"in:src/0","to":"out:sink/0","line":{…}}     with -l the line alone
 * TOPIC is a topic or its beginning, "_" for any namespace or name. The hub never waits for a tap: records that find no room
 * are counted, and said on stderr. Ends after COUNT records, at TERM or INT, or when nobody reads stdout; with 111 when the hub
 * is gone. There are no secrets in lines: connections reach the hub without. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/io.h"
#include "base/lines.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/opt.h"
#include "json/skim.h"
#include "supervise/join.h"

#include "base/banned.h"

enum { ANSWER_MS = 15000 };

static bool lines_only;
static const char *connection, *correlation_id, *path;
static unsigned long count;
static int ready_fd = -1;

static const struct opt opts[] = {
    {'l', NULL, "print the lines alone", OPT_FLAG, &lines_only, 0, 0},
    {'C', "CONNECTION", "what this connection sends or is given", OPT_STRING, &connection, 0, 0},
    {'i', "CORRELATION-ID", "what has this correlation-id", OPT_STRING, &correlation_id, 0, 0},
    {'n', "COUNT", "end after so many records", OPT_NUMBER, &count, 1, 0},
    {'s', "PATH", "the hub's socket ($CONN_RUN/hub.sock)", OPT_STRING, &path, 0, 0},
    {'d', "FD", "write a newline to FD once the hub shows what flows", OPT_FD, &ready_fd, 0, 0},
    OPT_END,
};

static const struct program program = {.name = "conn-tap",
                                       .operands = "[TOPIC...]",
                                       .summary = "look at what flows through the hub",
                                       .opts = opts};

struct tap {
    struct loop *loop;
    struct lines in;
    struct buf out;
    struct watch hub, reader;
    unsigned long n;
    int code;
};

static void put_hello(struct buf *dst, char **topics)
{
    buf_puts(dst, "{\"hello\":1,\"role\":\"tap\",\"topics\":[");
    for (; *topics; topics++) {
        json_put_item(dst);
        json_put_text(dst, slice_str(*topics));
    }
    buf_putc(dst, ']');
    if (connection)
        json_put_member_text(dst, S("connection"), slice_str(connection));
    if (correlation_id)
        json_put_member_text(dst, S("correlation-id"), slice_str(correlation_id));
    buf_puts(dst, "}\n");
}

static int await_answer(int fd, struct ditto_error *err)
{
    int r = 0;
    for (msec until = clock_ms() + ANSWER_MS; r == 0;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        msec left = until - clock_ms();
        if (left <= 0 || (poll(&p, 1, (int)left) < 0 && errno != EINTR))
            die(EXIT_TEMPORARY, "cannot join the hub: no answer");
        r = join_answer(fd, err);
    }
    return r;
}

static int join(char **topics)
{
    char standard[128];
    struct buf hello = {0};
    struct ditto_error err = {0};
    if (!path && conn_socket_path(standard, sizeof standard, "hub.sock") < 0)
        die_sys(EXIT_TEMPORARY, "cannot find the hub's socket");
    put_hello(&hello, topics);
    int fd = unix_connect(path ? path : standard);
    if (fd < 0 || io_write_all(fd, buf_p(&hello), hello.len) < 0)
        die_sys(EXIT_TEMPORARY, "cannot join the hub at '%s'", path ? path : standard);
    buf_free(&hello);
    if (await_answer(fd, &err) < 0)
        die(err.status == 400 || err.status == 413 ? EXIT_PERMANENT : EXIT_TEMPORARY,
            "cannot join the hub: %s: %s", err.code, err.message);
    return fd;
}

static void finish(struct tap *t, int code)
{
    t->code = code;
    loop_stop(t->loop);
}

static void take(struct tap *t, struct slice record)
{
    int64_t lost;
    struct json line = skim_get(record, S("line"));
    if (json_int(skim_get(record, S("lost")), &lost) == 0) {
        warn("%lld records found no room: read faster, or look at less", (long long)lost);
        return;
    }
    buf_put_slice(&t->out, lines_only ? json_slice(line) : record);
    buf_putc(&t->out, '\n');
    t->n++;
}

/* Nobody who reads any more, as behind `| head`, is no failure. */
static void flush(struct tap *t)
{
    if (lines_flush(1, &t->out) == 0)
        return;
    if (errno != EPIPE)
        error_sys("cannot write 'stdout'");
    finish(t, errno == EPIPE ? EXIT_DONE : EXIT_TEMPORARY);
}

static void on_hub(struct watch *w, short revents)
{
    struct tap *t = w->arg;
    struct slice record;
    enum lines_status st = LINES_MORE;
    (void)revents;
    if (lines_fill(&t->in) < 0)
        t->in.eof = true;
    while ((!count || t->n < count) && (st = lines_next(&t->in, &record)) == LINES_LINE)
        take(t, record);
    flush(t);
    if (count && t->n >= count) {
        finish(t, EXIT_DONE);
    } else if (st != LINES_MORE) {
        error("cannot go on: the hub is gone");
        finish(t, EXIT_TEMPORARY);
    }
}

static void on_broken_output(struct watch *w, short revents)
{
    (void)revents;
    finish(w->arg, EXIT_DONE);
}

static void on_term(int signo, void *arg)
{
    (void)signo;
    finish(arg, EXIT_DONE);
}

int main(int argc, char **argv)
{
    struct tap t = {.code = EXIT_DONE};
    io_init();
    int at = opt_parse(&program, argc, argv);
    t.loop = loop_new();
    loop_signal(t.loop, SIGTERM, on_term, &t);
    loop_signal(t.loop, SIGINT, on_term, &t);
    int fd = join(argv + at);
    lines_init(&t.in, fd);
    t.in.max = (size_t)LINE_MAX_BYTES + 4096; /* a line, and who handed it to whom */
    t.hub = (struct watch){.fd = fd, .events = POLLIN, .ready = on_hub, .arg = &t};
    t.reader = (struct watch){.fd = 1, .events = 0, .ready = on_broken_output, .arg = &t};
    loop_add(t.loop, &t.hub);
    loop_add(t.loop, &t.reader);
    io_ready(ready_fd);
    loop_run(t.loop);
    lines_free(&t.in);
    buf_free(&t.out);
    close(fd);
    loop_free(t.loop);
    return t.code;
}
