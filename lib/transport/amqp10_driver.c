#include "transport/amqp10_driver.h"

#include <errno.h>
#include <proton/connection.h>
#include <proton/sasl.h>
#include <proton/session.h>
#include <proton/transport.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/scan.h"

#include "base/banned.h"

enum {
    IDLE_TIMEOUT_MS = 60000,
    /* Without a frame size of our own proton has no session window, and what arrives while nobody reads it is bounded
     * by credit times message size only. */
    FRAME_BYTES = 64 * 1024,
    SESSION_BYTES = 32 * 1024 * 1024, /* two of the largest messages */
};

static void fail(struct amqp10_driver *d, const char *reason, bool permanent)
{
    if (d->over)
        return;
    d->over = true;
    d->watch.off = true;
    loop_timer(d->loop, &d->tick, NEVER);
    d->failed(d->arg, reason, permanent);
}

/* --- events ------------------------------------------------------------------------------------------------------ */

static void fail_transport(struct amqp10_driver *d)
{
    char reason[512];
    pn_condition_t *c = pn_transport_condition(d->pn.transport);
    const char *name = pn_condition_get_name(c), *text = pn_condition_get_description(c);
    if (d->lost) {
        fail(d, d->lost, false);
        return;
    }
    (void)snprintf(reason, sizeof reason, "%s%s%s", name ? name : "it was closed", text ? ": " : "",
                   text ? text : "");
    fail(d, reason, name && strcmp(name, "amqp:unauthorized-access") == 0);
}

static void dispatch(struct amqp10_driver *d, pn_event_t *e)
{
    switch (pn_event_type(e)) {
    case PN_TRANSPORT_ERROR:
    case PN_TRANSPORT_CLOSED: fail_transport(d); break;
    default: d->event(d->arg, e);
    }
}

/* --- the socket -------------------------------------------------------------------------------------------------- */

/* False: nothing was read. */
static bool read_some(struct amqp10_driver *d)
{
    pn_rwbytes_t room = pn_connection_driver_read_buffer_sized(&d->pn, 64 * 1024);
    if (room.size == 0)
        return false;
    ssize_t n = recv(d->watch.fd, room.start, room.size, MSG_DONTWAIT);
    if (n > 0) {
        pn_connection_driver_read_done(&d->pn, (size_t)n);
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        if (!d->lost)
            d->lost = n == 0 ? "the peer closed the TCP connection" : strerror(errno);
        pn_connection_driver_read_close(&d->pn);
    }
    return n > 0;
}

/* The peer is gone, but what it said last (a close frame with its reason) may still wait to be read. */
static void read_rest(struct amqp10_driver *d, const char *lost)
{
    while (read_some(d))
        continue;
    if (!d->lost)
        d->lost = lost;
}

/* False: nothing was written, and nothing happened. */
static bool write_some(struct amqp10_driver *d)
{
    pn_bytes_t bytes = pn_connection_driver_write_buffer(&d->pn);
    if (bytes.size == 0)
        return false;
    ssize_t n = send(d->watch.fd, bytes.start, bytes.size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n > 0) {
        pn_connection_driver_write_done(&d->pn, (size_t)n);
    } else if (n < 0 && errno != EAGAIN && errno != EINTR) {
        read_rest(d, strerror(errno));
        pn_connection_driver_write_close(&d->pn);
    }
    return n > 0 || pn_connection_driver_has_event(&d->pn);
}

/* Heartbeats: sends one if it is due, notices a dead peer, and says when to look again. */
static void tick(struct amqp10_driver *d)
{
    int64_t at = pn_transport_tick(d->pn.transport, clock_ms());
    msec due = at ? at : NEVER;
    if (due != d->tick.at)
        loop_timer(d->loop, &d->tick, due);
}

void amqp10_drive(struct amqp10_driver *d)
{
    pn_event_t *e;
    if (!d->connected || d->over)
        return;
    tick(d);
    do {
        while (!d->over && (e = pn_connection_driver_next_event(&d->pn)))
            dispatch(d, e);
    } while (!d->over && write_some(d));
    d->watch.events = (short)((pn_connection_driver_read_buffer(&d->pn).size ? POLLIN : 0) |
                              (pn_connection_driver_write_buffer(&d->pn).size ? POLLOUT : 0));
}

static void on_connecting(struct amqp10_driver *d)
{
    const char *reason = NULL;
    int r = tcp_continue(&d->tcp, &reason);
    d->watch.fd = d->tcp.fd;
    if (r < 0)
        fail(d, reason, false);
    if (r <= 0)
        return;
    tcp_done(&d->tcp);
    d->connected = true;
    amqp10_drive(d);
}

