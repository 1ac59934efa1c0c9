#include "transport/mqtt.h"

#include <errno.h>
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/scan.h"

#include "base/banned.h"

enum {
    IN_FLIGHT_BUCKETS = 256,
    IN_FLIGHT_MAX = 65535, /* packet identifiers */
    KEEPALIVE_S = 60,
    TOPIC_MAX = 65535,
};

/* A publish that the peer has not confirmed. */
struct in_flight {
    struct in_flight *next;
    void *ticket;
    int mid;
};

struct channel {
    struct channel_config cfg;
    struct channel_user user;
    struct mosquitto *mosq;
    struct watch watch;
    struct timer misc, deadline, ending;
    msec last_in, last_out;
    int keepalive_s;
    bool v5, open, closing;
    struct in_flight *buckets[IN_FLIGHT_BUCKETS], *spare;
    size_t n_in_flight;
    /* a confirmation that came while mosquitto_publish was still running: the mid is not known yet */
    bool publishing, confirmed_early;
    int early_mid;
    struct buf topic, text;
};

/* ---- the loop ---- */

static void gone(struct channel *ch, int exit_code)
{
    loop_timer(ch->cfg.loop, &ch->misc, NEVER);
    loop_timer(ch->cfg.loop, &ch->deadline, NEVER);
    loop_remove(ch->cfg.loop, &ch->watch);
    ch->watch.fd = -1;
    ch->open = false;
    ch->user.closed(ch->user.arg, exit_code);
}

static void lost(struct channel *ch, int rc)
{
    if (ch->watch.fd < 0)
        return;
    if (ch->closing) {
        gone(ch, EXIT_DONE);
        return;
    }
    error("cannot keep the connection to '%.*s:%u': %s", SLICE_ARG(ch->cfg.connection->uri.host),
          ch->cfg.connection->uri.port, rc == MOSQ_ERR_ERRNO ? strerror(errno) : mosquitto_strerror(rc));
    gone(ch, EXIT_TEMPORARY);
}

static void touch(struct channel *ch)
{
    /* mosquitto counts whole seconds: one second late is in time for it, one early would be a wake-up in vain */
    msec idle_since = ch->last_in < ch->last_out ? ch->last_in : ch->last_out;
    msec at = ch->open && ch->keepalive_s ? idle_since + (ch->keepalive_s + 1) * 1000 : NEVER;
    if (at != ch->misc.at)
        loop_timer(ch->cfg.loop, &ch->misc, at);
    ch->watch.events = POLLIN | (mosquitto_want_write(ch->mosq) ? POLLOUT : 0);
}

static void on_misc(struct timer *t)
{
    struct channel *ch = t->arg;
    int rc = mosquitto_loop_misc(ch->mosq);
    if (rc != MOSQ_ERR_SUCCESS) {
        lost(ch, rc);
        return;
    }
    ch->last_out = ch->last_in = clock_ms();
    touch(ch);
}

static void on_socket(struct watch *w, short revents)
{
    struct channel *ch = w->arg;
    int rc = MOSQ_ERR_SUCCESS;
    if (revents & (POLLIN | POLLERR | POLLHUP)) {
        rc = mosquitto_loop_read(ch->mosq, 1);
        ch->last_in = clock_ms();
    }
    if (rc == MOSQ_ERR_SUCCESS && (revents & POLLOUT)) {
        rc = mosquitto_loop_write(ch->mosq, 1);
        ch->last_out = clock_ms();
    }
    if (rc != MOSQ_ERR_SUCCESS)
        lost(ch, rc);
    else if (ch->watch.fd >= 0)
        touch(ch);
}

static void on_deadline(struct timer *t)
{
    struct channel *ch = t->arg;
    error("cannot connect to '%.*s:%u': no answer within %lld ms", SLICE_ARG(ch->cfg.connection->uri.host),
          ch->cfg.connection->uri.port, (long long)ch->cfg.connect_ms);
    gone(ch, EXIT_TEMPORARY);
}

/* ---- what the broker says ---- */

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
    case MQTT_RC_BAD_AUTHENTICATION_METHOD:
        return true;
    default:
        return false;
    }
}

