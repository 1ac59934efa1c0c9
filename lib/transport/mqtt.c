#include "transport/mqtt.h"

#include <errno.h>
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/scan.h"
#include "transport/mqtt_publication.h"
#include "transport/mqtt_tickets.h"
#include "transport/tcp.h"

#include "base/banned.h"

enum {
    MID_MAX = 65535,
    KEEPALIVE_S = 60,
    KEEPALIVE_MIN_S = 5, /* libmosquitto's */
    CLOSE_MS = 2000,
    /* Sent and unconfirmed, unless an MQTT 5 broker says less or more. The library walks their list at each
     * confirmation; what is beyond waits in the library's queue. */
    SEND_MAXIMUM = 100,
};

struct channel {
    struct channel_config cfg;
    struct channel_user user;
    struct mosquitto *mosq;
    struct tcp addresses;
    struct watch watch;
    struct timer keepalive, deadline;
    msec last_in, last_out;
    int keepalive_s;
    bool v5;
    bool sent; /* CONNECT is out: this address answers */
    bool open, closing, over;
    bool keeps_retained;  /* the broker does */
    const char *farewell; /* why an MQTT 5 broker disconnects us */
    struct mqtt_tickets in_flight;
    int last_mid;
    bool full; /* said so */
    /* a confirmation inside mosquitto_publish: its mid is not known to us yet */
    bool publishing;
    int early_mid;
    struct mqtt_publication publication;
};

/* --- the end ----------------------------------------------------------------------------------------------------- */

static void end(struct channel *ch, int exit_code, const char *reason)
{
    if (ch->over)
        return;
    ch->over = true;
    loop_timer(ch->cfg.loop, &ch->keepalive, NEVER);
    loop_timer(ch->cfg.loop, &ch->deadline, NEVER);
    loop_remove(ch->cfg.loop, &ch->watch);
    if (ch->closing)
        ch->user.closed(ch->user.arg, EXIT_DONE, NULL);
    else
        ch->user.closed(ch->user.arg, exit_code, reason);
}

static void on_deadline(struct timer *t)
{
    end(t->arg, EXIT_TEMPORARY, "no answer in time");
}

/* Why the library gave up; errno as it left it. */
static const char *reason_of(const struct channel *ch, int rc, int e)
{
    if (ch->farewell)
        return ch->farewell;
    switch (rc) {
    case MOSQ_ERR_ERRNO: return strerror(e);
    case MOSQ_ERR_KEEPALIVE: return "the broker no longer answers";
    case MOSQ_ERR_SUCCESS:
    case MOSQ_ERR_NO_CONN:
    case MOSQ_ERR_CONN_LOST:
        return ch->open || !ch->v5 ? "the broker closed the TCP connection"
                                   : "the broker closed the TCP connection (maybe it does not speak MQTT 5)";
    default: return mosquitto_strerror(rc);
    }
}

/* --- connecting -------------------------------------------------------------------------------------------------- */

/* A host may have several addresses. The library tries only the first that does not fail at once, so it is given one
 * at a time. */
static void connect_next(struct channel *ch, const char *reason)
{
    char digits[TCP_DIGITS];
    while (tcp_digits(&ch->addresses, digits)) {
        int rc = mosquitto_connect_bind_async(ch->mosq, digits, (int)ch->cfg.connection->uri.port,
                                              ch->keepalive_s, NULL);
        int e = errno;
        if (rc == MOSQ_ERR_SUCCESS) {
            ch->watch.fd = mosquitto_socket(ch->mosq);
            ch->watch.events = POLLIN | POLLOUT;
            loop_add(ch->cfg.loop, &ch->watch);
            return;
        }
        reason = reason_of(ch, rc, e);
    }
    end(ch, EXIT_TEMPORARY, reason);
}

static void lost(struct channel *ch, int rc, int e)
{
    const char *reason = reason_of(ch, rc, e);
    loop_remove(ch->cfg.loop, &ch->watch);
    if (ch->sent || ch->closing)
        end(ch, EXIT_TEMPORARY, reason);
    else
        connect_next(ch, reason);
}

/* After every call of the library: it may have failed, or closed the socket without saying so in its answer. */
static void look(struct channel *ch, int rc)
{
    int e = errno;
    if (ch->over)
        return;
    if (rc != MOSQ_ERR_SUCCESS || mosquitto_socket(ch->mosq) < 0)
        lost(ch, rc, e);
}

/* --- the socket and the clock ------------------------------------------------------------------------------------ */

