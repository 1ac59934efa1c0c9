/* bridge: AMQP 1.0 to MQTT 5 in one hand-written process: the limit that pipelines are measured against.
 *
 *   bridge [-w WINDOW] AMQP-PORT ADDRESS MQTT-PORT
 *
 * Does what `amqp-in | ditto-map -i | ditto-map -o | mqtt-out` does with the Ditto mapper: reads the envelope in the
 * body, checks it and its topic, publishes it again with QoS 1 to devices/<thing name>/messages/<subject>, content-type and
 * correlation-id as its headers have them, and accepts the delivery when the PUBACK has come. An envelope that
 * cannot be read is rejected. At most WINDOW (500) messages are in flight.
 *
 * One poll loop, no thread: pn_connection_driver and libmosquitto, nothing between them but the reading of JSON, for
 * which it uses the same code as the toolkit. It does not reconnect. Exit: 0 on TERM, 100 bad usage, 111 a peer was lost. */
#include <arpa/inet.h>
#include <errno.h>
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <netinet/tcp.h>
#include <proton/connection.h>
#include <proton/connection_driver.h>
#include <proton/delivery.h>
#include <proton/link.h>
#include <proton/message.h>
#include <proton/session.h>
#include <proton/transport.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/opt.h"
#include "base/scan.h"
#include "line/line.h"
#include "protocol/topic.h"

#include "base/banned.h"

enum { READ_BYTES = 64 * 1024, KEEP_BYTES = 64 * 1024, MIDS = 65536, KEEPALIVE_S = 60 };

static unsigned long window = 500;
static const char *address;
static struct loop *loop;
static pn_connection_driver_t driver;
static pn_link_t *receiver;
static pn_message_t *message;
static struct mosquitto *mqtt;
static struct watch amqp_watch, mqtt_watch;
static struct timer amqp_tick, mqtt_tick;
static pn_delivery_t *in_flight[MIDS];
static struct buf encoded, topic, text, body;
static bool mqtt_open;

static const struct opt opts[] = {
    {'w', "WINDOW", "messages in flight at most (500)", OPT_NUMBER, &window, 1, 60000},
    OPT_END,
};

static const struct program program = {.name = "bridge",
                                       .operands = "AMQP-PORT ADDRESS MQTT-PORT",
                                       .summary = "AMQP 1.0 to MQTT 5 in one process",
                                       .opts = opts};

static void settle(pn_delivery_t *d, uint64_t outcome)
{
    pn_delivery_update(d, outcome);
    pn_delivery_settle(d);
    pn_link_flow(receiver, 1);
}

/* --- the work ------------------------------------------------------------------------------------------------ */

static const char *put_topic(const struct topic *t)
{
    buf_reset(&topic, KEEP_BYTES);
    buf_put_slice(&topic, S("devices/"));
    buf_put_slice(&topic, t->name);
    buf_put_slice(&topic, S("/messages/"));
    buf_put_slice(&topic, t->subject);
    return buf_z(&topic);
}

static void put_member(struct slice name, struct json value)
{
    if (json_is(value, JSON_ABSENT))
        return;
    json_put_member(&body, name, json_slice(value));
}

static void put_envelope(const struct line *l)
{
    buf_reset(&body, KEEP_BYTES);
    buf_putc(&body, '{');
    put_member(S("topic"), l->topic);
    put_member(S("headers"), l->headers);
    put_member(S("path"), l->path);
    put_member(S("value"), l->value);
    put_member(S("extra"), l->extra);
    put_member(S("status"), l->status);
    put_member(S("revision"), l->revision);
    put_member(S("timestamp"), l->timestamp);
    put_member(S("metadata"), l->metadata);
    put_member(S("fields"), l->fields);
    buf_putc(&body, '}');
}

static mosquitto_property *properties(const struct line *l)
{
    mosquitto_property *props = NULL;
    struct slice id, type;
    buf_reset(&text, KEEP_BYTES);
    id = json_text(json_get(l->headers, S("correlation-id")), &text);
    if (id.p)
        mosquitto_property_add_binary(&props, MQTT_PROP_CORRELATION_DATA, id.p, (uint16_t)id.len);
    buf_reset(&text, KEEP_BYTES);
    type = json_text(json_get(l->headers, S("content-type")), &text);
    if (type.p) {
        buf_reset(&topic, KEEP_BYTES);
        buf_put_slice(&topic, type);
        mosquitto_property_add_string(&props, MQTT_PROP_CONTENT_TYPE, buf_z(&topic));
    }
    return props;
}

