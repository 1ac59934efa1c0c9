#include "transport/amqp10.h"

#include <errno.h>
#include <proton/connection.h>
#include <proton/connection_driver.h>
#include <proton/delivery.h>
#include <proton/link.h>
#include <proton/message.h>
#include <proton/sasl.h>
#include <proton/session.h>
#include <proton/transport.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "transport/amqp10_message.h"
#include "transport/tcp.h"

#include "base/banned.h"

enum {
    IDLE_TIMEOUT_MS = 60000,
    CLOSE_MS = 2000, /* for the peer's closing frames */
    MESSAGE_MAX_BYTES = PAYLOAD_MAX_BYTES + 65536,
};

/* One receiving link: an address of a source, one of its consumers. */
struct receiver {
    struct channel *channel;
    pn_link_t *link;
    unsigned lane;
    struct slice address;
    struct buf body; /* of a delivery that arrives in pieces */
    bool attached, modified_offered;
};

struct channel {
    struct channel_config cfg;
    struct channel_user user;
    pn_connection_driver_t driver;
    pn_session_t *session;
    pn_message_t *message;
    struct tcp tcp;
    struct watch watch;
    struct timer tick, deadline, ending;
    struct receiver *receivers;
    size_t n_receivers, n_attached;
    bool connected, open, held, stopped, closing, gone;
    int exit_code;
};

/* ---- ends ---- */

/* The engine is told from the loop, never from inside one of its own calls. */
static void gone(struct channel *ch, int exit_code)
{
    if (ch->gone)
        return;
    ch->gone = true;
    ch->exit_code = exit_code;
    loop_timer(ch->cfg.loop, &ch->tick, NEVER);
    loop_timer(ch->cfg.loop, &ch->deadline, NEVER);
    ch->watch.off = true;
    loop_timer(ch->cfg.loop, &ch->ending, clock_ms());
}

static void on_ending(struct timer *t)
{
    struct channel *ch = t->arg;
    ch->user.closed(ch->user.arg, ch->exit_code);
}

static void fail(struct channel *ch, int exit_code, const char *reason)
{
    if (ch->gone)
        return;
    error("cannot %s '%.*s:%u': %s", ch->open ? "keep the connection to" : "connect to",
          SLICE_ARG(ch->cfg.connection->uri.host), ch->cfg.connection->uri.port, reason);
    gone(ch, exit_code);
}

/* Conditions that only a change of the configuration can cure. */
static int code_of(const char *condition)
{
    bool permanent = condition && (strcmp(condition, "amqp:unauthorized-access") == 0 || strcmp(condition, "amqp:not-allowed") == 0);
    return permanent ? EXIT_PERMANENT : EXIT_TEMPORARY;
}

static void fail_condition(struct channel *ch, const char *what, struct slice object, pn_condition_t *c)
{
    char reason[512];
    const char *name = c ? pn_condition_get_name(c) : NULL, *text = c ? pn_condition_get_description(c) : NULL;
    if (ch->closing) {
        gone(ch, EXIT_DONE);
        return;
    }
    snprintf(reason, sizeof reason, "%s%s%.*s%s: %s%s%s", what, object.len ? " '" : "", SLICE_ARG(object), object.len ? "'" : "",
             name ? name : "without a reason", text ? ": " : "", text ? text : "");
    fail(ch, code_of(name), reason);
}

/* ---- links ---- */

/* Ditto's addresses may say what they name: "queue://x", "topic://x". */
static void set_source(pn_link_t *link, struct slice address)
{
    static const struct {
        struct slice prefix;
        const char *capability;
    } kinds[] = {{{"queue://", 8}, "queue"}, {{"topic://", 8}, "topic"}};
    pn_terminus_t *source = pn_link_source(link);
    struct buf z = {0};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (slice_starts(address, kinds[i].prefix)) {
            address = slice_skip(address, kinds[i].prefix.len);
            pn_data_put_symbol(pn_terminus_capabilities(source), pn_bytes(5, kinds[i].capability));
        }
    buf_put_slice(&z, address);
    pn_terminus_set_address(source, buf_z(&z));
    buf_free(&z);
}

