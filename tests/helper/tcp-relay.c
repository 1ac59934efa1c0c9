/* tcp-relay: passes TCP on to a server on loopback, for tests; it can misbehave on purpose, and speak TLS to its clients.
 *
 *   tcp-relay [-p PORT] [-c PEM [-a CA]] SERVER_PORT
 *
 * Listens on 127.0.0.1 (-p 0 or nothing: a free port). With -c it terminates TLS with that certificate and key; with -a
 * clients must show a certificate that CA has signed. Towards the server it is plain TCP.
 *
 * Control lines on stdin; its end changes nothing:
 *   freeze      pass nothing on and close nothing, whatever either side does; new connections are accepted and left alone:
 *               a peer that is gone without a FIN or RST
 *   thaw        pass on again, with what came meanwhile
 *   cut         end all connections at once, towards clients with RST
 *   cut N       the same, each connection by itself, after N more bytes from the server
 *   slam        close new connections at once after they are accepted (slam off: no more)
 *   rate N      pass N bytes a second of each client on to the server, in portions, no more (rate off: as fast as it goes):
 *               a server that is slow
 *
 * Records on stdout: {"port":N}, {"event":"accept","connection":N}, {"event":"end","connection":N,"up":BYTES,"down":BYTES},
 * {"event":"done","line":"…"} once a control line was obeyed. Exit: 0 on TERM or INT, 100 bad usage, 111 no socket. */
#include <errno.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/io.h"
#include "base/lines.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/opt.h"
#include "base/scan.h"
#include "json/json.h"

#include "base/banned.h"

enum { BLOCK = 64 * 1024, BACKLOG = 128, PORTION_MS = 250 };

/* One side of a connection, and what waits to be written to it. */
struct end {
    struct watch watch;
    SSL *ssl; /* NULL: plain */
    struct buf out;
    bool closed; /* it will send nothing more */
};

struct connection {
    unsigned long number, up, down, left; /* left: bytes from the server until the cut */
    unsigned long allowed;                /* bytes from the client, of this portion */
    struct end client, server;
    struct connection *next;
};

static unsigned long port, server_port;
static const char *pem, *ca;
static const struct opt opts[] = {
    {'p', "PORT", "listen on 127.0.0.1:PORT; 0, the default: a free port", OPT_NUMBER, &port, 0, 65535},
    {'c', "PEM", "speak TLS to clients, with this certificate and key", OPT_STRING, &pem, 0, 0},
    {'a', "CA", "with -c: clients need a certificate of this authority", OPT_STRING, &ca, 0, 0},
    OPT_END,
};
static const struct program program = {
    .name = "tcp-relay", .operands = "SERVER_PORT", .summary = "A TCP relay for tests.", .opts = opts};

static struct loop *loop;
static struct watch listener, stdin_watch;
static struct lines control;
static struct connection *connections;
static unsigned long n_accepted, cut_after = ULONG_MAX, portion = ULONG_MAX;
static struct timer next_portion;
static bool frozen, slamming;
static SSL_CTX *tls;

/* --- records ----------------------------------------------------------------------------------------------------- */

static void say(struct buf *record)
{
    buf_puts(record, "}\n");
    if (io_write_all(STDOUT_FILENO, buf_p(record), record->len) < 0)
        die_sys(EXIT_TEMPORARY, "cannot write to stdout");
    buf_free(record);
}

/* --- ends -------------------------------------------------------------------------------------------------------- */

