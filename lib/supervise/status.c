/* Of a client, which is one network identity with up to two rings, Ditto's status tells one entry: the worse of its rings,
 * in its words. Sources and targets are told for each client, as their transport told them; while their ring does not
 * stand they are closed, whatever the reason: that is the client's. */
#include "supervise/answers.h"
#include "supervise/reports.h"

#include "base/clock.h"

#include "base/banned.h"

enum { RECENT_MS = 60000 };

/* Groups and the whole alike: all open is open; else the worst word that occurs wins. */
static const char *worse(const char *a, const char *b)
{
    static const char *const ranks[] = {"failed", "misconfigured", "unknown", "closed", "open"};
    if (!a)
        return b;
    for (size_t i = 0; i < sizeof ranks / sizeof *ranks; i++)
        if (strcmp(a, ranks[i]) == 0 || strcmp(b, ranks[i]) == 0)
            return ranks[i];
    return "unknown";
}

static const char *recovery(const struct runner *r)
{
    return r->state == RUN_LIVE                     ? "succeeded"
           : r->state == RUN_BACKOFF || r->failures ? "ongoing"
                                                    : "unknown";
}

static const char *worse_recovery(const char *a, const char *b)
{
    static const char *const ranks[] = {"ongoing", "unknown"};
    for (size_t i = 0; a && i < sizeof ranks / sizeof *ranks; i++)
        if (strcmp(a, ranks[i]) == 0 || strcmp(b, ranks[i]) == 0)
            return ranks[i];
    return b;
}

/* --- entries ------------------------------------------------------------------------------------------------------ */

struct entry {
    const char *type;
    unsigned client;
    struct slice address;
    const char *status, *recovery, *detail; /* recovery, detail: may be NULL */
    int64_t since;
};

static void put_entry(struct buf *dst, const struct entry *e)
{
    char iso[ISO_SIZE];
    json_put_item(dst);
    buf_putc(dst, '{');
    json_put_member_text(dst, S("type"), slice_str(e->type));
    json_put_key(dst, S("client"));
    buf_printf(dst, "\"%u\"", e->client);
    if (e->address.p)
        json_put_member_text(dst, S("address"), e->address);
    json_put_member_text(dst, S("status"), slice_str(e->status));
    if (e->recovery)
        json_put_member_text(dst, S("recoveryStatus"), slice_str(e->recovery));
    if (e->detail)
        json_put_member_text(dst, S("statusDetails"), slice_str(e->detail));
    json_put_member_text(dst, S("inStateSince"), slice_str(clock_iso(iso, e->since)));
    buf_putc(dst, '}');
}

/* --- clients ------------------------------------------------------------------------------------------------------ */

static const char *plain_detail(const char *status)
{
    return strcmp(status, "open") == 0     ? "CONNECTED"
           : strcmp(status, "closed") == 0 ? "DISCONNECTED"
                                           : "CONNECTING";
}

/* What is open and fails at messages says so for a while. */
static void put_plain_detail(struct buf *dst, const char *status, const struct vitals *v)
{
    const struct log_entry *last = &v->last_error;
    int64_t age = wall_ms() - last->at;
    buf_puts(dst, plain_detail(status));
    if (strcmp(status, "open") == 0 && last->json && age >= 0 && age < RECENT_MS) /* clocks are set */
        buf_printf(dst, "; last failure: %s", last->json);
}

/* Both rings have a say; who says why is named if the other one is better. */
static void add_detail(struct buf *dst, const struct runner *r, const char *status)
{
    if (strcmp(runner_status(r), status) != 0 || !r->detail[0])
        return;
    buf_printf(dst, "%s%s: %s", dst->len ? "; " : "", direction_text(r->direction), r->detail);
}

static void put_client(struct buf *dst, const struct managed *m, unsigned client)
{
    struct entry e = {.type = "client", .client = client};
    struct buf detail = {0};
    for (size_t i = 0; i < m->n_runners; i++) {
        const struct runner *r = m->runners[i];
        if (r->client != client)
            continue;
        e.status = worse(e.status, runner_status(r));
        e.recovery = worse_recovery(e.recovery, recovery(r));
    }
    for (size_t i = 0; i < m->n_runners; i++) {
        const struct runner *r = m->runners[i];
        if (r->client != client)
            continue;
        add_detail(&detail, r, e.status);
        if (strcmp(runner_status(r), e.status) == 0 && r->since > e.since)
            e.since = r->since;
    }
    if (!detail.len)
        put_plain_detail(&detail, e.status, &m->vitals);
    e.detail = buf_z(&detail);
    put_entry(dst, &e);
    buf_free(&detail);
}

static void put_clients(struct buf *dst, const struct managed *m)
{
    json_put_key(dst, S("clientStatus"));
    buf_putc(dst, '[');
    for (size_t i = 0; i < m->n_runners; i++)
        if (i == 0 || m->runners[i]->client != m->runners[i - 1]->client)
            put_client(dst, m, m->runners[i]->client);
    buf_putc(dst, ']');
}

/* --- sources and targets ------------------------------------------------------------------------------------------ */

static void put_place(struct buf *dst, const struct managed *m, const struct runner *r,
                      const struct place *place, struct slice address)
{
    struct reporting who = {r->client, r->direction};
    struct place_state told;
    struct buf why = {0};
    struct entry e = {.type = category_text(place->category),
                      .client = r->client,
                      .address = address,
                      .status = "open",
                      .since = r->since};
    if (r->state != RUN_LIVE) {
        e.status = "closed";
        buf_printf(&why, "closed because its client is %s", runner_status(r));
        e.detail = buf_z(&why);
    } else if (reports_place(&m->vitals, &who, place, &told)) {
        e.status = told.state;
        e.detail = told.detail;
        e.since = told.since;
    }
    put_entry(dst, &e);
    buf_free(&why);
}

