/* amqp-bare: qpid-proton's connection driver and a poll loop, nothing else: what an AMQP edge is measured against.
 *
 *   amqp-bare send PORT ADDRESS WINDOW         sends each line of stdin as one data section, WINDOW unconfirmed at most; ends
 *                                              when all are accepted
 *   amqp-bare recv PORT ADDRESS WINDOW COUNT   writes the payloads of COUNT messages as lines, accepts each, and ends
 *
 * Messages are made and read by pn_message. stdout: the lines of `recv`. Exit: 0, 100 bad usage, 111 no peer, or it went
 * away. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <proton/connection.h>
#include <proton/connection_driver.h>
#include <proton/delivery.h>
#include <proton/link.h>
#include <proton/message.h>
#include <proton/sasl.h>
#include <proton/session.h>
#include <proton/transport.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/lines.h"
#include "base/log.h"

#include "base/banned.h"

enum { MESSAGE_BYTES = 64 * 1024, OUT_BYTES = 64 * 1024 };

static pn_connection_driver_t driver;
static pn_link_t *sending, *receiving;
static pn_message_t *message;
static int fd;
static bool open_there, all_read, closing;
static unsigned long window, unconfirmed, left, sent;
static struct lines in;
static struct buf out;

/* --- one message ------------------------------------------------------------------------------------------------- */

static void send_line(struct slice line)
{
    static char bytes[MESSAGE_BYTES];
    size_t n = sizeof bytes;
    pn_message_clear(message);
    pn_data_put_binary(pn_message_body(message), pn_bytes(line.len, line.p));
    pn_message_set_durable(message, true);
    if (pn_message_encode(message, bytes, &n) != 0)
        die(EXIT_TEMPORARY, "cannot encode");
    sent++;
    pn_delivery_set_context(pn_delivery(sending, pn_dtag((const char *)&sent, sizeof sent)), &sent);
    pn_link_send(sending, bytes, n);
    pn_link_advance(sending);
    unconfirmed++;
}

static void receive(pn_delivery_t *d)
{
    static char bytes[MESSAGE_BYTES];
    ssize_t n = pn_link_recv(receiving, bytes, sizeof bytes);
    if (n < 0 || pn_message_decode(message, bytes, (size_t)n) != 0)
        die(EXIT_TEMPORARY, "cannot decode");
    pn_data_t *body = pn_message_body(message);
    pn_data_rewind(body);
    pn_data_next(body);
    pn_bytes_t text = pn_data_get_binary(body);
    buf_put(&out, text.start, text.size);
    buf_putc(&out, '\n');
    pn_link_advance(receiving);
    pn_delivery_update(d, PN_ACCEPTED);
    pn_delivery_settle(d);
    pn_link_flow(receiving, 1);
    left--;
    if (out.len > OUT_BYTES)
        lines_flush(STDOUT_FILENO, &out);
}

/* --- the loop ---------------------------------------------------------------------------------------------------- */

static void on_event(pn_event_t *e)
{
    pn_delivery_t *d = pn_event_delivery(e);
    switch (pn_event_type(e)) {
    case PN_LINK_REMOTE_OPEN: open_there = true; break;
    case PN_DELIVERY:
        /* proton uses deliveries again: an event of the last life says nothing of this one */
        if (sending && pn_delivery_settled(d) && pn_delivery_get_context(d)) {
            pn_delivery_set_context(d, NULL);
            pn_delivery_settle(d);
            unconfirmed--;
        } else if (receiving && left && pn_delivery_readable(d) && !pn_delivery_partial(d)) {
            receive(d);
        }
        break;
    case PN_TRANSPORT_CLOSED:
        if (!closing)
            die(EXIT_TEMPORARY, "the peer went away");
        break;
    default: break;
    }
}

