/* hub-client: a member of the hub for tests and shells: stdin → socket → stdout.
 *
 *   hub-client [-s SOCKET] [-c CONNECTION] [-C CLIENT] [-H FILE] [-a STATUS] [-n COUNT] [-e] [-Q] [-w] [-d FD] ROLE
 *
 * Says hello as ROLE (or sends FILE as it is), then relays bytes both ways. Refused: prints the hub's answer, exit 1.
 * Ends with 0 after COUNT lines, or with -e at the end of stdin; with 111 when the hub closes. With -a every message
 * that has an id is settled at once. With -w nothing but the answer is read before USR1.
 * USR2 shuts the socket for reading, as who drains a ring does, and says so. With -Q lines are counted, not printed; the
 * count is printed at the end. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/io.h"
#include "base/lines.h"
#include "base/log.h"
#include "base/opt.h"
#include "line/line.h"

#include "base/banned.h"

static const char *path, *connection_path, *hello_path;
static unsigned long client, answer_status, count;
static bool end_with_stdin, quiet_lines, wait_for_signal;
static int ready_fd = -1;

static const struct opt opts[] = {
    {'s', "SOCKET", "the hub's socket ($CONN_RUN/hub.sock)", OPT_STRING, &path, 0, 0},
    {'c', "CONNECTION", "connection JSON of the hello", OPT_STRING, &connection_path, 0, 0},
    {'C', "CLIENT", "number of the client (0)", OPT_NUMBER, &client, 0, 0},
    {'H', "FILE", "send this instead of a hello", OPT_STRING, &hello_path, 0, 0},
    {'a', "STATUS", "settle every message that has an id", OPT_NUMBER, &answer_status, 100, 599},
    {'n', "COUNT", "end after so many lines", OPT_NUMBER, &count, 1, 0},
    {'e', NULL, "leave at the end of stdin", OPT_FLAG, &end_with_stdin, 0, 0},
    {'Q', NULL, "count lines, do not print them", OPT_FLAG, &quiet_lines, 0, 0},
    {'w', NULL, "do not read before USR1", OPT_FLAG, &wait_for_signal, 0, 0},
    {'d', "FD", "write a newline to FD once the hub has answered", OPT_FD, &ready_fd, 0, 0},
    OPT_END,
};

static const struct program program = {
    .name = "hub-client", .operands = "ROLE", .summary = "a member of the hub for tests", .opts = opts};

static volatile sig_atomic_t may_read, drain;
static struct lines in;
static struct buf to_hub, to_stdout;
static unsigned long seen;
static bool answered;

static void on_usr1(int signo)
{
    (void)signo;
    may_read = 1;
}

static void on_usr2(int signo)
{
    (void)signo;
    drain = 1;
}

static void put_hello(const char *role)
{
    struct buf text = {0};
    struct json document;
    struct json_error why;
    if (hello_path) {
        if (io_read_file(hello_path, LINE_MAX_BYTES, &to_hub) < 0)
            die_sys(EXIT_PERMANENT, "cannot read '%s'", hello_path);
        return;
    }
    buf_puts(&to_hub, "{\"hello\":1");
    json_put_member_text(&to_hub, S("role"), slice_str(role));
    json_put_member_int(&to_hub, S("client"), (int64_t)client);
    if (connection_path) {
        if (io_read_file(connection_path, LINE_MAX_BYTES, &text) < 0)
            die_sys(EXIT_PERMANENT, "cannot read '%s'", connection_path);
        if (json_parse(buf_slice(&text), &document, &why) < 0)
            die(EXIT_PERMANENT, "cannot read '%s': %s", connection_path, why.reason);
        json_put_key(&to_hub, S("connection"));
        json_put_compact(&to_hub, document);
    }
    buf_puts(&to_hub, "}\n");
    buf_free(&text);
}

static noreturn void finish(int code)
{
    if (quiet_lines)
        buf_printf(&to_stdout, "%lu\n", seen);
    if (io_write_all(1, buf_p(&to_stdout), to_stdout.len) < 0)
        die_sys(EXIT_TEMPORARY, "cannot write 'stdout'");
    exit(code);
}

static void on_answer(struct slice line)
{
    struct json answer;
    struct json_error why;
    if (json_parse(line, &answer, &why) < 0)
        die(EXIT_PERMANENT, "cannot read the hub's answer: %s", why.reason);
    if (json_present(json_get(answer, S("error")))) {
        buf_put_slice(&to_stdout, line);
        buf_putc(&to_stdout, '\n');
        quiet_lines = false;
        finish(EXIT_NEGATIVE);
    }
    io_ready(ready_fd);
}

static void on_line(struct slice raw)
{
    struct line l;
    struct json_error why;
    if (line_read(raw, &l, &why) < 0)
        die(EXIT_PERMANENT, "cannot read a line of the hub: %s", why.reason);
    if (answer_status && l.kind == LINE_DITTO && l.id.p)
        line_put_settlement(&to_hub, l.id, (int)answer_status);
    if (!quiet_lines) {
        buf_put_slice(&to_stdout, raw);
        buf_putc(&to_stdout, '\n');
    }
    if (++seen == count) {
        if (io_write_all(in.fd, buf_p(&to_hub), to_hub.len) < 0)
            die_sys(EXIT_TEMPORARY, "cannot write to the hub");
        finish(EXIT_DONE);
    }
}

static void read_hub(void)
{
    struct slice line;
    enum lines_status st;
    if (lines_fill(&in) < 0)
        in.eof = true;
    while ((st = lines_next(&in, &line)) == LINES_LINE) {
        if (answered)
            on_line(line);
        else
            on_answer(line);
        answered = true;
    }
    if (io_write_all(1, buf_p(&to_stdout), to_stdout.len) < 0)
        die_sys(EXIT_TEMPORARY, "cannot write 'stdout'");
    buf_reset(&to_stdout, 65536);
    if (st == LINES_MORE)
        return;
    error("cannot go on: the hub closed%s", st == LINES_CUT ? " inside a line" : "");
    finish(EXIT_TEMPORARY);
}

static void read_stdin(bool *ended)
{
    ssize_t n = io_read_some(0, buf_room(&to_hub, 65536), 65536);
    if (n > 0) {
        buf_added(&to_hub, (size_t)n);
        return;
    }
    *ended = true;
    if (end_with_stdin)
        finish(EXIT_DONE);
}

/* Sends what the socket takes. A hub that takes no more may still have to say why. */
static void write_hub(void)
{
    ssize_t n = io_write_some(in.fd, buf_p(&to_hub), to_hub.len);
    if (n < 0)
        buf_reset(&to_hub, 0);
    else
        buf_take(&to_hub, (size_t)n);
}

