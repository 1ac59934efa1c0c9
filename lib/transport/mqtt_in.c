/* The gate. libmosquitto queues the PUBACK of a message before it shows us the message, and the queue leaves in order, so
 * nothing of it is written (but past it, PINGREQ: mqtt_client.h) until all messages of QoS 1 that were read are
 * settled. Then it opens, all acknowledgements leave at once, and reading goes on. A message that is to be left to the
 * broker jams the gate: what was read with it comes again, too. */
#include <mqtt_protocol.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/log.h"
#include "base/scan.h"
#include "line/report.h"
#include "transport/mqtt.h"
#include "transport/mqtt_client.h"
#include "transport/mqtt_message.h"
#include "transport/mqtt_parcels.h"
#include "transport/mqtt_topics.h"

#include "base/banned.h"

enum {
    /* Behind a shut gate may wait, settled or not, so many times the window: a message that takes long does not stop the
     * others. */
    GATE_WINDOWS = 10,
    GATE_MAX = 65535, /* packet identifiers */
    HELD_MAX_BYTES =
        64 * 1024 *
        1024, /* of unsettled messages, kept for a redelivery; one more may be as large as MQTT has */
    SESSION_EXPIRY_S = 25 * 3600, /* the supervisor tries again within 24 h */
    RECONNECT_MIN_MS = 1000,      /* Ditto's bound, and the engine's own pause */
    RECONNECT_MS = 10000,
};

struct channel {
    struct channel_config cfg;
    struct channel_user user;
    struct mqtt_client client;
    struct mqtt_topics topics;
    unsigned *credit; /* of each lane */
    bool *wanted;
    size_t n_missing; /* SUBACKs */
    struct parcels parcels;
    unsigned life;
    unsigned unacknowledged, unsettled, gate_max; /* of QoS 1, since the gate was open last */
    bool jammed;
    bool ready, held, stopped;
    bool told_strange, told_lost;
    bool reconnects; /* for a redelivery */
    msec reconnect_ms;
    struct timer reconnect;
};

/* --- parcels ----------------------------------------------------------------------------------------------------- */

/* Nothing of it is needed any more. */
static void parcel_done(struct channel *ch, struct parcel *p)
{
    if (p->gated && p->life == ch->life)
        ch->unsettled--;
    parcels_put(&ch->parcels, p);
}

static void hand_over(struct channel *ch, struct parcel *p)
{
    if (ch->credit[p->lane])
        ch->credit[p->lane]--;
    struct buf *line = ch->user.begin(ch->user.arg, p->lane, buf_slice(&p->topic), p, p->attempt);
    buf_put_slice(line, buf_slice(&p->tail));
    ch->user.end(ch->user.arg);
}

/* --- receiving --------------------------------------------------------------------------------------------------- */

/* The answer to CONNECT is to be read whatever is held back. */
static bool may_read(const struct channel *ch)
{
    if (!ch->client.open)
        return true;
    for (size_t i = 0; i < ch->cfg.n_lanes; i++)
        if (!ch->credit[i])
            return false;
    return !ch->held && !ch->stopped && !ch->client.open_gate && ch->unacknowledged < ch->gate_max &&
           ch->parcels.bytes < HELD_MAX_BYTES;
}

static void set_reading(struct channel *ch)
{
    if (!may_read(ch))
        ch->client.paused = true;
    else
        mqtt_client_resume(&ch->client);
}

static void refuse(struct channel *ch, size_t lane)
{
    warn("a message of source %u is rejected: its payload is larger than 16 MiB", ch->cfg.lanes[lane].source);
    ch->user.refused(ch->user.arg, lane);
}

static void strange(struct channel *ch, const char *topic)
{
    if (!ch->told_strange)
        warn("a message to '%s' is dropped: it belongs to no source, maybe to an earlier one of this session",
             transport_shown(slice_str(topic)));
    ch->told_strange = true;
}

/* Settled before it was sent: nobody will ask for it again. */
static void pass(struct channel *ch, size_t lane, const struct mosquitto_message *m,
                 const mosquitto_property *properties)
{
    if (ch->credit[lane])
        ch->credit[lane]--;
    struct buf *line = ch->user.begin(ch->user.arg, lane, slice_str(m->topic), NULL, 0);
    mqtt_message_put(line, m, properties);
    ch->user.end(ch->user.arg);
}

