/* mqtt-count: an MQTT 5 subscriber that counts what reaches it.
 *
 *   mqtt-count -p PORT [-t FILTER] COUNT...
 *
 * Subscribes to FILTER with QoS 0 (the broker on the loopback drops none, and acknowledging would be the dearest part of the
 * work) and counts as tally.h says; a phase has COUNT messages. It ends with TERM.
 *
 * stdout: {"subscribed":true}, then the records of tally.h. Exit: 0, 100 bad usage, 111 no broker, or it went away. */
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <signal.h>
#include <stdlib.h>

#include "base/io.h"
#include "base/opt.h"
#include "tally.h"

#include "base/banned.h"

static unsigned long port;
static const char *filter = "devices/#";
static struct tally tally;
static volatile sig_atomic_t ending;

static const struct opt opts[] = {
    {'p', "PORT", "the broker is at 127.0.0.1:PORT", OPT_NUMBER, &port, 1, 65535},
    {'t', "FILTER", "subscribe to it (devices/#)", OPT_STRING, &filter, 0, 0},
    OPT_END,
};

static const struct program program = {
    .name = "mqtt-count", .operands = "COUNT...", .summary = "an MQTT subscriber that counts", .opts = opts};

static void on_connect(struct mosquitto *m, void *arg, int reason)
{
    (void)arg;
    if (reason != 0)
        die(EXIT_TEMPORARY, "cannot connect: %s", mosquitto_reason_string(reason));
    mosquitto_subscribe(m, NULL, filter, 0);
}

static void on_subscribe(struct mosquitto *m, void *arg, int mid, int n, const int *granted)
{
    (void)m, (void)arg, (void)mid, (void)n, (void)granted;
    printf("{\"subscribed\":true}\n");
    fflush(stdout);
}

static void on_message(struct mosquitto *m, void *arg, const struct mosquitto_message *msg,
                       const mosquitto_property *props)
{
    char *type = NULL;
    void *id = NULL;
    uint16_t id_len = 0;
    (void)m, (void)arg;
    mosquitto_property_read_string(props, MQTT_PROP_CONTENT_TYPE, &type, false);
    mosquitto_property_read_binary(props, MQTT_PROP_CORRELATION_DATA, &id, &id_len, false);
    struct arrival a = {.topic = slice_str(msg->topic),
                        .payload = slice_of(msg->payload, (size_t)msg->payloadlen),
                        .content_type = slice_str(type),
                        .correlation = slice_of(id, id_len)};
    tally_take(&tally, &a);
    free(type);
    free(id);
}

static void on_term(int signo)
{
    (void)signo;
    ending = 1;
}

static struct mosquitto *subscriber(void)
{
    struct mosquitto *m = mosquitto_new(NULL, true, NULL);
    if (!m)
        die_oom();
    mosquitto_int_option(m, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5);
    mosquitto_connect_callback_set(m, on_connect);
    mosquitto_subscribe_callback_set(m, on_subscribe);
    mosquitto_message_v5_callback_set(m, on_message);
    return m;
}

int main(int argc, char **argv)
{
    io_init();
    int at = opt_parse(&program, argc, argv);
    tally_init(&tally, (size_t)(argc - at), argv + at);
    if (!port)
        opt_usage(&program, "-p is needed");
    struct sigaction sa = {.sa_handler = on_term};
    sigaction(SIGTERM, &sa, NULL);
    sigaction(SIGINT, &sa, NULL);
    mosquitto_lib_init();
    struct mosquitto *m = subscriber();
    int rc = mosquitto_connect(m, "127.0.0.1", (int)port, 60);
    while (rc == MOSQ_ERR_SUCCESS && !ending)
        rc = mosquitto_loop(m, 1000, 1);
    if (!ending)
        die(EXIT_TEMPORARY, "cannot keep the connection: %s", mosquitto_strerror(rc));
    tally_report(&tally);
    mosquitto_destroy(m);
    mosquitto_lib_cleanup();
    return io_close_stdout() < 0 ? EXIT_TEMPORARY : EXIT_DONE;
}
