#include "ctl/advice.h"

#include "connection/specific.h"
#include "protocol/template.h"

#include "base/log.h"
#include "base/banned.h"

static void unacknowledged(const struct connection *c, const char *path)
{
    for (size_t i = 0; i < c->n_sources; i++) {
        if (!c->sources[i].ack_includes.n)
            warn(
                "source %zu of '%s' requests no acknowledgements: its messages are settled when they are handed on",
                c->sources[i].index, path);
    }
}

static void unused_credentials(const struct connection *c, const char *path)
{
    struct json type = json_get(c->credentials, S("type"));
    bool certificate = json_text_is(type, S("client-cert"));
    if (json_text_is(type, S("plain")) || json_text_is(type, S("public-key")))
        warn("the credentials of '%s' are not used: theirs is a type for SSH tunnels", path);
    else if (certificate && c->type == TYPE_AMQP_091)
        warn("the client certificate of '%s' is not used over AMQP 0.9.1", path);
    else if (certificate && !c->client_cert.p != !c->client_key.p)
        warn("the client certificate of '%s' is not used: %s is missing", path,
             c->client_key.p ? "cert" : "key");
}

/* Ditto takes the default where a duration is none. */
static void no_duration(const struct connection *c, const char *path)
{
    static const char *const keys[] = {"keepAlive", "reconnectForRedeliveryDelay", NULL};
    bool mqtt = c->type == TYPE_MQTT || c->type == TYPE_MQTT_5;
    int64_t ignored;
    for (size_t i = 0; mqtt && keys[i]; i++) {
        if (specific_duration_ms(c, keys[i], &ignored) < 0)
            warn("'%s' of '%s' is no duration: the default counts", keys[i], path);
    }
}

/* Nobody looks at these before the first message comes, and then it fails. */
static void subjects(const struct connection *c, const char *path)
{
    for (size_t i = 0; i < c->n_sources; i++) {
        const struct slices *all = &c->sources[i].subjects;
        for (size_t k = 0; k < all->n; k++) {
            struct ditto_error err = {0};
            if (template_check(all->v[k], PLACEHOLDERS_OF_SUBJECT, &err) < 0)
                warn("source %zu of '%s' cannot be authorized: %s", c->sources[i].index, path, err.message);
        }
    }
}

void advise(const struct connection *c, const char *path)
{
    unacknowledged(c, path);
    unused_credentials(c, path);
    no_duration(c, path);
    subjects(c, path);
}
