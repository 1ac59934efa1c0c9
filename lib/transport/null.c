#include "transport/null.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/scan.h"
#include "json/json.h"

#include "base/banned.h"

struct null_record null_record;

/* A message of a source, or a ticket of a sink that is still to be confirmed. */
struct item {
    struct item *next; /* of those that share its fate */
    struct item *all;
    void *ticket;
    size_t lane;
    unsigned long n;
    unsigned attempt;
};

struct null_lane {
    unsigned long left; /* still to be made */
    unsigned credit;
    struct item *again; /* to be redelivered */
};

struct channel {
    struct channel_config cfg;
    struct channel_user user;
    struct timer round; /* opens, then does what is due */
    struct null_lane *lanes;
    struct item *late, *spare, *all;
    unsigned long bytes, refuse, full, published;
    unsigned long open; /* messages not yet settled for good, or not yet made */
    bool confirms_late, opened, held, stopped, closing, closed, was_full;
};

static unsigned long setting(const struct connection *c, struct slice name)
{
    uint64_t n;
    struct slice text = connection_specific(c, name);
    return text.p && scan_u64(text, &n) == 0 ? (unsigned long)n : 0;
}

static bool each(unsigned long n, unsigned long period)
{
    return period && n % period == 0;
}

static void again_soon(struct channel *ch)
{
    loop_timer(ch->cfg.loop, &ch->round, clock_ms());
}

static void end(struct channel *ch)
{
    if (ch->closed)
        return;
    ch->closed = true;
    ch->user.closed(ch->user.arg, EXIT_DONE, NULL);
}

/* --- source ------------------------------------------------------------------------------------------------------ */

static struct item *item_new(struct channel *ch, size_t lane, unsigned long n)
{
    struct item *i = ch->spare, *all;
    if (i) {
        ch->spare = i->next;
    } else {
        i = xcalloc(1, sizeof *i);
        i->all = ch->all;
        ch->all = i;
    }
    all = i->all;
    *i = (struct item){.all = all, .lane = lane, .n = n};
    return i;
}

static void item_free(struct channel *ch, struct item *i)
{
    i->next = ch->spare;
    ch->spare = i;
}

static struct item *next_item(struct channel *ch, size_t lane)
{
    struct null_lane *l = &ch->lanes[lane];
    struct item *i = l->again;
    if (i) {
        l->again = i->next;
        return i;
    }
    if (l->left == 0)
        return NULL;
    l->left--;
    return item_new(ch, lane, ++null_record.made);
}

static void put_content(struct buf *line, unsigned long n, unsigned long bytes)
{
    buf_puts(line, ",\"headers\":{\"n\":\"");
    buf_put_u64(line, n);
    buf_puts(line, "\"},\"text\":\"");
    memset(buf_room(line, bytes), 'x', bytes);
    buf_added(line, bytes);
    buf_putc(line, '"');
}

static void hand_over(struct channel *ch, struct item *i)
{
    size_t lane = i->lane;
    unsigned long n = i->n;
    if (each(n, ch->refuse)) {
        item_free(ch, i);
        ch->open--;
        ch->user.refused(ch->user.arg, lane);
        return;
    }
    if (++null_record.unsettled > null_record.most_unsettled)
        null_record.most_unsettled = null_record.unsettled;
    struct buf *line = ch->user.begin(ch->user.arg, lane, ch->cfg.lanes[lane].address, i, i->attempt);
    put_content(line, n, ch->bytes);
    ch->user.end(ch->user.arg);
    if (!ch->cfg.presettled)
        return;
    item_free(ch, i);
    null_record.unsettled--;
    ch->open--;
}

static void make(struct channel *ch, size_t lane)
{
    struct item *i;
    while (ch->lanes[lane].credit && !ch->held && !ch->stopped && (i = next_item(ch, lane))) {
        ch->lanes[lane].credit--;
        hand_over(ch, i);
    }
}

static void channel_grant(struct channel *ch, size_t lane, unsigned n)
{
    ch->lanes[lane].credit += n;
}

static void channel_settle(struct channel *ch, void *handle, enum line_class fate)
{
    struct item *i = handle;
    null_record.unsettled--;
    if (fate == CLASS_REDELIVER) {
        null_record.redelivered++;
        i->attempt++;
        i->next = ch->lanes[i->lane].again;
        ch->lanes[i->lane].again = i;
        return;
    }
    *(fate == CLASS_ACCEPT ? &null_record.accepted : &null_record.rejected) += 1;
    ch->open--;
    item_free(ch, i);
}

