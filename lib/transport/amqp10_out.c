/* amqp10_out.c: the sending half of AMQP 1.0 (amqp10.h). */
#include <proton/connection.h>
#include <proton/delivery.h>
#include <proton/link.h>
#include <proton/session.h>
#include <proton/version.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "line/report.h"
#include "transport/amqp10.h"
#include "transport/amqp10_encode.h"
#include "transport/amqp10_outcome.h"
#include "transport/amqp10_senders.h"

#include "base/banned.h"

enum {
    /* proton turns the buffer of a message that is larger than the peer's window round byte by byte, for each frame: so
     * it is given no more of one at a time */
    CHUNK_BYTES = 128 * 1024,
    KEEP_BYTES = 256 * 1024,
    UNSENT_MAX_BYTES = 1024 * 1024, /* of messages that nobody confirms */
};

static const char SENDING_FAILED[] = "connectivity:message.sending.failed";

/* A message that waits for its confirmation. */
struct parcel {
    struct parcel *prev, *next; /* oldest first; next: of the spare ones */
    void *ticket;
    struct sender *sender;
    pn_delivery_t *delivery;
    msec since;
};

struct channel {
    struct channel_config cfg;
    struct channel_user user;
    struct amqp10_driver driver;
    struct senders senders;
    struct amqp10_encoder encoder;
    struct buf encoded;
    struct parcel *oldest, *newest, *spare;
    struct timer expiry, nudge;
    uint64_t n_sent;
    size_t n_waiting; /* links of targets that the peer has not answered yet */
    size_t n_large;
    bool relay;    /* the peer offers the anonymous terminus */
    bool full;     /* said so */
    bool too_much; /* … because of what waits to be written */
};

static void on_nudge(struct timer *t)
{
    (void)t; /* the engine works on its lines before each poll: one more turn is all it takes */
}

static void wake(struct channel *ch)
{
    if (!ch->full)
        return;
    ch->full = false;
    loop_timer(ch->cfg.loop, &ch->nudge, clock_ms());
    ch->user.writable(ch->user.arg);
}

/* --- parcels ----------------------------------------------------------------------------------------------------- */

static struct parcel *parcel_new(struct channel *ch, struct sender *s, void *ticket)
{
    struct parcel *p = ch->spare;
    if (p)
        ch->spare = p->next;
    else
        p = xmalloc(sizeof *p);
    *p = (struct parcel){.prev = ch->newest, .ticket = ticket, .sender = s, .since = clock_ms()};
    *(p->prev ? &p->prev->next : &ch->oldest) = p;
    ch->newest = p;
    s->unsettled++;
    return p;
}

/* Its fate is known; the delivery is gone by now, or goes with its link. */
static void finish(struct channel *ch, struct parcel *p, const struct ditto_error *why)
{
    struct sender *s = p->sender;
    void *ticket = p->ticket;
    *(p->prev ? &p->prev->next : &ch->oldest) = p->next;
    *(p->next ? &p->next->prev : &ch->newest) = p->prev;
    p->next = ch->spare;
    ch->spare = p;
    s->unsettled--;
    if (s->large == p) {
        s->large = NULL;
        buf_free(&s->rest);
        ch->n_large--;
    }
    ch->user.confirmed(ch->user.arg, ticket, why);
    wake(ch);
}

/* --- fates ------------------------------------------------------------------------------------------------------- */

/* A peer that is slow is not silent: the clock of a message starts again when an older one of its link is answered. So
 * only the oldest of a link can be the first to expire, and only its clock is kept right. */
static void restart_clock(struct parcel *p)
{
    struct parcel *next = p->sender->unsettled > 1 ? p->next : NULL;
    while (next && next->sender != p->sender)
        next = next->next;
    if (next)
        next->since = clock_ms();
}