/* Signals come only while ppoll waits with the mask that this returns, so that none is overlooked. */
static sigset_t only_while_waiting(void)
{
    sigset_t signals, old;
    sigemptyset(&signals);
    sigaddset(&signals, SIGUSR1);
    sigaddset(&signals, SIGUSR2);
    sigprocmask(SIG_BLOCK, &signals, &old);
    return old;
}

int main(int argc, char **argv)
{
    char standard[108];
    struct sigaction usr1 = {.sa_handler = on_usr1}, usr2 = {.sa_handler = on_usr2};
    bool ended = false;
    io_init();
    int at = opt_parse(&program, argc, argv);
    if (argc != at + 1)
        opt_usage(&program, "one role is needed");
    sigaction(SIGUSR1, &usr1, NULL);
    sigaction(SIGUSR2, &usr2, NULL);
    sigset_t old = only_while_waiting();
    if (!path && conn_socket_path(standard, sizeof standard, "hub.sock") == 0)
        path = standard;
    int fd = path ? unix_connect(path) : -1;
    if (fd < 0)
        die_sys(EXIT_TEMPORARY, "cannot connect to '%s'", path ? path : "hub.sock");
    lines_init(&in, fd);
    put_hello(argv[at]);
    may_read = !wait_for_signal;
    for (;;) {
        bool reads = (may_read || !answered) && !drain;
        struct pollfd p[2] = {{.fd = ended || to_hub.len ? -1 : 0, .events = POLLIN},
                              {.fd = reads || to_hub.len ? fd : -1, .events = POLLOUT}};
        p[1].events = (short)((reads ? POLLIN : 0) | (to_hub.len ? POLLOUT : 0));
        if (ppoll(p, 2, NULL, &old) < 0) {
            if (drain && shutdown(fd, SHUT_RD) == 0)
                notice("the hub's lines are not read any more");
            continue; /* a signal */
        }
        if (p[1].revents & (POLLIN | POLLHUP | POLLERR))
            read_hub();
        if (to_hub.len)
            write_hub();
        if (p[0].revents)
            read_stdin(&ended);
    }
}