/* The message's packet identifier, or -1 if it is no envelope of a message. */
static int publish(struct slice payload)
{
    struct line l;
    struct topic t;
    struct ditto_error err;
    int mid;
    buf_reset(&text, KEEP_BYTES);
    if (line_read(payload, &l, NULL) < 0 || !json_is(l.topic, JSON_STRING) || !json_is(l.path, JSON_STRING) ||
        topic_parse(json_text(l.topic, &text), &t, &err) < 0 || !t.subject.p)
        return -1;
    put_envelope(&l);
    mosquitto_property *props = properties(&l);
    int rc = mosquitto_publish_v5(mqtt, &mid, put_topic(&t), (int)body.len, buf_p(&body), 1, false, props);
    mosquitto_property_free_all(&props);
    if (rc != MOSQ_ERR_SUCCESS)
        die(EXIT_TEMPORARY, "cannot publish: %s", mosquitto_strerror(rc));
    return mid;
}

static void on_message(pn_delivery_t *d)
{
    if (pn_message_decode(message, buf_p(&encoded), encoded.len) != 0)
        die(EXIT_TEMPORARY, "cannot decode a message");
    pn_data_t *data = pn_message_body(message);
    pn_data_rewind(data);
    pn_bytes_t b = pn_data_next(data) ? pn_data_get_bytes(data) : pn_bytes(0, NULL);
    int mid = publish(slice_of(b.start, b.size));
    if (mid < 0)
        settle(d, PN_REJECTED);
    else
        in_flight[mid] = d;
}

/* --- AMQP ---------------------------------------------------------------------------------------------------- */

static void on_delivery(pn_delivery_t *d)
{
    if (!pn_delivery_readable(d) || pn_delivery_partial(d))
        return;
    size_t n = pn_delivery_pending(d);
    buf_reset(&encoded, KEEP_BYTES);
    ssize_t got = pn_link_recv(receiver, buf_room(&encoded, n), n);
    buf_added(&encoded, got > 0 ? (size_t)got : 0);
    pn_link_advance(receiver);
    on_message(d);
}

static void on_event(pn_event_t *e)
{
    switch (pn_event_type(e)) {
    case PN_DELIVERY: on_delivery(pn_event_delivery(e)); break;
    case PN_LINK_REMOTE_CLOSE:
    case PN_SESSION_REMOTE_CLOSE:
    case PN_CONNECTION_REMOTE_CLOSE:
    case PN_TRANSPORT_CLOSED: die(EXIT_TEMPORARY, "cannot receive: the peer ended it");
    default: break;
    }
}

static void on_amqp(struct watch *w, short revents)
{
    pn_rwbytes_t room = pn_connection_driver_read_buffer_sized(&driver, READ_BYTES);
    if (!(revents & ~POLLOUT) || !room.size)
        return;
    ssize_t n = recv(w->fd, room.start, room.size, MSG_DONTWAIT);
    if (n > 0)
        pn_connection_driver_read_done(&driver, (size_t)n);
    else if (n == 0 || errno != EAGAIN)
        die(EXIT_TEMPORARY, "cannot receive: the connection is gone");
}

static void on_amqp_tick(struct timer *t)
{
    (void)t;
}

static void write_amqp(void)
{
    pn_bytes_t out;
    while ((out = pn_connection_driver_write_buffer(&driver)).size) {
        ssize_t n = send(amqp_watch.fd, out.start, out.size, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0)
            break;
        pn_connection_driver_write_done(&driver, (size_t)n);
    }
    amqp_watch.events = (short)(POLLIN | (out.size ? POLLOUT : 0));
}

static void open_receiver(void)
{
    pn_session_t *session = pn_session(driver.connection);
    pn_connection_set_container(driver.connection, "bench-bridge");
    pn_connection_set_hostname(driver.connection, "127.0.0.1");
    pn_connection_open(driver.connection);
    pn_session_open(session);
    receiver = pn_receiver(session, "bench-bridge");
    pn_terminus_set_address(pn_link_source(receiver), address);
    pn_link_set_snd_settle_mode(receiver, PN_SND_UNSETTLED);
    pn_link_open(receiver);
    pn_link_flow(receiver, (int)window);
}

