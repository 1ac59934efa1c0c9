#include "supervise/house.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"

#include "base/banned.h"

enum { RESOURCES_MS = 5000 /* until what failed for want of resources is tried again */ };

/* ---- the table ---- */

static size_t position(const struct house *h, struct slice id, bool *found)
{
    size_t lo = 0, hi = h->n;
    *found = false;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int c = slice_cmp(slice_str(h->v[mid]->id), id);
        if (c == 0)
            *found = true;
        if (c < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

struct managed *house_find(struct house *h, struct slice id)
{
    bool found;
    size_t at = position(h, id, &found);
    return found ? h->v[at] : NULL;
}

static void on_look(struct timer *t);

static struct managed *find_or_add(struct house *h, struct slice id)
{
    bool found;
    size_t at = position(h, id, &found);
    if (found)
        return h->v[at];
    if (h->n == h->cap) {
        h->cap = h->cap ? 2 * h->cap : 16;
        h->v = xrealloc_array(h->v, h->cap, sizeof(struct managed *));
    }
    memmove(h->v + at + 1, h->v + at, (h->n - at) * sizeof(struct managed *));
    h->n++;
    struct managed *m = h->v[at] = xcalloc(1, sizeof *m);
    m->id = xstrndup(id.p, id.len);
    m->full_fd = m->masked_fd = -1;
    m->house = h;
    m->look = (struct timer){.at = NEVER, .fire = on_look, .arg = m};
    return m;
}

static void managed_free(struct managed *m)
{
    free(m->id);
    buf_wipe(&m->doc);
    free(m);
}

static void remove_managed(struct house *h, struct managed *m)
{
    bool found;
    size_t at = position(h, slice_str(m->id), &found);
    memmove(h->v + at, h->v + at + 1, (h->n - at - 1) * sizeof(struct managed *));
    h->n--;
    loop_timer(h->yard.loop, &m->look, NEVER);
    managed_free(m);
}

/* ---- standing and falling ---- */

static int memfd_of(const char *name, struct slice json)
{
    int fd = io_memfd(name, json);
    if (fd < 0)
        error_sys("cannot hold a connection's configuration in memory");
    return fd;
}

static bool make_fds(struct managed *m)
{
    struct buf masked = {0};
    connection_put_without_credentials(&masked, m->connection.json);
    m->full_fd = memfd_of("connection", buf_slice(&m->doc));
    m->masked_fd = memfd_of("connection-masked", buf_slice(&masked));
    buf_free(&masked);
    return m->full_fd >= 0 && m->masked_fd >= 0;
}

static void close_fds(struct managed *m)
{
    if (m->full_fd >= 0)
        close(m->full_fd);
    if (m->masked_fd >= 0)
        close(m->masked_fd);
    m->full_fd = m->masked_fd = -1;
}

static void add_runners(struct house *h, struct managed *m)
{
    const struct connection *c = &m->connection;
    size_t per_client = (c->n_sources > 0) + (c->n_targets > 0);
    m->runners = xcalloc(c->client_count * per_client, sizeof *m->runners);
    for (unsigned client = 0; client < c->client_count; client++) {
        /* outbound first: a message that comes in finds its target there */
        if (c->n_targets)
            runner_init(&m->runners[m->n_runners++], &h->yard, c, m->full_fd, m->masked_fd, client, OUTBOUND);
        if (c->n_sources)
            runner_init(&m->runners[m->n_runners++], &h->yard, c, m->full_fd, m->masked_fd, client, INBOUND);
    }
    for (size_t i = 0; i < m->n_runners; i++)
        runner_want(&m->runners[i], true);
}

static void build(struct house *h, struct managed *m)
{
    m->stale = false;
    m->why = (struct ditto_error){0};
    if (connection_parse(&m->connection, buf_slice(&m->doc), &m->why) < 0) {
        m->broken = true;
        error("connection '%s' cannot be opened: %s: %s (at '%s')", m->id, m->why.code, m->why.message,
              m->why.pointer);
        return;
    }
    m->broken = false;
    m->built = true;
    if (!make_fds(m)) {
        close_fds(m);
        connection_free(&m->connection);
        m->built = false;
        loop_timer(h->yard.loop, &m->look, clock_ms() + RESOURCES_MS);
        return;
    }
    h->expect(h->arg, m, true);
    add_runners(h, m);
}

static void dismantle(struct house *h, struct managed *m)
{
    h->expect(h->arg, m, false);
    for (size_t i = 0; i < m->n_runners; i++)
        runner_free(&m->runners[i]);
    free(m->runners);
    m->runners = NULL;
    m->n_runners = 0;
    close_fds(m);
    connection_free(&m->connection);
    m->built = m->stopping = false;
}

static bool all_down(const struct managed *m)
{
    for (size_t i = 0; i < m->n_runners; i++)
        if (m->runners[i].state != RUN_DOWN)
            return false;
    return true;
}

static void ask_all(struct managed *m, bool wanted)
{
    for (size_t i = 0; i < m->n_runners; i++)
        if (m->runners[i].wanted != wanted || m->runners[i].state == RUN_MISCONFIGURED)
            runner_want(&m->runners[i], wanted);
}

static void check_closed(struct house *h)
{
    if (!h->closing)
        return;
    for (size_t i = 0; i < h->n; i++)
        if (h->v[i]->built)
            return;
    h->closed(h->arg);
}

/* Makes what is so what should be so; called whenever either changed. */
static void settle(struct house *h, struct managed *m)
{
    bool should_run = m->open && !m->gone && !h->closing;
    if (m->built && (!should_run || m->stale || m->stopping)) {
        m->stopping = true;
        ask_all(m, false);
        if (!all_down(m))
            return; /* on_idle comes back */
        dismantle(h, m);
    }
    if (!m->built && should_run)
        build(h, m);
    if (m->gone && !m->built)
        remove_managed(h, m);
    check_closed(h);
}

static void on_look(struct timer *t)
{
    struct managed *m = t->arg;
    settle(m->house, m);
}

/* A runner is down. It may be one of several, and settle may be asking them right now: look only when all are. */
static void on_idle(void *arg, struct runner *r)
{
    struct house *h = arg;
    struct managed *m = house_find(h, r->connection->id);
    if (m && m->built && !r->wanted)
        loop_timer(h->yard.loop, &m->look, clock_ms());
}

/* ---- what should be ---- */

void house_put(struct house *h, struct slice id, struct slice doc)
{
    struct managed *m = find_or_add(h, id);
    struct json root;
    struct json_error err;
    m->seen = true;
    m->gone = false;
    if (!slice_eq(buf_slice(&m->doc), doc)) {
        buf_wipe(&m->doc);
        buf_put_slice(&m->doc, doc);
        m->stale = true;
    }
    m->open =
        json_parse(doc, &root, &err) == 0 && json_text_is(json_get(root, S("connectionStatus")), S("open"));
    settle(h, m);
}

bool house_set_open(struct house *h, struct slice id, bool open)
{
    struct managed *m = house_find(h, id);
    if (!m)
        return false;
    if (open && m->built && m->open && !m->stopping)
        ask_all(m, true); /* opened again: what is misconfigured tries anew */
    m->open = open;
    settle(h, m);
    return true;
}

void house_delete(struct house *h, struct slice id)
{
    struct managed *m = house_find(h, id);
    if (!m)
        return;
    m->gone = true;
    settle(h, m);
}

void house_sync_begin(struct house *h)
{
    for (size_t i = 0; i < h->n; i++)
        h->v[i]->seen = false;
}

void house_sync_end(struct house *h)
{
    for (size_t i = h->n; i-- > 0;)
        if (!h->v[i]->seen)
            house_delete(h, slice_str(h->v[i]->id));
}

void house_close(struct house *h)
{
    h->closing = true;
    for (size_t i = h->n; i-- > 0;)
        if (h->v[i]->built)
            settle(h, h->v[i]);
    check_closed(h);
}

void house_init(struct house *h)
{
    h->yard.idle = on_idle;
    h->yard.arg = h;
}

void house_free(struct house *h)
{
    for (size_t i = 0; i < h->n; i++) {
        if (h->v[i]->built)
            dismantle(h, h->v[i]);
        loop_timer(h->yard.loop, &h->v[i]->look, NEVER);
        managed_free(h->v[i]);
    }
    free(h->v);
}