static void keep(struct channel *ch, size_t lane, const struct mosquitto_message *m,
                 const mosquitto_property *properties)
{
    struct parcel *p = parcels_take(&ch->parcels);
    p->lane = lane;
    p->attempt = 0;
    p->life = ch->life;
    p->gated = m->qos > 0;
    buf_puts(&p->topic, m->topic);
    mqtt_message_put(&p->tail, m, properties);
    ch->parcels.bytes += p->tail.len;
    ch->unsettled += p->gated;
    hand_over(ch, p);
}

static void on_message(struct mosquitto *mosq, void *arg, const struct mosquitto_message *m,
                       const mosquitto_property *properties)
{
    struct mqtt_client *c = arg;
    struct channel *ch = c->arg;
    (void)mosq;
    if (c->over)
        return;
    ch->unacknowledged += m->qos > 0;
    if (!mqtt_topics_match(&ch->topics, m->topic, properties, ch->wanted))
        strange(ch, m->topic);
    for (size_t i = 0; i < ch->cfg.n_lanes; i++) {
        if (!ch->wanted[i])
            continue;
        if (m->payloadlen > PAYLOAD_MAX_BYTES)
            refuse(ch, i);
        else if (ch->cfg.presettled)
            pass(ch, i, m, properties);
        else
            keep(ch, i, m, properties);
    }
    set_reading(ch);
}

/* --- the gate ---------------------------------------------------------------------------------------------------- */

/* While it is open nothing is read, or what comes would be acknowledged at once. */
static void open_gate(struct channel *ch)
{
    struct mqtt_client *c = &ch->client;
    if (!c->open || c->over)
        return;
    if (ch->unacknowledged && !ch->unsettled && !ch->jammed) {
        c->open_gate = true;
        mqtt_client_write(c);
    }
    if (c->over || !c->open_gate || !mqtt_client_drained(c))
        return;
    c->open_gate = false;
    ch->unacknowledged = 0;
}

/* --- subscribing ------------------------------------------------------------------------------------------------- */

static void tell_places(struct channel *ch, const bool *lanes, const char *state, const char *detail)
{
    for (size_t i = 0; i < ch->cfg.n_lanes; i++)
        if (!lanes || lanes[i])
            report_place(CATEGORY_SOURCE, ch->cfg.lanes[i].source, ALL_ADDRESSES, state, detail);
}

static void unusable(struct channel *ch, const struct mqtt_topic *t, const char *why, bool permanent)
{
    char reason[512];
    (void)snprintf(reason, sizeof reason, "the broker refused the subscription to '%s': %s",
                   transport_shown(slice_str(t->filter)), why);
    tell_places(ch, t->lanes, permanent ? "misconfigured" : "failed", reason);
    mqtt_client_end(&ch->client, permanent ? EXIT_PERMANENT : EXIT_TEMPORARY, reason);
}

static int subscribe(struct channel *ch, size_t i)
{
    struct mqtt_topic *t = &ch->topics.v[i];
    mosquitto_property *properties = NULL;
    if (ch->client.subscription_ids)
        mosquitto_property_add_varint(&properties, MQTT_PROP_SUBSCRIPTION_IDENTIFIER, (uint32_t)i + 1);
    int rc = mosquitto_subscribe_v5(ch->client.mosq, &t->mid, t->filter, t->qos, 0, properties);
    mosquitto_property_free_all(&properties);
    return rc;
}

static void opened(struct channel *ch)
{
    mqtt_client_opened(&ch->client);
    if (ch->ready)
        return;
    ch->ready = true;
    tell_places(ch, NULL, "open", NULL);
    ch->user.opened(ch->user.arg);
}

/* The broker may send what it has for the session at any time from now on: the gate shuts behind the last SUBSCRIBE. */
static void connected(struct mqtt_client *c, bool session)
{
    struct channel *ch = c->arg;
    int rc = MOSQ_ERR_SUCCESS;
    if (ch->ready && session)
        info("the session goes on");
    for (size_t i = 0; i < ch->topics.n && rc == MOSQ_ERR_SUCCESS && !(ch->ready && session); i++) {
        rc = subscribe(ch, i);
        ch->n_missing++;
    }
    if (rc != MOSQ_ERR_SUCCESS) {
        mqtt_client_end(c, EXIT_PERMANENT, mosquitto_strerror(rc));
        return;
    }
    mqtt_client_write(c);
    if (c->over)
        return;
    if (!mqtt_client_drained(c)) {
        mqtt_client_end(c, EXIT_TEMPORARY, "the broker does not read");
        return;
    }
    c->open_gate = false;
    if (!ch->n_missing)
        opened(ch);
}