static void on_delivery(struct channel *ch, pn_delivery_t *d)
{
    struct parcel *p = pn_delivery_get_context(d);
    struct ditto_error err = {0};
    uint64_t state = pn_delivery_remote_state(d);
    if (!p || (!pn_delivery_settled(d) && (state < PN_ACCEPTED || state > PN_MODIFIED)))
        return;
    bool accepted = amqp10_outcome_accepted(d, &err);
    if (log_at(LOG_TRACE))
        trace("a message to '%s' was %s", transport_shown(buf_slice(&p->sender->address)),
              accepted ? "accepted" : "not accepted");
    pn_delivery_set_context(d, NULL);
    pn_delivery_settle(d);
    p->sender->proven = true;
    restart_clock(p);
    finish(ch, p, accepted ? NULL : &err);
}

/* What was never sent must not be sent later on; of what was sent only the confirmation comes too late. */
static void expire(struct channel *ch, struct parcel *p)
{
    struct ditto_error err = {0};
    pn_delivery_t *d = p->delivery;
    ditto_fail(&err, 408, SENDING_FAILED, NULL, NULL, "The peer did not confirm the message within %lld ms.",
               (long long)ch->driver.options.send_ms);
    pn_delivery_set_context(d, NULL);
    if (pn_delivery_buffered(d) || p->sender->large == p)
        pn_delivery_abort(d);
    else
        pn_delivery_settle(d);
    finish(ch, p, &err);
}

/* The timer may be early: then it looks again. So it need not be moved at every confirmation. */
static void on_expiry(struct timer *t)
{
    struct channel *ch = t->arg;
    msec now = clock_ms(), ms = ch->driver.options.send_ms, nearest = NEVER;
    struct parcel *p = ch->oldest, *next;
    for (struct sender *s = ch->senders.newest; s; s = s->older)
        s->clock = 0;
    for (; p; p = next) {
        next = p->next;
        if (p->since < p->sender->clock)
            p->since = p->sender->clock;
        p->sender->clock = p->since;
        if (p->since + ms <= now)
            expire(ch, p);
        else if (p->since + ms < nearest)
            nearest = p->since + ms;
    }
    loop_timer(ch->cfg.loop, t, nearest);
}

/* No clock has started later than now, so a timer that is armed is not too late for a new one. */
static void arm_expiry(struct channel *ch)
{
    msec ms = ch->driver.options.send_ms;
    if (!ch->oldest && ch->expiry.at != NEVER)
        loop_timer(ch->cfg.loop, &ch->expiry, NEVER);
    else if (ch->oldest && ch->expiry.at == NEVER && ms != NEVER)
        loop_timer(ch->cfg.loop, &ch->expiry, ch->oldest->since + ms);
}

/* --- links ------------------------------------------------------------------------------------------------------- */

static void tell(const struct sender *s, const char *state, const char *detail)
{
    if (s->target >= 0)
        report_place(CATEGORY_TARGET, (unsigned)s->target, -1, state, detail);
}

static void opened(struct channel *ch)
{
    amqp10_driver_opened(&ch->driver);
    ch->user.opened(ch->user.arg);
}

/* Is there a link that a target is kept for and that the peer did not refuse? */
static bool any_target_attached(const struct channel *ch)
{
    for (const struct sender *s = ch->senders.newest; s; s = s->older)
        if (s->target >= 0 && s->state == ATTACHED)
            return true;
    return false;
}

/* A target that is refused does no harm to the others; if all are, the connection is of no use. */
static void answered(struct channel *ch, struct sender *s, pn_condition_t *why)
{
    if (s->target < 0 || !ch->n_waiting || --ch->n_waiting)
        return;
    if (why && !any_target_attached(ch))
        amqp10_driver_ended(&ch->driver, "refused the link to ", buf_slice(&s->address), why);
    else
        opened(ch);
}

static void on_attached(struct channel *ch, pn_link_t *link)
{
    struct sender *s = pn_link_get_context(link);
    if (!s || amqp10_is_refusal(pn_link_remote_target(link), s->anonymous))
        return;
    s->state = ATTACHED;
    info("publishing to %s%s%s", s->anonymous ? "any address, on one link" : "'",
         transport_shown(buf_slice(&s->address)), s->anonymous ? "" : "'");
    tell(s, "open", NULL);
    answered(ch, s, NULL);
    wake(ch);
}