static void on_socket(struct watch *w, short revents)
{
    struct channel *ch = w->arg;
    int rc = MOSQ_ERR_SUCCESS;
    if (revents & POLLOUT) {
        rc = mosquitto_loop_write(ch->mosq, 1);
        ch->last_out = clock_ms();
        ch->sent = ch->sent || (rc == MOSQ_ERR_SUCCESS && !mosquitto_want_write(ch->mosq));
    }
    if (rc == MOSQ_ERR_SUCCESS && (revents & (POLLIN | POLLERR | POLLHUP)) &&
        mosquitto_socket(ch->mosq) >= 0) {
        rc = mosquitto_loop_read(ch->mosq, 1);
        ch->last_in = clock_ms();
    }
    look(ch, rc);
}

/* The library counts whole seconds: one second late is in time for it, one early would be a wake-up in vain. */
static msec keepalive_due(const struct channel *ch)
{
    msec quiet_since = ch->last_in < ch->last_out ? ch->last_in : ch->last_out;
    return ch->keepalive_s ? quiet_since + (ch->keepalive_s + 1) * 1000 : NEVER;
}

/* The timer is not moved with each packet: when it fires, it looks whether it is due. */
static void on_keepalive(struct timer *t)
{
    struct channel *ch = t->arg;
    if (keepalive_due(ch) <= clock_ms()) {
        look(ch, mosquitto_loop_misc(ch->mosq));
        ch->last_out = ch->last_in = clock_ms();
    }
    if (!ch->over)
        loop_timer(ch->cfg.loop, t, keepalive_due(ch));
}

static void channel_flush(struct channel *ch)
{
    if (!ch->over)
        ch->watch.events = POLLIN | (mosquitto_want_write(ch->mosq) ? POLLOUT : 0);
}

/* --- what the broker says ---------------------------------------------------------------------------------------- */

/* Refusals that only a change of the configuration can cure. */
static bool permanent(bool v5, int reason)
{
    if (!v5)
        return reason != CONNACK_REFUSED_SERVER_UNAVAILABLE;
    switch (reason) {
    case MQTT_RC_UNSUPPORTED_PROTOCOL_VERSION:
    case MQTT_RC_CLIENTID_NOT_VALID:
    case MQTT_RC_BAD_USERNAME_OR_PASSWORD:
    case MQTT_RC_NOT_AUTHORIZED:
    case MQTT_RC_BANNED:
    case MQTT_RC_BAD_AUTHENTICATION_METHOD: return true;
    default: return false;
    }
}

static void read_limits(struct channel *ch, const mosquitto_property *properties)
{
    uint16_t seconds;
    uint8_t available;
    ch->keeps_retained = true;
    if (mosquitto_property_read_int16(properties, MQTT_PROP_SERVER_KEEP_ALIVE, &seconds, false))
        ch->keepalive_s = seconds;
    if (mosquitto_property_read_byte(properties, MQTT_PROP_RETAIN_AVAILABLE, &available, false))
        ch->keeps_retained = available;
}

static void on_connect(struct mosquitto *mosq, void *arg, int reason, int flags,
                       const mosquitto_property *properties)
{
    struct channel *ch = arg;
    (void)mosq, (void)flags;
    if (reason != 0) {
        end(ch, permanent(ch->v5, reason) ? EXIT_PERMANENT : EXIT_TEMPORARY,
            ch->v5 ? mosquitto_reason_string(reason) : mosquitto_connack_string(reason));
        return;
    }
    read_limits(ch, properties);
    ch->open = true;
    ch->last_in = ch->last_out = clock_ms();
    loop_timer(ch->cfg.loop, &ch->deadline, NEVER);
    loop_timer(ch->cfg.loop, &ch->keepalive, keepalive_due(ch));
    ch->user.opened(ch->user.arg);
}

/* The library's own errors come here, too; they have numbers below those of the protocol's failures. */
static void on_disconnect(struct mosquitto *mosq, void *arg, int reason, const mosquitto_property *properties)
{
    struct channel *ch = arg;
    (void)mosq, (void)properties;
    if (ch->v5 && reason >= MQTT_RC_UNSPECIFIED)
        ch->farewell = mosquitto_reason_string(reason);
}

/* --- confirmations ----------------------------------------------------------------------------------------------- */

/* MQTT 5, 3.4.2.1 and 3.5.2.1 reason codes, as statuses whose class carries the right fate. */
static int status_of(int reason)
{
    switch (reason) {
    case MQTT_RC_NOT_AUTHORIZED: return 403;
    case MQTT_RC_TOPIC_NAME_INVALID:
    case MQTT_RC_PAYLOAD_FORMAT_INVALID: return 400;
    case MQTT_RC_PACKET_TOO_LARGE: return 413;
    default: return 503;
    }
}

