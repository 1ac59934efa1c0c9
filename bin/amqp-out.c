/* amqp-out: publish external messages to AMQP 1.0 addresses.
 *
 *   amqp-out -c CONNECTION [-k N]
 *   amqp-out URI
 *
 * stdin:  external messages: sent to their address, on a link of its own. Other lines pass through.
 * stdout: {"id":…,"status":200} once the peer accepted a message, or the error. What passes through does not wait for
 *         that.
 *
 * At most -w messages are unconfirmed; then stdin is left unread. What the peer gives no credit for waits here and counts
 * as one of them. The process does not reconnect, unless -r says so: a lost peer is 111, and whoever runs the ring
 * starts it again; what was unconfirmed is still with the source. */
#include <limits.h>

#include "base/io.h"
#include "base/log.h"
#include "base/opt.h"
#include "line/report.h"
#include "transport/amqp10.h"
#include "transport/sink.h"
#include "transport/tls.h"

#include "base/banned.h"

static const char *path;
static unsigned long only = ULONG_MAX, client, window = 200, drain_ms = 10000, connect_ms = 15000;
static int ready_fd = -1;
static bool check_only, retry;

static const struct opt opts[] = {
    {'c', "PATH", "connection JSON (a file, or fd:N)", OPT_STRING, &path, 0, 0},
    {'k', "N", "the target of messages whose context names none", OPT_NUMBER, &only, 0, 1000},
    {'C', "N", "index of this client, where clientCount is above 1", OPT_NUMBER, &client, 0, 1000},
    {'w', "N", "messages unconfirmed at most (200)", OPT_NUMBER, &window, 1, 60000},
    {'D', "MS", "how long to wait for confirmations at the end, in ms (10000)", OPT_NUMBER, &drain_ms, 0,
     3600000},
    {'T', "MS", "how long connecting may take, in ms (15000)", OPT_NUMBER, &connect_ms, 1, 3600000},
    {'r', NULL, "connect again when the peer is lost", OPT_FLAG, &retry, 0, 0},
    TLS_OPTS,
    {'d', "FD", "write a newline there once the peer has answered for the targets", OPT_FD, &ready_fd, 0, 0},
    {'n', NULL, "check the connection and end", OPT_FLAG, &check_only, 0, 0},
    OPT_END,
};

static int run(const struct connection *conn)
{
    struct sink_config cfg = {.transport = &amqp10_out_transport,
                              .connection = conn,
                              .only = only == ULONG_MAX ? -1 : (int)only,
                              .qos = -1,
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
    const struct program program = {.name = "amqp-out",
                                    .operands = "[URI]",
                                    .summary = "publish external messages to AMQP 1.0 addresses",
                                    .libraries = amqp10_out_transport.libraries,
                                    .opts = opts};
    struct connection conn;
    io_init();
    int at = opt_parse(&program, argc, argv);
    report_init(program.name);
    int code =
        transport_configure(&conn, &program, path, "amqp-10", argv + at, (size_t)(argc - at), -1, SIDE_SINK);
    if (code)
        return code;
    code = run(&conn);
    connection_free(&conn);
    if (io_close_stdout() < 0 && code == 0)
        die_sys(EXIT_TEMPORARY, "cannot close stdout");
    return code;
}