static void on_socket(struct watch *w, short revents)
{
    struct amqp10_driver *d = w->arg;
    if (!d->connected) {
        on_connecting(d);
        return;
    }
    if (revents & (POLLIN | POLLERR | POLLHUP))
        read_some(d);
    amqp10_drive(d);
}

static void on_tick(struct timer *t)
{
    amqp10_drive(t->arg);
}

/* --- life -------------------------------------------------------------------------------------------------------- */

/* Without the list of mechanisms proton would fall back to ANONYMOUS where the peer offers it, and the password would
 * never be checked. */
static void set_sasl(struct amqp10_driver *d, const struct uri *u)
{
    struct buf user = {0}, password = {0};
    pn_sasl_t *sasl = pn_sasl(d->pn.transport);
    if (!u->user.p) {
        pn_sasl_allowed_mechs(sasl, "ANONYMOUS");
        return;
    }
    buf_put_slice(&user, u->user);
    buf_put_slice(&password, u->password);
    pn_connection_set_user(d->pn.connection, buf_z(&user));
    pn_connection_set_password(d->pn.connection, buf_z(&password));
    pn_sasl_set_allow_insecure_mechs(sasl, true);
    pn_sasl_allowed_mechs(sasl, "PLAIN");
    buf_free(&user);
    buf_wipe(&password);
}

static void set_container(struct amqp10_driver *d, const struct connection *c, unsigned client,
                          const char *role)
{
    struct buf text = {0};
    struct slice id = connection_specific(c, S("jms.clientID"));
    buf_put_slice(&text, id.len ? id : c->id);
    buf_printf(&text, "-%s", role);
    if (c->client_count > 1)
        buf_printf(&text, "-%u", client);
    pn_connection_set_container(d->pn.connection, buf_z(&text));
    buf_free(&text);
}

static void set_hostname(struct amqp10_driver *d, const struct connection *c)
{
    struct buf text = {0};
    buf_put_slice(&text, c->uri.host);
    pn_connection_set_hostname(d->pn.connection, buf_z(&text));
    buf_free(&text);
}

/* Ditto's amqp.idleTimeout, in ms. proton announces half of it, so that the peer is in time. */
static pn_millis_t idle_timeout(const struct connection *c)
{
    uint64_t ms;
    struct slice text = connection_specific(c, S("amqp.idleTimeout"));
    return text.p && scan_u64(text, &ms) == 0 && ms <= 86400000 ? (pn_millis_t)ms : IDLE_TIMEOUT_MS;
}

void amqp10_driver_init(struct amqp10_driver *d, struct loop *loop, const struct connection *c,
                        unsigned client, const char *role)
{
    *d = (struct amqp10_driver){.loop = loop, .tcp = {.fd = -1}};
    d->tick = (struct timer){.at = NEVER, .fire = on_tick, .arg = d};
    d->watch = (struct watch){.fd = -1, .events = POLLOUT, .ready = on_socket, .arg = d};
    if (pn_connection_driver_init(&d->pn, NULL, NULL) != 0)
        die_oom();
    set_container(d, c, client, role);
    set_hostname(d, c);
    set_sasl(d, &c->uri);
    pn_transport_set_idle_timeout(d->pn.transport, idle_timeout(c));
    pn_transport_set_max_frame(d->pn.transport, FRAME_BYTES);
    pn_connection_driver_bind(&d->pn);
    pn_connection_open(d->pn.connection);
    d->session = pn_session(d->pn.connection);
    pn_session_set_incoming_capacity(d->session, SESSION_BYTES);
    pn_session_open(d->session);
}

void amqp10_driver_connect(struct amqp10_driver *d, const struct connection *c)
{
    const char *reason;
    if (tcp_lookup(&d->tcp, c->uri.host, c->uri.port, &reason) < 0 || tcp_start(&d->tcp, &reason) < 0) {
        fail(d, reason, false);
        return;
    }
    d->watch.fd = d->tcp.fd;
    loop_add(d->loop, &d->watch);
}

void amqp10_driver_free(struct amqp10_driver *d)
{
    loop_timer(d->loop, &d->tick, NEVER);
    loop_remove(d->loop, &d->watch);
    if (d->watch.fd >= 0)
        (void)close(d->watch.fd);
    tcp_done(&d->tcp);
    pn_connection_driver_destroy(&d->pn);
}
