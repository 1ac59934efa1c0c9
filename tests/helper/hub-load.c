/* hub-load: both ends of a hub under load: an inbound ring that keeps a window full, an outbound ring that settles.
 *
 *   hub-load [-s SOCKET] [-n MESSAGES] [-w WINDOW] [-b BYTES] [-p PID] [-a]
 *
 * Sends MESSAGES live messages with a value of BYTES, at most WINDOW of them unsettled, and settles with 200 what
 * arrives. Each requests the target's acknowledgement; with -a none does. Checks that each arrives once and is settled
 * 200 once. Prints one line; with -p also the CPU time of that process per message. Exit 0, or 1 if a check fails. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/lines.h"
#include "base/log.h"
#include "base/opt.h"
#include "base/scan.h"
#include "line/line.h"

#include "process.h"

#include "base/banned.h"

static const char *path;
static unsigned long n_messages = 100000, window = 200, n_bytes = 100, pid;
static bool no_acks;

static const struct opt opts[] = {
    {'s', "SOCKET", "the hub's socket ($CONN_RUN/hub.sock)", OPT_STRING, &path, 0, 0},
    {'n', "MESSAGES", "how many (100000)", OPT_NUMBER, &n_messages, 1, 1UL << 30},
    {'w', "WINDOW", "how many may be unsettled (200)", OPT_NUMBER, &window, 1, 1UL << 30},
    {'b', "BYTES", "size of the value (100)", OPT_NUMBER, &n_bytes, 0, 1UL << 24},
    {'p', "PID", "the hub's process id, to measure it", OPT_NUMBER, &pid, 1, 0},
    {'a', NULL, "request no acknowledgement", OPT_FLAG, &no_acks, 0, 0},
    OPT_END,
};

static const struct program program = {
    .name = "hub-load", .operands = "", .summary = "both ends of a hub under load", .opts = opts};

struct end {
    struct lines in;
    struct buf out;
};

static struct end source, sink;
static unsigned long sent, arrived, settled, wrong;
static unsigned char *seen; /* by number: 1 arrived, 2 settled */
static struct buf value;

static const char hello_in[] =
    "{\"hello\":1,\"role\":\"in\",\"client\":0,\"connection\":{\"id\":\"load-in\",\"connectionType\":\"amqp-10\","
    "\"connectionStatus\":\"open\",\"uri\":\"amqp://127.0.0.1:5672\",\"sources\":[{\"addresses\":[\"a\"],"
    "\"authorizationContext\":[\"a:b\"]}]}}\n";
static const char hello_out[] =
    "{\"hello\":1,\"role\":\"out\",\"client\":0,\"connection\":{\"id\":\"load-out\",\"connectionType\":\"mqtt-5\","
    "\"connectionStatus\":\"open\",\"uri\":\"tcp://127.0.0.1:1883\",\"targets\":[{\"address\":\"a\",\"qos\":1,"
    "\"topics\":[\"_/_/things/live/messages\"],\"authorizationContext\":[\"a:b\"],"
    "\"issuedAcknowledgementLabel\":\"load-out:done\"}]}}\n";

static void join(struct end *e, const char *hello)
{
    struct slice line;
    int fd = unix_connect(path);
    if (fd < 0)
        die_sys(EXIT_TEMPORARY, "cannot connect to '%s'", path);
    lines_init(&e->in, fd);
    if (io_write_all(fd, hello, strlen(hello)) < 0 || lines_fill(&e->in) <= 0 ||
        lines_next(&e->in, &line) != LINES_LINE || !slice_eq(line, S("{\"hello\":1}")))
        die(EXIT_PERMANENT, "cannot join: the hub refuses");
}

static void mark(unsigned long number, unsigned char bit, unsigned long *count)
{
    if (number >= n_messages || seen[number] & bit) {
        wrong++;
        return;
    }
    seen[number] |= bit;
    ++*count;
}

