#include "transport/mqtt_message.h"

#include <mqtt_protocol.h>
#include <stdlib.h>

#include "json/json.h"
#include "transport/transport.h"

#include "base/banned.h"

static bool reserved(struct slice name)
{
    static const struct slice names[] = {
        {"mqtt.topic", 10},     {"mqtt.qos", 8}, {"mqtt.retain", 11},  {"mqtt.message-expiry-interval", 28},
        {"correlation-id", 14}, {"reply-to", 8}, {"content-type", 12},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (slice_eq(name, names[i]))
            return true;
    return false;
}

static void put_string(struct buf *line, const mosquitto_property *p, int which, const char *name)
{
    char *value = NULL;
    if (mosquitto_property_read_string(p, which, &value, false))
        json_put_member_text(line, slice_str(name), slice_str(value));
    free(value);
}

static void put_correlation(struct buf *line, const mosquitto_property *p)
{
    void *bytes = NULL;
    uint16_t n = 0;
    if (mosquitto_property_read_binary(p, MQTT_PROP_CORRELATION_DATA, &bytes, &n, false))
        json_put_member_text(line, S("correlation-id"), slice_of(bytes ? bytes : "", n));
    free(bytes);
}

static void put_user_properties(struct buf *line, const mosquitto_property *first)
{
    char *name = NULL, *value = NULL;
    const mosquitto_property *p = first;
    for (bool skip = false;
         (p = mosquitto_property_read_string_pair(p, MQTT_PROP_USER_PROPERTY, &name, &value, skip));
         skip = true) {
        if (!reserved(slice_str(name)))
            json_put_member_text(line, slice_str(name), slice_str(value));
        free(name);
        free(value);
    }
}

static void put_properties(struct buf *line, const mosquitto_property *p)
{
    uint32_t seconds;
    if (mosquitto_property_read_int32(p, MQTT_PROP_MESSAGE_EXPIRY_INTERVAL, &seconds, false))
        buf_printf(line, ",\"mqtt.message-expiry-interval\":\"%u\"", seconds);
    put_correlation(line, p);
    put_string(line, p, MQTT_PROP_RESPONSE_TOPIC, "reply-to");
    put_string(line, p, MQTT_PROP_CONTENT_TYPE, "content-type");
    put_user_properties(line, p);
}

void mqtt_message_put(struct buf *line, const struct mosquitto_message *m,
                      const mosquitto_property *properties)
{
    buf_puts(line, ",\"headers\":{\"mqtt.topic\":");
    json_put_text(line, slice_str(m->topic));
    buf_printf(line, ",\"mqtt.qos\":\"%d\",\"mqtt.retain\":\"%s\"", m->qos, m->retain ? "true" : "false");
    if (properties)
        put_properties(line, properties);
    buf_putc(line, '}');
    transport_put_payload(line, slice_of(m->payload ? m->payload : "", (size_t)m->payloadlen));
}
