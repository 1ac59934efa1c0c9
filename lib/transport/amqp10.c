#include "transport/amqp10.h"

#include <proton/condition.h>
#include <proton/connection.h>
#include <proton/delivery.h>
#include <proton/link.h>
#include <proton/session.h>
#include <proton/terminus.h>
#include <proton/version.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "transport/amqp10_driver.h"
#include "transport/amqp10_message.h"

#include "base/banned.h"

enum {
    /* properties and annotations come on top of a payload */
    MESSAGE_MAX_BYTES = PAYLOAD_MAX_BYTES + 1024 * 1024,
    KEEP_BYTES = 64 * 1024,
};

/* The receiving link of a lane. */
struct receiver {
    struct channel *channel;
    size_t lane;
    pn_link_t *link;
    struct buf bytes; /* of the delivery at hand, which may come in pieces */
    bool too_large;   /* it is: the rest is read and thrown away */
    bool modified;    /* the peer's source offers that outcome */
};

struct channel {
    struct channel_config cfg;
    struct channel_user user;
    struct amqp10_driver driver;
    struct amqp10_message message;
    struct receiver *receivers; /* of each lane */
    size_t n_attached;
    bool held, stopped;
};

static void on_closed(void *arg, int exit_code, const char *reason)
{
    struct channel *ch = arg;
    ch->user.closed(ch->user.arg, exit_code, reason);
}

/* --- links ------------------------------------------------------------------------------------------------------- */

static struct slice address_of(const struct receiver *r)
{
    return r->channel->cfg.lanes[r->lane].address;
}

static const char *shown_address(const struct receiver *r)
{
    return transport_shown(address_of(r));
}

static void attach(struct channel *ch, size_t i)
{
    const struct lane *lane = &ch->cfg.lanes[i];
    struct receiver *r = &ch->receivers[i];
    struct buf name = {0};
    buf_printf(&name, "%.*s-%u-%.*s-%u", SLICE_ARG(ch->cfg.connection->id), lane->source,
               SLICE_ARG(lane->address), lane->consumer);
    *r = (struct receiver){.channel = ch, .lane = i, .modified = true};
    r->link = pn_receiver(ch->driver.session, buf_z(&name));
    buf_free(&name);
    pn_link_set_context(r->link, r);
    amqp10_set_address(pn_link_source(r->link), lane->address);
    pn_link_set_snd_settle_mode(r->link, ch->cfg.presettled ? PN_SND_SETTLED : PN_SND_UNSETTLED);
    pn_link_set_rcv_settle_mode(r->link, PN_RCV_FIRST);
    pn_link_open(r->link);
}

/* Does the peer's source offer the outcome? A peer that lists none leaves it open (AMQP 1.0 part 3, 3.5.3). */
static bool offers(pn_link_t *link, const char *outcome)
{
    pn_data_t *d = pn_terminus_outcomes(pn_link_remote_source(link));
    bool any = false;
    pn_data_rewind(d);
    if (!pn_data_next(d))
        return true;
    if (pn_data_type(d) == PN_ARRAY) {
        pn_data_enter(d);
        pn_data_next(d);
    }
    do {
        if (pn_data_type(d) != PN_SYMBOL)
            continue;
        pn_bytes_t s = pn_data_get_symbol(d);
        any = true;
        if (slice_eq(slice_of(s.start, s.size), slice_str(outcome)))
            return true;
    } while (pn_data_next(d));
    return !any;
}

static void on_attached(struct channel *ch, pn_link_t *link)
{
    struct receiver *r = pn_link_get_context(link);
    if (!r || amqp10_is_refusal(pn_link_remote_source(link), false))
        return;
    r->modified = offers(link, "amqp:modified:list");
    info("consuming from '%s'%s", shown_address(r),
         r->modified ? "" : " (the peer does not offer 'modified': 'released' stands for it)");
    if (++ch->n_attached < ch->cfg.n_lanes)
        return;
    amqp10_driver_opened(&ch->driver);
    ch->user.opened(ch->user.arg);
}