static void add_receiver(struct channel *ch, unsigned lane, struct slice address, unsigned consumer)
{
    struct receiver *r = &ch->receivers[ch->n_receivers++];
    struct buf name = {0};
    *r = (struct receiver){.channel = ch, .lane = lane, .address = address, .modified_offered = true};
    buf_printf(&name, "%.*s-%u-%.*s-%u", SLICE_ARG(ch->cfg.connection->id), lane, SLICE_ARG(address), consumer);
    r->link = pn_receiver(ch->session, buf_z(&name));
    buf_free(&name);
    pn_link_set_context(r->link, r);
    set_source(r->link, address);
    pn_link_set_snd_settle_mode(r->link, ch->cfg.presettled ? PN_SND_SETTLED : PN_SND_UNSETTLED);
    pn_link_set_rcv_settle_mode(r->link, PN_RCV_FIRST);
    pn_link_open(r->link);
}

static bool wanted(const struct channel *ch, size_t lane)
{
    return ch->cfg.only < 0 || (size_t)ch->cfg.only == lane;
}

static void add_receivers(struct channel *ch)
{
    const struct connection *c = ch->cfg.connection;
    size_t n = 0;
    for (size_t s = 0; s < c->n_sources; s++)
        n += wanted(ch, s) ? c->sources[s].addresses.n * c->sources[s].consumer_count : 0;
    ch->receivers = xcalloc(n ? n : 1, sizeof *ch->receivers);
    for (size_t s = 0; s < c->n_sources; s++)
        for (size_t a = 0; wanted(ch, s) && a < c->sources[s].addresses.n; a++)
            for (unsigned k = 0; k < c->sources[s].consumer_count; k++)
                add_receiver(ch, (unsigned)s, c->sources[s].addresses.v[a], k);
}

/* Does the peer's source offer the outcome? A peer that lists none leaves it open (AMQP 1.0, 3.5.3). */
static bool offers(pn_link_t *link, const char *outcome)
{
    pn_data_t *d = pn_terminus_outcomes(pn_link_remote_source(link));
    bool any = false;
    pn_data_rewind(d);
    if (!pn_data_next(d))
        return true;
    if (pn_data_type(d) == PN_ARRAY)
        pn_data_enter(d), pn_data_next(d);
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
    /* a refused link is attached without a source, and detached right after that with the reason (2.6.3) */
    if (!r || pn_terminus_get_type(pn_link_remote_source(link)) == PN_UNSPECIFIED)
        return;
    r->attached = true;
    r->modified_offered = offers(link, "amqp:modified:list");
    info("consuming from '%.*s'%s", SLICE_ARG(r->address), r->modified_offered ? "" : " (the peer does not know 'modified': it gets 'released')");
    if (++ch->n_attached < ch->n_receivers)
        return;
    ch->open = true;
    loop_timer(ch->cfg.loop, &ch->deadline, NEVER);
    ch->user.opened(ch->user.arg);
}

/* ---- receiving ---- */

static void dispose(pn_delivery_t *d, uint64_t outcome)
{
    pn_delivery_update(d, outcome);
    pn_delivery_settle(d);
}

static void refuse(struct receiver *r, pn_delivery_t *d, const char *why)
{
    warn("a message from '%.*s' is rejected: %s", SLICE_ARG(r->address), why);
    dispose(d, PN_REJECTED);
    buf_reset(&r->body, 65536);
    r->channel->user.refused(r->channel->user.arg, r->lane);
}

/* Takes what has come of the delivery. True when it is complete. */
static bool gather(struct receiver *r, pn_delivery_t *d)
{
    for (;;) {
        size_t n = pn_delivery_pending(d);
        ssize_t got = pn_link_recv(r->link, buf_room(&r->body, n ? n : 1), n);
        if (got == PN_EOS)
            return true;
        if (got <= 0)
            return !pn_delivery_partial(d);
        buf_added(&r->body, (size_t)got);
    }
}

