#include "supervise/house.h"

#include "base/clock.h"

#include "base/banned.h"

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

static void put_item(struct buf *dst, const char *type, const struct runner *r, struct slice address)
{
    char iso[ISO_SIZE];
    json_put_item(dst);
    buf_putc(dst, '{');
    json_put_member_text(dst, S("type"), slice_str(type));
    json_put_key(dst, S("client"));
    buf_printf(dst, "\"%u\"", r->client);
    if (address.p)
        json_put_member_text(dst, S("address"), address);
    json_put_member_text(dst, S("status"), slice_str(runner_status(r)));
    if (!address.p)
        json_put_member_text(dst, S("recoveryStatus"), slice_str(recovery(r)));
    if (r->detail[0])
        json_put_member_text(dst, S("statusDetails"), slice_str(r->detail));
    json_put_member_text(dst, S("inStateSince"), slice_str(clock_iso(iso, r->since)));
    buf_putc(dst, '}');
}

static void put_sources(struct buf *dst, const struct managed *m)
{
    json_put_key(dst, S("sourceStatus"));
    buf_putc(dst, '[');
    for (size_t i = 0; i < m->n_runners; i++)
        if (m->runners[i]->direction == INBOUND)
            for (size_t s = 0; s < m->connection.n_sources; s++)
                for (size_t a = 0; a < m->connection.sources[s].addresses.n; a++)
                    put_item(dst, "source", m->runners[i], m->connection.sources[s].addresses.v[a]);
    buf_putc(dst, ']');
}

static void put_targets(struct buf *dst, const struct managed *m)
{
    json_put_key(dst, S("targetStatus"));
    buf_putc(dst, '[');
    for (size_t i = 0; i < m->n_runners; i++)
        if (m->runners[i]->direction == OUTBOUND)
            for (size_t t = 0; t < m->connection.n_targets; t++)
                put_item(dst, "target", m->runners[i], m->connection.targets[t].address);
    buf_putc(dst, ']');
}

/* A client is one network identity with up to two rings: an entry for each ring. */
static void put_clients(struct buf *dst, const struct managed *m)
{
    json_put_key(dst, S("clientStatus"));
    buf_putc(dst, '[');
    for (size_t i = 0; i < m->n_runners; i++)
        put_item(dst, "client", m->runners[i], SLICE_NONE);
    buf_putc(dst, ']');
}

static const char *live_status(const struct managed *m)
{
    const char *live = NULL;
    if (m->broken && m->open)
        return "misconfigured";
    if (!m->built)
        return "closed";
    for (size_t i = 0; i < m->n_runners; i++)
        live = worse(live, runner_status(m->runners[i]));
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

static void put_connected_since(struct buf *dst, const struct managed *m)
{
    char iso[ISO_SIZE];
    int64_t since = 0;
    for (size_t i = 0; i < m->n_runners; i++)
        if (m->runners[i]->state == RUN_LIVE && (!since || m->runners[i]->since < since))
            since = m->runners[i]->since;
    if (since)
        json_put_member_text(dst, S("connectedSince"), slice_str(clock_iso(iso, since)));
}

void house_put_status(struct buf *dst, const struct managed *m)
{
    buf_puts(dst, "{\"type\":\"connectivity.responses:retrieveConnectionStatus\",\"status\":200");
    json_put_member_text(dst, S("connectionId"), slice_str(m->id));
    json_put_member_text(dst, S("connectionStatus"), m->open ? S("open") : S("closed"));
    json_put_member_text(dst, S("liveStatus"), slice_str(live_status(m)));
    json_put_member_text(dst, S("recoveryStatus"),
                         slice_str(m->n_runners ? recovery(m->runners[0]) : "unknown"));
    put_connected_since(dst, m);
    if (!m->built) {
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