/* --- receiving --------------------------------------------------------------------------------------------------- */

static void dispose(pn_delivery_t *d, uint64_t outcome)
{
    pn_delivery_update(d, outcome);
    pn_delivery_settle(d);
}

static void refuse(struct receiver *r, pn_delivery_t *d, const char *why)
{
    warn("a message from '%s' is rejected: %s", shown_address(r), why);
    dispose(d, PN_REJECTED);
    r->channel->user.refused(r->channel->user.arg, r->lane);
}

/* Takes what has come of the delivery. True when it is complete. */
static bool gather(struct receiver *r, pn_delivery_t *d)
{
    size_t n;
    while ((n = pn_delivery_pending(d)) > 0) {
        ssize_t got = pn_link_recv(r->link, buf_room(&r->bytes, n), n);
        if (got <= 0)
            break;
        buf_added(&r->bytes, (size_t)got);
        r->too_large = r->too_large || r->bytes.len > MESSAGE_MAX_BYTES;
        if (r->too_large)
            buf_cut(&r->bytes, 0);
    }
    return !pn_delivery_partial(d);
}

static void hand_over(struct receiver *r, pn_delivery_t *d)
{
    struct channel *ch = r->channel;
    struct amqp10_message *m = &ch->message;
    if (r->too_large) {
        refuse(r, d, "it is larger than 16 MiB");
        return;
    }
    if (amqp10_message_read(m, buf_slice(&r->bytes)) < 0) {
        refuse(r, d, "it is no AMQP message");
        return;
    }
    if (m->payload.len > PAYLOAD_MAX_BYTES) {
        refuse(r, d, "its payload is larger than 16 MiB");
        return;
    }
    if (m->body)
        warn("a message from '%s' goes on without a payload: its body is %s", shown_address(r), m->body);
    struct buf *line = ch->user.begin(ch->user.arg, r->lane, address_of(r), d, m->delivery_count);
    amqp10_message_put(line, m);
    ch->user.end(ch->user.arg);
    /* a peer that does not settle before it sends, though asked to */
    if (ch->cfg.presettled)
        dispose(d, PN_ACCEPTED);
}

/* False: nothing more to do on this link for now. */
static bool receive_one(struct receiver *r)
{
    struct channel *ch = r->channel;
    pn_delivery_t *d = pn_link_current(r->link);
    if (!d || ch->held || ch->driver.over)
        return false;
    if (pn_delivery_aborted(d))
        refuse(r, d, "the peer aborted it");
    else if (!gather(r, d))
        return false;
    else {
        pn_link_advance(r->link);
        if (ch->stopped)
            dispose(d, PN_RELEASED);
        else
            hand_over(r, d);
    }
    buf_reset(&r->bytes, KEEP_BYTES);
    r->too_large = false;
    return true;
}

static void receive(struct receiver *r)
{
    while (receive_one(r))
        continue;
}

/* --- events ------------------------------------------------------------------------------------------------------ */

static void on_event(void *arg, pn_event_t *e)
{
    struct channel *ch = arg;
    pn_link_t *link = pn_event_link(e);
    struct receiver *r = link ? pn_link_get_context(link) : NULL;
    switch (pn_event_type(e)) {
    case PN_LINK_REMOTE_OPEN: on_attached(ch, link); break;
    case PN_DELIVERY:
        if (r)
            receive(r);
        break;
    case PN_LINK_REMOTE_CLOSE:
    case PN_LINK_REMOTE_DETACH:
        amqp10_driver_ended(&ch->driver, ch->driver.opened ? "closed the link to " : "refused the link to ",
                            r ? address_of(r) : SLICE_NONE, pn_link_remote_condition(link));
        break;
    default: break;
    }
}

/* --- opening and closing ----------------------------------------------------------------------------------------- */

