/* conn-hub: the signal bus of one machine.
 *
 *   conn-hub [-b] [-B BYTES] [-M MESSAGES] [-L BYTES] [-s PATH] [-d FD]
 *
 * Listens on $CONN_RUN/hub.sock. A member's first line is its hello; the protocol stands in HACKING.md.
 * In:   Ditto Protocol messages of inbound rings and services; settlements of outbound rings; expectations of control.
 * Out:  commands to the service that serves them, messages to all who subscribe them, responses to the reply target of who
 *       asked; settlements to the member whose id they carry.
 * A message is settled when every acknowledgement it requests is there, or is late, and its response is delivered; one
 * that asks for neither when it has been handed on. Nothing is stored: what is unsettled when the hub dies is redelivered by the brokers.
 * stdin and stdout are not used. The parts are those of lib/hub: see hub.h. */
#include <signal.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/opt.h"
#include "hub/hub.h"

#include "base/banned.h"

static bool block;
static unsigned long max_bytes = 8 * 1024 * 1024, max_messages = 10000, max_line = LINE_MAX_BYTES;
static const char *path;
static int ready_fd = -1;

static const struct opt opts[] = {
    {'b', NULL, "a full queue stops the inbound ring instead of dropping", OPT_FLAG, &block, 0, 0},
    {'B', "BYTES", "size of a member's queue (8388608)", OPT_NUMBER, &max_bytes, 1, 1UL << 40},
    {'M', "MESSAGES", "messages in a member's queue (10000)", OPT_NUMBER, &max_messages, 1, 1UL << 30},
    {'L', "BYTES", "longest line of a member (33554432)", OPT_NUMBER, &max_line, 1024, LINE_MAX_BYTES},
    {'s', "PATH", "socket to listen on ($CONN_RUN/hub.sock)", OPT_STRING, &path, 0, 0},
    {'d', "FD", "write a newline to FD once listening", OPT_FD, &ready_fd, 0, 0},
    OPT_END,
};

static const struct program program = {
    .name = "conn-hub",
    .operands = "",
    .summary = "routes Ditto Protocol messages between the rings of connections",
    .opts = opts,
};

static void on_term(int signo, void *arg)
{
    struct hub *h = arg;
    (void)signo;
    loop_stop(h->loop);
}

static void on_usr1(int signo, void *arg)
{
    (void)signo;
    hub_print_counters(arg);
}

int main(int argc, char **argv)
{
    char standard[108];
    struct hub hub = {0};
    int listener;
    io_init();
    if (argc != opt_parse(&program, argc, argv))
        opt_usage(&program, "no operands are known");
    if (!path) {
        if (conn_socket_path(standard, sizeof standard, "hub.sock") < 0)
            die_sys(EXIT_TEMPORARY, "cannot find a directory for 'hub.sock'");
        path = standard;
    }
    hub.loop = loop_new();
    hub.max_bytes = max_bytes;
    hub.max_messages = max_messages;
    hub.max_line = max_line;
    hub.block = block;
    loop_signal(hub.loop, SIGUSR1, on_usr1,
                &hub); /* first: counters asked for just before the end are printed */
    loop_signal(hub.loop, SIGTERM, on_term, &hub);
    loop_signal(hub.loop, SIGINT, on_term, &hub);
    listener = unix_listen(path, 0600);
    if (listener < 0)
        die_sys(EXIT_TEMPORARY, "cannot listen on '%s'", path);
    hub_start(&hub, listener);
    io_ready(ready_fd);
    loop_run(hub.loop);
    hub_stop(&hub);
    unlink(path);
    loop_free(hub.loop);
    return EXIT_DONE;
}