static unsigned long number_of(struct slice text)
{
    uint64_t n;
    return scan_u64(text, &n) == 0 ? (unsigned long)n : n_messages;
}

static void on_message(const struct line *l)
{
    if (l->id.p)
        line_put_settlement(&sink.out, l->id, 200);
    mark(number_of(json_raw(l->path)), 1, &arrived);
}

static void on_settlement(const struct line *l)
{
    mark(number_of(slice_skip(l->id, 2)), 2, &settled);
    wrong += !slice_eq(json_slice(l->status), S("200"));
}

static void read_end(struct end *e, void (*on_line)(const struct line *l))
{
    struct slice raw;
    struct line l;
    struct json_error why;
    if (lines_fill(&e->in) <= 0)
        die(EXIT_TEMPORARY, "cannot go on: the hub closed");
    while (lines_next(&e->in, &raw) == LINES_LINE) {
        if (line_read(raw, &l, &why) < 0)
            die(EXIT_TEMPORARY, "cannot read a line of the hub: %s", why.reason);
        on_line(&l);
    }
}

static void send_more(void)
{
    for (; sent < n_messages && sent - settled < window && source.out.len < 65536; sent++) {
        buf_printf(
            &source.out,
            "{\"id\":\"s-%lu\",\"topic\":\"org.example/device-%lu/things/live/messages/telemetry\",\"headers\":"
            "{\"content-type\":\"application/json\",\"correlation-id\":\"c-%lu\",\"response-required\":false%s},"
            "\"path\":\"%lu\",\"value\":\"",
            sent, sent % 100, sent, no_acks ? "" : ",\"requested-acks\":[\"load-out:done\"]", sent);
        buf_put_slice(&source.out, buf_slice(&value));
        buf_puts(&source.out,
                 "\",\"context\":{\"connection\":\"load-in\",\"source\":0,\"subjects\":[\"a:b\"]}}\n");
    }
}

static void turn(void)
{
    struct pollfd p[2] = {{.fd = source.in.fd, .events = (short)(POLLIN | (source.out.len ? POLLOUT : 0))},
                          {.fd = sink.in.fd, .events = (short)(POLLIN | (sink.out.len ? POLLOUT : 0))}};
    if (poll(p, 2, 10000) <= 0)
        die(EXIT_TIMEOUT, "nothing comes: %lu sent, %lu arrived, %lu settled", sent, arrived, settled);
    if (p[0].revents & (POLLIN | POLLHUP))
        read_end(&source, on_settlement);
    if (p[1].revents & (POLLIN | POLLHUP))
        read_end(&sink, on_message);
    send_more();
    if (lines_flush_some(source.in.fd, &source.out) < 0 || lines_flush_some(sink.in.fd, &sink.out) < 0)
        die_sys(EXIT_TEMPORARY, "cannot write to the hub");
}

int main(int argc, char **argv)
{
    char standard[108];
    io_init();
    if (opt_parse(&program, argc, argv) != argc)
        opt_usage(&program, "no operands are known");
    if (!path && conn_socket_path(standard, sizeof standard, "hub.sock") == 0)
        path = standard;
    join(&sink, hello_out);
    join(&source, hello_in);
    seen = xcalloc(n_messages, 1);
    memset(buf_room(&value, n_bytes + 1), 'v', n_bytes);
    buf_added(&value, n_bytes);
    unsigned long long before = process_cpu_ns(pid);
    msec start = clock_ms();
    send_more();
    while (settled < n_messages || arrived < n_messages)
        turn();
    msec took = clock_ms() - start;
    printf("sent=%lu arrived=%lu settled=%lu wrong=%lu", sent, arrived, settled, wrong);
    if (pid)
        printf(" per_second=%.0f hub_us_per_message=%.2f",
               1000.0 * (double)n_messages / (double)(took ? took : 1),
               (double)(process_cpu_ns(pid) - before) / 1000.0 / (double)n_messages);
    printf("\n");
    return wrong ? EXIT_NEGATIVE : EXIT_DONE;
}
