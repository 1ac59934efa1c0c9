/* hub-wire: the same lines from some sources to some sinks, through the hub or through an MQTT broker (QoS 0).
 *
 *   hub-wire [-m] [-a] [-s SOURCES] [-t SINKS] [-n MESSAGES] [-b BYTES] [-w WINDOW] [-p PID] SOCKET
 *
 * All ends are in this process; SOCKET is a Unix socket of conn-hub, or with -m of mosquitto. Each line is published once, by
 * the sources in turn, and has to arrive at every sink; at most WINDOW copies are on their way. Lines have no id, so that the
 * hub, like a broker at QoS 0, settles nothing; with -a they have one and request the acknowledgement of every sink.
 * Prints one object: messages a second, and the CPU time of process PID per message. Exit 0, or 1 if a line came too often. */
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
#include "json/json.h"

#include "../tests/helper/process.h"

#include "base/banned.h"

enum { ENDS_MAX = 1000, PATIENCE_MS = 10000 };

static bool mqtt, acks;
static unsigned long n_sources = 1, n_sinks = 1, n_messages = 200000, n_bytes = 400, window = 1000, pid;

static const struct opt opts[] = {
    {'m', NULL, "SOCKET is a broker's, speaking MQTT 3.1.1", OPT_FLAG, &mqtt, 0, 0},
    {'a', NULL, "request the sinks' acknowledgements", OPT_FLAG, &acks, 0, 0},
    {'s', "SOURCES", "how many (1)", OPT_NUMBER, &n_sources, 1, ENDS_MAX},
    {'t', "SINKS", "how many (1)", OPT_NUMBER, &n_sinks, 1, ENDS_MAX},
    {'n', "MESSAGES", "how many (200000)", OPT_NUMBER, &n_messages, 1, 1UL << 30},
    {'b', "BYTES", "size of the value (400)", OPT_NUMBER, &n_bytes, 1, 1UL << 20},
    {'w', "WINDOW", "copies on their way (1000)", OPT_NUMBER, &window, 1, 1UL << 20},
    {'p', "PID", "whose CPU time is measured", OPT_NUMBER, &pid, 1, 0},
    OPT_END,
};

static const struct program program = {
    .name = "hub-wire", .operands = "SOCKET", .summary = "lines through the hub or a broker", .opts = opts};

struct end {
    struct lines in; /* of the hub; its buffer is used for packets, too */
    struct buf out;
    unsigned long got;
};

static struct end *sources, *sinks;
static unsigned long sent, arrived, settled, wrong;
static struct buf line; /* what follows the number */

/* --- the hub --- */

static void put_label(struct buf *dst, unsigned long i)
{
    buf_printf(dst, "\"sink-%lu:done\"", i);
}

static void put_hello(struct buf *dst, bool source, unsigned long i)
{
    buf_printf(
        dst,
        "{\"hello\":1,\"role\":\"%s\",\"client\":0,\"connection\":{\"id\":\"%s-%lu\",\"connectionType\":\"mqtt-5\","
        "\"connectionStatus\":\"open\",\"uri\":\"tcp://127.0.0.1:1883\",",
        source ? "in" : "out", source ? "source" : "sink", i);
    if (source) {
        buf_puts(dst,
                 "\"sources\":[{\"addresses\":[\"a\"],\"qos\":1,\"authorizationContext\":[\"a:b\"]}]}}\n");
        return;
    }
    buf_puts(dst, "\"targets\":[{\"address\":\"a\",\"qos\":1,\"topics\":[\"_/_/things/live/events\"],"
                  "\"authorizationContext\":[\"a:b\"],\"issuedAcknowledgementLabel\":");
    put_label(dst, i);
    buf_puts(dst, "}]}}\n");
}

static void join_hub(struct end *e, bool source, unsigned long i)
{
    struct slice answer;
    struct buf hello = {0};
    put_hello(&hello, source, i);
    if (io_write_all(e->in.fd, buf_p(&hello), hello.len) < 0 || lines_fill(&e->in) <= 0 ||
        lines_next(&e->in, &answer) != LINES_LINE || !slice_eq(answer, S("{\"hello\":1}")))
        die(EXIT_PERMANENT, "cannot join: the hub refuses");
    buf_free(&hello);
}