static void end_close(struct end *e, bool reset)
{
    struct linger hard = {1, 0};
    loop_remove(loop, &e->watch);
    SSL_free(e->ssl);
    if (reset)
        (void)setsockopt(e->watch.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    if (e->watch.fd >= 0)
        (void)close(e->watch.fd);
    buf_free(&e->out);
}

static void finish(struct connection *c, bool reset)
{
    struct buf record = {0};
    struct connection **at = &connections;
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    end_close(&c->client, reset);
    end_close(&c->server, false);
    buf_printf(&record, "{\"event\":\"end\",\"connection\":%lu,\"up\":%lu,\"down\":%lu", c->number, c->up,
               c->down);
    free(c);
    say(&record);
}

/* Bytes read; 0: none for now; -1: the end. */
static ssize_t end_read(struct end *e, char *to, size_t n)
{
    ssize_t r = e->ssl ? SSL_read(e->ssl, to, (int)n) : recv(e->watch.fd, to, n, MSG_DONTWAIT);
    if (r > 0)
        return r;
    if (e->ssl) {
        int why = SSL_get_error(e->ssl, (int)r);
        ERR_clear_error();
        return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? 0 : -1;
    }
    return r < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

/* False: it is gone. */
static bool end_write(struct end *e)
{
    while (e->out.len) {
        ssize_t r = e->ssl ? SSL_write(e->ssl, buf_p(&e->out), (int)e->out.len)
                           : send(e->watch.fd, buf_p(&e->out), e->out.len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (r <= 0) {
            int why = e->ssl ? SSL_get_error(e->ssl, (int)r) : 0;
            ERR_clear_error();
            return e->ssl ? why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE
                          : errno == EAGAIN || errno == EINTR;
        }
        buf_take(&e->out, (size_t)r);
    }
    return true;
}

/* Takes from one end and gives to the other. False: the connection ends. */
static bool pass(struct connection *c, struct end *from, struct end *to)
{
    unsigned long *counter = from == &c->client ? &c->up : &c->down;
    unsigned long *limit = from == &c->client ? &c->allowed : &c->left;
    while (to->out.len < BLOCK && (*limit || from == &c->server)) {
        size_t room = *limit < BLOCK ? *limit : BLOCK;
        ssize_t n = room ? end_read(from, buf_room(&to->out, BLOCK), room) : -1;
        if (n < 0)
            from->closed = true;
        if (n <= 0)
            break;
        buf_added(&to->out, (size_t)n);
        *counter += (unsigned long)n;
        if (*limit != ULONG_MAX)
            *limit -= (unsigned long)n;
    }
    return end_write(to) && !(from->closed && !to->out.len);
}

static void work(struct connection *c)
{
    bool alive = pass(c, &c->client, &c->server);
    alive = pass(c, &c->server, &c->client) && alive;
    if (!alive) {
        finish(c, c->left == 0);
        return;
    }
    c->client.watch.events = (short)((c->allowed ? POLLIN : 0) | (c->client.out.len ? POLLOUT : 0));
    c->server.watch.events = (short)(POLLIN | (c->server.out.len ? POLLOUT : 0));
}

static void on_end(struct watch *w, short revents)
{
    (void)revents;
    work(w->arg);
}

/* --- new connections --------------------------------------------------------------------------------------------- */

static int to_server(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)server_port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof at) == 0 && io_nonblock(fd) == 0)
        return fd;
    if (fd >= 0)
        (void)close(fd);
    return -1;
}

static void end_start(struct end *e, struct connection *c, int fd)
{
    e->watch = (struct watch){.fd = fd, .events = POLLIN, .off = frozen, .ready = on_end, .arg = c};
    loop_add(loop, &e->watch);
}

static void on_listener(struct watch *w, short revents)
{
    struct buf record = {0};
    int fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    (void)revents;
    if (fd < 0)
        return;
    buf_printf(&record, "{\"event\":\"accept\",\"connection\":%lu", ++n_accepted);
    say(&record);
    int server = slamming ? -1 : to_server();
    if (server < 0) {
        (void)close(fd);
        return;
    }
    struct connection *c = xcalloc(1, sizeof *c);
    c->number = n_accepted;
    c->left = cut_after;
    c->allowed = portion;
    c->next = connections;
    connections = c;
    end_start(&c->client, c, fd);
    end_start(&c->server, c, server);
    if (!tls)
        return;
    c->client.ssl = SSL_new(tls);
    SSL_set_fd(c->client.ssl, fd);
    SSL_set_accept_state(c->client.ssl);
}

/* --- control ----------------------------------------------------------------------------------------------------- */

static void freeze(bool on)
{
    frozen = on;
    for (struct connection *c = connections; c; c = c->next)
        c->client.watch.off = c->server.watch.off = on;
}

static void allow(void)
{
    for (struct connection *c = connections; c; c = c->next) {
        c->allowed = portion;
        c->client.watch.events |= POLLIN;
    }
}

static void on_portion(struct timer *t)
{
    allow();
    loop_timer(loop, t, clock_ms() + PORTION_MS);
}

