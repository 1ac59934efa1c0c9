#include "transport/mqtt_client.h"

#include <errno.h>
#include <mqtt_protocol.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "base/scan.h"
#include "transport/mqtt_io.h"
#include "transport/mqtt_keepalive.h"
#include "transport/transport.h"

#include "base/banned.h"

enum {
    KEEPALIVE_S = 60,
    KEEPALIVE_MIN_S = 5, /* libmosquitto's */
    KEEPALIVE_MAX_S = 65535,
    CLOSE_MS = 2000,
    /* Sent and unconfirmed, unless an MQTT 5 broker says less or more. The library walks their list at each
     * confirmation; what is beyond waits in the library's queue. */
    SEND_MAXIMUM = 100,
};

/* --- the end ----------------------------------------------------------------------------------------------------- */

void mqtt_client_end(struct mqtt_client *c, int exit_code, const char *reason)
{
    if (c->over)
        return;
    c->over = true;
    mqtt_io_abandon();
    loop_timer(c->loop, &c->keepalive, NEVER);
    loop_timer(c->loop, &c->deadline, NEVER);
    loop_remove(c->loop, &c->watch);
    if (c->closing)
        c->failed(c, EXIT_DONE, NULL);
    else
        c->failed(c, exit_code, reason);
}

static void on_deadline(struct timer *t)
{
    mqtt_client_end(t->arg, EXIT_TEMPORARY, "no answer in time");
}

/* OpenSSL may have taken the error of the socket before us. */
static const char *closed_by_peer(const struct mqtt_client *c)
{
    if (!c->up)
        return "the TCP connection does not come up";
    return c->open || !c->v5 ? "the broker closed the TCP connection"
                             : "the broker closed the TCP connection (maybe it does not speak MQTT 5)";
}

/* Why the library gave up; errno as it left it. */
static const char *reason_of(struct mqtt_client *c, int rc, int e)
{
    if (c->farewell)
        return c->farewell;
    if (c->connection->uri.tls && !c->open && c->said[0])
        return c->said;
    switch (rc) {
    case MOSQ_ERR_ERRNO: return strerror(e);
    case MOSQ_ERR_EAI: return gai_strerror(e);
    case MOSQ_ERR_SUCCESS:
    case MOSQ_ERR_NO_CONN:
    case MOSQ_ERR_CONN_LOST: return closed_by_peer(c);
    default: return mosquitto_strerror(rc);
    }
}

/* --- connecting -------------------------------------------------------------------------------------------------- */

static mosquitto_property *connect_properties(const struct mqtt_client *c)
{
    mosquitto_property *p = NULL;
    if (c->v5 && c->expiry_s)
        mosquitto_property_add_int32(&p, MQTT_PROP_SESSION_EXPIRY_INTERVAL, c->expiry_s);
    return p;
}

static int try(struct mqtt_client *c, const char *host)
{
    mosquitto_property *properties = connect_properties(c);
    mqtt_io_connecting(true);
    int rc = mosquitto_connect_bind_v5(c->mosq, host, (int)c->connection->uri.port, c->keepalive_s, NULL,
                                       properties);
    int e = errno;
    mqtt_io_connecting(false);
    mosquitto_property_free_all(&properties);
    errno = e;
    return rc;
}

static void watch_socket(struct mqtt_client *c)
{
    unsigned timeout_ms = (unsigned)c->keepalive_s * 1500;
    c->watch.fd = mosquitto_socket(c->mosq);
    c->watch.events = POLLIN | POLLOUT;
    if (timeout_ms)
        (void)setsockopt(c->watch.fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof timeout_ms);
    if (!c->connection->uri.tls)
        mqtt_io_attach(c->watch.fd);
    loop_add(c->loop, &c->watch);
}

/* The next address in digits; with TLS the host itself, since its name has to be on the certificate. */
static const char *next_address(struct mqtt_client *c, char digits[TCP_DIGITS], struct buf *name)
{
    if (!c->connection->uri.tls)
        return tcp_digits(&c->addresses, digits) ? digits : NULL;
    if (!c->addresses.next)
        return NULL;
    tcp_done(&c->addresses);
    buf_put_slice(name, c->connection->uri.host);
    return buf_z(name);
}

/* A host may have several addresses. The library tries only the first that does not fail at once, so it is given one
 * at a time. */
static void connect_next(struct mqtt_client *c, const char *reason)
{
    char digits[TCP_DIGITS];
    struct buf name = {0};
    const char *host;
    bool started = false;
    while (!started && (host = next_address(c, digits, &name))) {
        int rc = try(c, host);
        started = rc == MOSQ_ERR_SUCCESS;
        reason = started ? NULL : reason_of(c, rc, errno);
    }
    buf_free(&name);
    if (started)
        watch_socket(c);
    else
        mqtt_client_end(c, EXIT_TEMPORARY, reason);
}

