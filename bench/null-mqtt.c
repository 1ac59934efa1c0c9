/* null-mqtt: an MQTT peer that does nothing but confirm: it takes the broker out of the measurement.
 *
 *   null-mqtt [-p PORT] COUNT...
 *
 * Accepts MQTT 3.1.1 and 5 clients on 127.0.0.1 and answers CONNECT, PUBLISH (QoS 1: all that one read brought are
 * confirmed by one write) and PINGREQ; any other packet but PUBACK and DISCONNECT ends the connection. What is
 * published is counted as tally.h says; a phase has COUNT messages. It ends with TERM.
 *
 * stdout: {"port":N}, then the records of tally.h. Exit: 0, 100 bad usage, 111 no socket. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/io.h"
#include "base/loop.h"
#include "base/opt.h"
#include "tally.h"

#include "base/banned.h"

enum { READ_BYTES = 256 * 1024, BACKLOG = 16, HEADER_MAX = 5 };
enum packet { CONNECT = 1, PUBLISH = 3, PUBACK = 4, PINGREQ = 12, DISCONNECT = 14 };

struct client {
    struct watch watch;
    struct buf in, out;
    bool v5;
};

static unsigned long port;
static struct loop *loop;
static struct tally tally;

static const struct opt opts[] = {
    {'p', "PORT", "listen on 127.0.0.1:PORT; 0, the default: a free port", OPT_NUMBER, &port, 0, 65535},
    OPT_END,
};

static const struct program program = {
    .name = "null-mqtt", .operands = "COUNT...", .summary = "an MQTT peer that only confirms", .opts = opts};

/* --- reading: a slice that gets shorter; bad is set where it is too short ---------------------------------- */

struct reader {
    struct slice rest;
    bool bad;
};

static struct slice take(struct reader *r, size_t n)
{
    struct slice s = slice_of(r->rest.p, n);
    if (n > r->rest.len) {
        r->bad = true;
        return slice_of("\0\0\0\0", n < 4 ? n : 0);
    }
    r->rest = slice_skip(r->rest, n);
    return s;
}

static unsigned take_byte(struct reader *r)
{
    return (unsigned char)*take(r, 1).p;
}

static unsigned take_u16(struct reader *r)
{
    unsigned high = take_byte(r);
    return high << 8 | take_byte(r);
}

static struct slice take_text(struct reader *r)
{
    return take(r, take_u16(r));
}

/* MQTT 5, 1.5.5: seven bits a byte, the low ones first. */
static size_t take_varint(struct reader *r)
{
    size_t n = 0;
    for (unsigned shift = 0; shift < 28; shift += 7) {
        unsigned b = take_byte(r);
        n |= (size_t)(b & 127) << shift;
        if (b < 128)
            return n;
    }
    r->bad = true;
    return 0;
}

/* MQTT 5, 2.2.2.2: those that a PUBLISH of a client can have. */
static void take_properties(struct reader *r, struct arrival *a)
{
    struct reader p = {.rest = take(r, take_varint(r))};
    while (p.rest.len && !p.bad)
        switch (take_byte(&p)) {
        case 0x01: take(&p, 1); break;
        case 0x02: take(&p, 4); break;
        case 0x03: a->content_type = take_text(&p); break;
        case 0x08: take_text(&p); break;
        case 0x09: a->correlation = take_text(&p); break;
        case 0x26: take_text(&p), take_text(&p); break;
        default: p.bad = true;
        }
    r->bad |= p.bad;
}

/* --- packets ----------------------------------------------------------------------------------------------- */

static void on_connect(struct client *c, struct reader *r)
{
    take_text(r);
    c->v5 = take_byte(r) >= 5;
    buf_put_slice(&c->out, c->v5 ? S("\x20\x03\0\0\0") : S("\x20\x02\0\0"));
}