static void channel_hold(struct channel *ch, bool held)
{
    null_record.holds += held;
    ch->held = held;
}

static void channel_stop(struct channel *ch)
{
    ch->stopped = true;
}

/* --- sink -------------------------------------------------------------------------------------------------------- */

static void confirm_late(struct channel *ch)
{
    while (ch->late) {
        struct item *i = ch->late;
        ch->late = i->next;
        ch->user.confirmed(ch->user.arg, i->ticket, NULL);
        item_free(ch, i);
    }
}

static void keep(const struct outgoing *m)
{
    null_record.published++;
    null_record.text += m->text;
    null_record.bytes += m->body.len;
    buf_cut(&null_record.last, 0);
    buf_put_slice(&null_record.last, m->address);
    buf_putc(&null_record.last, ' ');
    buf_put_slice(&null_record.last, m->body);
}

static int channel_publish(struct channel *ch, const struct outgoing *m, void *ticket,
                           struct ditto_error *err)
{
    if (!ch->was_full && each(ch->published + 1, ch->full)) {
        ch->was_full = true;
        again_soon(ch);
        return 0;
    }
    ch->was_full = false;
    if (each(++ch->published, ch->refuse))
        return ditto_fail(err, 400, "connectivity:message.sending.failed", NULL, NULL, "Refused, as asked.");
    keep(m);
    if (!ch->confirms_late) {
        ch->user.confirmed(ch->user.arg, ticket, NULL);
        return 1;
    }
    struct item *i = item_new(ch, 0, 0);
    i->ticket = ticket;
    i->next = ch->late;
    ch->late = i;
    again_soon(ch);
    return 1;
}

/* --- life -------------------------------------------------------------------------------------------------------- */

static void on_round(struct timer *t)
{
    struct channel *ch = t->arg;
    if (!ch->opened) {
        ch->opened = true;
        ch->user.opened(ch->user.arg);
    }
    confirm_late(ch);
    if (ch->was_full)
        ch->user.writable(ch->user.arg);
    if (ch->closing)
        end(ch);
}

static int check(const struct connection *c, struct ditto_error *err)
{
    (void)c, (void)err;
    return 0;
}

static struct channel *channel_open(const struct channel_config *cfg, const struct channel_user *user)
{
    struct channel *ch = xcalloc(1, sizeof *ch);
    unsigned long messages = setting(cfg->connection, S("null.messages"));
    ch->cfg = *cfg;
    ch->user = *user;
    ch->bytes = setting(cfg->connection, S("null.bytes"));
    ch->refuse = setting(cfg->connection, S("null.refuse"));
    ch->full = setting(cfg->connection, S("null.full"));
    ch->confirms_late = setting(cfg->connection, S("null.late")) > 0;
    ch->lanes = xcalloc(cfg->n_lanes + 1, sizeof *ch->lanes);
    for (size_t i = 0; i < cfg->n_lanes; i++)
        ch->lanes[i].left = messages;
    ch->open = messages * cfg->n_lanes;
    ch->round = (struct timer){.at = NEVER, .fire = on_round, .arg = ch};
    again_soon(ch);
    return ch;
}

static void channel_close(struct channel *ch)
{
    ch->closing = true;
    again_soon(ch);
}

static void channel_flush(struct channel *ch)
{
    for (size_t i = 0; i < ch->cfg.n_lanes && ch->opened; i++)
        make(ch, i);
    if (ch->cfg.n_lanes && ch->open == 0 && ch->opened && !ch->cfg.presettled)
        end(ch);
}

static void channel_free(struct channel *ch)
{
    loop_timer(ch->cfg.loop, &ch->round, NEVER);
    while (ch->all) {
        struct item *i = ch->all;
        ch->all = i->all;
        free(i);
    }
    free(ch->lanes);
    free(ch);
}

const struct transport null_transport = {
    .name = "null",
    .libraries = "",
    .lane_per_address = true,
    .check = check,
    .open = channel_open,
    .close = channel_close,
    .flush = channel_flush,
    .free = channel_free,
    .grant = channel_grant,
    .settle = channel_settle,
    .hold = channel_hold,
    .stop = channel_stop,
    .publish = channel_publish,
};