static void lost(struct mqtt_client *c, int rc, int e)
{
    const char *reason = reason_of(c, rc, e);
    c->up = false;
    loop_remove(c->loop, &c->watch);
    mqtt_io_abandon();
    if (c->sent || c->closing || c->connection->uri.tls)
        mqtt_client_end(c, EXIT_TEMPORARY, reason);
    else
        connect_next(c, reason);
}

void mqtt_client_look(struct mqtt_client *c, int rc)
{
    int e = errno;
    if (c->over)
        return;
    if (rc != MOSQ_ERR_SUCCESS || mosquitto_socket(c->mosq) < 0)
        lost(c, rc, e);
}

static int set_tls(struct mqtt_client *c)
{
    const struct tls *t = &c->tls;
    tls_close(&c->tls);
    if (tls_open(&c->tls, c->connection) < 0)
        return -1;
    /* the library wants a folder even if it shall look into the system's store; 0 and 1 are SSL_VERIFY_NONE and _PEER */
    mosquitto_int_option(c->mosq, MOSQ_OPT_TLS_USE_OS_CERTS, t->ca ? 0 : 1);
    int rc = mosquitto_tls_set(c->mosq, t->ca, t->ca ? NULL : X509_get_default_cert_dir(), t->cert,
                               t->cert ? t->key : NULL, NULL);
    if (rc == MOSQ_ERR_SUCCESS)
        rc = mosquitto_tls_opts_set(c->mosq, t->verify, NULL, NULL);
    if (rc == MOSQ_ERR_SUCCESS)
        rc = mosquitto_tls_insecure_set(c->mosq, !t->verify_host);
    if (rc == MOSQ_ERR_SUCCESS)
        return 0;
    (void)snprintf(c->tls.reason, sizeof c->tls.reason, "%s", mosquitto_strerror(rc));
    return -1;
}

void mqtt_client_connect(struct mqtt_client *c)
{
    const struct uri *u = &c->connection->uri;
    const char *reason = NULL;
    loop_remove(c->loop, &c->watch);
    mqtt_io_abandon();
    c->open = c->up = c->sent = c->paused = false;
    c->open_gate = true;
    c->said[0] = '\0';
    c->farewell = NULL;
    loop_timer(c->loop, &c->keepalive, NEVER);
    loop_timer(c->loop, &c->deadline, clock_ms() + c->connect_ms);
    tcp_done(&c->addresses);
    if (u->tls && set_tls(c) < 0)
        mqtt_client_end(c, EXIT_PERMANENT, c->tls.reason);
    else if (tcp_lookup(&c->addresses, u->host, u->port, &reason) < 0)
        mqtt_client_end(c, EXIT_TEMPORARY, reason);
    else
        connect_next(c, reason);
}

/* --- the socket -------------------------------------------------------------------------------------------------- */

static int write_some(struct mqtt_client *c)
{
    int rc = MOSQ_ERR_SUCCESS;
    if (mosquitto_want_write(c->mosq) && (!c->gated || c->open_gate)) {
        rc = mosquitto_loop_write(c->mosq, 1);
        c->last_out = clock_ms();
    }
    if (rc == MOSQ_ERR_SUCCESS && mqtt_io_flush() < 0)
        rc = MOSQ_ERR_ERRNO;
    return rc;
}

bool mqtt_client_drained(const struct mqtt_client *c)
{
    return !mosquitto_want_write(c->mosq) && mqtt_io_flush() == 1;
}

/* Messages may pause it. */
static int read_some(struct mqtt_client *c)
{
    int rc;
    do
        rc = mosquitto_loop_read(c->mosq, 1);
    while (rc == MOSQ_ERR_SUCCESS && mqtt_io_unread() && !c->paused && !c->over &&
           mosquitto_socket(c->mosq) >= 0);
    c->last_in = clock_ms();
    return rc;
}

/* The socket broke while nothing is read from it. */
static int pending_error(int fd)
{
    int e = 0;
    socklen_t size = sizeof e;
    (void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &size);
    errno = e;
    return e ? MOSQ_ERR_ERRNO : MOSQ_ERR_CONN_LOST;
}

static void on_socket(struct watch *w, short revents)
{
    struct mqtt_client *c = w->arg;
    int rc = MOSQ_ERR_SUCCESS;
    if (!c->up && (revents & (POLLERR | POLLHUP)))
        rc = pending_error(w->fd);
    else if (revents & POLLOUT) {
        c->up = true;
        rc = write_some(c);
        c->sent = c->sent || (rc == MOSQ_ERR_SUCCESS && mqtt_client_drained(c));
    }
    if (rc == MOSQ_ERR_SUCCESS && mosquitto_socket(c->mosq) >= 0) {
        if (!c->paused && (revents & (POLLIN | POLLERR | POLLHUP)))
            rc = read_some(c);
        else if (c->paused && (revents & (POLLERR | POLLHUP)))
            rc = pending_error(w->fd);
    }
    mqtt_client_look(c, rc);
}

