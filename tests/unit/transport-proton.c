/* transport-proton: what the AMQP 1.0 transports rely on in qpid-proton-c, version by version. Another version that behaves
 * differently makes itself known here; the rest of it is pinned by amqp-in*.bats, amqp-out.bats and amqp-tls.bats. */
#include <proton/connection.h>
#include <proton/connection_driver.h>
#include <proton/delivery.h>
#include <proton/link.h>
#include <proton/message.h>
#include <proton/session.h>
#include <proton/transport.h>
#include <proton/version.h>
#include <string.h>

#include "tap.h"

struct side {
    pn_connection_driver_t driver;
    pn_link_t *link;
    unsigned deliveries, bytes;
};

static void on_server(struct side *s, pn_event_t *e)
{
    char bytes[4096];
    pn_link_t *link = pn_event_link(e);
    switch (pn_event_type(e)) {
    case PN_CONNECTION_REMOTE_OPEN: pn_connection_open(pn_event_connection(e)); break;
    case PN_SESSION_REMOTE_OPEN: pn_session_open(pn_event_session(e)); break;
    case PN_LINK_REMOTE_OPEN:
        s->link = link;
        pn_link_open(link);
        break;
    case PN_DELIVERY:
        if (pn_delivery_partial(pn_event_delivery(e)))
            break;
        s->deliveries++;
        for (ssize_t n; (n = pn_link_recv(link, bytes, sizeof bytes)) > 0;)
            s->bytes += (unsigned)n;
        pn_link_advance(link);
        break;
    default: break;
    }
}

static void give(struct side *from, struct side *to)
{
    pn_bytes_t w = pn_connection_driver_write_buffer(&from->driver);
    pn_rwbytes_t r = pn_connection_driver_read_buffer_sized(&to->driver, w.size);
    size_t n = w.size < r.size ? w.size : r.size;
    if (!n)
        return;
    memcpy(r.start, w.start, n);
    pn_connection_driver_write_done(&from->driver, n);
    pn_connection_driver_read_done(&to->driver, n);
}

/* Everything that two ends have to say to each other. */
static void talk(struct side *client, struct side *server)
{
    enum { ROUNDS = 50 };
    for (int i = 0; i < ROUNDS; i++) {
        for (pn_event_t *e; (e = pn_connection_driver_next_event(&client->driver));)
            continue;
        for (pn_event_t *e; (e = pn_connection_driver_next_event(&server->driver));)
            on_server(server, e);
        give(client, server);
        give(server, client);
    }
}

static void start(struct side *client, struct side *server)
{
    *client = (struct side){0};
    *server = (struct side){0};
    pn_connection_driver_init(&client->driver, NULL, NULL);
    pn_connection_driver_init(&server->driver, NULL, NULL);
    pn_transport_set_server(server->driver.transport);
    pn_connection_set_container(client->driver.connection, "client");
    pn_connection_set_container(server->driver.connection, "server");
    pn_connection_open(client->driver.connection);
    pn_session_t *session = pn_session(client->driver.connection);
    pn_session_open(session);
    client->link = pn_sender(session, "link");
    pn_link_open(client->link);
    talk(client, server);
}

static void end(struct side *client, struct side *server)
{
    pn_connection_driver_destroy(&client->driver);
    pn_connection_driver_destroy(&server->driver);
}

static pn_delivery_t *send_one(struct side *client, const char *tag)
{
    pn_delivery_t *d = pn_delivery(client->link, pn_dtag(tag, strlen(tag)));
    pn_link_send(client->link, "12345", 5);
    pn_link_advance(client->link);
    return d;
}

/* amqp10_out.c hands messages over whether or not there is credit. */
static void waits_for_credit(void)
{
    struct side client, server;
    start(&client, &server);
    pn_delivery_t *d = send_one(&client, "1");
    talk(&client, &server);
    ok(server.deliveries == 0 && pn_delivery_buffered(d), "a message without credit waits");
    ok(pn_delivery_pending(d) == 5, "its bytes are counted as pending at the sender");
    pn_link_flow(server.link, 1);
    talk(&client, &server);
    ok(server.deliveries == 1 && server.bytes == 5, "credit lets it go");
    ok(!pn_delivery_buffered(d) && pn_delivery_pending(d) == 0, "then nothing of it is pending");
    end(&client, &server);
}

/* … and withdraws what was not sent in time. */
static void abort_withdraws(void)
{
    struct side client, server;
    start(&client, &server);
    pn_delivery_abort(send_one(&client, "1"));
    send_one(&client, "2");
    pn_link_flow(server.link, 5);
    talk(&client, &server);
    ok(server.deliveries == 1 && server.bytes == 5, "an aborted message is never sent, the next one is");
    end(&client, &server);
}

/* A message in pieces: what pump() of amqp10_out.c does. */
static void in_pieces(void)
{
    struct side client, server;
    start(&client, &server);
    pn_link_flow(server.link, 1);
    pn_delivery_t *d = pn_delivery(client.link, pn_dtag("1", 1));
    pn_link_send(client.link, "12345", 5);
    talk(&client, &server);
    ok(server.deliveries == 0 && pn_delivery_pending(d) == 0,
       "a piece leaves at once, and is no message yet");
    pn_link_send(client.link, "678", 3);
    pn_link_advance(client.link);
    talk(&client, &server);
    ok(server.deliveries == 1 && server.bytes == 8, "the last piece completes it");
    end(&client, &server);
}

/* Why there is a codec of our own. */
static void data_sections(void)
{
    static const char two[] = "\x00\x53\x75\xa0\x01"
                              "a"
                              "\x00\x53\x75\xa0\x01"
                              "b";
    pn_message_t *m = pn_message();
    ok(pn_message_decode(m, two, sizeof two - 1) == 0, "a message of two data sections is decoded");
    pn_data_t *body = pn_message_body(m);
    pn_data_rewind(body);
    pn_data_next(body);
    pn_bytes_t b = pn_data_get_binary(body);
    ok(b.size == 1 && *b.start == 'b', "of several data sections pn_message keeps the last one");
    pn_message_free(m);
}

int main(void)
{
    ok(PN_VERSION_MAJOR == 0 && PN_VERSION_MINOR == 37 && PN_VERSION_POINT == 0, "qpid-proton is 0.37.0");
    waits_for_credit();
    abort_withdraws();
    in_pieces();
    data_sections();
    return done();
}
