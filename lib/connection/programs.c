#include "connection/programs.h"

#include "base/banned.h"

static const struct {
    const char *in, *out;
} programs[] = {
    [TYPE_AMQP_091] = {NULL, NULL},
    [TYPE_AMQP_10] = {"amqp-in", "amqp-out"},
    [TYPE_MQTT] = {"mqtt-in", "mqtt-out"},
    [TYPE_MQTT_5] = {"mqtt-in", "mqtt-out"},
    [TYPE_KAFKA] = {NULL, NULL},
    [TYPE_HTTP_PUSH] = {NULL, NULL},
    [TYPE_HONO] = {NULL, NULL},
};

const char *program_in(enum connection_type type)
{
    return programs[type].in;
}

const char *program_out(enum connection_type type)
{
    return programs[type].out;
}

static bool replies(const struct connection *c)
{
    for (size_t i = 0; i < c->n_sources; i++)
        if (c->sources[i].reply.present)
            return true;
    return false;
}

static int not_built(const struct connection *c, const char *ends, struct ditto_error *err)
{
    return ditto_fail(err, 400, "connectivity:connection.configuration.invalid",
                      "Keep it closed until then, or choose another type.", "/connectionType",
                      "A connection of type '%.*s' with %s cannot be opened: its transport is not built yet.",
                      SLICE_ARG(c->type_text), ends);
}

int programs_check(const struct connection *c, struct ditto_error *err)
{
    if (c->n_sources && !program_in(c->type))
        return not_built(c, "sources", err);
    if ((c->n_targets || replies(c)) && !program_out(c->type))
        return not_built(c, c->n_targets ? "targets" : "reply targets", err);
    return 0;
}