/* The library closes the socket right after its last write, so nothing may be left in the buffer. */
static void leave(struct mqtt_client *c)
{
    if (!mqtt_client_drained(c))
        return;
    c->left = true;
    mqtt_io_detach();
    int rc = mosquitto_disconnect(c->mosq);
    if (rc == MOSQ_ERR_SUCCESS && mosquitto_want_write(c->mosq))
        rc = mosquitto_loop_write(c->mosq, 1);
    mqtt_client_look(c, rc);
}

void mqtt_client_write(struct mqtt_client *c)
{
    if (!c->over)
        mqtt_client_look(c, write_some(c));
    if (c->closing && !c->left && !c->over)
        leave(c);
}

/* In a handshake the CONNECT that is queued has to wait for the peer. */
static bool wants_write(const struct mqtt_client *c)
{
    SSL *ssl = mosquitto_ssl_get(c->mosq);
    if (!c->up)
        return true;
    if (ssl && SSL_in_init(ssl))
        return SSL_want_write(ssl);
    return (mosquitto_want_write(c->mosq) && (!c->gated || c->open_gate)) || mqtt_io_flush() == 0;
}

void mqtt_client_flush(struct mqtt_client *c)
{
    if (c->sent)
        mqtt_client_write(c);
    if (!c->over && mqtt_io_unread() && !c->paused)
        mqtt_client_look(c, read_some(c));
    if (c->over)
        return;
    c->watch.events = (short)((c->paused ? 0 : POLLIN) | (wants_write(c) ? POLLOUT : 0));
}

/* --- what the broker says ---------------------------------------------------------------------------------------- */

bool mqtt_client_permanent(bool v5, int reason)
{
    if (!v5)
        return reason != CONNACK_REFUSED_SERVER_UNAVAILABLE;
    switch (reason) {
    case MQTT_RC_UNSUPPORTED_PROTOCOL_VERSION:
    case MQTT_RC_CLIENTID_NOT_VALID:
    case MQTT_RC_BAD_USERNAME_OR_PASSWORD:
    case MQTT_RC_NOT_AUTHORIZED:
    case MQTT_RC_BANNED:
    case MQTT_RC_BAD_AUTHENTICATION_METHOD:
    case MQTT_RC_TOPIC_FILTER_INVALID:
    case MQTT_RC_TOPIC_NAME_INVALID:
    case MQTT_RC_SHARED_SUBS_NOT_SUPPORTED:
    case MQTT_RC_WILDCARD_SUBS_NOT_SUPPORTED: return true;
    default: return false;
    }
}

static bool available(const mosquitto_property *properties, int which)
{
    uint8_t byte = 1;
    (void)mosquitto_property_read_byte(properties, which, &byte, false);
    return byte;
}

static void read_limits(struct mqtt_client *c, const mosquitto_property *properties)
{
    uint16_t seconds;
    if (mosquitto_property_read_int16(properties, MQTT_PROP_SERVER_KEEP_ALIVE, &seconds, false))
        c->keepalive_s = seconds;
    c->keeps_retained = available(properties, MQTT_PROP_RETAIN_AVAILABLE);
    c->subscription_ids = c->v5 && available(properties, MQTT_PROP_SUBSCRIPTION_ID_AVAILABLE);
}

static void on_connect(struct mosquitto *mosq, void *arg, int reason, int flags,
                       const mosquitto_property *properties)
{
    enum { SESSION_PRESENT = 1 };
    struct mqtt_client *c = arg;
    (void)mosq;
    if (reason != 0) {
        mqtt_client_end(c, mqtt_client_permanent(c->v5, reason) ? EXIT_PERMANENT : EXIT_TEMPORARY,
                        c->v5 ? mosquitto_reason_string(reason) : mosquitto_connack_string(reason));
        return;
    }
    read_limits(c, properties);
    c->open = true;
    c->last_in = c->last_out = clock_ms();
    mqtt_keepalive_arm(c);
    c->connected(c, flags & SESSION_PRESENT);
}

/* The library's own errors come here, too; they have numbers below those of the protocol's failures. */
static void on_disconnect(struct mosquitto *mosq, void *arg, int reason, const mosquitto_property *properties)
{
    struct mqtt_client *c = arg;
    (void)mosq, (void)properties;
    if (c->v5 && reason >= MQTT_RC_UNSPECIFIED)
        c->farewell = mosquitto_reason_string(reason);
}

