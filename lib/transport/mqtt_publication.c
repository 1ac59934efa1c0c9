#include "transport/mqtt_publication.h"

#include <mqtt_protocol.h>
#include <strings.h>

#include "base/scan.h"
#include "json/json.h"

#include "base/banned.h"

enum { STRING_MAX_BYTES = 65535, KEEP_BYTES = 16 * 1024 };

static const char SENDING_FAILED[] = "connectivity:message.sending.failed";

/* A header; both texts have a NUL behind them and live in p->text, so they are named by where they stand. */
struct header {
    size_t name, name_len, value, value_len;
    bool present;
};

/* The headers that MQTT 5 has a place of its own for, once each. */
struct singles {
    struct header correlation, response, content_type;
    uint32_t expiry_s;
};

static struct slice name_of(const struct mqtt_publication *p, const struct header *h)
{
    return slice_of(buf_p(&p->text) + h->name, h->name_len);
}

static struct slice value_of(const struct mqtt_publication *p, const struct header *h)
{
    return slice_of(buf_p(&p->text) + h->value, h->value_len);
}

static int invalid(const struct mqtt_publication *p, const struct header *h, struct ditto_error *err)
{
    enum { SHOWN = 64 };
    struct slice name = name_of(p, h);
    name.len = name.len < SHOWN ? name.len : SHOWN;
    return ditto_fail(err, 400, SENDING_FAILED, NULL, NULL, "The header '%.*s' has no valid value.",
                      SLICE_ARG(name));
}

/* The library checks the strings of properties only in part, and a broker ends the connection on what it lets through:
 * NUL, control characters, noncharacters (MQTT 5, 1.5.4). */
static bool is_string(struct slice s)
{
    return s.len <= STRING_MAX_BYTES && mosquitto_validate_utf8(s.p, (int)s.len) == MOSQ_ERR_SUCCESS;
}

/* Appends the decoded text and a NUL; returns its length. */
static size_t put_z(struct buf *dst, struct slice raw)
{
    size_t at = dst->len;
    if (memchr(raw.p, '\\', raw.len)) {
        struct buf scratch = {0};
        buf_put_slice(dst, json_raw_text(raw, &scratch));
        buf_free(&scratch);
    } else {
        buf_put_slice(dst, raw);
    }
    buf_putc(dst, '\0');
    return dst->len - at - 1;
}

static int read_header(struct mqtt_publication *p, const struct json_iter *it, struct header *h,
                       struct ditto_error *err)
{
    *h = (struct header){.present = true, .name = p->text.len};
    h->name_len = put_z(&p->text, it->key);
    if (it->value.type != JSON_STRING)
        return invalid(p, h, err);
    h->value = p->text.len;
    h->value_len = put_z(&p->text, json_raw(it->value));
    return h->name_len > STRING_MAX_BYTES || h->value_len > STRING_MAX_BYTES ? invalid(p, h, err) : 0;
}

/* --- what steers the packet -------------------------------------------------------------------------------------- */

static bool scan_up_to(struct slice text, uint64_t max, uint64_t *n)
{
    return scan_u64(slice_trim(text), n) == 0 && *n <= max;
}

static bool scan_retain(struct slice text, bool *retain)
{
    text = slice_trim(text);
    *retain = text.len == 4 && strncasecmp(text.p, "true", 4) == 0;
    return *retain || (text.len == 5 && strncasecmp(text.p, "false", 5) == 0);
}

/* Is it a header that steers the packet, and a valid one? */
static int steer(struct mqtt_publication *p, const struct header *h, struct singles *singles,
                 struct ditto_error *err)
{
    struct slice name = name_of(p, h), value = value_of(p, h);
    uint64_t n;
    if (!slice_starts(name, S("mqtt.")))
        return 0;
    if (slice_eq(name, S("mqtt.topic"))) {
        buf_cut(&p->topic, 0);
        buf_put_slice(&p->topic, value);
    } else if (slice_eq(name, S("mqtt.qos"))) {
        if (!scan_up_to(value, 2, &n))
            return invalid(p, h, err);
        p->qos = (int)n;
    } else if (slice_eq(name, S("mqtt.retain"))) {
        if (!scan_retain(value, &p->retain))
            return invalid(p, h, err);
    } else if (slice_eq(name, S("mqtt.message-expiry-interval"))) {
        if (!scan_up_to(value, UINT32_MAX, &n))
            return invalid(p, h, err);
        singles->expiry_s = (uint32_t)n;
    }
    return 0;
}