static void open_amqp(uint16_t port)
{
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof at) != 0)
        die_sys(EXIT_TEMPORARY, "cannot connect to '127.0.0.1:%u'", port);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    if (pn_connection_driver_init(&driver, NULL, NULL) != 0)
        die_oom();
    message = pn_message();
    amqp_watch = (struct watch){.fd = fd, .events = POLLIN, .ready = on_amqp};
    amqp_tick = (struct timer){.at = NEVER, .fire = on_amqp_tick};
    loop_add(loop, &amqp_watch);
    open_receiver();
}

/* --- MQTT ---------------------------------------------------------------------------------------------------- */

static void on_connect(struct mosquitto *m, void *arg, int reason)
{
    (void)m, (void)arg;
    if (reason != 0)
        die(EXIT_TEMPORARY, "cannot connect to MQTT: %s", mosquitto_reason_string(reason));
    mqtt_open = true;
}

static void on_publish(struct mosquitto *m, void *arg, int mid, int reason, const mosquitto_property *props)
{
    (void)m, (void)arg, (void)props;
    settle(in_flight[mid], reason < 0x80 ? PN_ACCEPTED : PN_RELEASED);
}

static void check_mqtt(int rc)
{
    if (rc != MOSQ_ERR_SUCCESS)
        die(EXIT_TEMPORARY, "cannot keep the MQTT connection: %s", mosquitto_strerror(rc));
}

static void on_mqtt(struct watch *w, short revents)
{
    (void)w;
    if (revents & ~POLLOUT)
        check_mqtt(mosquitto_loop_read(mqtt, 1));
    if (revents & POLLOUT)
        check_mqtt(mosquitto_loop_write(mqtt, 1));
}

static void on_mqtt_tick(struct timer *t)
{
    check_mqtt(mosquitto_loop_misc(mqtt));
    loop_timer(loop, t, clock_ms() + KEEPALIVE_S * 500);
}

static void open_mqtt(uint16_t port)
{
    mosquitto_lib_init();
    mqtt = mosquitto_new("bench-bridge", true, NULL);
    if (!mqtt)
        die_oom();
    mosquitto_int_option(mqtt, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5);
    mosquitto_int_option(mqtt, MOSQ_OPT_TCP_NODELAY, 1);
    mosquitto_max_inflight_messages_set(mqtt, (unsigned)window);
    mosquitto_connect_callback_set(mqtt, on_connect);
    mosquitto_publish_v5_callback_set(mqtt, on_publish);
    check_mqtt(mosquitto_connect(mqtt, "127.0.0.1", port, KEEPALIVE_S));
    mqtt_watch = (struct watch){.fd = mosquitto_socket(mqtt), .events = POLLIN, .ready = on_mqtt};
    mqtt_tick = (struct timer){.at = NEVER, .fire = on_mqtt_tick};
    loop_add(loop, &mqtt_watch);
    loop_timer(loop, &mqtt_tick, clock_ms() + KEEPALIVE_S * 500);
}

/* --- the loop ------------------------------------------------------------------------------------------------ */

static void before_poll(void *arg)
{
    pn_event_t *e;
    (void)arg;
    while (mqtt_open && (e = pn_connection_driver_next_event(&driver)))
        on_event(e);
    write_amqp();
    mqtt_watch.events = (short)(POLLIN | (mosquitto_want_write(mqtt) ? POLLOUT : 0));
    int64_t next = pn_transport_tick(driver.transport, clock_ms());
    loop_timer(loop, &amqp_tick, next ? next : NEVER);
}

static void on_term(int signo, void *arg)
{
    (void)signo, (void)arg;
    loop_stop(loop);
}

static uint16_t port_of(const char *z)
{
    uint64_t port;
    if (scan_u64(slice_str(z), &port) < 0 || port == 0 || port > UINT16_MAX)
        opt_usage(&program, "a port is a number from 1 to 65535");
    return (uint16_t)port;
}

int main(int argc, char **argv)
{
    io_init();
    int at = opt_parse(&program, argc, argv);
    if (argc - at != 3)
        opt_usage(&program, "three operands are needed");
    address = argv[at + 1];
    loop = loop_new();
    loop_signal(loop, SIGTERM, on_term, NULL);
    loop_signal(loop, SIGINT, on_term, NULL);
    loop_before_poll(loop, before_poll, NULL);
    open_mqtt(port_of(argv[at + 2]));
    open_amqp(port_of(argv[at]));
    loop_run(loop);
    mosquitto_destroy(mqtt);
    pn_connection_driver_destroy(&driver);
    return EXIT_DONE;
}