/* What the library says of TLS goes to its log only, and its SSL is gone soon after that. */
static void on_log(struct mosquitto *mosq, void *arg, int level, const char *text)
{
    struct mqtt_client *c = arg;
    SSL *ssl = mosquitto_ssl_get(mosq);
    long verdict = ssl ? SSL_get_verify_result(ssl) : X509_V_OK;
    if (level != MOSQ_LOG_ERR || c->said[0])
        return;
    if (strstr(text, "host name verification failed"))
        (void)snprintf(c->said, sizeof c->said,
                       "the broker's certificate is not accepted: it is made out to another host");
    else if (verdict != X509_V_OK)
        (void)snprintf(c->said, sizeof c->said, "the broker's certificate is not accepted: %s",
                       X509_verify_cert_error_string(verdict));
    else
        (void)snprintf(c->said, sizeof c->said, "%s", text);
}

/* --- life -------------------------------------------------------------------------------------------------------- */

int mqtt_client_check(const struct connection *c, struct ditto_error *err)
{
    if (c->type != TYPE_MQTT && c->type != TYPE_MQTT_5)
        return ditto_fail(err, 400, "connectivity:connection.configuration.invalid", NULL, "/connectionType",
                          "The connection is of type '%.*s', not mqtt or mqtt-5.", SLICE_ARG(c->type_text));
    return transport_check_ends(c, err);
}

static int keepalive_s(const struct connection *c)
{
    int64_t ms;
    struct slice text = connection_specific(c, S("keepAlive"));
    if (!text.p || scan_duration_ms(text, &ms) < 0 || ms < 0 || ms > KEEPALIVE_MAX_S * 1000LL)
        return KEEPALIVE_S;
    int s = (int)(ms / 1000);
    return s && s < KEEPALIVE_MIN_S ? KEEPALIVE_MIN_S : s;
}

static void set_credentials(struct mqtt_client *c)
{
    const struct uri *u = &c->connection->uri;
    struct buf user = {0}, password = {0};
    if (!u->user.p)
        return;
    buf_put_slice(&user, u->user);
    buf_put_slice(&password, u->password);
    mosquitto_username_pw_set(c->mosq, buf_z(&user), buf_z(&password));
    buf_free(&user);
    buf_wipe(&password);
}

static void set_options(struct mqtt_client *c)
{
    mosquitto_int_option(c->mosq, MOSQ_OPT_PROTOCOL_VERSION, c->v5 ? MQTT_PROTOCOL_V5 : MQTT_PROTOCOL_V311);
    mosquitto_int_option(c->mosq, MOSQ_OPT_TCP_NODELAY, 1);
    mosquitto_int_option(c->mosq, MOSQ_OPT_SEND_MAXIMUM, SEND_MAXIMUM);
    if (c->receive_maximum)
        mosquitto_int_option(c->mosq, MOSQ_OPT_RECEIVE_MAXIMUM, (int)c->receive_maximum);
    if (c->gated)
        mosquitto_threaded_set(c->mosq, true);
    mosquitto_connect_v5_callback_set(c->mosq, on_connect);
    mosquitto_disconnect_v5_callback_set(c->mosq, on_disconnect);
    mosquitto_log_callback_set(c->mosq, on_log);
}

void mqtt_client_init(struct mqtt_client *c)
{
    c->v5 = c->connection->type == TYPE_MQTT_5;
    c->keepalive_s = keepalive_s(c->connection);
    c->keepalive = (struct timer){.at = NEVER, .fire = mqtt_keepalive_due, .arg = c};
    c->deadline = (struct timer){.at = NEVER, .fire = on_deadline, .arg = c};
    c->watch = (struct watch){.fd = -1, .ready = on_socket, .arg = c};
    c->tls = (struct tls){.fds = {-1, -1, -1}};
    mosquitto_lib_init();
    c->mosq = mosquitto_new(c->id.len ? buf_z(&c->id) : NULL, c->clean, c);
    if (!c->mosq)
        die_sys(EXIT_TEMPORARY, "cannot make an MQTT client");
    set_options(c);
    set_credentials(c);
}

void mqtt_client_opened(struct mqtt_client *c)
{
    loop_timer(c->loop, &c->deadline, NEVER);
}

void mqtt_client_close(struct mqtt_client *c)
{
    c->closing = true;
    if (!c->open) {
        mqtt_client_end(c, EXIT_DONE, NULL);
        return;
    }
    loop_timer(c->loop, &c->deadline, clock_ms() + CLOSE_MS);
    c->open_gate = true;
    mqtt_client_write(c);
}

void mqtt_client_free(struct mqtt_client *c)
{
    loop_timer(c->loop, &c->keepalive, NEVER);
    loop_timer(c->loop, &c->deadline, NEVER);
    loop_remove(c->loop, &c->watch);
    mqtt_io_abandon();
    mosquitto_destroy(c->mosq);
    mosquitto_lib_cleanup();
    tcp_done(&c->addresses);
    tls_close(&c->tls);
    buf_free(&c->id);
}