static void on_connect(struct mosquitto *mosq, void *arg, int reason, int flags, const mosquitto_property *props)
{
    struct channel *ch = arg;
    (void)mosq, (void)flags, (void)props;
    loop_timer(ch->cfg.loop, &ch->deadline, NEVER);
    if (reason == 0) {
        ch->open = true;
        ch->last_in = ch->last_out = clock_ms();
        ch->user.opened(ch->user.arg);
        return;
    }
    error("cannot connect to '%.*s:%u': %s", SLICE_ARG(ch->cfg.connection->uri.host), ch->cfg.connection->uri.port,
          ch->v5 ? mosquitto_reason_string(reason) : mosquitto_connack_string(reason));
    gone(ch, permanent(ch->v5, reason) ? EXIT_PERMANENT : EXIT_TEMPORARY);
}

/* MQTT 5, 3.4.2.1 PUBACK reason codes, as statuses whose class carries the right fate. */
static int status_of(int reason)
{
    switch (reason) {
    case MQTT_RC_NOT_AUTHORIZED:
        return 403;
    case MQTT_RC_TOPIC_NAME_INVALID:
    case MQTT_RC_PAYLOAD_FORMAT_INVALID:
        return 400;
    case MQTT_RC_PACKET_TOO_LARGE:
        return 413;
    default:
        return 503;
    }
}

static void confirm(struct channel *ch, void *ticket, int reason)
{
    struct ditto_error err = {0};
    if (reason < 0x80) {
        ch->user.confirmed(ch->user.arg, ticket, NULL);
        return;
    }
    ditto_fail(&err, status_of(reason), "connectivity:message.sending.failed", NULL, NULL, "The broker refused the message: %s.",
               mosquitto_reason_string(reason));
    ch->user.confirmed(ch->user.arg, ticket, &err);
}

static void remember(struct channel *ch, int mid, void *ticket)
{
    struct in_flight *f = ch->spare;
    struct in_flight **bucket = &ch->buckets[mid % IN_FLIGHT_BUCKETS];
    if (f)
        ch->spare = f->next;
    else
        f = xmalloc(sizeof *f);
    *f = (struct in_flight){.next = *bucket, .ticket = ticket, .mid = mid};
    *bucket = f;
    ch->n_in_flight++;
}

/* The ticket of a packet identifier, taken out; NULL if it is none of ours. */
static void *recall(struct channel *ch, int mid)
{
    for (struct in_flight **at = &ch->buckets[mid % IN_FLIGHT_BUCKETS]; *at; at = &(*at)->next)
        if ((*at)->mid == mid) {
            struct in_flight *f = *at;
            *at = f->next;
            f->next = ch->spare;
            ch->spare = f;
            ch->n_in_flight--;
            return f->ticket;
        }
    return NULL;
}

static void on_publish(struct mosquitto *mosq, void *arg, int mid, int reason, const mosquitto_property *props)
{
    struct channel *ch = arg;
    void *ticket = recall(ch, mid);
    (void)mosq, (void)props;
    if (ticket) {
        confirm(ch, ticket, reason);
        if (ch->n_in_flight == IN_FLIGHT_MAX - 1)
            ch->user.writable(ch->user.arg);
    } else if (ch->publishing) {
        ch->confirmed_early = true;
        ch->early_mid = mid;
    }
}

/* ---- opening and closing ---- */

static int check(const struct channel_config *cfg, struct ditto_error *err)
{
    const struct connection *c = cfg->connection;
    if (c->type != TYPE_MQTT && c->type != TYPE_MQTT_5)
        return ditto_fail(err, 400, "connectivity:connection.configuration.invalid", NULL, "/connectionType",
                          "The connection is of type '%.*s', not mqtt or mqtt-5.", SLICE_ARG(c->type_text));
    if (c->uri.tls)
        return ditto_fail(err, 400, "connectivity:connection.configuration.invalid", NULL, "/uri",
                          "TLS is not built into this transport yet.");
    return 0;
}

static int keepalive_s(const struct connection *c)
{
    int64_t ms;
    struct slice text = connection_specific(c, S("keepAlive"));
    if (!text.p || scan_duration_ms(text, &ms) < 0 || ms < 0 || ms > 65535000)
        return KEEPALIVE_S;
    return (int)(ms / 1000);
}

