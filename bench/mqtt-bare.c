/* mqtt-bare: libmosquitto and a poll loop, nothing else: what an MQTT edge is measured against.
 *
 *   mqtt-bare pub PORT TOPIC     publishes each line of stdin with QoS 1, 100 unconfirmed at most; ends when all are confirmed
 *   mqtt-bare sub PORT ID COUNT  takes up the session ID, writes the payloads of COUNT messages of QoS 1 as lines, and ends
 *
 * MQTT 5. stdout: the lines of `sub`. Exit: 0, 100 bad usage, 111 no broker, or it went away. */
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/lines.h"
#include "base/log.h"

#include "base/banned.h"

enum { IN_FLIGHT = 100, KEEPALIVE_S = 60 };

static bool connected;
static unsigned long in_flight, left;
static struct buf out;

static void on_connect(struct mosquitto *m, void *arg, int reason)
{
    (void)m, (void)arg;
    connected = reason == 0;
}

static void on_publish(struct mosquitto *m, void *arg, int mid)
{
    (void)m, (void)arg, (void)mid;
    in_flight--;
}

static void on_message(struct mosquitto *m, void *arg, const struct mosquitto_message *message)
{
    (void)m, (void)arg;
    buf_put(&out, message->payload, (size_t)message->payloadlen);
    buf_putc(&out, '\n');
    if (left)
        left--;
}

static void turn(struct mosquitto *m)
{
    struct pollfd p = {.fd = mosquitto_socket(m),
                       .events = (short)(POLLIN | (mosquitto_want_write(m) ? POLLOUT : 0))};
    if (poll(&p, 1, 1000) < 0)
        die_sys(EXIT_TEMPORARY, "cannot poll");
    if (((p.revents & POLLOUT) && mosquitto_loop_write(m, 1)) ||
        ((p.revents & POLLIN) && mosquitto_loop_read(m, 1)) || mosquitto_socket(m) < 0)
        die(EXIT_TEMPORARY, "the broker went away");
}

static struct mosquitto *client(const char *id, const char *port)
{
    struct mosquitto *m = mosquitto_new(id, !id, NULL);
    mosquitto_int_option(m, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5);
    mosquitto_int_option(m, MOSQ_OPT_TCP_NODELAY, 1);
    mosquitto_int_option(m, MOSQ_OPT_RECEIVE_MAXIMUM, 2000);
    mosquitto_connect_callback_set(m, on_connect);
    mosquitto_publish_callback_set(m, on_publish);
    mosquitto_message_callback_set(m, on_message);
    if (mosquitto_connect(m, "127.0.0.1", (int)strtol(port, NULL, 10), KEEPALIVE_S) != MOSQ_ERR_SUCCESS)
        die(EXIT_TEMPORARY, "no broker");
    while (!connected)
        turn(m);
    return m;
}

static void publish(struct mosquitto *m, const char *topic)
{
    struct lines in;
    struct slice line;
    bool more = true;
    lines_init(&in, 0);
    while (more || in_flight) {
        while (more && in_flight < IN_FLIGHT)
            switch (lines_next(&in, &line)) {
            case LINES_LINE:
                in_flight++;
                mosquitto_publish(m, NULL, topic, (int)line.len, line.p, 1, false);
                break;
            case LINES_MORE:
                if (lines_fill(&in) < 0)
                    die_sys(EXIT_TEMPORARY, "cannot read");
                break;
            default: more = false;
            }
        if (in_flight)
            turn(m);
    }
    lines_free(&in);
}

static void subscribe(struct mosquitto *m)
{
    while (left) {
        turn(m);
        if (out.len >= 65536 || !left)
            (void)lines_flush(1, &out);
    }
    /* what the library queued of PUBACKs leaves with its last write */
    while (mosquitto_want_write(m))
        turn(m);
}

int main(int argc, char **argv)
{
    bool pub = argc == 4 && strcmp(argv[1], "pub") == 0, sub = argc == 5 && strcmp(argv[1], "sub") == 0;
    log_init("mqtt-bare", NULL);
    if (!pub && !sub)
        die(EXIT_PERMANENT, "usage: mqtt-bare pub PORT TOPIC | sub PORT ID COUNT");
    mosquitto_lib_init();
    if (sub)
        left = strtoul(argv[4], NULL, 10);
    struct mosquitto *m = client(sub ? argv[3] : NULL, argv[2]);
    if (pub)
        publish(m, argv[3]);
    else
        subscribe(m);
    mosquitto_destroy(m);
    mosquitto_lib_cleanup();
    return 0;
}
