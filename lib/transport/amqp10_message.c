#include "transport/amqp10_message.h"

#include "json/json.h"
#include "transport/transport.h"

#include "base/banned.h"

enum { KEEP_BYTES = 1024 * 1024 };

/* Descriptors of the sections. */
enum {
    HEADER = 0x70,
    DELIVERY_ANNOTATIONS,
    MESSAGE_ANNOTATIONS,
    PROPERTIES,
    APPLICATION_PROPERTIES,
    DATA,
    SEQUENCE,
    VALUE,
    FOOTER,
};

/* The properties section is a list in this order. */
#define NAME(z)                                                                                              \
    {                                                                                                        \
        z, sizeof z - 1                                                                                      \
    }
static const struct property {
    struct slice name;
    enum { CARRIED, CARRIED_UNLESS_ZERO } how;
} properties[] = {
    {NAME("message-id"), CARRIED},
    {NAME("user-id"), CARRIED},
    {NAME("to"), CARRIED},
    {NAME("subject"), CARRIED},
    {NAME("reply-to"), CARRIED},
    {NAME("correlation-id"), CARRIED},
    {NAME("content-type"), CARRIED},
    {NAME("content-encoding"), CARRIED},
    {NAME("absolute-expiry-time"), CARRIED_UNLESS_ZERO},
    {NAME("creation-time"), CARRIED_UNLESS_ZERO},
    {NAME("group-id"), CARRIED},
    {NAME("group-sequence"), CARRIED_UNLESS_ZERO},
    {NAME("reply-to-group-id"), CARRIED},
};
enum { N_PROPERTIES = sizeof properties / sizeof *properties };

/* --- reading ----------------------------------------------------------------------------------------------------- */

static int keep(struct amqp10_value *to, const struct amqp10_value *v, enum amqp10_kind kind)
{
    *to = *v;
    return v->kind == kind && amqp10_items_valid(v) ? 0 : -1;
}

/* The last field of the header list. */
static int read_header(struct amqp10_message *m, const struct amqp10_value *header)
{
    enum { DELIVERY_COUNT = 4 };
    struct slice in = header->bytes;
    struct amqp10_value v = {0};
    if (header->kind != AMQP10_LIST || !amqp10_items_valid(header))
        return -1;
    for (uint32_t i = 0; i <= DELIVERY_COUNT && i < header->count; i++)
        amqp10_take(&in, &v);
    if (header->count > DELIVERY_COUNT && v.kind == AMQP10_UNSIGNED)
        m->delivery_count = (unsigned)v.number;
    return 0;
}

static int add_data(struct amqp10_message *m, const struct amqp10_value *v)
{
    if (v->kind != AMQP10_BINARY)
        return -1;
    if (!m->payload.p) {
        m->payload = v->bytes;
        return 0;
    }
    if (!m->joined.len)
        buf_put_slice(&m->joined, m->payload);
    buf_put_slice(&m->joined, v->bytes);
    m->payload = buf_slice(&m->joined);
    return 0;
}

static void read_value(struct amqp10_message *m, const struct amqp10_value *v)
{
    static const char *const others[] = {
        [AMQP10_BOOL] = "a boolean", [AMQP10_UNSIGNED] = "a number", [AMQP10_SIGNED] = "a number",
        [AMQP10_FLOAT] = "a number", [AMQP10_DOUBLE] = "a number",   [AMQP10_CHAR] = "a character",
        [AMQP10_UUID] = "a uuid",    [AMQP10_DECIMAL] = "a number",  [AMQP10_SYMBOL] = "a symbol",
        [AMQP10_LIST] = "a list",    [AMQP10_MAP] = "a map",         [AMQP10_ARRAY] = "an array",
    };
    if (v->kind == AMQP10_STRING || v->kind == AMQP10_BINARY)
        m->payload = v->bytes;
    else if (v->kind != AMQP10_NULL)
        m->body = others[v->kind];
}