/* Ditto's client ids: a publisher's is the client id (or connection id) with a "p" behind it. */
static void client_id(struct buf *dst, const struct channel_config *cfg)
{
    struct slice id = connection_specific(cfg->connection, S("publisherId"));
    if (!id.p) {
        struct slice base = connection_specific(cfg->connection, S("clientId"));
        buf_put_slice(dst, base.p ? base : cfg->connection->id);
        buf_putc(dst, 'p');
    } else {
        buf_put_slice(dst, id);
    }
    if (cfg->connection->client_count > 1)
        buf_printf(dst, "_%u", cfg->client);
}

static struct mosquitto *new_client(struct channel *ch)
{
    struct buf id = {0}, user = {0}, password = {0};
    const struct uri *u = &ch->cfg.connection->uri;
    client_id(&id, &ch->cfg);
    struct mosquitto *m = mosquitto_new(buf_z(&id), true, ch);
    if (!m)
        die_sys(EXIT_TEMPORARY, "cannot make a client");
    mosquitto_int_option(m, MOSQ_OPT_PROTOCOL_VERSION, ch->v5 ? MQTT_PROTOCOL_V5 : MQTT_PROTOCOL_V311);
    mosquitto_int_option(m, MOSQ_OPT_TCP_NODELAY, 1);
    mosquitto_max_inflight_messages_set(m, 1000);
    mosquitto_connect_v5_callback_set(m, on_connect);
    mosquitto_publish_v5_callback_set(m, on_publish);
    if (u->user.p) {
        buf_put_slice(&user, u->user);
        buf_put_slice(&password, u->password);
        mosquitto_username_pw_set(m, buf_z(&user), buf_z(&password));
    }
    buf_free(&id);
    buf_free(&user);
    buf_wipe(&password);
    return m;
}

static void on_ending(struct timer *t)
{
    struct channel *ch = t->arg;
    ch->user.closed(ch->user.arg, ch->closing ? EXIT_DONE : EXIT_TEMPORARY);
}

static struct channel *channel_open(const struct channel_config *cfg, const struct channel_user *user)
{
    struct channel *ch = xcalloc(1, sizeof *ch);
    struct buf host = {0};
    int rc;
    ch->cfg = *cfg;
    ch->user = *user;
    ch->v5 = cfg->connection->type == TYPE_MQTT_5;
    ch->keepalive_s = keepalive_s(cfg->connection);
    ch->misc = (struct timer){.at = NEVER, .fire = on_misc, .arg = ch};
    ch->deadline = (struct timer){.at = NEVER, .fire = on_deadline, .arg = ch};
    ch->ending = (struct timer){.at = NEVER, .fire = on_ending, .arg = ch};
    ch->watch = (struct watch){.fd = -1, .ready = on_socket, .arg = ch};
    mosquitto_lib_init();
    ch->mosq = new_client(ch);
    buf_put_slice(&host, cfg->connection->uri.host);
    rc = mosquitto_connect_bind_async(ch->mosq, buf_z(&host), (int)cfg->connection->uri.port, ch->keepalive_s, NULL);
    if (rc != MOSQ_ERR_SUCCESS) {
        error("cannot connect to '%s:%u': %s", buf_z(&host), cfg->connection->uri.port,
              rc == MOSQ_ERR_ERRNO ? strerror(errno) : mosquitto_strerror(rc));
        loop_timer(cfg->loop, &ch->ending, clock_ms());
    } else {
        ch->watch.fd = mosquitto_socket(ch->mosq);
        ch->watch.events = POLLIN | POLLOUT;
        loop_add(cfg->loop, &ch->watch);
        loop_timer(cfg->loop, &ch->deadline, clock_ms() + cfg->connect_ms);
    }
    buf_free(&host);
    return ch;
}

static void channel_close(struct channel *ch)
{
    ch->closing = true;
    /* written at once: nothing else is queued, everything was confirmed or given up */
    if (ch->open)
        mosquitto_disconnect(ch->mosq);
    loop_timer(ch->cfg.loop, &ch->ending, clock_ms());
}