static void send_more(void)
{
    struct slice line;
    while (open_there && unconfirmed < window && !all_read) {
        enum lines_status status = lines_next(&in, &line);
        if (status == LINES_LINE)
            send_line(line);
        else if (status != LINES_MORE)
            all_read = true;
        else if (lines_fill(&in) < 0)
            die_sys(EXIT_TEMPORARY, "cannot read stdin");
    }
}

static bool done(void)
{
    return closing || (sending ? all_read && !unconfirmed : !left);
}

static void turn(void)
{
    pn_event_t *e;
    while ((e = pn_connection_driver_next_event(&driver)))
        on_event(e);
    if (sending)
        send_more();
    pn_bytes_t w = pn_connection_driver_write_buffer(&driver);
    if (w.size) {
        ssize_t n = send(fd, w.start, w.size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0)
            pn_connection_driver_write_done(&driver, (size_t)n);
        else if (errno != EAGAIN)
            die_sys(EXIT_TEMPORARY, "cannot write");
    }
    if (done() || pn_connection_driver_has_event(&driver) ||
        (sending && open_there && !all_read && unconfirmed < window))
        return;
    struct pollfd p = {.fd = fd,
                       .events =
                           (short)(POLLIN | (pn_connection_driver_write_buffer(&driver).size ? POLLOUT : 0))};
    if (poll(&p, 1, 10000) <= 0)
        die(EXIT_TEMPORARY, "nothing happens: %lu sent, %lu unconfirmed, %lu left", sent, unconfirmed, left);
    pn_rwbytes_t r = pn_connection_driver_read_buffer_sized(&driver, 64 * 1024);
    if ((p.revents & POLLIN) && r.size) {
        ssize_t n = recv(fd, r.start, r.size, MSG_DONTWAIT);
        if (n > 0)
            pn_connection_driver_read_done(&driver, (size_t)n);
        else if (n == 0)
            pn_connection_driver_read_close(&driver);
    }
}

/* --- start ------------------------------------------------------------------------------------------------------- */

static void connect_to(const char *port)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1;
    fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof at) != 0)
        die_sys(EXIT_TEMPORARY, "cannot connect");
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (pn_connection_driver_init(&driver, NULL, NULL) != 0)
        die_oom();
    pn_sasl_allowed_mechs(pn_sasl(driver.transport), "ANONYMOUS");
    pn_connection_set_container(driver.connection, "amqp-bare");
    pn_connection_driver_bind(&driver);
    pn_connection_open(driver.connection);
}

int main(int argc, char **argv)
{
    log_init("amqp-bare", NULL);
    bool out_bound = argc == 5 && strcmp(argv[1], "send") == 0;
    if (!out_bound && !(argc == 6 && strcmp(argv[1], "recv") == 0))
        die(EXIT_PERMANENT, "usage: amqp-bare send PORT ADDRESS WINDOW | recv PORT ADDRESS WINDOW COUNT");
    window = strtoul(argv[4], NULL, 10);
    message = pn_message();
    lines_init(&in, STDIN_FILENO);
    connect_to(argv[2]);
    pn_session_t *session = pn_session(driver.connection);
    pn_session_open(session);
    if (out_bound) {
        sending = pn_sender(session, "bare");
        pn_terminus_set_address(pn_link_target(sending), argv[3]);
        pn_link_open(sending);
    } else {
        left = strtoul(argv[5], NULL, 10);
        receiving = pn_receiver(session, "bare");
        pn_terminus_set_address(pn_link_source(receiving), argv[3]);
        pn_link_open(receiving);
        pn_link_flow(receiving, (int)window);
    }
    while (!done())
        turn();
    closing = true;
    lines_flush(STDOUT_FILENO, &out);
    /* the last accepted ones */
    while (pn_connection_driver_write_buffer(&driver).size || pn_connection_driver_has_event(&driver))
        turn();
    pn_connection_close(driver.connection);
    while (pn_connection_driver_write_buffer(&driver).size)
        turn();
    return EXIT_DONE;
}