static void on_subscribe(struct mosquitto *mosq, void *arg, int mid, int n, const int *granted,
                         const mosquitto_property *properties)
{
    struct mqtt_client *c = arg;
    struct channel *ch = c->arg;
    struct mqtt_topic *t = ch->topics.v, *end = t + ch->topics.n;
    (void)mosq, (void)properties;
    while (t < end && t->mid != mid)
        t++;
    if (t == end || n < 1 || c->over)
        return;
    t->mid = 0;
    if (granted[0] >= MQTT_RC_UNSPECIFIED) {
        unusable(ch, t, c->v5 ? mosquitto_reason_string(granted[0]) : "no reason given",
                 c->v5 && mqtt_client_permanent(true, granted[0]));
        return;
    }
    info("subscribed to '%s' with QoS %d", transport_shown(slice_str(t->filter)), granted[0]);
    if (granted[0] < t->qos)
        warn("the broker grants QoS %d only to '%s': what is lost on the way is not sent again", granted[0],
             transport_shown(slice_str(t->filter)));
    if (--ch->n_missing == 0)
        opened(ch);
}

/* --- fates ------------------------------------------------------------------------------------------------------- */

static void channel_grant(struct channel *ch, size_t lane, unsigned n)
{
    ch->credit[lane] += n;
}

/* The session begins a new life: what was not acknowledged is sent again by the broker, once it is back. */
static void on_reconnect(struct timer *t)
{
    struct channel *ch = t->arg;
    if (ch->client.over || ch->stopped)
        return;
    info("reconnecting, for the broker to deliver again");
    ch->life++;
    ch->unacknowledged = ch->unsettled = 0;
    ch->jammed = false;
    ch->n_missing = 0;
    mqtt_client_connect(&ch->client);
}

static void lose(struct channel *ch)
{
    if (!ch->told_lost)
        warn("a message of QoS 0 is lost: there is nobody who would deliver it again");
    ch->told_lost = true;
}

/* True: the parcel is still needed. */
static bool redeliver(struct channel *ch, struct parcel *p)
{
    if (p->gated && p->life != ch->life)
        return false; /* the broker has delivered it again */
    if (ch->stopped || (ch->reconnects && p->gated)) {
        ch->jammed = ch->jammed || p->gated;
        if (!p->gated)
            lose(ch);
        else if (!ch->stopped && ch->reconnect.at == NEVER)
            loop_timer(ch->cfg.loop, &ch->reconnect, clock_ms() + ch->reconnect_ms - RECONNECT_MIN_MS);
        return false;
    }
    p->attempt++;
    parcels_queue(&ch->parcels, p);
    return true;
}

static void channel_settle(struct channel *ch, void *handle, enum line_class fate)
{
    if (fate != CLASS_REDELIVER || !redeliver(ch, handle))
        parcel_done(ch, handle);
}

static bool channel_spent(struct channel *ch, void *handle)
{
    const struct parcel *p = handle;
    bool brokers = p->gated && (ch->reconnects || p->life != ch->life);
    return !brokers && p->attempt >= ch->cfg.redeliveries;
}

static void send_again(struct channel *ch)
{
    struct parcel *p;
    while (!ch->held && !ch->stopped && (p = parcels_next(&ch->parcels)))
        hand_over(ch, p);
}

static void channel_hold(struct channel *ch, bool held)
{
    ch->held = held;
}

static void channel_stop(struct channel *ch)
{
    struct parcel *p;
    ch->stopped = true;
    loop_timer(ch->cfg.loop, &ch->reconnect, NEVER);
    while ((p = parcels_next(&ch->parcels))) {
        ch->jammed = ch->jammed || p->gated;
        if (!p->gated)
            lose(ch);
        parcel_done(ch, p);
    }
}

static void channel_flush(struct channel *ch)
{
    send_again(ch);
    open_gate(ch);
    set_reading(ch);
    mqtt_client_flush(&ch->client);
}

