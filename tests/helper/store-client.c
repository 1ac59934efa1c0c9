/* store-client: a client of conn-store for tests: stdin → socket → stdout.
 *
 *   store-client [-ekw] [-n COUNT] [SOCKET]
 *
 * SOCKET is $CONN_RUN/store.sock if it is not given. Ends with 0 after COUNT lines, or with 111 when the store closes. At
 * the end of stdin it says so to the store (shutdown), unless -k; with -e it then ends with 0 when the store closes. With -w
 * nothing is read before USR1. */
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/io.h"
#include "base/lines.h"
#include "base/log.h"
#include "base/opt.h"

#include "base/banned.h"

static bool end_is_fine, keep_open, wait_for_signal;
static unsigned long count;
static volatile sig_atomic_t signalled;

static const struct opt opts[] = {
    {'e', NULL, "the store may close after the end of stdin", OPT_FLAG, &end_is_fine, 0, 0},
    {'k', NULL, "keep the socket open for writing after the end of stdin", OPT_FLAG, &keep_open, 0, 0},
    {'n', "count", "end after that many lines", OPT_NUMBER, &count, 1, 0},
    {'w', NULL, "read nothing before USR1", OPT_FLAG, &wait_for_signal, 0, 0},
    OPT_END,
};

static const struct program program = {.name = "store-client",
                                       .operands = "[SOCKET]",
                                       .summary = "a client of conn-store for tests",
                                       .opts = opts};

static void on_signal(int signo)
{
    (void)signo;
    signalled = 1;
}

/* Copies what is there. False at the end. */
static bool copy(int from, int to, unsigned long *lines)
{
    static char block[65536];
    ssize_t n = io_read_some(from, block, sizeof block);
    if (n <= 0)
        return false;
    for (ssize_t i = 0; lines && i < n; i++)
        if (block[i] == '\n' && ++*lines == count)
            n = i + 1;
    if (io_write_all(to, block, (size_t)n) < 0)
        die_sys(EXIT_TEMPORARY, "cannot write");
    return true;
}

int main(int argc, char **argv)
{
    char path[108];
    unsigned long lines = 0;
    bool ended = false;
    struct sigaction action = {.sa_handler = on_signal};
    io_init();
    int first = opt_parse(&program, argc, argv);
    if (conn_socket_path(path, sizeof path, "store.sock") != 0 || sigaction(SIGUSR1, &action, NULL) != 0)
        die_sys(EXIT_TEMPORARY, "cannot start");
    int fd = unix_connect(first < argc ? argv[first] : path);
    if (fd < 0)
        die_sys(EXIT_TEMPORARY, "cannot reach the store");
    signalled = !wait_for_signal;
    while (!count || lines < count) {
        struct pollfd p[2] = {{.fd = ended ? -1 : STDIN_FILENO, .events = POLLIN},
                              {.fd = signalled ? fd : -1, .events = POLLIN}};
        if (poll(p, 2, -1) < 0)
            continue;
        if (p[1].revents && !copy(fd, STDOUT_FILENO, &lines))
            return end_is_fine && ended ? EXIT_DONE : EXIT_TEMPORARY;
        if (p[0].revents && !copy(STDIN_FILENO, fd, NULL)) {
            ended = true;
            if (!keep_open)
                (void)shutdown(fd, SHUT_WR);
        }
    }
    return EXIT_DONE;
}