static void hand_over(struct receiver *r, pn_delivery_t *d)
{
    struct channel *ch = r->channel;
    struct slice bytes = buf_slice(&r->body);
    pn_message_clear(ch->message);
    if (pn_message_decode(ch->message, bytes.p, bytes.len) != 0) {
        refuse(r, d, "it is no AMQP message");
        return;
    }
    struct buf *line = ch->user.begin(ch->user.arg, r->lane, r->address, d, pn_message_get_delivery_count(ch->message));
    amqp10_put_message(line, ch->message);
    ch->user.end(ch->user.arg);
    if (ch->cfg.presettled)
        pn_delivery_settle(d);
    buf_reset(&r->body, 65536);
}

/* False: nothing more to do on this link for now. */
static bool receive_one(struct receiver *r)
{
    struct channel *ch = r->channel;
    pn_delivery_t *d = pn_link_current(r->link);
    if (!d || ch->held || ch->gone)
        return false;
    if (pn_delivery_aborted(d)) {
        buf_reset(&r->body, 65536);
        pn_delivery_settle(d);
        ch->user.refused(ch->user.arg, r->lane);
        return true;
    }
    if (!pn_delivery_readable(d) && pn_delivery_partial(d))
        return false;
    if (ch->stopped) {
        dispose(d, PN_RELEASED);
        return true;
    }
    bool complete = gather(r, d);
    if (r->body.len > MESSAGE_MAX_BYTES) {
        refuse(r, d, "it is too large");
        return true;
    }
    if (!complete)
        return false;
    pn_link_advance(r->link);
    hand_over(r, d);
    return true;
}

static void receive(struct receiver *r)
{
    while (receive_one(r))
        ;
}

/* ---- events ---- */

static void on_transport_closed(struct channel *ch)
{
    pn_condition_t *c = pn_transport_condition(ch->driver.transport);
    if (ch->closing)
        gone(ch, EXIT_DONE);
    else
        fail_condition(ch, "the transport was closed", SLICE_NONE, pn_condition_is_set(c) ? c : NULL);
}

static void on_event(struct channel *ch, pn_event_t *e)
{
    switch (pn_event_type(e)) {
    case PN_LINK_REMOTE_OPEN:
        on_attached(ch, pn_event_link(e));
        break;
    case PN_DELIVERY:
        if (pn_link_is_receiver(pn_event_link(e)))
            receive(pn_link_get_context(pn_event_link(e)));
        break;
    case PN_LINK_REMOTE_CLOSE:
    case PN_LINK_REMOTE_DETACH: {
        struct receiver *r = pn_link_get_context(pn_event_link(e));
        fail_condition(ch, "the peer closed the link to", r ? r->address : SLICE_NONE, pn_link_remote_condition(pn_event_link(e)));
        break;
    }
    case PN_SESSION_REMOTE_CLOSE:
        fail_condition(ch, "the peer ended the session", SLICE_NONE, pn_session_remote_condition(pn_event_session(e)));
        break;
    case PN_CONNECTION_REMOTE_CLOSE:
        fail_condition(ch, "the peer closed the connection", SLICE_NONE, pn_connection_remote_condition(pn_event_connection(e)));
        break;
    case PN_TRANSPORT_CLOSED:
        on_transport_closed(ch);
        break;
    default:
        break;
    }
}

/* ---- the socket ---- */

static void read_some(struct channel *ch)
{
    pn_rwbytes_t room = pn_connection_driver_read_buffer(&ch->driver);
    ssize_t n;
    if (room.size == 0)
        return;
    n = recv(ch->watch.fd, room.start, room.size, MSG_DONTWAIT);
    if (n > 0)
        pn_connection_driver_read_done(&ch->driver, (size_t)n);
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        pn_connection_driver_read_close(&ch->driver);
}

/* False: nothing was written. */
static bool write_some(struct channel *ch)
{
    pn_bytes_t bytes = pn_connection_driver_write_buffer(&ch->driver);
    ssize_t n;
    if (bytes.size == 0)
        return false;
    n = send(ch->watch.fd, bytes.start, bytes.size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n > 0)
        pn_connection_driver_write_done(&ch->driver, (size_t)n);
    else if (n < 0 && errno != EAGAIN && errno != EINTR)
        pn_connection_driver_write_close(&ch->driver);
    return n > 0;
}

