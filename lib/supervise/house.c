#include "supervise/house.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "supervise/facet.h"
#include "supervise/reports.h"

#include "base/banned.h"

enum {
    RESOURCES_MS = 5000, /* until what failed for want of resources is tried again */
    FAREWELL_MS = 3000   /* an announcement that it closes may take so long to arrive: Ditto's */
};

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

struct managed *house_find(const struct house *h, struct slice id)
{
    bool found;
    size_t at = position(h, id, &found);
    return found ? h->v[at] : NULL;
}

static void look_soon(struct managed *m, msec in)
{
    msec at = clock_ms() + in;
    if (m->look.at > at)
        loop_timer(m->house->yard.loop, &m->look, at);
}

static void on_look(struct timer *t);
static void on_patience(struct timer *t);

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
    m->revision = -1;
    m->house = h;
    m->look = (struct timer){.at = NEVER, .fire = on_look, .arg = m};
    m->patience = (struct timer){.at = NEVER, .fire = on_patience, .arg = m};
    return m;
}

static void managed_free(struct managed *m)
{
    loop_timer(m->house->yard.loop, &m->look, NEVER);
    loop_timer(m->house->yard.loop, &m->patience, NEVER);
    free(m->id);
    free(m->runners);
    vitals_free(&m->vitals);
    buf_wipe(&m->doc);
    free(m);
}

static void remove_managed(struct house *h, struct managed *m)
{
    bool found;
    size_t at = position(h, slice_str(m->id), &found);
    memmove(h->v + at, h->v + at + 1, (h->n - at - 1) * sizeof(struct managed *));
    h->n--;
    managed_free(m);
}

/* ---- documents ---- */

static int memfd_of(const char *name, struct slice json)
{
    int fd = io_memfd(name, json);
    if (fd < 0)
        error_sys("cannot hold a connection's configuration in memory");
    return fd;
}

static void close_fds(int full_fd, int masked_fd)
{
    if (full_fd >= 0)
        close(full_fd);
    if (masked_fd >= 0)
        close(masked_fd);
}

static int make_fds(const struct connection *c, struct slice doc, int *full_fd, int *masked_fd)
{
    struct buf masked = {0};
    connection_put_without_credentials(&masked, c->json);
    *full_fd = memfd_of("connection", doc);
    *masked_fd = memfd_of("connection-masked", buf_slice(&masked));
    buf_free(&masked);
    if (*full_fd >= 0 && *masked_fd >= 0)
        return 0;
    close_fds(*full_fd, *masked_fd);
    return -1;
}

static void forget_document(struct managed *m)
{
    if (!m->built)
        return;
    m->house->ears.expect(m->house->arg, m, false);
    close_fds(m->full_fd, m->masked_fd);
    m->full_fd = m->masked_fd = -1;
    connection_free(&m->connection);
    m->built = false;
}

/* A ring whose facet changed starts anew; one that does not run anyway tries at once. */
static void hand_over(struct managed *m, const struct connection *old)
{
    bool same[] = {
        [INBOUND] = old && facet_same(old->json, m->connection.json, INBOUND),
        [OUTBOUND] = old && facet_same(old->json, m->connection.json, OUTBOUND),
    };
    for (size_t i = 0; i < m->n_runners; i++) {
        struct runner *r = m->runners[i];
        runner_adopt(r, &m->connection, m->full_fd, m->masked_fd);
        if (same[r->direction])
            runner_retry(r);
        else
            runner_restart(r);
    }
}

/* Makes doc the one that the runners have. False: not now, or not at all (broken). */
static bool take_document(struct managed *m)
{
    struct connection c, old = m->connection;
    int full_fd, masked_fd, old_full = m->full_fd, old_masked = m->masked_fd;
    m->why = (struct ditto_error){0};
    m->broken = connection_parse(&c, buf_slice(&m->doc), &m->why) < 0;
    if (m->broken) {
        m->stale = false;
        error("connection '%s' cannot be opened: %s: %s (at '%s')", m->id, m->why.code, m->why.message,
              m->why.pointer);
        return false;
    }
    if (make_fds(&c, buf_slice(&m->doc), &full_fd, &masked_fd) < 0) {
        connection_free(&c);
        look_soon(m, RESOURCES_MS);
        return false;
    }
    bool was_built = m->built;
    m->stale = false;
    m->built = true;
    m->connection = c;
    m->full_fd = full_fd;
    m->masked_fd = masked_fd;
    vitals_prune(&m->vitals, &m->connection, clock_ms());
    m->house->ears.expect(m->house->arg, m, true);
    hand_over(m, was_built ? &old : NULL);
    if (was_built) {
        close_fds(old_full, old_masked);
        connection_free(&old);
    }
    return true;
}

/* ---- runners ---- */

static bool replies(const struct connection *c)
{
    for (size_t i = 0; i < c->n_sources; i++)
        if (c->sources[i].reply.present)
            return true;
    return false;
}