static int read_section(struct amqp10_message *m, const struct amqp10_value *v)
{
    switch (v->descriptor) {
    case HEADER: return read_header(m, v);
    case MESSAGE_ANNOTATIONS: return keep(&m->annotations, v, AMQP10_MAP);
    case PROPERTIES: return keep(&m->properties, v, AMQP10_LIST);
    case APPLICATION_PROPERTIES: return keep(&m->application, v, AMQP10_MAP);
    case DATA: return add_data(m, v);
    case VALUE: read_value(m, v); return 0;
    case SEQUENCE: m->body = "a sequence"; return 0;
    case DELIVERY_ANNOTATIONS:
    case FOOTER: return 0;
    default: return -1;
    }
}

int amqp10_message_read(struct amqp10_message *m, struct slice encoded)
{
    struct buf joined = m->joined;
    struct amqp10_value v;
    buf_reset(&joined, KEEP_BYTES);
    *m = (struct amqp10_message){.joined = joined};
    while (encoded.len)
        if (amqp10_take(&encoded, &v) < 0 || read_section(m, &v) < 0)
            return -1;
    return 0;
}

void amqp10_message_free(struct amqp10_message *m)
{
    buf_free(&m->joined);
}

/* --- writing ----------------------------------------------------------------------------------------------------- */

static bool is_property_name(struct slice name)
{
    for (size_t i = 0; i < N_PROPERTIES; i++)
        if (slice_eq(name, properties[i].name))
            return true;
    return false;
}

/* What is text already goes without a copy. */
static void put_value(struct buf *line, const struct amqp10_value *v)
{
    struct buf text = {0};
    if (v->kind == AMQP10_STRING || v->kind == AMQP10_SYMBOL || v->kind == AMQP10_BINARY) {
        json_put_text(line, v->bytes);
        return;
    }
    amqp10_put_text(&text, v);
    json_put_text(line, buf_slice(&text));
    buf_free(&text);
}

static bool has_text(const struct amqp10_value *v)
{
    return v->kind != AMQP10_NULL && v->kind != AMQP10_DECIMAL && v->kind < AMQP10_LIST;
}

static void put_properties(struct buf *line, const struct amqp10_value *list)
{
    struct slice in = list->bytes;
    struct amqp10_value v;
    for (uint32_t i = 0; i < list->count && i < N_PROPERTIES; i++) {
        const struct property *p = &properties[i];
        amqp10_take(&in, &v);
        if (!has_text(&v) || (p->how == CARRIED_UNLESS_ZERO && v.number == 0))
            continue;
        json_put_key(line, p->name);
        put_value(line, &v);
    }
}

/* `"prefix<key>":`; the prefix only where it is always wanted, or the key would be taken for a property. */
static void put_key(struct buf *line, struct slice prefix, bool always, const struct amqp10_value *key)
{
    struct buf text = {0};
    bool plain = key->kind == AMQP10_STRING || key->kind == AMQP10_SYMBOL;
    struct slice name = key->bytes;
    if (!plain) {
        amqp10_put_text(&text, key);
        name = buf_slice(&text);
    }
    json_put_item(line);
    buf_putc(line, '"');
    if (always || is_property_name(name))
        buf_put_slice(line, prefix);
    json_put_escaped(line, name);
    buf_puts(line, "\":");
    buf_free(&text);
}

static void put_map(struct buf *line, const struct amqp10_value *map, struct slice prefix, bool always)
{
    struct slice in = map->bytes;
    struct amqp10_value key, v;
    for (uint32_t i = 0; i < map->count; i += 2) {
        amqp10_take(&in, &key);
        amqp10_take(&in, &v);
        if (!has_text(&key) || !has_text(&v))
            continue;
        put_key(line, prefix, always, &key);
        put_value(line, &v);
    }
}

void amqp10_message_put(struct buf *line, const struct amqp10_message *m)
{
    buf_puts(line, ",\"headers\":{");
    put_properties(line, &m->properties);
    put_map(line, &m->application, S("amqp.application.property:"), false);
    put_map(line, &m->annotations, S("amqp.message.annotation:"), true);
    buf_putc(line, '}');
    if (m->payload.p)
        transport_put_payload(line, m->payload);
}