static void channel_free(struct channel *ch)
{
    loop_timer(ch->cfg.loop, &ch->misc, NEVER);
    loop_timer(ch->cfg.loop, &ch->deadline, NEVER);
    loop_timer(ch->cfg.loop, &ch->ending, NEVER);
    if (ch->watch.fd >= 0)
        loop_remove(ch->cfg.loop, &ch->watch);
    mosquitto_destroy(ch->mosq);
    mosquitto_lib_cleanup();
    for (int i = 0; i < IN_FLIGHT_BUCKETS; i++)
        while (ch->buckets[i])
            recall(ch, ch->buckets[i]->mid);
    while (ch->spare) {
        struct in_flight *f = ch->spare;
        ch->spare = f->next;
        free(f);
    }
    buf_free(&ch->topic);
    buf_free(&ch->text);
    free(ch);
}

/* ---- publishing ---- */

struct publication {
    struct slice topic;
    int qos;
    bool retain;
    mosquitto_property *props;
};

static int invalid(struct ditto_error *err, struct slice name)
{
    return ditto_fail(err, 400, "connectivity:message.sending.failed", NULL, NULL, "The header '%.*s' has no valid value.",
                      SLICE_ARG(name));
}

/* The headers that steer the publish itself (Ditto, "MQTT protocol binding"). 1: taken, 0: none of these, -1: bad. */
static int steer(struct channel *ch, struct publication *p, struct slice name, struct slice value, struct ditto_error *err)
{
    uint64_t n;
    if (slice_eq(name, S("mqtt.topic"))) {
        buf_reset(&ch->topic, 4096);
        buf_put_slice(&ch->topic, value);
        p->topic = buf_slice(&ch->topic);
    } else if (slice_eq(name, S("mqtt.qos"))) {
        if (scan_u64(slice_trim(value), &n) < 0 || n > 2)
            return invalid(err, name);
        p->qos = (int)n;
    } else if (slice_eq(name, S("mqtt.retain"))) {
        struct slice v = slice_trim(value);
        if (v.len == 4 && strncasecmp(v.p, "true", 4) == 0)
            p->retain = true;
        else if (v.len == 5 && strncasecmp(v.p, "false", 5) == 0)
            p->retain = false;
        else
            return invalid(err, name);
    } else if (slice_eq(name, S("mqtt.message-expiry-interval"))) {
        if (scan_u64(slice_trim(value), &n) < 0 || n > UINT32_MAX)
            return invalid(err, name);
        if (n && ch->v5)
            mosquitto_property_add_int32(&p->props, MQTT_PROP_MESSAGE_EXPIRY_INTERVAL, (uint32_t)n);
    } else {
        return 0;
    }
    return 1;
}

/* libmosquitto takes C strings: what holds a NUL cannot travel (and MQTT 1.5.4 forbids it). */
static bool has_nul(struct slice s)
{
    return s.len && memchr(s.p, 0, s.len);
}

static int add_text(mosquitto_property **props, int id, struct slice name, struct slice value)
{
    char *n = xstrndup(name.p, name.len), *v = xstrndup(value.p, value.len);
    int rc = id == MQTT_PROP_USER_PROPERTY ? mosquitto_property_add_string_pair(props, id, n, v)
                                           : mosquitto_property_add_string(props, id, v);
    free(n);
    free(v);
    return rc;
}

/* MQTT 5: what a header becomes besides steering. */
static int put_property(struct publication *p, struct slice name, struct slice value, struct ditto_error *err)
{
    int rc;
    if (slice_trim(value).len == 0)
        return 0;
    if (slice_eq(name, S("correlation-id")))
        rc = mosquitto_property_add_binary(&p->props, MQTT_PROP_CORRELATION_DATA, value.p, (uint16_t)value.len);
    else if (has_nul(name) || has_nul(value))
        return invalid(err, name);
    else if (slice_eq(name, S("reply-to")))
        rc = add_text(&p->props, MQTT_PROP_RESPONSE_TOPIC, name, value);
    else if (slice_eq(name, S("content-type")))
        rc = add_text(&p->props, MQTT_PROP_CONTENT_TYPE, name, value);
    else
        rc = add_text(&p->props, MQTT_PROP_USER_PROPERTY, name, value);
    return rc == MOSQ_ERR_SUCCESS ? 0 : invalid(err, name);
}