static int check_addresses(const struct source *s, struct ditto_error *err)
{
    char pointer[32];
    (void)snprintf(pointer, sizeof pointer, "/sources/%zu/addresses", s->index);
    for (size_t i = 0; i < s->addresses.n; i++)
        if (memchr(s->addresses.v[i].p, 0, s->addresses.v[i].len))
            return ditto_fail(err, 400, "connectivity:connection.configuration.invalid", NULL, pointer,
                              "An address has no NUL character.");
    return 0;
}

int amqp10_transport_check(const struct connection *c, struct ditto_error *err)
{
    if (c->type != TYPE_AMQP_10)
        return ditto_fail(err, 400, "connectivity:connection.configuration.invalid", NULL, "/connectionType",
                          "The connection is of type '%.*s', not amqp-10.", SLICE_ARG(c->type_text));
    for (size_t i = 0; i < c->n_sources; i++)
        if (check_addresses(&c->sources[i], err) < 0)
            return -1;
    return transport_check_ends(c, err);
}

static struct channel *channel_open(const struct channel_config *cfg, const struct channel_user *user)
{
    struct channel *ch = xcalloc(1, sizeof *ch);
    ch->cfg = *cfg;
    ch->user = *user;
    amqp10_driver_init(&ch->driver, cfg, "in");
    ch->driver.event = on_event;
    ch->driver.closed = on_closed;
    ch->driver.arg = ch;
    ch->receivers = xcalloc(cfg->n_lanes, sizeof *ch->receivers);
    for (size_t i = 0; i < cfg->n_lanes; i++)
        attach(ch, i);
    amqp10_driver_connect(&ch->driver, cfg->connect_ms);
    return ch;
}

static void channel_close(struct channel *ch)
{
    amqp10_driver_close(&ch->driver);
}

static void channel_free(struct channel *ch)
{
    amqp10_driver_free(&ch->driver);
    for (size_t i = 0; i < ch->cfg.n_lanes; i++)
        buf_free(&ch->receivers[i].bytes);
    free(ch->receivers);
    amqp10_message_free(&ch->message);
    free(ch);
}

static void channel_flush(struct channel *ch)
{
    amqp10_drive(&ch->driver);
}

/* --- windows and fates ------------------------------------------------------------------------------------------- */

static void channel_grant(struct channel *ch, size_t lane, unsigned n)
{
    pn_link_flow(ch->receivers[lane].link, (int)n);
}

static void channel_settle(struct channel *ch, void *handle, enum line_class fate)
{
    pn_delivery_t *d = handle;
    const struct receiver *r = pn_link_get_context(pn_delivery_link(d));
    (void)ch;
    if (fate == CLASS_ACCEPT) {
        dispose(d, PN_ACCEPTED);
    } else if (fate == CLASS_REJECT) {
        dispose(d, PN_REJECTED);
    } else if (r->modified) {
        pn_disposition_set_failed(pn_delivery_local(d), true);
        dispose(d, PN_MODIFIED);
    } else {
        dispose(d, PN_RELEASED);
    }
}

static void channel_hold(struct channel *ch, bool held)
{
    ch->held = held;
    for (size_t i = 0; !held && i < ch->cfg.n_lanes; i++)
        receive(&ch->receivers[i]);
}

static void channel_stop(struct channel *ch)
{
    ch->stopped = true;
    for (size_t i = 0; i < ch->cfg.n_lanes; i++)
        pn_link_flow(ch->receivers[i].link, -pn_link_remote_credit(ch->receivers[i].link));
}

const struct transport amqp10_transport = {
    .name = "amqp-10",
    .libraries = AMQP10_LIBRARIES,
    .lane_per_address = true,
    .check = amqp10_transport_check,
    .open = channel_open,
    .close = channel_close,
    .flush = channel_flush,
    .free = channel_free,
    .grant = channel_grant,
    .settle = channel_settle,
    .hold = channel_hold,
    .stop = channel_stop,
};
