/* amqp-in: consume from AMQP 1.0 addresses.
 *
 *   amqp-in -c CONNECTION [-k N]
 *   amqp-in URI ADDRESS...
 *
 * stdout: each delivery as an external message with an id; lines from stdin that are not for us pass through.
 * stdin:  settlements (and parts) of those ids. A delivery is settled at the peer only then: accepted, rejected, or given
 *         back (modified with delivery-failed, or released) after a pause.
 *
 * -S write settles a delivery when its line is written and reads no stdin; -S none asks the peer to settle before it
 * sends: a plain head of a pipe. The credit given is the window: at most -w deliveries of a source are in flight. The
 * process does not reconnect, unless -r says so: a lost peer is 111, and what was in flight is delivered again to whoever comes next. */
#include <limits.h>

#include "base/io.h"
#include "base/log.h"
#include "base/opt.h"
#include "line/report.h"
#include "transport/amqp10.h"
#include "transport/amqp10_options.h"
#include "transport/source.h"
#include "transport/tls.h"

#include "base/banned.h"

static const char *path, *settle = "ring";
static unsigned long only = ULONG_MAX, client, window = 200;
static unsigned long expire_ms = 120000, drain_ms = 10000, connect_ms = 15000;
static int ready_fd = -1;
static bool check_only, retry;

static const struct opt opts[] = {
    {'c', "PATH", "connection JSON (a file, or fd:N)", OPT_STRING, &path, 0, 0},
    {'k', "N", "only this source of it", OPT_NUMBER, &only, 0, 1000},
    {'C', "N", "index of this client, where clientCount is above 1", OPT_NUMBER, &client, 0, 1000},
    {'S', "MODE", "when to settle: ring (the default), write or none", OPT_STRING, &settle, 0, 0},
    {'w', "N", "deliveries of a source in flight at most (200)", OPT_NUMBER, &window, 1, 100000},
    {'E', "MS", "give back what nobody settles for so long, in ms (120000)", OPT_NUMBER, &expire_ms, 100,
     86400000},
    {'D', "MS", "how long to wait for settlements after TERM, in ms (10000)", OPT_NUMBER, &drain_ms, 0,
     3600000},
    {'T', "MS", "how long connecting may take, in ms (15000)", OPT_NUMBER, &connect_ms, 1, 3600000},
    {'r', NULL, "connect again when the peer is lost", OPT_FLAG, &retry, 0, 0},
    TLS_OPTS,
    {'d', "FD", "write a newline there once all links are attached and have credit", OPT_FD, &ready_fd, 0, 0},
    {'n', NULL, "check the connection and end", OPT_FLAG, &check_only, 0, 0},
    OPT_END,
};

/* jms.presettlePolicy is for whoever says nothing on the command line. */
static enum settle_mode mode_of(const struct connection *conn, enum settle_mode mode)
{
    struct amqp10_options o;
    amqp10_options_read(&o, conn);
    return mode == SETTLE_RING && o.presettle_in ? SETTLE_NONE : mode;
}

static int run(const struct connection *conn, enum settle_mode mode)
{
    struct source_config cfg = {.transport = &amqp10_transport,
                                .connection = conn,
                                .only = only == ULONG_MAX ? -1 : (int)only,
                                .client = (unsigned)client,
                                .mode = mode_of(conn, mode),
                                .window = (unsigned)window,
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
    const struct program program = {.name = "amqp-in",
                                    .operands = "[URI ADDRESS...]",
                                    .summary = "consume from AMQP 1.0 addresses",
                                    .libraries = amqp10_transport.libraries,
                                    .opts = opts};
    struct connection conn;
    enum settle_mode mode;
    io_init();
    int at = opt_parse(&program, argc, argv);
    report_init(program.name);
    if (source_mode(settle, &mode) < 0)
        opt_usage(&program, "-S takes ring, write or none");
    int code = transport_configure(&conn, &program, path, "amqp-10", argv + at, (size_t)(argc - at), -1,
                                   SIDE_SOURCE);
    if (code)
        return code;
    code = run(&conn, mode);
    connection_free(&conn);
    if (io_close_stdout() < 0 && code == 0)
        die_sys(EXIT_TEMPORARY, "cannot close stdout");
    return code;
}
