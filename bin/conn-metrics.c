/* conn-metrics: how connections are, for Prometheus.
 *
 *   conn-metrics [-t SECONDS]       prints the metrics of all connections on stdout
 *   conn-metrics -H [-t SECONDS]    answers one HTTP request on stdin with them, on stdout (UCSPI, inetd)
 *
 * It asks conn-store over $CONN_RUN/store.sock, as conn-ctl does, and holds nothing itself: counters are those of the
 * supervisor, which begin at 0 with it.
 *
 * As a server it takes GET and HEAD of / and /metrics, one request a connection, in at most 8 KiB and the time of -t; a
 * store that does not answer is 503. Exit codes: 0 printed or answered, whatever the status; 99 nobody answered or asked in
 * time, 111 the store could not be reached, or stdin or stdout broke. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>

#include "base/io.h"
#include "base/log.h"
#include "base/opt.h"
#include "ctl/exposition.h"

#include "base/banned.h"

enum { REQUEST_MAX = 8192, TIMEOUT_S = 10 };

static unsigned long timeout_s = TIMEOUT_S;
static bool http;

static const struct opt opts[] = {
    {'H', NULL, "answer an HTTP request on stdin (UCSPI, inetd)", OPT_FLAG, &http, 0, 0},
    {'t', "SECONDS", "wait that long, for the request and for the store (10)", OPT_NUMBER, &timeout_s, 1,
     3600},
    OPT_END,
};

static const struct program program = {.name = "conn-metrics",
                                       .operands = "",
                                       .summary = "print the metrics of all connections for Prometheus",
                                       .opts = opts};

static int gather(struct buf *text, struct client *store, msec deadline)
{
    int rc = client_open(store, deadline) < 0 ? -1 : exposition_put(text, store);
    int saved = errno;
    client_close(store);
    errno = saved;
    return rc;
}

/* --- HTTP --------------------------------------------------------------------------------------------------------- */

/* Where the head of the request ends; 0: not yet. */
static size_t head_of(struct slice s)
{
    for (size_t i = 0; i + 1 < s.len; i++)
        if (s.p[i] == '\n' &&
            (s.p[i + 1] == '\n' || (i + 2 < s.len && s.p[i + 1] == '\r' && s.p[i + 2] == '\n')))
            return i;
    return 0;
}

/* 0, or the status that says why not; -1: nobody is there any more. */
static int read_head(struct buf *request, msec deadline)
{
    while (!head_of(buf_slice(request))) {
        struct pollfd p = {.fd = 0, .events = POLLIN};
        msec left = deadline - clock_ms();
        if (request->len >= REQUEST_MAX)
            return 431;
        if (left <= 0)
            return 408;
        if (poll(&p, 1, left > INT_MAX ? INT_MAX : (int)left) <= 0)
            continue;
        ssize_t n =
            io_read_some(0, buf_room(request, REQUEST_MAX - request->len), REQUEST_MAX - request->len);
        if (n <= 0)
            return request->len || n < 0 ? 400 : -1;
        buf_added(request, (size_t)n);
    }
    return 0;
}

/* Of the request line: 200, or what is wrong with it. */
static int judge(struct slice head, bool *body)
{
    struct slice line = slice_cut(&head, '\n'), rest = slice_trim(line);
    struct slice method = slice_cut(&rest, ' '), target = slice_cut(&rest, ' ');
    *body = !slice_eq(method, S("HEAD"));
    if (!target.p || !slice_starts(rest.p ? rest : S(""), S("HTTP/1.")))
        return 400;
    if (*body && !slice_eq(method, S("GET")))
        return 405;
    struct slice path = slice_cut(&target, '?');
    return slice_eq(path, S("/metrics")) || slice_eq(path, S("/")) ? 200 : 404;
}

static const char *reason(int status)
{
    switch (status) {
    case 200: return "OK";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 431: return "Request Header Fields Too Large";
    case 503: return "Service Unavailable";
    default: return "Bad Request";
    }
}

static int respond(int status, bool body, const struct buf *text)
{
    struct buf out = {0};
    buf_printf(&out, "HTTP/1.1 %d %s\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n", status,
               reason(status));
    if (status == 405)
        buf_puts(&out, "Allow: GET, HEAD\r\n");
    buf_printf(&out, "Content-Length: %zu\r\nConnection: close\r\n\r\n", text->len);
    if (body)
        buf_put_slice(&out, buf_slice(text));
    int rc = io_write_all(1, buf_p(&out), out.len);
    buf_free(&out);
    if (rc < 0)
        error_sys("cannot write 'stdout'");
    return rc < 0 ? EXIT_TEMPORARY : EXIT_DONE;
}

static int serve(struct client *store)
{
    struct buf request = {0}, text = {0};
    bool body = true;
    msec deadline = clock_ms() + (msec)timeout_s * 1000;
    int status = read_head(&request, deadline);
    if (status < 0) { /* a port that was only looked at */
        buf_free(&request);
        return EXIT_DONE;
    }
    if (status == 0)
        status = judge(buf_slice(&request), &body);
    if (status == 200 && gather(&text, store, deadline) < 0) {
        error_sys("cannot reach store '%s'", store->path);
        status = 503;
    }
    if (status != 200) {
        buf_cut(&text, 0);
        buf_printf(&text, "%d %s\n", status, reason(status));
    }
    int rc = respond(status, body, &text);
    buf_free(&request);
    buf_free(&text);
    return rc;
}

/* --- stdout ------------------------------------------------------------------------------------------------------- */

static int print(struct client *store)
{
    struct buf text = {0};
    if (gather(&text, store, clock_ms() + (msec)timeout_s * 1000) < 0) {
        int code = errno == ETIMEDOUT ? EXIT_TIMEOUT : EXIT_TEMPORARY;
        error_sys("cannot reach store '%s'", store->path);
        return code;
    }
    int rc = lines_flush(1, &text);
    buf_free(&text);
    if (rc < 0)
        error_sys("cannot write 'stdout'");
    return rc < 0 ? EXIT_TEMPORARY : EXIT_DONE;
}

int main(int argc, char **argv)
{
    struct client store = {.fd = -1};
    io_init();
    if (opt_parse(&program, argc, argv) < argc)
        opt_usage(&program, "no operands are taken");
    int code = http ? serve(&store) : print(&store);
    if (io_close_stdout() < 0 && code == EXIT_DONE)
        die_sys(EXIT_TEMPORARY, "cannot close stdout");
    return code;
}