static int put_headers(struct channel *ch, struct publication *p, struct json headers, struct ditto_error *err)
{
    struct json_iter it = json_iter(headers);
    while (json_next(&it)) {
        struct slice name, value;
        size_t value_at;
        int r;
        /* name and value are decoded into one buffer: take the slices when it has stopped growing */
        buf_reset(&ch->text, 4096);
        name = json_raw_text(it.key, &ch->text);
        if (it.value.type != JSON_STRING)
            return invalid(err, name);
        value_at = ch->text.len;
        value = json_text(it.value, &ch->text);
        if (value_at && name.p != it.key.p)
            name = slice_of(buf_p(&ch->text), value_at);
        if (value.len > TOPIC_MAX || name.len > TOPIC_MAX)
            return invalid(err, slice_of(name.p, name.len < 64 ? name.len : 64));
        r = steer(ch, p, name, value, err);
        if (r < 0 || (ch->v5 && put_property(p, name, value, err) < 0))
            return -1;
    }
    return 0;
}

static int send_publication(struct channel *ch, struct publication *p, struct slice body, void *ticket, struct ditto_error *err)
{
    int mid = 0, rc;
    char *topic;
    if (p->topic.len > TOPIC_MAX || has_nul(p->topic) || p->topic.len == 0 ||
        mosquitto_pub_topic_check2(p->topic.p, p->topic.len) != MOSQ_ERR_SUCCESS)
        return ditto_fail(err, 400, "connectivity:message.sending.failed", NULL, NULL,
                          "The address is no topic name that MQTT allows to publish to.");
    topic = xstrndup(p->topic.p, p->topic.len);
    ch->publishing = true;
    ch->confirmed_early = false;
    rc = mosquitto_publish_v5(ch->mosq, &mid, topic, (int)body.len, body.p, p->qos, p->retain, p->props);
    ch->publishing = false;
    free(topic);
    if (rc == MOSQ_ERR_OVERSIZE_PACKET || rc == MOSQ_ERR_PAYLOAD_SIZE)
        return ditto_fail(err, 413, "connectivity:message.sending.failed", NULL, NULL, "The broker takes no messages of this size.");
    if (rc == MOSQ_ERR_QOS_NOT_SUPPORTED || rc == MOSQ_ERR_RETAIN_NOT_SUPPORTED || rc == MOSQ_ERR_INVAL ||
        rc == MOSQ_ERR_MALFORMED_UTF8)
        return ditto_fail(err, 400, "connectivity:message.sending.failed", NULL, NULL, "The broker cannot take this message: %s.",
                          mosquitto_strerror(rc));
    remember(ch, mid, ticket);
    ch->last_out = clock_ms();
    if (rc != MOSQ_ERR_SUCCESS)
        lost(ch, rc);
    else
        touch(ch);
    return 1;
}

/* Confirmations that arrived inside mosquitto_publish are given from the loop: publish has returned by then. */
static void on_early(struct channel *ch)
{
    void *ticket = recall(ch, ch->early_mid);
    if (ticket)
        confirm(ch, ticket, 0);
}

static int channel_publish(struct channel *ch, const struct outgoing *m, void *ticket, struct ditto_error *err)
{
    struct publication p = {.topic = m->address, .qos = m->qos < 0 ? 0 : m->qos};
    int r;
    if (ch->n_in_flight >= IN_FLIGHT_MAX)
        return 0;
    r = put_headers(ch, &p, m->headers, err);
    if (r == 0)
        r = send_publication(ch, &p, m->body, ticket, err);
    mosquitto_property_free_all(&p.props);
    if (r == 1 && ch->confirmed_early)
        on_early(ch);
    return r;
}

const struct transport mqtt_transport = {
    .name = "mqtt",
    .check = check,
    .open = channel_open,
    .close = channel_close,
    .free = channel_free,
    .publish = channel_publish,
};