static void arm_tick(struct channel *ch)
{
    int64_t at = pn_transport_tick(ch->driver.transport, clock_ms());
    msec due = at ? at : NEVER;
    if (due != ch->tick.at)
        loop_timer(ch->cfg.loop, &ch->tick, due);
}

/* Everything that can be done now: events, and writing what they made. */
static void drive(struct channel *ch)
{
    pn_event_t *e;
    if (!ch->connected || ch->gone)
        return;
    do {
        while (!ch->gone && (e = pn_connection_driver_next_event(&ch->driver)))
            on_event(ch, e);
    } while (!ch->gone && write_some(ch));
    if (ch->gone)
        return;
    arm_tick(ch);
    ch->watch.events = (short)((pn_connection_driver_read_buffer(&ch->driver).size ? POLLIN : 0) |
                               (pn_connection_driver_write_buffer(&ch->driver).size ? POLLOUT : 0));
    if (pn_connection_driver_finished(&ch->driver))
        on_transport_closed(ch);
}

static void on_connected(struct channel *ch)
{
    const char *reason;
    int r = tcp_continue(&ch->tcp, &reason);
    if (r < 0) {
        loop_remove(ch->cfg.loop, &ch->watch);
        ch->watch.fd = -1;
        fail(ch, EXIT_TEMPORARY, reason);
        return;
    }
    if (r == 0) {
        loop_remove(ch->cfg.loop, &ch->watch);
        ch->watch.fd = ch->tcp.fd;
        loop_add(ch->cfg.loop, &ch->watch);
        return;
    }
    tcp_done(&ch->tcp);
    ch->connected = true;
    drive(ch);
}

static void on_socket(struct watch *w, short revents)
{
    struct channel *ch = w->arg;
    if (!ch->connected) {
        on_connected(ch);
        return;
    }
    if (revents & (POLLIN | POLLERR | POLLHUP))
        read_some(ch);
    drive(ch);
}

static void on_tick(struct timer *t)
{
    drive(t->arg);
}

static void on_deadline(struct timer *t)
{
    struct channel *ch = t->arg;
    if (ch->closing) {
        gone(ch, EXIT_DONE);
        return;
    }
    fail(ch, EXIT_TEMPORARY, "no answer in time");
}

/* ---- opening and closing ---- */

static int check(const struct channel_config *cfg, struct ditto_error *err)
{
    const struct connection *c = cfg->connection;
    if (c->type != TYPE_AMQP_10)
        return ditto_fail(err, 400, "connectivity:connection.configuration.invalid", NULL, "/connectionType",
                          "The connection is of type '%.*s', not amqp-10.", SLICE_ARG(c->type_text));
    if (c->uri.tls)
        return ditto_fail(err, 400, "connectivity:connection.configuration.invalid", NULL, "/uri",
                          "TLS is not built into this transport yet.");
    return 0;
}

/* Without the list of mechanisms proton would fall back to ANONYMOUS where the peer offers it, and the password would
 * never be checked. */
static void set_sasl(struct channel *ch, pn_connection_t *c)
{
    const struct uri *u = &ch->cfg.connection->uri;
    struct buf user = {0}, password = {0};
    pn_sasl_t *sasl = pn_sasl(ch->driver.transport);
    if (!u->user.p) {
        pn_sasl_allowed_mechs(sasl, "ANONYMOUS");
        return;
    }
    buf_put_slice(&user, u->user);
    buf_put_slice(&password, u->password);
    pn_connection_set_user(c, buf_z(&user));
    pn_connection_set_password(c, buf_z(&password));
    pn_sasl_set_allow_insecure_mechs(sasl, true);
    pn_sasl_allowed_mechs(sasl, "PLAIN");
    buf_free(&user);
    buf_wipe(&password);
}

static void set_up_connection(struct channel *ch)
{
    pn_connection_t *c = ch->driver.connection;
    const struct connection *conn = ch->cfg.connection;
    struct buf text = {0};
    buf_printf(&text, "%.*s-in", SLICE_ARG(conn->id));
    if (conn->client_count > 1)
        buf_printf(&text, "-%u", ch->cfg.client);
    pn_connection_set_container(c, buf_z(&text));
    buf_reset(&text, 1024);
    buf_put_slice(&text, conn->uri.host);
    pn_connection_set_hostname(c, buf_z(&text));
    buf_free(&text);
    set_sasl(ch, c);
    pn_transport_set_idle_timeout(ch->driver.transport, IDLE_TIMEOUT_MS);
    pn_connection_driver_bind(&ch->driver);
    pn_connection_open(c);
    ch->session = pn_session(c);
    pn_session_set_incoming_capacity(ch->session, 4 * 1024 * 1024);
    pn_session_open(ch->session);
    add_receivers(ch);
}