static void confirm(struct channel *ch, void *ticket, int reason)
{
    struct ditto_error err = {0};
    if (reason < MQTT_RC_UNSPECIFIED) {
        ch->user.confirmed(ch->user.arg, ticket, NULL);
        return;
    }
    ditto_fail(&err, status_of(reason), "connectivity:message.sending.failed", NULL, NULL,
               "The broker refused the message: %s", mosquitto_reason_string(reason));
    ch->user.confirmed(ch->user.arg, ticket, &err);
}

static void on_publish(struct mosquitto *mosq, void *arg, int mid, int reason,
                       const mosquitto_property *properties)
{
    struct channel *ch = arg;
    void *ticket = mqtt_tickets_take(&ch->in_flight, mid);
    (void)mosq, (void)properties;
    if (ticket)
        confirm(ch, ticket, reason);
    else if (ch->publishing)
        ch->early_mid = mid;
    if (!ch->full)
        return;
    ch->full = false;
    ch->user.writable(ch->user.arg);
}

/* --- opening and closing ----------------------------------------------------------------------------------------- */

static int check(const struct connection *c, struct ditto_error *err)
{
    if (c->type != TYPE_MQTT && c->type != TYPE_MQTT_5)
        return ditto_fail(err, 400, "connectivity:connection.configuration.invalid", NULL, "/connectionType",
                          "The connection is of type '%.*s', not mqtt or mqtt-5.", SLICE_ARG(c->type_text));
    return transport_check_plain(c, err);
}

static int keepalive_s(const struct connection *c)
{
    int64_t ms;
    struct slice text = connection_specific(c, S("keepAlive"));
    if (!text.p || scan_duration_ms(text, &ms) < 0 || ms < 0 || ms > MID_MAX * 1000LL)
        return KEEPALIVE_S;
    int s = (int)(ms / 1000);
    return s && s < KEEPALIVE_MIN_S ? KEEPALIVE_MIN_S : s;
}

/* Ditto's: a publisher's is the client id (or connection id) with a "p" behind it. Empty: the broker's choice. */
static void put_client_id(struct buf *dst, const struct channel_config *cfg)
{
    struct slice id = connection_specific(cfg->connection, S("publisherId"));
    struct slice base = connection_specific(cfg->connection, S("clientId"));
    if (!base.p)
        base = cfg->connection->id;
    buf_put_slice(dst, id.p ? id : base);
    if (!id.p && base.len)
        buf_putc(dst, 'p');
    if (dst->len && cfg->connection->client_count > 1)
        buf_printf(dst, "_%u", cfg->client);
}

static void set_credentials(struct channel *ch)
{
    const struct uri *u = &ch->cfg.connection->uri;
    struct buf user = {0}, password = {0};
    if (!u->user.p)
        return;
    buf_put_slice(&user, u->user);
    buf_put_slice(&password, u->password);
    mosquitto_username_pw_set(ch->mosq, buf_z(&user), buf_z(&password));
    buf_free(&user);
    buf_wipe(&password);
}

static void make_client(struct channel *ch)
{
    struct buf id = {0};
    put_client_id(&id, &ch->cfg);
    ch->mosq = mosquitto_new(id.len ? buf_z(&id) : NULL, true, ch);
    if (!ch->mosq)
        die_sys(EXIT_TEMPORARY, "cannot make an MQTT client");
    buf_free(&id);
    mosquitto_int_option(ch->mosq, MOSQ_OPT_PROTOCOL_VERSION, ch->v5 ? MQTT_PROTOCOL_V5 : MQTT_PROTOCOL_V311);
    mosquitto_int_option(ch->mosq, MOSQ_OPT_TCP_NODELAY, 1);
    mosquitto_int_option(ch->mosq, MOSQ_OPT_SEND_MAXIMUM, SEND_MAXIMUM);
    mosquitto_connect_v5_callback_set(ch->mosq, on_connect);
    mosquitto_disconnect_v5_callback_set(ch->mosq, on_disconnect);
    mosquitto_publish_v5_callback_set(ch->mosq, on_publish);
    set_credentials(ch);
}

