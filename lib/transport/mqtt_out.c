#include <errno.h>
#include <mqtt_protocol.h>
#include <stdlib.h>
#include <strings.h>

#include "base/log.h"
#include "base/scan.h"
#include "transport/mqtt.h"
#include "transport/mqtt_client.h"
#include "transport/mqtt_publication.h"
#include "transport/mqtt_tickets.h"

#include "base/banned.h"

enum { MID_MAX = 65535 };

struct channel {
    struct channel_user user;
    struct mqtt_client client;
    struct mqtt_tickets in_flight;
    int last_mid;
    bool full; /* said so */
    /* a confirmation inside mosquitto_publish: its mid is not known to us yet */
    bool publishing;
    int early_mid;
    struct mqtt_publication publication;
};

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
    if (log_at(LOG_TRACE))
        trace("the broker %s a message", reason < MQTT_RC_UNSPECIFIED ? "confirmed" : "refused");
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
    struct mqtt_client *c = arg;
    struct channel *ch = c->arg;
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

/* Ditto's: a publisher's is the client id (or connection id) with a "p" behind it. */
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

/* What the broker publishes when we are gone without a DISCONNECT. It is the publisher's, as in Ditto where there is one
 * of its own. */
static void set_will(struct mqtt_client *c)
{
    struct slice topic = connection_specific(c->connection, S("lastWillTopic"));
    struct slice qos = connection_specific(c->connection, S("lastWillQos"));
    struct slice retain = connection_specific(c->connection, S("lastWillRetain"));
    struct slice message = connection_specific(c->connection, S("lastWillMessage"));
    struct buf z = {0};
    int64_t level = 0;
    if (!topic.len)
        return;
    buf_put_slice(&z, topic);
    (void)scan_i64(qos, &level);
    if (mosquitto_will_set(c->mosq, buf_z(&z), (int)message.len, message.p, (int)level,
                           retain.len == 4 && strncasecmp(retain.p, "true", 4) == 0) != MOSQ_ERR_SUCCESS)
        warn("cannot set the last will '%s': it is no topic that MQTT allows to publish to",
             transport_shown(topic));
    buf_free(&z);
}

static void connected(struct mqtt_client *c, bool session)
{
    struct channel *ch = c->arg;
    (void)session;
    mqtt_client_opened(c);
    ch->user.opened(ch->user.arg);
}

static void failed(struct mqtt_client *c, int exit_code, const char *reason)
{
    struct channel *ch = c->arg;
    ch->user.closed(ch->user.arg, exit_code, reason);
}

static struct channel *channel_open(const struct channel_config *cfg, const struct channel_user *user)
{
    struct channel *ch = xcalloc(1, sizeof *ch);
    struct mqtt_client *c = &ch->client;
    ch->user = *user;
    *c = (struct mqtt_client){.loop = cfg->loop,
                              .connection = cfg->connection,
                              .clean = true,
                              .connect_ms = cfg->connect_ms,
                              .arg = ch,
                              .connected = connected,
                              .failed = failed};
    put_client_id(&c->id, cfg);
    mqtt_client_init(c);
    mosquitto_publish_v5_callback_set(c->mosq, on_publish);
    set_will(c);
    mqtt_client_connect(c);
    return ch;
}

static void channel_close(struct channel *ch)
{
    mqtt_client_close(&ch->client);
}

static void channel_flush(struct channel *ch)
{
    mqtt_client_flush(&ch->client);
}

static void channel_free(struct channel *ch)
{
    mqtt_client_free(&ch->client);
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
    int rc = mosquitto_publish_v5(ch->client.mosq, &mid, buf_p(&p->topic), (int)body.len, body.p, p->qos,
                                  p->retain, p->properties);
    int e = errno;
    ch->publishing = false;
    mqtt_client_stir(&ch->client);
    if (mid)
        ch->last_mid = mid;
    switch (refusal(rc, err)) {
    case 1: return -1;
    case -1:
        errno = e;
        mqtt_client_look(&ch->client, rc);
        return 1;
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
    if (mqtt_publication_make(p, m, ch->client.v5, err) < 0)
        return -1;
    if (p->retain && !ch->client.keeps_retained)
        return ditto_fail(err, 400, "connectivity:message.sending.failed", NULL, NULL,
                          "The broker keeps no messages (mqtt.retain).");
    return send_publication(ch, p, m->body, ticket, err);
}

const struct transport mqtt_out_transport = {
    .name = "mqtt",
    .libraries = MQTT_LIBRARIES,
    .check = mqtt_client_check,
    .open = channel_open,
    .close = channel_close,
    .flush = channel_flush,
    .free = channel_free,
    .publish = channel_publish,
};