static void on_publish(struct client *c, struct reader *r, unsigned flags)
{
    struct arrival a = {.topic = take_text(r)};
    unsigned qos = flags >> 1 & 3;
    struct slice id = qos ? take(r, 2) : SLICE_NONE;
    if (c->v5)
        take_properties(r, &a);
    a.payload = r->rest;
    r->bad |= qos > 1;
    if (r->bad)
        return;
    if (qos) {
        buf_put_slice(&c->out, S("\x40\x02"));
        buf_put_slice(&c->out, id);
    }
    tally_take(&tally, &a);
}

static bool on_packet(struct client *c, unsigned first, struct slice body)
{
    struct reader r = {.rest = body};
    switch (first >> 4) {
    case CONNECT: on_connect(c, &r); break;
    case PUBLISH: on_publish(c, &r, first & 15); break;
    case PINGREQ: buf_put_slice(&c->out, S("\xd0\0")); break;
    case PUBACK: break;
    default: r.bad = true;
    }
    if (r.bad && first >> 4 != DISCONNECT)
        warn("cannot read a packet of type %u", first >> 4);
    return !r.bad;
}

/* Handles the first packet, if it is whole. False: end the connection. */
static bool one_packet(struct client *c, bool *more)
{
    struct reader r = {.rest = buf_slice(&c->in)};
    unsigned first = take_byte(&r);
    size_t length = take_varint(&r);
    *more = !r.bad && length <= r.rest.len;
    if (!*more)
        return c->in.len < HEADER_MAX || !r.bad;
    bool good = on_packet(c, first, take(&r, length));
    buf_take(&c->in, c->in.len - r.rest.len);
    return good;
}

/* --- connections ------------------------------------------------------------------------------------------- */

static void end(struct client *c)
{
    loop_remove(loop, &c->watch);
    io_close(c->watch.fd);
    buf_free(&c->in);
    buf_free(&c->out);
    free(c);
}

static bool answer(struct client *c)
{
    ssize_t n = c->out.len ? io_write_some(c->watch.fd, buf_p(&c->out), c->out.len) : 0;
    if (n > 0)
        buf_take(&c->out, (size_t)n);
    c->watch.events = (short)(POLLIN | (c->out.len ? POLLOUT : 0));
    return n >= 0;
}

static void on_ready(struct watch *w, short revents)
{
    struct client *c = w->arg;
    bool good = true, more = true;
    if (revents & ~POLLOUT) {
        ssize_t n = io_read_some(w->fd, buf_room(&c->in, READ_BYTES), READ_BYTES);
        good = n > 0;
        buf_added(&c->in, n > 0 ? (size_t)n : 0);
    }
    while (good && more && c->in.len)
        good = one_packet(c, &more);
    if (!good || !answer(c))
        end(c);
}

static void on_client(struct watch *w, short revents)
{
    int fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC);
    (void)revents;
    if (fd < 0)
        return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    struct client *c = xcalloc(1, sizeof *c);
    c->watch = (struct watch){.fd = fd, .events = POLLIN, .ready = on_ready, .arg = c};
    loop_add(loop, &c->watch);
}

static int listen_on_loopback(void)
{
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) != 0 || listen(fd, BACKLOG) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &size) != 0)
        die_sys(EXIT_TEMPORARY, "cannot listen on '127.0.0.1:%lu'", port);
    printf("{\"port\":%u}\n", ntohs(at.sin_port));
    fflush(stdout);
    return fd;
}

static void on_term(int signo, void *arg)
{
    (void)signo, (void)arg;
    loop_stop(loop);
}

int main(int argc, char **argv)
{
    io_init();
    int at = opt_parse(&program, argc, argv);
    tally_init(&tally, (size_t)(argc - at), argv + at);
    loop = loop_new();
    loop_signal(loop, SIGTERM, on_term, NULL);
    loop_signal(loop, SIGINT, on_term, NULL);
    struct watch listener = {.fd = listen_on_loopback(), .events = POLLIN, .ready = on_client};
    loop_add(loop, &listener);
    loop_run(loop);
    tally_report(&tally);
    return io_close_stdout() < 0 ? EXIT_TEMPORARY : EXIT_DONE;
}
