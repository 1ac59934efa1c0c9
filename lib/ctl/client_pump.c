#include "ctl/client.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/io.h"
#include "base/log.h"
#include "base/banned.h"

enum { PUMP_BYTES = 65536 };

struct pump {
    struct buf *request, answers;
    int store, in, out;
    bool said_all;          /* the store knows that no more comes */
    bool unread;            /* nobody reads out */
    size_t asked, answered; /* lines */
};

static size_t count_lines(struct slice s)
{
    size_t n = 0;
    for (; s.len; n += s.p != NULL)
        (void)slice_cut(&s, '\n');
    return n;
}

static void take_input(struct pump *p)
{
    ssize_t n = io_read_some(p->in, buf_room(p->request, PUMP_BYTES), PUMP_BYTES);
    if (n < 0)
        die_sys(EXIT_TEMPORARY, "cannot read 'stdin'");
    buf_added(p->request, (size_t)n);
    p->asked += count_lines(buf_slice(p->request));
    if (n > 0)
        return;
    p->in = -1;
    p->said_all = true;
    (void)shutdown(p->store, SHUT_WR);
}

/* 1 more may come, 0 the end of what the store says, -1 */
static int give_answers(struct pump *p)
{
    ssize_t n = io_read_some(p->store, buf_room(&p->answers, PUMP_BYTES), PUMP_BYTES);
    if (n < 0)
        return -1;
    buf_added(&p->answers, (size_t)n);
    p->answered += count_lines(buf_slice(&p->answers));
    if (lines_flush(p->out, &p->answers) < 0)
        die_sys(EXIT_TEMPORARY, "cannot write 'stdout'");
    return n > 0;
}

/* The same as give_answers; 0 also when nobody reads. */
static int turn(struct pump *p)
{
    bool sending = p->request->len > 0;
    struct pollfd fds[] = {
        {sending ? -1 : p->in, POLLIN, 0},
        {p->store, (short)(sending ? POLLIN | POLLOUT : POLLIN), 0},
        {p->out, 0, 0},
    };
    if (poll(fds, sizeof fds / sizeof *fds, -1) < 0)
        return errno == EINTR ? 1 : -1;
    if (fds[2].revents & POLLERR) {
        p->unread = true;
        return 0;
    }
    if (fds[0].revents)
        take_input(p);
    if (fds[1].revents & POLLOUT && lines_flush_some(p->store, p->request) < 0)
        return -1;
    return fds[1].revents & ~POLLOUT ? give_answers(p) : 1;
}

int client_pump(struct client *c, struct buf *request, int in, int out)
{
    int rc;
    struct pump p = {.request = request, .store = c->fd, .in = in, .out = out};
    do
        rc = turn(&p);
    while (rc > 0);
    buf_wipe(&p.answers);
    if (rc == 0 && !p.unread && (!p.said_all || p.answered < p.asked)) {
        errno = ECONNRESET;
        return -1;
    }
    return rc;
}
