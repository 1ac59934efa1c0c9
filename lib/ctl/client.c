#include "ctl/client.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include "base/io.h"
#include "base/banned.h"

enum { START_MS = 2000, PAUSE_MS = 20 };

/* A store that is just starting is worth a moment: `conn-store & conn-ctl create …`. */
static int connect_soon(const char *path, msec deadline)
{
    msec until = clock_ms() + START_MS;
    for (;;) {
        int fd = unix_connect(path);
        bool later = fd < 0 && (errno == ENOENT || errno == ECONNREFUSED);
        if (!later || clock_ms() >= (until < deadline ? until : deadline))
            return fd;
        (void)poll(NULL, 0, PAUSE_MS);
    }
}

int client_open(struct client *c, msec deadline)
{
    *c = (struct client){.fd = -1, .deadline = deadline, .path = "store.sock"};
    if (conn_socket_name(c->path, sizeof(c->path), "store.sock") < 0)
        return -1;
    c->fd = connect_soon(c->path, deadline);
    lines_init(&c->in, c->fd);
    return c->fd < 0 ? -1 : 0;
}

void client_close(struct client *c)
{
    lines_free(&c->in);
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
}

static int wait_for(const struct client *c, short events)
{
    struct pollfd p = {c->fd, events, 0};
    for (;;) {
        msec left = c->deadline - clock_ms();
        int n = poll(&p, 1, left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left);
        if (n > 0)
            return 0;
        if (n < 0 && errno != EINTR)
            return -1;
        if (clock_ms() >= c->deadline) {
            errno = ETIMEDOUT;
            return -1;
        }
    }
}

int client_send(struct client *c, struct slice text)
{
    while (text.len) {
        ssize_t n = wait_for(c, POLLOUT) < 0 ? -1 : io_write_some(c->fd, text.p, text.len);
        if (n < 0)
            return -1;
        text = slice_skip(text, (size_t)n);
    }
    return 0;
}

int client_line(struct client *c, struct slice *line)
{
    for (;;) {
        switch (lines_next(&c->in, line)) {
        case LINES_LINE: return 0;
        case LINES_MORE: break;
        case LINES_LONG: errno = EMSGSIZE; return -1;
        case LINES_CUT:
        case LINES_END: errno = ECONNRESET; return -1;
        }
        if (wait_for(c, POLLIN) < 0 || lines_fill(&c->in) < 0)
            return -1;
    }
}

static void put_members(struct buf *dst, struct slice members)
{
    if (members.len)
        buf_putc(dst, ',');
    buf_put_slice(dst, members);
}

void client_put_request(struct client *c, struct buf *dst, const struct request *r)
{
    buf_printf(dst, "{\"headers\":{\"correlation-id\":\"conn-ctl-%ld-%u\"", (long)getpid(), ++c->sent);
    put_members(dst, r->headers);
    buf_printf(dst, "},\"signal\":{\"type\":\"%s%s\"",
               strchr(r->command, ':') ? "" : "connectivity.commands:", r->command);
    put_members(dst, r->members);
    buf_puts(dst, r->secrets ? "},\"secrets\":true}\n" : "}}\n");
}

int client_ask(struct client *c, const struct request *r, struct line *answer)
{
    struct buf request = {0};
    struct slice text;
    struct json_error err;
    client_put_request(c, &request, r);
    int rc = client_send(c, buf_slice(&request));
    buf_wipe(&request);
    if (rc < 0 || client_line(c, &text) < 0)
        return -1;
    if (line_read(text, answer, &err) == 0 && answer->kind == LINE_SIGNAL)
        return 0;
    errno = EPROTO;
    return -1;
}

struct json client_refusal(const struct line *answer)
{
    bool refused =
        json_text_is(json_get(answer->signal, S("type")), S("connectivity.responses:errorResponse"));
    return refused ? json_get(answer->signal, S("payload")) : (struct json){JSON_ABSENT, NULL, 0};
}
