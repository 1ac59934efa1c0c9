/* mqtt-out: publish external messages to an MQTT broker.
 *
 *   mqtt-out -c CONNECTION [-k N]
 *   mqtt-out [-p mqtt|mqtt-5] [-Q QOS] URI
 *
 * stdin:  external messages: published to their address, with the QoS of the target that their context names. Other
 *         lines pass through.
 * stdout: {"id":…,"status":200} once the broker confirmed a message (QoS 1: PUBACK, QoS 2: PUBCOMP, QoS 0: written to the
 *         socket), or the error. What passes through does not wait for that.
 *
 * At most -w messages are unconfirmed; then stdin is left unread. The process does not reconnect: a lost broker is 111,
 * and whoever runs the ring starts it again; what was unconfirmed is still with the source. */
#include <limits.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/opt.h"
#include "line/report.h"
#include "transport/mqtt.h"
#include "transport/mqtt_io.h"
#include "transport/sink.h"
#include "transport/tls.h"

#include "base/banned.h"

static const char *path, *protocol = "mqtt-5";
static unsigned long only = ULONG_MAX, client, qos = 1, window = 200, drain_ms = 10000, connect_ms = 15000;
static int ready_fd = -1;
static bool check_only, retry;

static const struct opt opts[] = {
    {'c', "PATH", "connection JSON (a file, or fd:N)", OPT_STRING, &path, 0, 0},
    {'k', "N", "the target of messages whose context names none", OPT_NUMBER, &only, 0, 1000},
    {'C', "N", "index of this client, where clientCount is above 1", OPT_NUMBER, &client, 0, 1000},
    {'p', "TYPE", "without -c: mqtt (3.1.1) or mqtt-5 (the default)", OPT_STRING, &protocol, 0, 0},
    {'Q', "QOS", "without -c: 0, 1 (the default) or 2", OPT_NUMBER, &qos, 0, 2},
    {'w', "N", "messages unconfirmed at most (200)", OPT_NUMBER, &window, 1, 60000},
    {'D', "MS", "how long to wait for confirmations at the end, in ms (10000)", OPT_NUMBER, &drain_ms, 0,
     3600000},
    {'T', "MS", "how long connecting may take, in ms (15000)", OPT_NUMBER, &connect_ms, 1, 3600000},
    {'r', NULL, "try a broker that is lost again, instead of ending with 111", OPT_FLAG, &retry, 0, 0},
    {'d', "FD", "write a newline there once the broker accepted the connection", OPT_FD, &ready_fd, 0, 0},
    TLS_OPTS,
    {'n', NULL, "check the connection and end", OPT_FLAG, &check_only, 0, 0},
    OPT_END,
};

MQTT_IO_STAND_IN

static int run(const struct connection *conn)
{
    struct sink_config cfg = {.transport = &mqtt_out_transport,
                              .connection = conn,
                              .only = only == ULONG_MAX ? -1 : (int)only,
                              .qos = path ? 0 : (int)qos, /* of a reply target, which says none: Ditto's 0 */
                              .client = (unsigned)client,
                              .window = (unsigned)window,
                              .drain_ms = (msec)drain_ms,
                              .connect_ms = (msec)connect_ms,
                              .retry = retry,
                              .ready_fd = ready_fd};
    int code = transport_judge(cfg.transport, conn, cfg.only, SIDE_SINK);
    return code || check_only ? code : sink_run(&cfg);
}

int main(int argc, char **argv)
{
    const struct program program = {.name = "mqtt-out",
                                    .operands = "[URI]",
                                    .summary = "publish external messages to an MQTT broker",
                                    .libraries = mqtt_out_transport.libraries,
                                    .opts = opts};
    struct connection conn;
    io_init();
    int at = opt_parse(&program, argc, argv);
    report_init(program.name);
    int code = transport_configure(&conn, &program, path, protocol, argv + at, (size_t)(argc - at), (int)qos,
                                   SIDE_SINK);
    if (code)
        return code;
    code = run(&conn);
    connection_free(&conn);
    if (io_close_stdout() < 0 && code == 0)
        die_sys(EXIT_TEMPORARY, "cannot close stdout");
    return code;
}