static struct channel *channel_open(const struct channel_config *cfg, const struct channel_user *user)
{
    struct channel *ch = xcalloc(1, sizeof *ch);
    const char *reason;
    ch->cfg = *cfg;
    ch->user = *user;
    ch->tick = (struct timer){.at = NEVER, .fire = on_tick, .arg = ch};
    ch->deadline = (struct timer){.at = NEVER, .fire = on_deadline, .arg = ch};
    ch->ending = (struct timer){.at = NEVER, .fire = on_ending, .arg = ch};
    ch->watch = (struct watch){.fd = -1, .events = POLLOUT, .ready = on_socket, .arg = ch};
    ch->message = pn_message();
    if (!ch->message || pn_connection_driver_init(&ch->driver, NULL, NULL) != 0)
        die_oom();
    set_up_connection(ch);
    if (tcp_start(&ch->tcp, cfg->connection->uri.host, cfg->connection->uri.port, &reason) < 0) {
        fail(ch, EXIT_TEMPORARY, reason);
        return ch;
    }
    ch->watch.fd = ch->tcp.fd;
    loop_add(cfg->loop, &ch->watch);
    loop_timer(cfg->loop, &ch->deadline, clock_ms() + cfg->connect_ms);
    return ch;
}

static void channel_close(struct channel *ch)
{
    ch->closing = true;
    if (!ch->connected) {
        gone(ch, EXIT_DONE);
        return;
    }
    pn_connection_close(ch->driver.connection);
    loop_timer(ch->cfg.loop, &ch->deadline, clock_ms() + CLOSE_MS);
}

static void channel_free(struct channel *ch)
{
    loop_timer(ch->cfg.loop, &ch->tick, NEVER);
    loop_timer(ch->cfg.loop, &ch->deadline, NEVER);
    loop_timer(ch->cfg.loop, &ch->ending, NEVER);
    if (ch->watch.fd >= 0) {
        loop_remove(ch->cfg.loop, &ch->watch);
        close(ch->watch.fd);
    }
    tcp_done(&ch->tcp);
    for (size_t i = 0; i < ch->n_receivers; i++)
        buf_free(&ch->receivers[i].body);
    free(ch->receivers);
    pn_message_free(ch->message);
    pn_connection_driver_destroy(&ch->driver);
    free(ch);
}

/* ---- windows and fates ---- */

/* A lane's credit goes to whichever of its links has the least. */
static void channel_grant(struct channel *ch, unsigned lane, unsigned n)
{
    for (; n; n--) {
        struct receiver *poorest = NULL;
        for (size_t i = 0; i < ch->n_receivers; i++) {
            struct receiver *r = &ch->receivers[i];
            if (r->lane == lane && (!poorest || pn_link_credit(r->link) < pn_link_credit(poorest->link)))
                poorest = r;
        }
        if (!poorest)
            return;
        pn_link_flow(poorest->link, 1);
    }
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
    } else if (r->modified_offered) {
        pn_disposition_set_failed(pn_delivery_local(d), true);
        dispose(d, PN_MODIFIED);
    } else {
        dispose(d, PN_RELEASED);
    }
}

static void channel_hold(struct channel *ch, bool held)
{
    ch->held = held;
    for (size_t i = 0; !held && i < ch->n_receivers; i++)
        receive(&ch->receivers[i]);
}

static void channel_stop(struct channel *ch)
{
    ch->stopped = true;
}

const struct transport amqp10_transport = {
    .name = "amqp-10",
    .check = check,
    .open = channel_open,
    .close = channel_close,
    .flush = drive,
    .free = channel_free,
    .grant = channel_grant,
    .settle = channel_settle,
    .hold = channel_hold,
    .stop = channel_stop,
};
