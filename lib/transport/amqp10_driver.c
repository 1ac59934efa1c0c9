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

#include "base/banned.h"

enum {
    READ_BYTES = 64 * 1024,
    SESSION_BYTES = 32 * 1024 * 1024, /* two of the largest messages */
};

/* --- the end ----------------------------------------------------------------------------------------------------- */

static void end(struct amqp10_driver *d, int exit_code, const char *reason)
{
    if (d->over)
        return;
    d->over = true;
    d->watch.off = true;
    loop_timer(d->loop, &d->tick, NEVER);
    loop_timer(d->loop, &d->deadline, NEVER);
    if (d->closing)
        d->closed(d->arg, EXIT_DONE, NULL);
    else
        d->closed(d->arg, exit_code, reason);
}

/* While opening, a refusal for want of rights is a matter of configuration; later on it may be a token that expired. */
static void fail(struct amqp10_driver *d, const char *reason, bool permanent)
{
    end(d, permanent && !d->opened ? EXIT_PERMANENT : EXIT_TEMPORARY, reason);
}

void amqp10_driver_ended(struct amqp10_driver *d, const char *what, struct slice object, pn_condition_t *c)
{
    char condition[AMQP10_CONDITION_SIZE], reason[AMQP10_CONDITION_SIZE + 300];
    const char *quote = object.len ? "'" : "";
    amqp10_condition_text(condition, c);
    (void)snprintf(reason, sizeof reason, "the peer %s%s%s%s: %s", what, quote, transport_shown(object),
                   quote, condition);
    fail(d, reason, amqp10_condition_forbids(c));
}

static void fail_transport(struct amqp10_driver *d)
{
    char reason[AMQP10_CONDITION_SIZE];
    pn_condition_t *c = pn_transport_condition(d->pn.transport);
    if (d->lost[0]) {
        fail(d, d->lost, false);
        return;
    }
    amqp10_condition_text(reason, c);
    fail(d, pn_condition_is_set(c) ? reason : "it was closed", amqp10_condition_forbids(c));
}

static void on_deadline(struct timer *t)
{
    end(t->arg, EXIT_TEMPORARY, "no answer in time");
}

/* --- events ------------------------------------------------------------------------------------------------------ */

static void dispatch(struct amqp10_driver *d, pn_event_t *e)
{
    switch (pn_event_type(e)) {
    case PN_TRANSPORT_ERROR:
    case PN_TRANSPORT_CLOSED: fail_transport(d); break;
    case PN_SESSION_REMOTE_CLOSE:
        amqp10_driver_ended(d, "ended the session", SLICE_NONE,
                            pn_session_remote_condition(pn_event_session(e)));
        break;
    case PN_CONNECTION_REMOTE_CLOSE:
        amqp10_driver_ended(d, "closed the connection", SLICE_NONE,
                            pn_connection_remote_condition(pn_event_connection(e)));
        break;
    default: d->event(d->arg, e);
    }
}

/* --- the socket -------------------------------------------------------------------------------------------------- */

static void lose(struct amqp10_driver *d, const char *reason)
{
    if (!d->lost[0])
        (void)snprintf(d->lost, sizeof d->lost, "%s", reason);
}

static const char *socket_error(const struct amqp10_driver *d)
{
    return errno == EPROTO && tls_stream_on(&d->stream) ? d->stream.reason : strerror(errno);
}

/* False: nothing was read. */
static bool read_some(struct amqp10_driver *d)
{
    pn_rwbytes_t room = pn_connection_driver_read_buffer_sized(&d->pn, READ_BYTES);
    if (room.size == 0)
        return false;
    ssize_t n = tls_stream_on(&d->stream) ? tls_stream_read(&d->stream, room.start, room.size)
                                          : recv(d->watch.fd, room.start, room.size, MSG_DONTWAIT);
    if (n > 0) {
        pn_connection_driver_read_done(&d->pn, (size_t)n);
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        lose(d, n == 0 ? "the peer closed the TCP connection" : socket_error(d));
        pn_connection_driver_read_close(&d->pn);
    }
    return n > 0;
}

