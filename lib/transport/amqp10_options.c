#include "transport/amqp10_options.h"

#include "base/log.h"
#include "base/scan.h"

#include "base/banned.h"

enum {
    SEND_MS = 60000,
    CLOSE_MS = 2000,
    IDLE_MS = 60000,
    /* Without a frame size of our own proton has no session window, and what arrives while nobody reads it is bounded
     * by credit times message size only. */
    FRAME_BYTES = 64 * 1024,
    FRAME_MIN_BYTES = 512, /* AMQP 1.0 part 2, 2.7.1 */
    CHANNEL_MAX = 32767,
    DAY_MS = 86400000,
    BUFFER_MAX_BYTES = 256 * 1024 * 1024,
};

/* --- values ------------------------------------------------------------------------------------------------------ */

static bool is_true(const struct connection *c, const char *key, bool otherwise)
{
    bool b = otherwise;
    (void)scan_bool(connection_specific(c, slice_str(key)), &b);
    return b;
}

/* Within min and max, else as it is; absent: `otherwise`. */
static int64_t number(const struct connection *c, const char *key, int64_t min, int64_t max,
                      int64_t otherwise)
{
    int64_t n;
    struct slice text = connection_specific(c, slice_str(key));
    return text.p && scan_i64(text, &n) == 0 && n >= min && n <= max ? n : otherwise;
}

/* Below 0: for ever. */
static msec timeout(const struct connection *c, const char *key, msec otherwise)
{
    int64_t ms = number(c, key, INT64_MIN, DAY_MS, otherwise);
    return ms < 0 ? NEVER : ms;
}

static struct slice text(const struct connection *c, const char *key, struct slice otherwise)
{
    struct slice s = connection_specific(c, slice_str(key));
    return s.len ? s : otherwise;
}

/* --- what takes effect ------------------------------------------------------------------------------------------- */

static void read_tcp(struct tcp_settings *t, const struct connection *c)
{
    t->no_delay = is_true(c, "transport.tcpNoDelay", true);
    t->keepalive = is_true(c, "transport.tcpKeepAlive", false);
    t->send_bytes = (int)number(c, "transport.sendBufferSize", 1, BUFFER_MAX_BYTES, 0);
    t->receive_bytes = (int)number(c, "transport.receiveBufferSize", 1, BUFFER_MAX_BYTES, 0);
    t->traffic_class = (int)number(c, "transport.trafficClass", 0, 255, 0);
    t->linger_s = (int)number(c, "transport.soLinger", 0, 65535, -1);
    t->local_host = text(c, "transport.localAddress", SLICE_NONE);
    t->local_port = (unsigned)number(c, "transport.localPort", 0, 65535, 0);
}

void amqp10_options_read(struct amqp10_options *o, const struct connection *c)
{
    bool all = is_true(c, "jms.presettlePolicy.presettleAll", false);
    *o = (struct amqp10_options){
        .client_id = text(c, "jms.clientID", c->id),
        .user = text(c, "jms.username", c->uri.user),
        .password = text(c, "jms.password", c->uri.password),
        .vhost = text(c, "amqp.vhost", c->uri.host),
        .mechanisms = text(c, "amqp.saslMechanisms", SLICE_NONE),
        .sasl = is_true(c, "amqp.saslLayer", true),
        .connect_ms = number(c, "transport.connectTimeout", 1, DAY_MS, 0),
        .send_ms = timeout(c, "jms.sendTimeout", SEND_MS),
        .close_ms = number(c, "jms.closeTimeout", 1, DAY_MS, CLOSE_MS),
        .idle_ms = (unsigned)number(c, "amqp.idleTimeout", 0, DAY_MS, IDLE_MS),
        .frame_bytes = (unsigned)number(c, "amqp.maxFrameSize", FRAME_MIN_BYTES, INT32_MAX, FRAME_BYTES),
        .channel_max = (unsigned)number(c, "amqp.channelMax", 0, 65535, CHANNEL_MAX),
        .presettle_in = is_true(c, "jms.presettlePolicy.presettleConsumers", all),
        .presettle_out = is_true(c, "jms.presettlePolicy.presettleProducers", all),
        .user_id = is_true(c, "jms.populateJMSXUserID", false),
    };
    o->connect_ms = number(c, "jms.connectTimeout", 1, DAY_MS, o->connect_ms);
    read_tcp(&o->tcp, c);
}

/* --- what does not ----------------------------------------------------------------------------------------------- */

static bool takes_effect(struct slice key)
{
    static const char *const keys[] = {
        "jms.clientID",
        "jms.username",
        "jms.password",
        "jms.connectTimeout",
        "jms.sendTimeout",
        "jms.closeTimeout",
        "jms.populateJMSXUserID",
        "jms.presettlePolicy.presettleAll",
        "jms.presettlePolicy.presettleConsumers",
        "jms.presettlePolicy.presettleProducers",
        "amqp.vhost",
        "amqp.saslMechanisms",
        "amqp.saslLayer",
        "amqp.idleTimeout",
        "amqp.maxFrameSize",
        "amqp.channelMax",
        "transport.connectTimeout",
        "transport.tcpNoDelay",
        "transport.tcpKeepAlive",
        "transport.sendBufferSize",
        "transport.receiveBufferSize",
        "transport.trafficClass",
        "transport.soLinger",
        "transport.localAddress",
        "transport.localPort",
        "transport.trustAll",
        "transport.verifyHost",
        "transport.trustStoreLocation",
        "transport.keyStoreLocation",
    };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (slice_eq(key, slice_str(keys[i])))
            return true;
    return false;
}

static bool of_the_client(struct slice key)
{
    return slice_starts(key, S("jms.")) || slice_starts(key, S("amqp.")) ||
           slice_starts(key, S("transport.")) || slice_starts(key, S("failover."));
}

void amqp10_options_note(const struct connection *c)
{
    struct buf names = {0};
    for (size_t i = 0; i < c->specific.n; i++) {
        struct slice key = c->specific.v[i].name;
        if (!of_the_client(key) || takes_effect(key))
            continue;
        buf_puts(&names, names.len ? ", " : "");
        buf_put_slice(&names, key);
    }
    if (names.len)
        notice("options without effect: %.*s", SLICE_ARG(buf_slice(&names)));
    buf_free(&names);
}