static struct channel *channel_open(const struct channel_config *cfg, const struct channel_user *user)
{
    struct channel *ch = xcalloc(1, sizeof *ch);
    const struct uri *u = &cfg->connection->uri;
    const char *reason = NULL;
    ch->cfg = *cfg;
    ch->user = *user;
    ch->v5 = cfg->connection->type == TYPE_MQTT_5;
    ch->keepalive_s = keepalive_s(cfg->connection);
    ch->keepalive = (struct timer){.at = NEVER, .fire = on_keepalive, .arg = ch};
    ch->deadline = (struct timer){.at = NEVER, .fire = on_deadline, .arg = ch};
    ch->watch = (struct watch){.fd = -1, .ready = on_socket, .arg = ch};
    mosquitto_lib_init();
    make_client(ch);
    loop_timer(cfg->loop, &ch->deadline, clock_ms() + cfg->connect_ms);
    if (tcp_lookup(&ch->addresses, u->host, u->port, &reason) < 0)
        end(ch, EXIT_TEMPORARY, reason);
    else
        connect_next(ch, reason);
    return ch;
}

static void channel_close(struct channel *ch)
{
    ch->closing = true;
    if (!ch->open) {
        end(ch, EXIT_DONE, NULL);
        return;
    }
    loop_timer(ch->cfg.loop, &ch->deadline, clock_ms() + CLOSE_MS);
    look(ch, mosquitto_disconnect(ch->mosq));
}

static void channel_free(struct channel *ch)
{
    loop_timer(ch->cfg.loop, &ch->keepalive, NEVER);
    loop_timer(ch->cfg.loop, &ch->deadline, NEVER);
    loop_remove(ch->cfg.loop, &ch->watch);
    mosquitto_destroy(ch->mosq);
    mosquitto_lib_cleanup();
    tcp_done(&ch->addresses);
    mqtt_tickets_free(&ch->in_flight);
    mqtt_publication_free(&ch->publication);
    free(ch);
}

/* --- publishing -------------------------------------------------------------------------------------------------- */

/* The library gives out packet identifiers in turn and does not look whether one is still in use. */
static int next_mid(const struct channel *ch)
{
    return ch->last_mid % MID_MAX + 1;
}

/* 0: the message is on its way. 1: it never will be, *err says why. -1: the connection broke. */
static int refusal(int rc, struct ditto_error *err)
{
    switch (rc) {
    case MOSQ_ERR_SUCCESS: return 0;
    case MOSQ_ERR_NO_CONN:
    case MOSQ_ERR_CONN_LOST:
    case MOSQ_ERR_ERRNO:
    case MOSQ_ERR_NOMEM: return -1;
    case MOSQ_ERR_OVERSIZE_PACKET:
    case MOSQ_ERR_PAYLOAD_SIZE:
        ditto_fail(err, 413, "connectivity:message.sending.failed", NULL, NULL,
                   "The broker takes no messages of this size.");
        return 1;
    default:
        ditto_fail(err, 400, "connectivity:message.sending.failed", NULL, NULL,
                   "The broker takes no such message: %s", mosquitto_strerror(rc));
        return 1;
    }
}

static int send_publication(struct channel *ch, const struct mqtt_publication *p, struct slice body,
                            void *ticket, struct ditto_error *err)
{
    int mid = 0;
    ch->publishing = true;
    ch->early_mid = 0;
    int rc = mosquitto_publish_v5(ch->mosq, &mid, buf_p(&p->topic), (int)body.len, body.p, p->qos, p->retain,
                                  p->properties);
    int e = errno;
    ch->publishing = false;
    ch->last_out = clock_ms();
    if (mid)
        ch->last_mid = mid;
    switch (refusal(rc, err)) {
    case 1: return -1;
    case -1: lost(ch, rc, e); return 1;
    default: break;
    }
    if (ch->early_mid == mid)
        confirm(ch, ticket, 0);
    else
        mqtt_tickets_put(&ch->in_flight, mid, ticket);
    return 1;
}

static int channel_publish(struct channel *ch, const struct outgoing *m, void *ticket,
                           struct ditto_error *err)
{
    struct mqtt_publication *p = &ch->publication;
    if (mqtt_tickets_has(&ch->in_flight, next_mid(ch))) {
        ch->full = true;
        return 0;
    }
    if (mqtt_publication_make(p, m, ch->v5, err) < 0)
        return -1;
    if (p->retain && !ch->keeps_retained)
        return ditto_fail(err, 400, "connectivity:message.sending.failed", NULL, NULL,
                          "The broker keeps no messages (mqtt.retain).");
    return send_publication(ch, p, m->body, ticket, err);
}

#define TEXT(n)  TEXT_(n)
#define TEXT_(n) #n

const struct transport mqtt_transport = {
    .name = "mqtt",
    .libraries =
        "libmosquitto " TEXT(LIBMOSQUITTO_MAJOR) "." TEXT(LIBMOSQUITTO_MINOR) "." TEXT(LIBMOSQUITTO_REVISION),
    .check = check,
    .open = channel_open,
    .close = channel_close,
    .flush = channel_flush,
    .free = channel_free,
    .publish = channel_publish,
};