static void put_line(struct buf *dst)
{
    if (acks)
        buf_printf(dst, "{\"id\":\"w-%lu\",", sent);
    else
        buf_putc(dst, '{');
    buf_printf(dst, "\"topic\":\"org.example/device-%04lu/things/live/events/modified\",", sent % 1000);
    buf_put_slice(dst, buf_slice(&line));
}

static void take_lines(struct end *e, bool source)
{
    struct slice raw;
    while (lines_next(&e->in, &raw) == LINES_LINE) {
        if (source) {
            settled++;
            continue;
        }
        e->got++;
        arrived++;
        if (acks) {
            struct slice id = slice_skip(raw, 7);
            id.len = (size_t)((const char *)memchr(id.p, '"', id.len) - id.p);
            buf_printf(&e->out, "{\"id\":\"%.*s\",\"status\":200}\n", SLICE_ARG(id));
        }
    }
}

/* --- MQTT 3.1.1 --- */

static void put_u16(struct buf *dst, size_t n)
{
    buf_putc(dst, (char)(n >> 8));
    buf_putc(dst, (char)(n & 255));
}

static void put_packet(struct buf *dst, unsigned char type, const struct buf *body)
{
    size_t n = body->len;
    buf_putc(dst, (char)type);
    do {
        buf_putc(dst, (char)((n & 127) | (n > 127 ? 128 : 0)));
    } while (n >>= 7);
    buf_put_slice(dst, buf_slice(body));
}

static void put_string(struct buf *dst, struct slice s)
{
    put_u16(dst, s.len);
    buf_put_slice(dst, s);
}

static void exchange(int fd, const struct buf *packet, size_t answer)
{
    char got[8];
    size_t n = 0;
    if (io_write_all(fd, buf_p(packet), packet->len) < 0)
        die_sys(EXIT_TEMPORARY, "cannot write to the broker");
    while (n < answer) {
        ssize_t r = read(fd, got + n, answer - n);
        if (r <= 0)
            die(EXIT_TEMPORARY, "cannot join: the broker refuses");
        n += (size_t)r;
    }
}

static void join_broker(struct end *e, bool source, unsigned long i)
{
    struct buf body = {0}, packet = {0}, id = {0};
    buf_printf(&id, "%s-%lu", source ? "source" : "sink", i);
    put_string(&body, S("MQTT"));
    buf_put(&body, "\4\2\0\0", 4); /* level 4, clean session, no keepalive */
    put_string(&body, buf_slice(&id));
    put_packet(&packet, 0x10, &body);
    exchange(e->in.fd, &packet, 4);
    buf_cut(&body, 0);
    buf_cut(&packet, 0);
    put_u16(&body, 1);
    put_string(&body, S("events/#"));
    buf_putc(&body, 0);
    put_packet(&packet, 0x82, &body);
    if (!source)
        exchange(e->in.fd, &packet, 5);
    buf_free(&body);
    buf_free(&packet);
    buf_free(&id);
}

static void put_publish(struct buf *dst)
{
    static struct buf body, topic;
    buf_cut(&body, 0);
    buf_cut(&topic, 0);
    buf_printf(&topic, "events/device-%04lu", sent % 1000);
    put_string(&body, buf_slice(&topic));
    put_line(&body);
    put_packet(dst, 0x30, &body);
}

/* The length of the packet at the front, 0 if it is not complete. */
static size_t packet_length(struct slice s)
{
    size_t n = 0;
    for (size_t i = 1; i < 5 && i < s.len; i++) {
        n |= (size_t)(s.p[i] & 127) << 7 * (i - 1);
        if (!(s.p[i] & 128))
            return n + i + 1 <= s.len ? n + i + 1 : 0;
    }
    return 0;
}

static void take_packets(struct end *e)
{
    size_t n;
    while ((n = packet_length(buf_slice(&e->in.in)))) {
        bool publish = (buf_p(&e->in.in)[0] & 0xf0) == 0x30;
        e->got += publish;
        arrived += publish;
        buf_take(&e->in.in, n);
    }
}

/* --- both --- */

