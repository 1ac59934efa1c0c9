#include "hub/member.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "hub/hub.h"
#include "hub/tap.h"

#include "base/banned.h"

enum {
    QUEUE_KEEP_BYTES = 256 * 1024,
    CONTEXT_BYTES = 256, /* what a line gains at most: id, context */
};

struct member *member_new(struct hub *h, int fd)
{
    struct member *m = xcalloc(1, sizeof *m);
    m->hub = h;
    lines_init(&m->in, fd);
    m->in.max = HELLO_MAX_BYTES;
    m->watch.fd = fd;
    m->watch.arg = m;
    m->greeting.at = NEVER;
    m->greeting.arg = m;
    return m;
}

void member_free(struct member *m)
{
    tally_close(m);
    lines_free(&m->in);
    buf_free(&m->queue);
    for (size_t i = 0; i < m->n_outlets; i++)
        outlet_free(&m->outlets[i]);
    free(m->outlets);
    if (m->role == ROLE_OUT || m->role == ROLE_SERVICE)
        pending_free(&m->unsettled);
    if (m->role == ROLE_IN || m->role == ROLE_OUT)
        connection_free(&m->connection);
    if (m->role == ROLE_SERVICE || m->role == ROLE_TAP)
        offer_free(&m->offer);
    free(m);
}

static void open_targets(struct member *m)
{
    m->n_outlets = m->connection.n_targets;
    m->outlets = xcalloc(m->n_outlets + 1, sizeof *m->outlets);
    for (size_t i = 0; i < m->n_outlets; i++)
        outlet_of_target(&m->outlets[i], &m->connection, i);
}

static int open_subscription(struct member *m, struct ditto_error *err)
{
    m->outlets = xcalloc(1, sizeof *m->outlets);
    if (outlet_of_topics(m->outlets, &m->offer.subscribe, &m->offer.labels, err) < 0)
        return -1;
    m->n_outlets = 1;
    return 0;
}

int member_joined(struct member *m, enum role role, struct ditto_error *err)
{
    m->role = role;
    m->in.max = m->hub->max_line;
    if (role == ROLE_OUT || role == ROLE_SERVICE)
        pending_init(&m->unsettled, "h");
    if (role == ROLE_OUT)
        open_targets(m);
    return role == ROLE_SERVICE ? open_subscription(m, err) : 0;
}

const char *member_name(const struct member *m)
{
    static char text[160];
    if (!m || m->role == ROLE_NONE)
        return "a newcomer";
    if (m->role == ROLE_CONTROL)
        return "control";
    if (m->role == ROLE_TAP)
        return "a tap";
    if (m->role == ROLE_SERVICE)
        snprintf(text, sizeof text, "service '%.*s'", SLICE_ARG(m->offer.name));
    else
        snprintf(text, sizeof text, "%s ring %u of '%.*s'", m->role == ROLE_IN ? "inbound" : "outbound",
                 m->client, SLICE_ARG(m->connection.id));
    return text;
}

/* ---- queue ---- */

struct buf *member_queue(struct member *m)
{
    if (!m->dirty) {
        m->dirty = true;
        m->next_dirty = m->hub->dirty;
        m->hub->dirty = m;
    }
    return &m->queue;
}

void member_told(struct member *m, size_t at)
{
    size_t len = m->queue.len - at;
    m->told += len;
    if (m->hub->n_taps)
        tap_saw(m->hub, m, slice_of(buf_p(&m->queue) + at, len));
}

static bool fits(const struct member *m, size_t len)
{
    const struct hub *h = m->hub;
    size_t used = m->queue.len + m->parked;
    return (m->queued == 0 && used == 0) ||
           (m->queued < h->max_messages && used + len + CONTEXT_BYTES <= h->max_bytes);
}

bool member_has_room(struct member *m, size_t len)
{
    if (fits(m, len))
        return true;
    return !m->blocked && !m->deaf && member_flush(m) == 0 && fits(m, len);
}