/* The peer is gone, but what it said last (a close frame with its reason) may still wait to be read. */
static void read_rest(struct amqp10_driver *d, const char *reason)
{
    while (read_some(d))
        continue;
    lose(d, reason);
}

/* False: nothing was written, and nothing happened. */
static bool write_some(struct amqp10_driver *d)
{
    pn_bytes_t bytes = pn_connection_driver_write_buffer(&d->pn);
    if (bytes.size == 0)
        return false;
    ssize_t n = tls_stream_on(&d->stream)
                    ? tls_stream_write(&d->stream, bytes.start, bytes.size)
                    : send(d->watch.fd, bytes.start, bytes.size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n > 0) {
        pn_connection_driver_write_done(&d->pn, (size_t)n);
    } else if (n < 0 && errno != EAGAIN && errno != EINTR) {
        if (errno == EPROTO) /* TLS has failed: there is nothing more to read */
            lose(d, socket_error(d));
        read_rest(d, socket_error(d));
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

static short wanted_events(struct amqp10_driver *d)
{
    bool in = pn_connection_driver_read_buffer(&d->pn).size > 0,
         out = pn_connection_driver_write_buffer(&d->pn).size > 0;
    /* TLS may have to read before it can write, and the other way round */
    out = (out && !d->stream.write_wants_read) || d->stream.read_wants_write;
    return (short)((in ? POLLIN : 0) | (out ? POLLOUT : 0));
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
    } while (!d->over && (write_some(d) || (tls_stream_pending(&d->stream) && read_some(d))));
    d->watch.events = wanted_events(d);
}

static void start_tls(struct amqp10_driver *d)
{
    if (tls_stream_start(&d->stream, &d->tls, d->watch.fd, d->connection->uri.host) < 0)
        fail(d, d->stream.reason, false);
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
    if (d->connection->uri.tls)
        start_tls(d);
    amqp10_drive(d);
}

static void on_socket(struct watch *w, short revents)
{
    struct amqp10_driver *d = w->arg;
    if (!d->connected) {
        on_connecting(d);
        return;
    }
    if ((revents & (POLLIN | POLLERR | POLLHUP)) || d->stream.read_wants_write)
        read_some(d);
    amqp10_drive(d);
}

static void on_tick(struct timer *t)
{
    amqp10_drive(t->arg);
}

/* --- opening and closing ----------------------------------------------------------------------------------------- */

/* The mechanisms are always listed: proton would fall back to ANONYMOUS where the peer offers it, and a password would
 * never be checked. */
static void set_mechanisms(struct amqp10_driver *d)
{
    const struct amqp10_options *o = &d->options;
    struct buf list = {0};
    buf_put_slice(&list, o->mechanisms);
    for (size_t i = 0; i < list.len; i++)
        if (buf_p(&list)[i] == ',')
            buf_p(&list)[i] = ' ';
    if (!list.len) {
        buf_puts(&list, o->user.p ? "PLAIN" : "");
        if (d->connection->uri.tls && tls_has_identity(d->connection))
            buf_puts(&list, list.len ? " EXTERNAL" : "EXTERNAL");
    }
    pn_sasl_allowed_mechs(pn_sasl(d->pn.transport), list.len ? buf_z(&list) : "ANONYMOUS");
    buf_free(&list);
}

static void set_login(struct amqp10_driver *d)
{
    struct buf user = {0}, password = {0};
    if (!d->options.user.p)
        return;
    buf_put_slice(&user, d->options.user);
    buf_put_slice(&password, d->options.password);
    pn_connection_set_user(d->pn.connection, buf_z(&user));
    pn_connection_set_password(d->pn.connection, buf_z(&password));
    pn_sasl_set_allow_insecure_mechs(pn_sasl(d->pn.transport), true);
    buf_free(&user);
    buf_wipe(&password);
}

static void set_names(struct amqp10_driver *d, unsigned client, const char *role)
{
    struct buf text = {0};
    buf_put_slice(&text, d->options.client_id);
    buf_printf(&text, "-%s", role);
    if (d->connection->client_count > 1)
        buf_printf(&text, "-%u", client);
    pn_connection_set_container(d->pn.connection, buf_z(&text));
    buf_reset(&text, 0);
    buf_put_slice(&text, d->options.vhost);
    pn_connection_set_hostname(d->pn.connection, buf_z(&text));
    buf_free(&text);
}

void amqp10_driver_init(struct amqp10_driver *d, const struct channel_config *cfg, const char *role)
{
    *d = (struct amqp10_driver){
        .loop = cfg->loop, .connection = cfg->connection, .tcp = {.fd = -1}, .tls = {.fds = {-1, -1, -1}}};
    d->tick = (struct timer){.at = NEVER, .fire = on_tick, .arg = d};
    d->deadline = (struct timer){.at = NEVER, .fire = on_deadline, .arg = d};
    d->watch = (struct watch){.fd = -1, .events = POLLOUT, .ready = on_socket, .arg = d};
    amqp10_options_read(&d->options, cfg->connection);
    amqp10_options_note(cfg->connection);
    if (pn_connection_driver_init(&d->pn, NULL, NULL) != 0)
        die_oom();
    set_names(d, cfg->client, role);
    if (d->options.sasl) {
        set_mechanisms(d);
        set_login(d);
    }
    pn_transport_set_idle_timeout(d->pn.transport, d->options.idle_ms); /* it announces half of it */
    pn_transport_set_max_frame(d->pn.transport, d->options.frame_bytes);
    (void)pn_transport_set_channel_max(d->pn.transport, (uint16_t)d->options.channel_max);
    pn_connection_driver_bind(&d->pn);
    pn_connection_open(d->pn.connection);
    d->session = pn_session(d->pn.connection);
    pn_session_set_incoming_capacity(d->session, SESSION_BYTES);
    pn_session_open(d->session);
}

void amqp10_driver_connect(struct amqp10_driver *d, msec within_ms)
{
    const struct uri *u = &d->connection->uri;
    const char *reason;
    if (d->options.connect_ms)
        within_ms = d->options.connect_ms;
    loop_timer(d->loop, &d->deadline, clock_ms() + within_ms);
    if (u->tls && tls_open(&d->tls, d->connection) < 0) {
        fail(d, d->tls.reason, d->tls.permanent);
        return;
    }
    int r = tcp_lookup(&d->tcp, u->host, u->port, &reason);
    d->tcp.settings = &d->options.tcp;
    if (r < 0 || tcp_start(&d->tcp, &reason) < 0) {
        fail(d, reason, false);
        return;
    }
    d->watch.fd = d->tcp.fd;
    loop_add(d->loop, &d->watch);
}

void amqp10_driver_opened(struct amqp10_driver *d)
{
    char text[128];
    d->opened = true;
    loop_timer(d->loop, &d->deadline, NEVER);
    if (!tls_stream_on(&d->stream))
        return;
    tls_stream_describe(&d->stream, text, sizeof text);
    info("the connection is encrypted: %s", text);
}

void amqp10_driver_close(struct amqp10_driver *d)
{
    d->closing = true;
    if (!d->connected) {
        end(d, EXIT_DONE, NULL);
        return;
    }
    pn_connection_close(d->pn.connection);
    loop_timer(d->loop, &d->deadline, clock_ms() + d->options.close_ms);
}

void amqp10_driver_free(struct amqp10_driver *d)
{
    loop_timer(d->loop, &d->tick, NEVER);
    loop_timer(d->loop, &d->deadline, NEVER);
    loop_remove(d->loop, &d->watch);
    tls_stream_free(&d->stream);
    tls_close(&d->tls);
    if (d->watch.fd >= 0)
        (void)close(d->watch.fd);
    tcp_done(&d->tcp);
    pn_connection_driver_destroy(&d->pn);
}
