#include "hub/member.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "hub/hub.h"

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
    lines_free(&m->in);
    buf_free(&m->queue);
    if (m->role == ROLE_OUT) {
        pending_free(&m->unsettled);
        for (size_t i = 0; i < m->connection.n_targets; i++)
            buf_free(&m->contexts[i]);
        free(m->contexts);
    }
    if (m->role == ROLE_IN || m->role == ROLE_OUT)
        connection_free(&m->connection);
    free(m);
}

static void write_contexts(struct member *m)
{
    const struct connection *c = &m->connection;
    m->contexts = xcalloc(c->n_targets + 1, sizeof *m->contexts);
    for (size_t i = 0; i < c->n_targets; i++) {
        struct buf *b = &m->contexts[i];
        buf_puts(b, "\"context\":{");
        json_put_member_text(b, S("connection"), c->id);
        json_put_member_int(b, S("target"), (int64_t)i);
        buf_puts(b, "},");
    }
}

void member_joined(struct member *m, enum role role)
{
    m->role = role;
    m->in.max = LINE_MAX_BYTES;
    if (role != ROLE_OUT)
        return;
    pending_init(&m->unsettled, "h");
    write_contexts(m);
}

const char *member_name(const struct member *m)
{
    static char text[160];
    if (!m || m->role == ROLE_NONE)
        return "a newcomer";
    if (m->role == ROLE_CONTROL)
        return "control";
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

static bool fits(const struct member *m, size_t len)
{
    const struct hub *h = m->hub;
    return m->queued == 0 ||
           (m->queued < h->max_messages && m->queue.len + len + CONTEXT_BYTES <= h->max_bytes);
}

bool member_has_room(struct member *m, size_t len)
{
    if (fits(m, len))
        return true;
    return !m->blocked && !m->deaf && member_flush(m) == 0 && fits(m, len);
}

void member_hand(struct member *m, size_t target, const char *id, struct slice rest)
{
    struct buf *q = member_queue(m);
    buf_putc(q, '{');
    if (id) {
        buf_puts(q, "\"id\":\"");
        buf_puts(q, id);
        buf_puts(q, "\",");
    }
    buf_put_slice(q, buf_slice(&m->contexts[target]));
    buf_put_slice(q, rest);
    buf_putc(q, '\n');
    m->queued++;
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

int member_flush(struct member *m)
{
    m->blocked = false;
    if (m->queue.len == 0)
        return 0;
    ssize_t n = io_write_some(m->watch.fd, buf_p(&m->queue), m->queue.len);
    if (n < 0)
        return -1;
    if ((size_t)n == m->queue.len) {
        m->queued = 0;
        buf_reset(&m->queue, QUEUE_KEEP_BYTES);
    } else {
        if (m->role == ROLE_OUT)
            m->queued -= count_lines(buf_p(&m->queue), (size_t)n);
        buf_take(&m->queue, (size_t)n);
        m->blocked = true;
    }
    if (m->role == ROLE_OUT)
        say_room(m);
    return 0;
}

/* ---- polling ---- */

bool member_readable(const struct member *m)
{
    if (m->role == ROLE_IN)
        return !m->stalled && m->queue.len <= m->hub->max_bytes;
    return true;
}

void member_watch(struct member *m)
{
    m->watch.events = (short)((member_readable(m) ? POLLIN : 0) | (m->blocked ? POLLOUT : 0));
    m->watch.off = m->watch.events == 0;
}