void member_hand(struct member *m, const char *id, struct slice context, struct slice more, struct slice rest)
{
    struct buf *q = member_queue(m);
    size_t at = q->len;
    buf_putc(q, '{');
    if (id) {
        buf_puts(q, "\"id\":\"");
        buf_puts(q, id);
        buf_puts(q, "\",");
    }
    buf_put_slice(q, context);
    if (more.len) {
        json_put_item(q);
        buf_put_slice(q, more);
    }
    buf_puts(q, "},");
    buf_put_slice(q, rest);
    buf_putc(q, '\n');
    m->queued++;
    if (m->hub->n_taps)
        tap_saw(m->hub, m, slice_of(buf_p(q) + at, q->len - at));
}

void member_overflowed(struct member *m, bool labelled)
{
    if (labelled)
        m->refused++;
    else
        m->dropped++;
    if (m->full)
        return;
    m->full = true;
    warn("cannot hand messages to %s: its queue is full (%zu messages, %zu bytes)", member_name(m), m->queued,
         m->queue.len);
}

static void say_room(struct member *m)
{
    const struct hub *h = m->hub;
    if (m->queued > h->max_messages / 2 || m->queue.len > h->max_bytes / 2)
        return;
    m->hub->room = true;
    if (!m->full)
        return;
    warn("%s takes messages again: %llu were refused with 503, %llu dropped", member_name(m),
         (unsigned long long)m->refused, (unsigned long long)m->dropped);
    m->full = false;
    m->refused = m->dropped = 0;
}

static size_t count_lines(const char *p, size_t len)
{
    size_t n = 0;
    for (struct slice rest = {p, len}; rest.len; n++) {
        const char *nl = memchr(rest.p, '\n', rest.len);
        if (!nl)
            break;
        rest = slice_skip(rest, (size_t)(nl - rest.p) + 1);
    }
    return n;
}

/* The first n bytes of the queue are gone. A service has settlements in between: then the count is a guess, of which the
 * bytes take care. */
static void forget_messages(struct member *m, size_t n)
{
    size_t lines = m->role == ROLE_OUT || m->role == ROLE_SERVICE ? count_lines(buf_p(&m->queue), n) : 0;
    m->queued -= lines < m->queued ? lines : m->queued;
}

int member_flush(struct member *m)
{
    m->blocked = false;
    if (m->queue.len == 0)
        return 0;
    ssize_t n = io_write_some(m->watch.fd, buf_p(&m->queue), m->queue.len);
    if (n < 0)
        return -1;
    if ((size_t)n == m->queue.len) {
        m->queued = m->told = 0;
        buf_reset(&m->queue, QUEUE_KEEP_BYTES);
    } else {
        forget_messages(m, (size_t)n);
        buf_take(&m->queue, (size_t)n);
        m->blocked = true;
    }
    if (m->role == ROLE_OUT || m->role == ROLE_SERVICE)
        say_room(m);
    return 0;
}

/* ---- polling ---- */

bool member_readable(const struct member *m)
{
    if (m->role == ROLE_IN)
        return !m->stalled && m->queue.len <= m->hub->max_bytes && m->held <= m->hub->max_bytes;
    return !m->stalled;
}

/* told counts what has been written meanwhile, too; but messages fill no more than max_bytes beside it, so that what is above
 * twice that was told, and a larger message is let in only when nothing else is there. */
bool member_ignores(const struct member *m)
{
    size_t max = m->hub->max_bytes;
    return (m->role == ROLE_SERVICE || m->role == ROLE_CONTROL) && m->blocked && m->told > max &&
           m->queue.len / 2 > max;
}

void member_watch(struct member *m)
{
    m->watch.events = (short)((member_readable(m) ? POLLIN : 0) | (m->blocked ? POLLOUT : 0));
    m->watch.off = m->watch.events == 0;
}