static bool counts_as_one(const struct connection *c)
{
    return c->type == TYPE_MQTT || c->type == TYPE_MQTT_5;
}

static void put_source(struct buf *dst, const struct managed *m, const struct runner *r, size_t index)
{
    const struct source *s = &m->connection.sources[index];
    bool one = counts_as_one(&m->connection);
    struct buf name = {0};
    for (int a = one ? ALL_ADDRESSES : 0; a < (one ? 0 : (int)s->addresses.n); a++) {
        struct place place = {CATEGORY_SOURCE, (unsigned)index, a};
        buf_cut(&name, 0);
        source_address_put(&name, s, a);
        put_place(dst, m, r, &place, buf_slice(&name));
    }
    buf_free(&name);
}

static void put_sources(struct buf *dst, const struct managed *m)
{
    json_put_key(dst, S("sourceStatus"));
    buf_putc(dst, '[');
    for (size_t i = 0; i < m->n_runners; i++)
        for (size_t s = 0; m->runners[i]->direction == INBOUND && s < m->connection.n_sources; s++)
            put_source(dst, m, m->runners[i], s);
    buf_putc(dst, ']');
}

static void put_target(struct buf *dst, const struct managed *m, const struct runner *r, size_t index)
{
    struct place place = {CATEGORY_TARGET, (unsigned)index, ALL_ADDRESSES};
    struct buf name = {0};
    connection_put_shown_address(&name, m->connection.targets[index].address);
    put_place(dst, m, r, &place, buf_slice(&name));
    buf_free(&name);
}

static void put_targets(struct buf *dst, const struct managed *m)
{
    json_put_key(dst, S("targetStatus"));
    buf_putc(dst, '[');
    for (size_t i = 0; i < m->n_runners; i++)
        for (size_t t = 0; m->runners[i]->direction == OUTBOUND && t < m->connection.n_targets; t++)
            put_target(dst, m, m->runners[i], t);
    buf_putc(dst, ']');
}

/* --- the whole ---------------------------------------------------------------------------------------------------- */

/* With its sources or targets. */
static const char *status_of_ring(const struct managed *m, const struct runner *r)
{
    struct reporting who = {r->client, r->direction};
    if (r->state != RUN_LIVE)
        return runner_status(r);
    return reports_fold(&m->vitals, &who, runner_status(r), worse);
}

static const char *live_status(const struct managed *m)
{
    const char *live = NULL;
    if (m->broken && m->open)
        return "misconfigured";
    if (!m->built)
        return "closed";
    for (size_t i = 0; i < m->n_runners; i++)
        live = worse(live, status_of_ring(m, m->runners[i]));
    return live ? live : "open";
}

static void put_closed_client(struct buf *dst, const struct managed *m)
{
    json_put_key(dst, S("clientStatus"));
    buf_puts(dst, "[{\"type\":\"client\",\"client\":\"0\",\"status\":");
    json_put_text(dst, slice_str(live_status(m)));
    json_put_member_text(dst, S("statusDetails"),
                         m->broken ? slice_str(m->why.message) : S("[DISCONNECTED] connection is closed"));
    buf_puts(dst, "}]");
}

static bool client_is_open(const struct managed *m, unsigned client, int64_t *since)
{
    *since = 0;
    for (size_t i = 0; i < m->n_runners; i++) {
        const struct runner *r = m->runners[i];
        if (r->client == client && r->state != RUN_LIVE)
            return false;
        if (r->client == client && r->since > *since)
            *since = r->since;
    }
    return *since != 0;
}

/* Since when the client that is open for the longest time is. */
static void put_connected_since(struct buf *dst, const struct managed *m)
{
    char iso[ISO_SIZE];
    int64_t first = 0, since;
    for (size_t i = 0; i < m->n_runners; i++)
        if (client_is_open(m, m->runners[i]->client, &since) && (!first || since < first))
            first = since;
    if (first)
        json_put_member_text(dst, S("connectedSince"), slice_str(clock_iso(iso, first)));
}

static void put_recovery(struct buf *dst, const struct managed *m)
{
    const char *all = NULL;
    for (size_t i = 0; i < m->n_runners; i++)
        all = worse_recovery(all, recovery(m->runners[i]));
    json_put_member_text(dst, S("recoveryStatus"), slice_str(all ? all : "unknown"));
}

void status_put(struct buf *dst, const struct managed *m)
{
    buf_puts(dst, "{\"type\":\"connectivity.responses:retrieveConnectionStatus\",\"status\":200");
    json_put_member_text(dst, S("connectionId"), slice_str(m->id));
    json_put_member_text(dst, S("connectionStatus"), m->open ? S("open") : S("closed"));
    json_put_member_text(dst, S("liveStatus"), slice_str(live_status(m)));
    put_recovery(dst, m);
    put_connected_since(dst, m);
    if (!m->built || !m->n_runners) {
        put_closed_client(dst, m);
    } else {
        put_clients(dst, m);
        if (m->connection.n_sources)
            put_sources(dst, m);
        if (m->connection.n_targets)
            put_targets(dst, m);
    }
    buf_putc(dst, '}');
}
