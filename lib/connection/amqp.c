/* amqp.c: rules of AMQP 0.9.1 and AMQP 1.0 connections. */
#include "connection/rules.h"

#include "base/banned.h"

/* "exchange/routing key", both of which may hold placeholders. */
const char *amqp091_target_address(struct slice address)
{
    static const char wrong[] = "it must have the form exchange/routingKey";
    struct slice literal, expression;
    size_t slashes = 0, length[2] = {0};
    while (template_next(&address, &literal, &expression)) {
        for (size_t i = 0; i < literal.len; i++) {
            if (literal.p[i] != '/')
                length[slashes]++;
            else if (++slashes > 1)
                return wrong;
        }
        length[slashes] += expression.p != NULL;
    }
    return length[0] && length[1] ? NULL : wrong;
}

/* --- options of AMQP 1.0 --- */

/* What Qpid JMS knows ("Client configuration"); others of these kinds are refused when a client is made. Options "jms.…" it
 * only looks at when it connects; all else is not its own. */
static const struct options {
    const char *prefix, *open_prefix; /* open_prefix: what begins so is passed on */
    const char *const *names;
} known[] = {
    {"amqp.", "amqp.sasl",
     (const char *const[]){"traceFrames", "traceFramesPayloadLimit", "traceBytes", "vhost", "idleTimeout",
                           "drainTimeout", "maxFrameSize", "maxWriteBytesBeforeFlush",
                           "sessionOutgoingWindow", "channelMax", "allowNonSecureRedirects", NULL}},
    {"transport.", "transport.ws.",
     (const char *const[]){"sendBufferSize",
                           "receiveBufferSize",
                           "trafficClass",
                           "connectTimeout",
                           "soTimeout",
                           "soLinger",
                           "tcpKeepAlive",
                           "tcpNoDelay",
                           "useEpoll",
                           "useKQueue",
                           "traceBytes",
                           "localAddress",
                           "localPort",
                           "sharedEventLoopThreads",
                           "defaultTcpPort",
                           "defaultSslPort",
                           "keyStoreLocation",
                           "keyStorePassword",
                           "trustStoreLocation",
                           "trustStorePassword",
                           "keyStoreType",
                           "trustStoreType",
                           "storeType",
                           "contextProtocol",
                           "enabledCipherSuites",
                           "disabledCipherSuites",
                           "enabledProtocols",
                           "disabledProtocols",
                           "trustAll",
                           "verifyHost",
                           "keyAlias",
                           "useOpenSSL",
                           NULL}},
    {"failover.", "failover.nested.",
     (const char *const[]){"initialReconnectDelay", "reconnectDelay", "maxReconnectDelay",
                           "useReconnectBackOff", "reconnectBackOffMultiplier", "maxReconnectAttempts",
                           "startupMaxReconnectAttempts", "warnAfterReconnectAttempts", "randomize",
                           "amqpOpenServerListAction", NULL}},
};

static bool option_ok(const struct options *o, struct slice key)
{
    struct slice name = slice_skip(key, strlen(o->prefix));
    bool found = slice_starts(key, slice_str(o->open_prefix));
    for (size_t i = 0; o->names[i] && !found; i++)
        found = slice_eq(name, slice_str(o->names[i]));
    return found;
}

void amqp10_check(const struct connection *c, struct connection_problems *p)
{
    for (size_t i = 0; i < c->specific.n; i++) {
        struct slice key = c->specific.v[i].name;
        for (size_t k = 0; k < sizeof(known) / sizeof(*known); k++) {
            if (slice_starts(key, slice_str(known[k].prefix)) && !option_ok(&known[k], key))
                PROBLEM(p, where_key(where_name(WHERE_ROOT, "specificConfig"), key), CONFIG_INVALID, NULL,
                        "There is no option '%.*s'.", SLICE_ARG(key));
        }
    }
}