static bool needs(const struct connection *c, unsigned client, enum direction d)
{
    return client < c->client_count && (d == INBOUND ? c->n_sources > 0 : c->n_targets > 0 || replies(c));
}

static struct runner *runner_of(const struct managed *m, unsigned client, enum direction d)
{
    for (size_t i = 0; i < m->n_runners; i++)
        if (m->runners[i]->client == client && m->runners[i]->direction == d)
            return m->runners[i];
    return NULL;
}

static void add_runner(struct managed *m, unsigned client, enum direction d)
{
    struct runner *r = xcalloc(1, sizeof *r);
    size_t at = m->n_runners;
    runner_init(r, &m->house->yard, &m->connection, m->full_fd, m->masked_fd, client, d);
    m->runners = xrealloc_array(m->runners, m->n_runners + 1, sizeof(struct runner *));
    for (; at > 0 &&
           (m->runners[at - 1]->client > client || (m->runners[at - 1]->client == client && d == OUTBOUND));
         at--)
        m->runners[at] = m->runners[at - 1];
    m->runners[at] = r;
    m->n_runners++;
}

/* Outbound first: a message that comes in finds its target there. */
static void add_runners(struct managed *m)
{
    for (unsigned client = 0; client < m->connection.client_count; client++)
        for (int d = OUTBOUND; d >= INBOUND; d--)
            if (needs(&m->connection, client, d) && !runner_of(m, client, d))
                add_runner(m, client, d);
}

static void want_runners(struct managed *m, bool should_run)
{
    for (size_t i = 0; i < m->n_runners; i++) {
        struct runner *r = m->runners[i];
        runner_want(r, should_run && needs(&m->connection, r->client, r->direction));
    }
}

static void note_ring(struct managed *m, const struct runner *r)
{
    struct reporting who = {r->client, r->direction};
    if (r->ring.alive == 0)
        reports_over(&m->vitals, &who);
    reports_ring(&m->vitals, &who, runner_status(r), r->detail);
}

static void free_those_down(struct managed *m)
{
    size_t kept = 0;
    for (size_t i = 0; i < m->n_runners; i++) {
        struct runner *r = m->runners[i];
        if (r->wanted || r->state != RUN_DOWN) {
            m->runners[kept++] = r;
            continue;
        }
        note_ring(m, r);
        runner_free(r);
        free(r);
    }
    m->n_runners = kept;
}

/* ---- what became of it ---- */

static bool all_live(const struct managed *m)
{
    for (size_t i = 0; i < m->n_runners; i++)
        if (m->runners[i]->state != RUN_LIVE)
            return false;
    return true;
}

static const struct runner *failed_runner(const struct managed *m)
{
    for (size_t i = 0; i < m->n_runners; i++)
        if (m->runners[i]->state == RUN_BACKOFF || m->runners[i]->state == RUN_MISCONFIGURED)
            return m->runners[i];
    return NULL;
}

static void put_failure(struct ditto_error *err, const struct managed *m, const struct runner *r)
{
    ditto_fail(err, 504, "connectivity:connection.failed", r->detail, NULL,
               "The Connection with ID '%s' failed to connect.", m->id);
}

/* The first outcome counts: it goes on trying whatever it tells. */
static void judge(struct managed *m, bool should_run)
{
    struct house *h = m->house;
    struct ditto_error err = {0};
    const struct runner *r = failed_runner(m);
    if (!m->due)
        return;
    if (should_run && m->broken)
        err = m->why;
    else if (should_run && r)
        put_failure(&err, m, r);
    else if (should_run ? !m->built || !all_live(m) : m->n_runners > 0)
        return;
    m->due = false;
    h->ears.verdict(h->arg, m, err.status ? &err : NULL);
}

static bool announces(const struct managed *m)
{
    for (size_t i = 0; m->built && i < m->connection.n_targets; i++)
        for (size_t k = 0; k < m->connection.targets[i].n_topics; k++)
            if (m->connection.targets[i].topics[k].stream == STREAM_CONNECTION_ANNOUNCEMENTS)
                return true;
    return false;
}

static void announce_opened(struct managed *m, bool should_run)
{
    bool live = should_run && m->n_runners && all_live(m);
    if (live && !m->announced && announces(m))
        m->house->ears.announce(m->house->arg, m, true);
    m->announced = live;
}

/* Its own targets hear that it closes while they still can. True: it has to be waited for. */
static bool say_farewell(struct managed *m)
{
    if (m->leaving)
        return true;
    if (!m->announced || !announces(m))
        return false;
    m->announced = false;
    m->leaving = true;
    loop_timer(m->house->yard.loop, &m->patience, clock_ms() + FAREWELL_MS);
    m->house->ears.announce(m->house->arg, m, false);
    return m->leaving;
}

static void on_patience(struct timer *t)
{
    struct managed *m = t->arg;
    m->leaving = false;
    look_soon(m, 0);
}