/* --- opening and closing ----------------------------------------------------------------------------------------- */

static void failed(struct mqtt_client *c, int exit_code, const char *reason)
{
    struct channel *ch = c->arg;
    loop_timer(ch->cfg.loop, &ch->reconnect, NEVER);
    ch->user.closed(ch->user.arg, exit_code, reason);
}

/* Ditto's. Empty: the broker's choice, and then there is no session to come back to. */
static void put_client_id(struct buf *dst, const struct channel_config *cfg)
{
    struct slice id = connection_specific(cfg->connection, S("clientId"));
    buf_put_slice(dst, id.p ? id : cfg->connection->id);
    if (dst->len && cfg->connection->client_count > 1)
        buf_printf(dst, "_%u", cfg->client);
}

static bool flag(const struct connection *c, struct slice key)
{
    struct slice text = connection_specific(c, key);
    return text.len == 4 && strncasecmp(text.p, "true", 4) == 0;
}

static msec reconnect_ms(const struct connection *c)
{
    int64_t ms;
    struct slice text = connection_specific(c, S("reconnectForRedeliveryDelay"));
    if (!text.p || scan_duration_ms(text, &ms) < 0)
        return RECONNECT_MS;
    return ms < RECONNECT_MIN_MS ? RECONNECT_MIN_MS : (msec)ms;
}

static void init_client(struct channel *ch)
{
    const struct connection *conn = ch->cfg.connection;
    struct mqtt_client *c = &ch->client;
    *c = (struct mqtt_client){.loop = ch->cfg.loop,
                              .connection = conn,
                              .gated = true,
                              .receive_maximum = ch->gate_max,
                              .connect_ms = ch->cfg.connect_ms,
                              .arg = ch,
                              .connected = connected,
                              .failed = failed};
    put_client_id(&c->id, &ch->cfg);
    c->clean = flag(conn, S("cleanSession")) || !c->id.len;
    c->expiry_s = c->clean ? 0 : SESSION_EXPIRY_S;
    ch->reconnects = flag(conn, S("reconnectForRedelivery")) && !c->clean;
    ch->reconnect_ms = reconnect_ms(conn);
    mqtt_client_init(c);
    mosquitto_message_v5_callback_set(c->mosq, on_message);
    mosquitto_subscribe_v5_callback_set(c->mosq, on_subscribe);
}

static struct channel *channel_open(const struct channel_config *cfg, const struct channel_user *user)
{
    struct channel *ch = xcalloc(1, sizeof *ch);
    ch->cfg = *cfg;
    ch->user = *user;
    ch->credit = xcalloc(cfg->n_lanes, sizeof *ch->credit);
    ch->wanted = xcalloc(cfg->n_lanes, sizeof *ch->wanted);
    parcels_init(&ch->parcels);
    ch->gate_max = cfg->window < GATE_MAX / GATE_WINDOWS ? cfg->window * GATE_WINDOWS : GATE_MAX;
    ch->reconnect = (struct timer){.at = NEVER, .fire = on_reconnect, .arg = ch};
    mqtt_topics_make(&ch->topics, cfg);
    init_client(ch);
    mqtt_client_connect(&ch->client);
    return ch;
}

/* With something unsettled, or left to the broker, the connection ends without a word, and so without a PUBACK. */
static void channel_close(struct channel *ch)
{
    if (ch->unsettled || ch->jammed)
        mqtt_client_end(&ch->client, EXIT_DONE, NULL);
    else
        mqtt_client_close(&ch->client);
}

static void channel_free(struct channel *ch)
{
    loop_timer(ch->cfg.loop, &ch->reconnect, NEVER);
    mqtt_client_free(&ch->client);
    mqtt_topics_free(&ch->topics);
    parcels_free(&ch->parcels);
    free(ch->credit);
    free(ch->wanted);
    free(ch);
}

const struct transport mqtt_in_transport = {
    .name = "mqtt",
    .libraries = MQTT_LIBRARIES,
    .check = mqtt_client_check,
    .open = channel_open,
    .close = channel_close,
    .flush = channel_flush,
    .free = channel_free,
    .grant = channel_grant,
    .settle = channel_settle,
    .spent = channel_spent,
    .hold = channel_hold,
    .stop = channel_stop,
};
