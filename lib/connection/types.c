/* types.c: what differs by connection type, a row each. Adding a type is adding a row (and the functions it names). */
#include "connection/rules.h"

#include "base/banned.h"

#define WITH(k) (1u << CREDENTIAL_##k)

enum {
    FILTER_PLACEHOLDERS = PLACEHOLDER_THING | PLACEHOLDER_POLICY | PLACEHOLDER_ENTITY,
    FILTER_PLACEHOLDERS_ALL = FILTER_PLACEHOLDERS | PLACEHOLDER_FEATURE,
};

/* "exchange/routing key" */
static const char *amqp091_target_address(struct slice address)
{
    struct slice literal, expr;
    size_t slashes = 0;
    while (template_next(&address, &literal, &expr)) {
        for (size_t i = 0; i < literal.len; i++)
            slashes += literal.p[i] == '/';
    }
    return slashes == 1 ? NULL : "it must have the form exchange/routingKey";
}

static const char *http_target_address(struct slice address)
{
    static const char *const verbs[] = {"PUT", "PATCH", "POST", "GET", "DELETE", NULL};
    struct slice path = address, verb = slice_cut(&path, ':');
    for (size_t i = 0; verbs[i]; i++) {
        if (path.p && slice_eq(verb, slice_str(verbs[i])))
            return NULL;
    }
    return "it must have the form VERB:/path with one of PUT, PATCH, POST, GET, DELETE";
}

static const char *hono_source_address(struct slice address)
{
    bool known = slice_eq(address, S("telemetry")) || slice_eq(address, S("event")) ||
                 slice_eq(address, S("command_response"));
    return known ? NULL : "it must be one of telemetry, event, command_response";
}

static const char *hono_target_address(struct slice address)
{
    return slice_eq(address, S("command")) ? NULL : "it must be command";
}

const struct type_rules type_rules[TYPE_COUNT] = {
    [TYPE_AMQP_091] = {.text = "amqp-091",
                       .label = "AMQP 0.9.1",
                       .scheme = "amqp",
                       .secure_scheme = "amqps",
                       .max_source_qos = -1,
                       .max_target_qos = -1,
                       .credentials = WITH(CLIENT_CERT),
                       .enforcement_input = PLACEHOLDER_HEADER,
                       .enforcement_filters = FILTER_PLACEHOLDERS_ALL,
                       .target_address = amqp091_target_address},
    [TYPE_AMQP_10] = {.text = "amqp-10",
                      .label = "AMQP 1.0",
                      .scheme = "amqp",
                      .secure_scheme = "amqps",
                      .max_source_qos = -1,
                      .max_target_qos = -1,
                      .credentials = WITH(CLIENT_CERT) | WITH(HMAC),
                      .enforcement_input = PLACEHOLDER_HEADER,
                      .enforcement_filters = FILTER_PLACEHOLDERS_ALL},
    [TYPE_MQTT] = {.text = "mqtt",
                   .label = "MQTT 3.1.1",
                   .scheme = "tcp",
                   .secure_scheme = "ssl",
                   .max_clients = 1,
                   .max_consumers = 1,
                   .qos_required = true,
                   .max_source_qos = 2,
                   .max_target_qos = 2,
                   .credentials = WITH(CLIENT_CERT),
                   .enforcement_input = PLACEHOLDER_SOURCE,
                   .enforcement_filters = FILTER_PLACEHOLDERS,
                   .source_address = mqtt_source_address,
                   .target_address = mqtt_target_address,
                   .check = mqtt3_check},
    [TYPE_MQTT_5] = {.text = "mqtt-5",
                     .label = "MQTT 5",
                     .scheme = "tcp",
                     .secure_scheme = "ssl",
                     .max_consumers = 1,
                     .qos_required = true,
                     .max_source_qos = 2,
                     .max_target_qos = 2,
                     .credentials = WITH(CLIENT_CERT),
                     .enforcement_input = PLACEHOLDER_SOURCE | PLACEHOLDER_HEADER,
                     .enforcement_filters = FILTER_PLACEHOLDERS,
                     .source_address = mqtt_source_address,
                     .target_address = mqtt_target_address,
                     .check = mqtt_check},
    [TYPE_KAFKA] = {.text = "kafka",
                    .label = "Kafka",
                    .scheme = "tcp",
                    .secure_scheme = "ssl",
                    .max_source_qos = 1,
                    .max_target_qos = -1,
                    .credentials = WITH(CLIENT_CERT),
                    .enforcement_input = PLACEHOLDER_HEADER,
                    .enforcement_filters = FILTER_PLACEHOLDERS_ALL},
    [TYPE_HTTP_PUSH] = {.text = "http-push",
                        .label = "HTTP",
                        .scheme = "http",
                        .secure_scheme = "https",
                        .no_sources = true,
                        .max_source_qos = -1,
                        .max_target_qos = -1,
                        .credentials =
                            WITH(CLIENT_CERT) | WITH(HMAC) | WITH(OAUTH_CLIENT) | WITH(OAUTH_PASSWORD),
                        .target_address = http_target_address},
    [TYPE_HONO] = {.text = "hono",
                   .label = "Hono",
                   .max_source_qos = 1,
                   .max_target_qos = -1,
                   .credentials = WITH(CLIENT_CERT),
                   .enforcement_input = PLACEHOLDER_HEADER,
                   .enforcement_filters = FILTER_PLACEHOLDERS_ALL,
                   .source_address = hono_source_address,
                   .target_address = hono_target_address},
};

const char *connection_type_text(enum connection_type t)
{
    return type_rules[t].text;
}