void house_said(struct house *h, struct slice id)
{
    struct managed *m = house_find(h, id);
    if (!m || !m->leaving)
        return;
    m->leaving = false;
    loop_timer(h->yard.loop, &m->patience, NEVER);
    look_soon(m, 0);
}

/* ---- making it so ---- */

static void check_closed(struct house *h)
{
    if (!h->closing)
        return;
    for (size_t i = 0; i < h->n; i++)
        if (h->v[i]->n_runners || h->v[i]->leaving)
            return;
    h->ears.closed(h->arg);
}

static bool touches(const struct managed *m)
{
    struct json doc;
    return json_parse(buf_slice(&m->doc), &doc, NULL) < 0 || !facet_same(m->connection.json, doc, INBOUND) ||
           !facet_same(m->connection.json, doc, OUTBOUND);
}

/* Makes what is so what should be so; called whenever either changed. */
static void settle(struct house *h, struct managed *m)
{
    bool should_run = m->open && !m->gone && !h->closing;
    bool ends_something = m->built && m->n_runners && (!should_run || (m->stale && touches(m)));
    if (ends_something && say_farewell(m))
        return; /* house_said or on_patience comes back */
    if (should_run && (m->stale || !m->built) && !m->broken)
        take_document(m);
    if (m->broken && !m->stale)
        should_run = false;
    if (should_run && m->built && !m->n_runners)
        vitals_enable_logs(&m->vitals, wall_ms());
    if (should_run && m->built)
        add_runners(m);
    want_runners(m, should_run && m->built);
    free_those_down(m);
    if (!should_run && m->n_runners == 0)
        forget_document(m);
    announce_opened(m, should_run);
    judge(m, m->open && !m->gone && !h->closing);
    if (m->gone && m->n_runners == 0)
        remove_managed(h, m);
    check_closed(h);
}

static void on_look(struct timer *t)
{
    struct managed *m = t->arg;
    for (size_t i = 0; i < m->n_runners; i++)
        note_ring(m, m->runners[i]);
    settle(m->house, m);
}

/* It may be settle that changes it right now: look from the loop. */
static void on_changed(void *arg, struct runner *r)
{
    struct managed *m = house_find(arg, r->connection->id);
    if (m)
        look_soon(m, 0);
}

/* ---- reports ---- */

static void on_reported(void *arg, struct runner *r, struct slice line)
{
    struct managed *m = house_find(arg, r->connection->id);
    struct reporting who = {r->client, r->direction};
    if (m)
        reports_take(&m->vitals, &m->connection, &who, line);
}

/* Its last report of a ring may come when the connection is closed already: then the document is read once more. */
void house_hub_reports(struct house *h, struct slice id, struct json report, struct slice line)
{
    struct managed *m = house_find(h, id);
    struct connection c;
    struct ditto_error err = {0};
    int64_t client;
    if (!m || json_int(json_get(report, S("client")), &client) < 0 || client < 0)
        return;
    struct reporting who = {(unsigned)client, OUTBOUND};
    if (m->built) {
        reports_take(&m->vitals, &m->connection, &who, line);
    } else if (connection_parse(&c, buf_slice(&m->doc), &err) == 0) {
        reports_take(&m->vitals, &c, &who, line);
        connection_free(&c);
    }
}

/* ---- what should be ---- */

static void renew(struct managed *m, struct slice doc)
{
    if (slice_eq(buf_slice(&m->doc), doc))
        return;
    buf_wipe(&m->doc);
    buf_put_slice(&m->doc, doc);
    m->stale = true;
    m->broken = false;
}

static bool says_open(struct slice doc)
{
    struct json root;
    return json_parse(doc, &root, NULL) == 0 &&
           json_text_is(json_get(root, S("connectionStatus")), S("open"));
}

void house_put(struct house *h, struct slice id, struct slice doc, int64_t revision, bool wanted)
{
    struct managed *m = find_or_add(h, id);
    m->seen = true;
    m->gone = false;
    m->revision = revision;
    m->due |= wanted;
    renew(m, doc);
    m->open = says_open(doc);
    settle(h, m);
}

bool house_set_open(struct house *h, struct slice id, bool open, int64_t revision)
{
    struct managed *m = house_find(h, id);
    if (!m)
        return false;
    m->revision = revision;
    m->due = true;
    m->open = open;
    m->broken = false;
    for (size_t i = 0; open && i < m->n_runners; i++)
        runner_retry(m->runners[i]);
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
        settle(h, h->v[i]);
    check_closed(h);
}

void house_init(struct house *h)
{
    h->yard.changed = on_changed;
    h->yard.reported = on_reported;
    h->yard.arg = h;
}

void house_free(struct house *h)
{
    for (size_t i = 0; i < h->n; i++) {
        struct managed *m = h->v[i];
        for (size_t k = 0; k < m->n_runners; k++) {
            runner_free(m->runners[k]);
            free(m->runners[k]);
        }
        forget_document(m);
        managed_free(m);
    }
    free(h->v);
}