static void set_rate(unsigned long bytes)
{
    portion = bytes == ULONG_MAX ? bytes : (bytes * PORTION_MS + 999) / 1000;
    allow();
    loop_timer(loop, &next_portion, bytes == ULONG_MAX ? NEVER : clock_ms() + PORTION_MS);
}

static void obey(struct slice line)
{
    struct slice rest = line, verb = slice_cut(&rest, ' ');
    uint64_t n;
    struct buf record = {0};
    if (slice_eq(verb, S("freeze")) || slice_eq(verb, S("thaw"))) {
        freeze(slice_eq(verb, S("freeze")));
    } else if (slice_eq(verb, S("slam"))) {
        slamming = !slice_eq(rest, S("off"));
    } else if (slice_eq(verb, S("rate")) && slice_eq(rest, S("off"))) {
        set_rate(ULONG_MAX);
    } else if (slice_eq(verb, S("rate")) && rest.p && scan_u64(rest, &n) == 0 && n) {
        set_rate(n);
    } else if (slice_eq(verb, S("cut")) && rest.p && scan_u64(rest, &n) == 0) {
        cut_after = n;
        for (struct connection *c = connections; c; c = c->next)
            c->left = n;
    } else if (slice_eq(verb, S("cut")) && !rest.p) {
        while (connections)
            finish(connections, true);
    } else {
        die(EXIT_PERMANENT, "cannot obey '%.*s'", SLICE_ARG(line));
    }
    buf_puts(&record, "{\"event\":\"done\",\"line\":");
    json_put_text(&record, line);
    say(&record);
}

static void on_stdin(struct watch *w, short revents)
{
    struct slice line;
    enum lines_status status;
    (void)revents;
    if (lines_fill(&control) < 0)
        die_sys(EXIT_TEMPORARY, "cannot read stdin");
    while ((status = lines_next(&control, &line)) == LINES_LINE)
        obey(slice_trim(line));
    if (status != LINES_MORE)
        loop_remove(loop, w);
}

static void on_signal(int signo, void *arg)
{
    (void)signo, (void)arg;
    loop_stop(loop);
}

/* --- start ------------------------------------------------------------------------------------------------------- */

static int listen_here(void)
{
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(fd, (struct sockaddr *)&at, sizeof at) != 0 || listen(fd, BACKLOG) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &size) != 0)
        die_sys(EXIT_TEMPORARY, "cannot listen on '127.0.0.1:%lu'", port);
    port = ntohs(at.sin_port);
    return fd;
}

static void prepare_tls(void)
{
    tls = SSL_CTX_new(TLS_server_method());
    if (!tls || SSL_CTX_use_certificate_chain_file(tls, pem) != 1 ||
        SSL_CTX_use_PrivateKey_file(tls, pem, SSL_FILETYPE_PEM) != 1)
        die(EXIT_PERMANENT, "cannot use '%s'", pem);
    SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (!ca)
        return;
    if (SSL_CTX_load_verify_locations(tls, ca, NULL) != 1)
        die(EXIT_PERMANENT, "cannot use '%s'", ca);
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
}

int main(int argc, char **argv)
{
    uint64_t to;
    struct buf record = {0};
    io_init();
    int at = opt_parse(&program, argc, argv);
    if (argc - at != 1 || scan_u64(slice_str(argv[at]), &to) < 0 || to > 65535)
        opt_usage(&program, "the server's port is needed");
    server_port = to;
    if (pem)
        prepare_tls();
    loop = loop_new();
    loop_signal(loop, SIGTERM, on_signal, NULL);
    loop_signal(loop, SIGINT, on_signal, NULL);
    lines_init(&control, STDIN_FILENO);
    next_portion = (struct timer){.at = NEVER, .fire = on_portion};
    listener = (struct watch){.fd = listen_here(), .events = POLLIN, .ready = on_listener};
    stdin_watch = (struct watch){.fd = STDIN_FILENO, .events = POLLIN, .ready = on_stdin};
    loop_add(loop, &listener);
    loop_add(loop, &stdin_watch);
    buf_printf(&record, "{\"port\":%lu", port);
    say(&record);
    loop_run(loop);
    while (connections)
        finish(connections, false);
    SSL_CTX_free(tls);
    lines_free(&control);
    loop_free(loop);
    return io_close_stdout() == 0 ? EXIT_DONE : EXIT_TEMPORARY;
}
