/* mqtt-in: consume from an MQTT broker.
 *
 *   mqtt-in -c CONNECTION [-k N]
 *   mqtt-in [-p mqtt|mqtt-5] [-Q QOS] URI FILTER...
 *
 * stdout: each message as an external message with an id; lines from stdin that are not for us pass through.
 * stdin:  settlements (and parts) of those ids. A message of QoS 1 is acknowledged only when it, and what was read with it,
 *         is settled: a process that dies before leaves it to the broker. What is to be redelivered is sent again
 *         from here, after a pause, at most -R times; then it is acknowledged, counted and logged.
 *
 * -S write settles a message when its line is written and reads no stdin; -S none subscribes with QoS 0: a plain head of a
 * pipe. All sources share one session; at most -w messages of each are in flight. The process does not reconnect (but for
 * reconnectForRedelivery): a lost broker is 111, and what was in flight is delivered again to whoever comes next. */
#include <limits.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/opt.h"
#include "line/report.h"
#include "transport/mqtt.h"
#include "transport/mqtt_io.h"
#include "transport/source.h"
#include "transport/tls.h"

#include "base/banned.h"

static const char *path, *protocol = "mqtt-5", *settle = "ring";
static unsigned long only = ULONG_MAX, client, qos = 1, window = 200, redeliveries = 7;
static unsigned long expire_ms = 120000, drain_ms = 10000, connect_ms = 15000;
static int ready_fd = -1;
static bool check_only, retry;

static const struct opt opts[] = {
    {'c', "PATH", "connection JSON (a file, or fd:N)", OPT_STRING, &path, 0, 0},
    {'k', "N", "only this source of it", OPT_NUMBER, &only, 0, 1000},
    {'C', "N", "index of this client, where clientCount is above 1", OPT_NUMBER, &client, 0, 1000},
    {'p', "TYPE", "without -c: mqtt (3.1.1) or mqtt-5 (the default)", OPT_STRING, &protocol, 0, 0},
    {'Q', "QOS", "without -c: 0, 1 (the default) or 2, which counts as 1", OPT_NUMBER, &qos, 0, 2},
    {'S', "MODE", "when to settle: ring (the default), write or none", OPT_STRING, &settle, 0, 0},
    {'w', "N", "messages of a source in flight at most (200)", OPT_NUMBER, &window, 1, 60000},
    {'R', "N", "redeliveries of a message at most (7)", OPT_NUMBER, &redeliveries, 0, 1000},
    {'E', "MS", "redeliver what nobody settles for so long, in ms (120000)", OPT_NUMBER, &expire_ms, 100,
     86400000},
    {'D', "MS", "how long to wait for settlements after TERM, in ms (10000)", OPT_NUMBER, &drain_ms, 0,
     3600000},
    {'T', "MS", "how long connecting may take, in ms (15000)", OPT_NUMBER, &connect_ms, 1, 3600000},
    {'r', NULL, "try a broker that is lost again, instead of ending with 111", OPT_FLAG, &retry, 0, 0},
    {'d', "FD", "write a newline there once the broker confirmed all subscriptions", OPT_FD, &ready_fd, 0, 0},
    TLS_OPTS,
    {'n', NULL, "check the connection and end", OPT_FLAG, &check_only, 0, 0},
    OPT_END,
};

MQTT_IO_STAND_IN

static int run(const struct connection *conn, enum settle_mode mode)
{
    struct source_config cfg = {.transport = &mqtt_in_transport,
                                .connection = conn,
                                .only = only == ULONG_MAX ? -1 : (int)only,
                                .client = (unsigned)client,
                                .mode = mode,
                                .window = (unsigned)window,
                                .redeliveries = (unsigned)redeliveries,
                                .expire_ms = (msec)expire_ms,
                                .drain_ms = (msec)drain_ms,
                                .connect_ms = (msec)connect_ms,
                                .retry = retry,
                                .ready_fd = ready_fd};
    int code = transport_judge(cfg.transport, conn, cfg.only, SIDE_SOURCE);
    return code || check_only ? code : source_run(&cfg);
}

int main(int argc, char **argv)
{
    const struct program program = {.name = "mqtt-in",
                                    .operands = "[URI FILTER...]",
                                    .summary = "consume from an MQTT broker",
                                    .libraries = mqtt_in_transport.libraries,
                                    .opts = opts};
    struct connection conn;
    enum settle_mode mode;
    io_init();
    int at = opt_parse(&program, argc, argv);
    report_init(program.name);
    if (source_mode(settle, &mode) < 0)
        opt_usage(&program, "-S takes ring, write or none");
    int code = transport_configure(&conn, &program, path, protocol, argv + at, (size_t)(argc - at), (int)qos,
                                   SIDE_SOURCE);
    if (code)
        return code;
    code = run(&conn, mode);
    connection_free(&conn);
    if (io_close_stdout() < 0 && code == 0)
        die_sys(EXIT_TEMPORARY, "cannot close stdout");
    return code;
}