/* --- what MQTT 5 carries besides --------------------------------------------------------------------------------- */

static int carry(struct mqtt_publication *p, const struct header *h, struct singles *singles,
                 struct ditto_error *err)
{
    struct slice name = name_of(p, h), value = value_of(p, h);
    if (slice_trim(value).len == 0)
        return 0;
    if (slice_eq(name, S("correlation-id")))
        singles->correlation = *h;
    else if (!is_string(name) || !is_string(value))
        return invalid(p, h, err);
    else if (slice_eq(name, S("reply-to")))
        singles->response = *h;
    else if (slice_eq(name, S("content-type")))
        singles->content_type = *h;
    else if (mosquitto_property_add_string_pair(&p->properties, MQTT_PROP_USER_PROPERTY, name.p, value.p) !=
             MOSQ_ERR_SUCCESS)
        return invalid(p, h, err);
    return 0;
}

static bool topic_valid(struct slice topic)
{
    return topic.len && is_string(topic) &&
           mosquitto_pub_topic_check2(topic.p, topic.len) == MOSQ_ERR_SUCCESS;
}

static int carry_singles(struct mqtt_publication *p, const struct singles *s, struct ditto_error *err)
{
    struct slice v;
    if (s->expiry_s)
        mosquitto_property_add_int32(&p->properties, MQTT_PROP_MESSAGE_EXPIRY_INTERVAL, s->expiry_s);
    if (s->correlation.present) {
        v = value_of(p, &s->correlation);
        mosquitto_property_add_binary(&p->properties, MQTT_PROP_CORRELATION_DATA, v.p, (uint16_t)v.len);
    }
    if (s->response.present) {
        v = value_of(p, &s->response);
        if (!topic_valid(v))
            return invalid(p, &s->response, err);
        mosquitto_property_add_string(&p->properties, MQTT_PROP_RESPONSE_TOPIC, v.p);
    }
    if (s->content_type.present) {
        v = value_of(p, &s->content_type);
        if (mosquitto_property_add_string(&p->properties, MQTT_PROP_CONTENT_TYPE, v.p) != MOSQ_ERR_SUCCESS)
            return invalid(p, &s->content_type, err);
    }
    return 0;
}

static int read_headers(struct mqtt_publication *p, struct json headers, bool v5, struct ditto_error *err)
{
    struct singles singles = {0};
    struct header h;
    struct json_iter it = json_iter(headers);
    while (json_next(&it)) {
        if (read_header(p, &it, &h, err) < 0 || steer(p, &h, &singles, err) < 0 ||
            (v5 && carry(p, &h, &singles, err) < 0))
            return -1;
    }
    return v5 ? carry_singles(p, &singles, err) : 0;
}

int mqtt_publication_make(struct mqtt_publication *p, const struct outgoing *m, bool v5,
                          struct ditto_error *err)
{
    mosquitto_property_free_all(&p->properties);
    buf_reset(&p->text, KEEP_BYTES);
    buf_reset(&p->topic, KEEP_BYTES);
    buf_put_slice(&p->topic, m->address);
    p->qos = m->qos < 0 ? 0 : m->qos;
    p->retain = false;
    if (m->headers.type == JSON_OBJECT && read_headers(p, m->headers, v5, err) < 0)
        return -1;
    if (!topic_valid(buf_slice(&p->topic)))
        return ditto_fail(err, 400, SENDING_FAILED, NULL, NULL,
                          "The address is no topic name that MQTT allows to publish to.");
    buf_z(&p->topic);
    return 0;
}

void mqtt_publication_free(struct mqtt_publication *p)
{
    mosquitto_property_free_all(&p->properties);
    buf_free(&p->topic);
    buf_free(&p->text);
}