/* The parcels of a link that the peer ended: what it had of them it may forget. */
static void give_back(struct channel *ch, struct sender *s, const struct ditto_error *why)
{
    struct parcel *p = ch->oldest, *next;
    for (; p; p = next) {
        next = p->next;
        if (p->sender != s)
            continue;
        pn_delivery_set_context(p->delivery, NULL);
        finish(ch, p, why);
    }
}

/* A link that ends before anything on it was answered was refused, whatever its attach looked like. */
static void lose(struct channel *ch, struct sender *s, pn_condition_t *c)
{
    struct ditto_error why = {0};
    char text[AMQP10_CONDITION_SIZE];
    bool refused = !s->proven, attaching = s->state == ATTACHING, had_any = s->unsettled > 0;
    amqp10_condition_text(text, c);
    warn("the peer %s the link to '%s': %s", refused ? "refused" : "closed",
         transport_shown(buf_slice(&s->address)), text);
    tell(s, "failed", text);
    amqp10_outcome_fail(&why, refused ? amqp10_outcome_status(c, 503) : 503,
                        refused ? "The peer refused the link" : "The peer closed the link", c);
    s->state = REFUSED;
    s->link = NULL;
    give_back(ch, s, &why);
    if (refused && !had_any)
        s->refusal = why;
    if (attaching)
        answered(ch, s, c);
}

static void on_detached(struct channel *ch, pn_link_t *link)
{
    struct sender *s = pn_link_get_context(link);
    if (s)
        lose(ch, s, pn_link_remote_condition(link));
    pn_link_set_context(link, NULL);
    pn_link_close(link);
    pn_link_free(link);
    wake(ch);
}

static void on_flow(struct channel *ch, pn_link_t *link)
{
    if (pn_link_get_drain(link))
        pn_link_drained(link);
    wake(ch);
}

/* --- the connection ---------------------------------------------------------------------------------------------- */

static bool offers_relay(pn_connection_t *c)
{
    static const struct slice relay = {"ANONYMOUS-RELAY", 15};
    pn_data_t *d = pn_connection_remote_offered_capabilities(c);
    if (!d)
        return false;
    pn_data_rewind(d);
    if (!pn_data_next(d))
        return false;
    if (pn_data_type(d) == PN_ARRAY) {
        pn_data_enter(d);
        if (!pn_data_next(d))
            return false;
    }
    do {
        pn_bytes_t s = pn_data_type(d) == PN_SYMBOL ? pn_data_get_symbol(d) : (pn_bytes_t){0, NULL};
        if (slice_eq(slice_of(s.start, s.size), relay))
            return true;
    } while (pn_data_next(d));
    return false;
}

static void on_event(void *arg, pn_event_t *e)
{
    struct channel *ch = arg;
    switch (pn_event_type(e)) {
    case PN_CONNECTION_REMOTE_OPEN:
        ch->relay = offers_relay(pn_event_connection(e));
        if (!ch->n_waiting)
            opened(ch);
        break;
    case PN_LINK_REMOTE_OPEN: on_attached(ch, pn_event_link(e)); break;
    case PN_LINK_REMOTE_CLOSE:
    case PN_LINK_REMOTE_DETACH: on_detached(ch, pn_event_link(e)); break;
    case PN_LINK_FLOW: on_flow(ch, pn_event_link(e)); break;
    case PN_DELIVERY: on_delivery(ch, pn_event_delivery(e)); break;
    default: break;
    }
}

static void on_closed(void *arg, int exit_code, const char *reason)
{
    struct channel *ch = arg;
    ch->user.closed(ch->user.arg, exit_code, reason);
}

static bool is_literal(struct slice address)
{
    for (size_t i = 0; i + 1 < address.len; i++)
        if (address.p[i] == '{' && address.p[i + 1] == '{')
            return false;
    return address.len > 0;
}

static void attach_targets(struct channel *ch)
{
    const struct connection *c = ch->cfg.connection;
    for (size_t i = 0; i < c->n_targets; i++)
        if (is_literal(c->targets[i].address) && !senders_find(&ch->senders, c->targets[i].address, false)) {
            senders_get(&ch->senders, c->targets[i].address, false, (int)i);
            ch->n_waiting++;
        }
}

