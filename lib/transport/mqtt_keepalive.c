#include "transport/mqtt_keepalive.h"

#include <errno.h>
#include <openssl/ssl.h>
#include <unistd.h>

#include "base/log.h"
#include "transport/mqtt_io.h"

#include "base/banned.h"

void mqtt_client_stir(struct mqtt_client *c)
{
    c->last_out = clock_ms();
}

void mqtt_client_resume(struct mqtt_client *c)
{
    if (!c->paused)
        return;
    c->paused = false;
    c->last_in = clock_ms();
}

static msec ping_due(const struct mqtt_client *c)
{
    msec heard = c->last_in > c->asked ? c->last_in : c->asked;
    return (heard < c->last_out ? heard : c->last_out) + c->keepalive_s * 500;
}

static msec dead_due(const struct mqtt_client *c)
{
    return c->paused ? NEVER : c->last_in + c->keepalive_s * 1500;
}

void mqtt_keepalive_arm(struct mqtt_client *c)
{
    msec at = ping_due(c) < dead_due(c) ? ping_due(c) : dead_due(c);
    loop_timer(c->loop, &c->keepalive, c->keepalive_s ? at : NEVER);
}

/* Past the library's queue. Not into the middle of a packet: then something leaves anyway, or the peer is dead. */
static void ping(struct mqtt_client *c)
{
    static const char request[2] = {'\xc0', '\0'};
    SSL *ssl = mosquitto_ssl_get(c->mosq);
    bool within = mosquitto_want_write(c->mosq) && (!c->gated || c->open_gate);
    int n = 0;
    c->asked = c->last_out = clock_ms();
    if (within || mqtt_io_flush() != 1)
        return;
    if (ssl)
        n = SSL_write(ssl, request, sizeof request);
    else
        n = (int)write(c->watch.fd, request, sizeof request);
    /* with TLS a record that is half written would have to be repeated before anything else is */
    if (n == 1 || (ssl && n <= 0))
        mqtt_client_end(c, EXIT_TEMPORARY, "the broker does not read");
    else if (n < 0 && errno != EAGAIN)
        mqtt_client_look(c, MOSQ_ERR_ERRNO);
}

/* The timer is not moved with each packet: when it fires, it looks whether it is due. */
void mqtt_keepalive_due(struct timer *t)
{
    struct mqtt_client *c = t->arg;
    msec now = clock_ms();
    if (dead_due(c) <= now)
        mqtt_client_end(c, EXIT_TEMPORARY, "the broker no longer answers");
    else if (ping_due(c) <= now)
        ping(c);
    if (!c->over)
        mqtt_keepalive_arm(c);
}