static void join(struct end *e, const char *path, bool source, unsigned long i)
{
    int fd = unix_connect(path);
    if (fd < 0)
        die_sys(EXIT_TEMPORARY, "cannot connect to '%s'", path);
    lines_init(&e->in, fd);
    if (mqtt)
        join_broker(e, source, i);
    else
        join_hub(e, source, i);
}

static void make_line(void)
{
    buf_puts(&line,
             "\"headers\":{\"correlation-id\":\"0f4c9c1e-7f6b-4a52-9a0e-3a3d0c5c9b11\",\"content-type\":"
             "\"application/json\"");
    if (acks) {
        buf_puts(&line, ",\"requested-acks\":[");
        for (unsigned long i = 0; i < n_sinks; i++) {
            json_put_item(&line);
            put_label(&line, i);
        }
        buf_putc(&line, ']');
    }
    buf_puts(&line, "},\"path\":\"/features/temperature/properties\",\"value\":\"");
    for (unsigned long i = 0; i < n_bytes; i++)
        buf_putc(&line, 'v');
    buf_puts(&line, mqtt ? "\"}" : "\"}\n");
}

static void send_more(void)
{
    for (; sent < n_messages && sent * n_sinks - arrived < window * n_sinks &&
           (!acks || sent - settled < window);
         sent++) {
        struct end *e = &sources[sent % n_sources];
        if (mqtt)
            put_publish(&e->out);
        else
            put_line(&e->out);
    }
}

static void read_end(struct end *e, bool source)
{
    if (lines_fill(&e->in) <= 0)
        die(EXIT_TEMPORARY, "cannot go on: the other side closed");
    if (mqtt)
        take_packets(e);
    else
        take_lines(e, source);
}

static struct pollfd poll_of(const struct end *e)
{
    return (struct pollfd){.fd = e->in.fd, .events = (short)(POLLIN | (e->out.len ? POLLOUT : 0))};
}

static void serve(struct end *e, const struct pollfd *p, bool source)
{
    if (p->revents & (POLLIN | POLLHUP))
        read_end(e, source);
    if (e->out.len && lines_flush_some(e->in.fd, &e->out) < 0)
        die_sys(EXIT_TEMPORARY, "cannot write");
}

static void turn(void)
{
    static struct pollfd p[2 * ENDS_MAX];
    send_more();
    for (unsigned long i = 0; i < n_sources; i++)
        p[i] = poll_of(&sources[i]);
    for (unsigned long i = 0; i < n_sinks; i++)
        p[n_sources + i] = poll_of(&sinks[i]);
    if (poll(p, n_sources + n_sinks, PATIENCE_MS) <= 0)
        die(EXIT_TIMEOUT, "nothing comes: %lu sent, %lu arrived", sent, arrived);
    for (unsigned long i = 0; i < n_sources; i++)
        serve(&sources[i], &p[i], true);
    for (unsigned long i = 0; i < n_sinks; i++)
        serve(&sinks[i], &p[n_sources + i], false);
}

int main(int argc, char **argv)
{
    io_init();
    int at = opt_parse(&program, argc, argv);
    if (argc != at + 1)
        opt_usage(&program, "one socket is needed");
    sources = xcalloc(n_sources, sizeof *sources);
    sinks = xcalloc(n_sinks, sizeof *sinks);
    for (unsigned long i = 0; i < n_sinks; i++)
        join(&sinks[i], argv[at], false, i);
    for (unsigned long i = 0; i < n_sources; i++)
        join(&sources[i], argv[at], true, i);
    make_line();
    unsigned long long before = process_cpu_ns(pid);
    msec start = clock_ms();
    while (arrived < n_messages * n_sinks || (acks && settled < n_messages))
        turn();
    msec ms = clock_ms() - start;
    for (unsigned long i = 0; i < n_sinks; i++)
        wrong += sinks[i].got != n_messages;
    printf("{\"messages\":%lu,\"per_s\":%.0f,\"cpu_us\":%.3f}\n", n_messages,
           (double)n_messages * 1000 / (double)(ms ? ms : 1),
           (double)(process_cpu_ns(pid) - before) / 1000 / (double)n_messages);
    return wrong ? EXIT_NEGATIVE : EXIT_DONE;
}