static struct channel *channel_open(const struct channel_config *cfg, const struct channel_user *user)
{
    struct channel *ch = xcalloc(1, sizeof *ch);
    ch->cfg = *cfg;
    ch->user = *user;
    ch->expiry = (struct timer){.at = NEVER, .fire = on_expiry, .arg = ch};
    ch->nudge = (struct timer){.at = NEVER, .fire = on_nudge, .arg = ch};
    amqp10_driver_init(&ch->driver, cfg, "out");
    ch->driver.event = on_event;
    ch->driver.closed = on_closed;
    ch->driver.arg = ch;
    ch->senders = (struct senders){.session = ch->driver.session,
                                   .name = cfg->connection->id,
                                   .presettled = ch->driver.options.presettle_out};
    attach_targets(ch);
    amqp10_driver_connect(&ch->driver, cfg->connect_ms);
    return ch;
}

static void channel_close(struct channel *ch)
{
    amqp10_driver_close(&ch->driver);
}

static void channel_free(struct channel *ch)
{
    struct parcel *p;
    loop_timer(ch->cfg.loop, &ch->expiry, NEVER);
    loop_timer(ch->cfg.loop, &ch->nudge, NEVER);
    senders_free(&ch->senders);
    amqp10_driver_free(&ch->driver);
    amqp10_encoder_free(&ch->encoder);
    buf_free(&ch->encoded);
    while ((p = ch->oldest)) {
        ch->oldest = p->next;
        free(p);
    }
    while ((p = ch->spare)) {
        ch->spare = p->next;
        free(p);
    }
    free(ch);
}

/* --- sending ----------------------------------------------------------------------------------------------------- */

/* The rest of a large message, as far as proton has got rid of what it was given. */
static bool pump(struct channel *ch, struct sender *s)
{
    pn_delivery_t *d = s->large ? s->large->delivery : NULL;
    if (!d || pn_delivery_pending(d) >= CHUNK_BYTES)
        return false;
    size_t n = s->rest.len < CHUNK_BYTES ? s->rest.len : CHUNK_BYTES;
    pn_link_send(s->link, buf_p(&s->rest), n);
    buf_take(&s->rest, n);
    if (s->rest.len)
        return true;
    pn_link_advance(s->link);
    buf_free(&s->rest);
    s->large = NULL;
    ch->n_large--;
    wake(ch);
    return true;
}

static bool pump_all(struct channel *ch)
{
    bool moved = false;
    for (struct sender *s = ch->senders.newest; s && ch->n_large && !ch->driver.over; s = s->older)
        moved = pump(ch, s) || moved;
    return moved;
}

static bool is_drained(const struct channel *ch)
{
    return pn_session_outgoing_bytes(ch->driver.session) < UNSENT_MAX_BYTES;
}

/* Nobody confirms what is settled beforehand, so it waits for the peer's credit here. */
static bool has_room(struct channel *ch, const struct sender *s)
{
    ch->too_much = ch->senders.presettled && !is_drained(ch);
    return !ch->senders.presettled || (pn_link_credit(s->link) > 0 && !ch->too_much);
}

static void channel_flush(struct channel *ch)
{
    do
        amqp10_drive(&ch->driver);
    while (pump_all(ch));
    if (ch->too_much && is_drained(ch))
        wake(ch);
    arm_expiry(ch);
}

static pn_delivery_t *begin(struct channel *ch, struct sender *s)
{
    uint64_t tag = ++ch->n_sent;
    return pn_delivery(s->link, pn_dtag((const char *)&tag, sizeof tag));
}

static void send_whole(struct channel *ch, struct sender *s, void *ticket)
{
    pn_delivery_t *d = begin(ch, s);
    pn_link_send(s->link, buf_p(&ch->encoded), ch->encoded.len);
    pn_link_advance(s->link);
    if (ch->senders.presettled) {
        pn_delivery_settle(d);
        ch->user.confirmed(ch->user.arg, ticket, NULL);
        return;
    }
    struct parcel *p = parcel_new(ch, s, ticket);
    p->delivery = d;
    pn_delivery_set_context(d, p);
}

static void send_in_pieces(struct channel *ch, struct sender *s, void *ticket)
{
    struct parcel *p = parcel_new(ch, s, ticket);
    p->delivery = begin(ch, s);
    pn_delivery_set_context(p->delivery, p);
    buf_free(&s->rest);
    s->rest = ch->encoded;
    ch->encoded = (struct buf){0};
    s->large = p;
    ch->n_large++;
    (void)pump(ch, s);
}

/* A header `to` that says something else than the address needs a link of its own. */
static bool goes_anonymously(const struct channel *ch, const struct outgoing *m)
{
    struct json to = json_get(m->headers, S("to"));
    return ch->relay && (!json_present(to) || json_text_is(to, m->address));
}

static struct sender *sender_for(struct channel *ch, const struct outgoing *m)
{
    struct sender *s = senders_find(&ch->senders, m->address, false);
    bool anonymous = !s && goes_anonymously(ch, m);
    return senders_get(&ch->senders, m->address, anonymous, s ? s->target : -1);
}

/* The refusal is told once: the next message asks the peer again. */
static int refused(struct channel *ch, struct sender *s, struct ditto_error *err)
{
    struct ditto_error why = s->refusal;
    int target = s->target;
    if (why.status) {
        *err = why;
        s->refusal = (struct ditto_error){0};
        return -1;
    }
    struct buf address = s->address;
    s->address = (struct buf){0};
    bool anonymous = s->anonymous;
    senders_drop(&ch->senders, s);
    senders_get(&ch->senders, buf_slice(&address), anonymous, target);
    buf_free(&address);
    return 0;
}

static int too_large(const struct channel *ch, const struct sender *s, struct ditto_error *err)
{
    uint64_t most = pn_link_remote_max_message_size(s->link);
    if (!most || ch->encoded.len <= most)
        return 0;
    return ditto_fail(err, 413, SENDING_FAILED, NULL, NULL,
                      "The message has %zu bytes, the peer takes no more than %llu.", ch->encoded.len,
                      (unsigned long long)most);
}

static int encode(struct channel *ch, const struct sender *s, const struct outgoing *m,
                  struct ditto_error *err)
{
    const struct amqp10_options *o = &ch->driver.options;
    buf_reset(&ch->encoded, KEEP_BYTES);
    return amqp10_encode(&ch->encoder, &ch->encoded, m, !ch->senders.presettled,
                         o->user_id ? o->user : SLICE_NONE, s->anonymous ? m->address : SLICE_NONE, err);
}

static int dispatch(struct channel *ch, struct sender *s, const struct outgoing *m, void *ticket,
                    struct ditto_error *err)
{
    if (encode(ch, s, m, err) < 0 || too_large(ch, s, err) < 0)
        return -1;
    if (log_at(LOG_TRACE))
        trace("publishing a message of %zu bytes to '%s'", ch->encoded.len, transport_shown(m->address));
    if (ch->encoded.len <= CHUNK_BYTES || ch->senders.presettled)
        send_whole(ch, s, ticket);
    else
        send_in_pieces(ch, s, ticket);
    return 1;
}

static int channel_publish(struct channel *ch, const struct outgoing *m, void *ticket,
                           struct ditto_error *err)
{
    if (!m->address.len || memchr(m->address.p, 0, m->address.len))
        return ditto_fail(err, 400, SENDING_FAILED, NULL, "/address",
                          "The address is empty or has a NUL character.");
    struct sender *s = sender_for(ch, m);
    int r = 0;
    if (s && s->state == REFUSED)
        r = refused(ch, s, err);
    else if (s && s->state == ATTACHED && !s->rest.len && has_room(ch, s))
        r = dispatch(ch, s, m, ticket, err);
    ch->full = r == 0;
    return r;
}

/* --- the transport ----------------------------------------------------------------------------------------------- */

const struct transport amqp10_out_transport = {
    .name = "amqp-10",
    .libraries = AMQP10_LIBRARIES,
    .check = amqp10_transport_check,
    .open = channel_open,
    .close = channel_close,
    .flush = channel_flush,
    .free = channel_free,
    .publish = channel_publish,
};
