#include "transport/amqp10_message.h"

#include <stdio.h>

#include "base/log.h"
#include "json/json.h"
#include "transport/transport.h"

#include "base/banned.h"

static const char *const property_names[] = {"message-id",           "user-id",       "to",       "subject",
                                             "reply-to",             "correlation-id", "content-type", "content-encoding",
                                             "absolute-expiry-time", "creation-time", "group-id", "group-sequence",
                                             "reply-to-group-id"};

static bool is_property_name(struct slice name)
{
    for (size_t i = 0; i < sizeof property_names / sizeof *property_names; i++)
        if (slice_eq(name, slice_str(property_names[i])))
            return true;
    return false;
}

static struct slice slice_bytes(pn_bytes_t b)
{
    return slice_of(b.start, b.size);
}

static void put_text(struct buf *line, const char *name, const char *value)
{
    if (value)
        json_put_member_text(line, slice_str(name), slice_str(value));
}

static void put_number(struct buf *line, const char *name, long long n)
{
    char text[24];
    if (n == 0)
        return;
    snprintf(text, sizeof text, "%lld", n);
    put_text(line, name, text);
}

/* The text of a scalar; false for what has none (null, described and compound values). */
static bool scalar_text(struct buf *dst, pn_atom_t a)
{
    const unsigned char *u = (const unsigned char *)a.u.as_uuid.bytes;
    switch (a.type) {
    case PN_BOOL:
        buf_puts(dst, a.u.as_bool ? "true" : "false");
        return true;
    case PN_UBYTE:
        buf_printf(dst, "%u", a.u.as_ubyte);
        return true;
    case PN_BYTE:
        buf_printf(dst, "%d", a.u.as_byte);
        return true;
    case PN_USHORT:
        buf_printf(dst, "%u", a.u.as_ushort);
        return true;
    case PN_SHORT:
        buf_printf(dst, "%d", a.u.as_short);
        return true;
    case PN_UINT:
    case PN_CHAR:
        buf_printf(dst, "%u", a.u.as_uint);
        return true;
    case PN_INT:
        buf_printf(dst, "%d", a.u.as_int);
        return true;
    case PN_ULONG:
        buf_printf(dst, "%llu", (unsigned long long)a.u.as_ulong);
        return true;
    case PN_LONG:
    case PN_TIMESTAMP:
        buf_printf(dst, "%lld", (long long)a.u.as_long);
        return true;
    case PN_FLOAT:
        buf_printf(dst, "%.9g", (double)a.u.as_float);
        return true;
    case PN_DOUBLE:
        buf_printf(dst, "%.17g", a.u.as_double);
        return true;
    case PN_STRING:
    case PN_SYMBOL:
    case PN_BINARY:
        buf_put(dst, a.u.as_bytes.start, a.u.as_bytes.size);
        return true;
    case PN_UUID:
        for (int i = 0; i < 16; i++)
            buf_printf(dst, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", u[i]);
        return true;
    default:
        return false;
    }
}

static void put_atom(struct buf *line, struct slice name, pn_atom_t a)
{
    struct buf text = {0};
    if (scalar_text(&text, a))
        json_put_member_text(line, name, buf_slice(&text));
    buf_free(&text);
}

static void put_properties(struct buf *line, pn_message_t *m)
{
    pn_bytes_t user = pn_message_get_user_id(m);
    put_atom(line, S("message-id"), pn_message_get_id(m));
    if (user.size)
        json_put_member_text(line, S("user-id"), slice_bytes(user));
    put_text(line, "to", pn_message_get_address(m));
    put_text(line, "subject", pn_message_get_subject(m));
    put_text(line, "reply-to", pn_message_get_reply_to(m));
    put_atom(line, S("correlation-id"), pn_message_get_correlation_id(m));
    put_text(line, "content-type", pn_message_get_content_type(m));
    put_number(line, "absolute-expiry-time", pn_message_get_expiry_time(m));
    put_number(line, "creation-time", pn_message_get_creation_time(m));
    put_text(line, "group-id", pn_message_get_group_id(m));
    put_number(line, "group-sequence", pn_message_get_group_sequence(m));
    put_text(line, "reply-to-group-id", pn_message_get_reply_to_group_id(m));
}

/* Both maps have scalar keys and scalar values that matter to us; others are passed over. */
static void put_map(struct buf *line, pn_data_t *map, const char *prefix, bool always)
{
    struct buf name = {0};
    pn_data_rewind(map);
    if (!pn_data_next(map) || pn_data_type(map) != PN_MAP || !pn_data_enter(map))
        return;
    while (pn_data_next(map)) {
        struct slice key;
        pn_atom_t k = pn_data_get_atom(map);
        buf_reset(&name, 1024);
        buf_puts(&name, prefix);
        size_t prefix_len = name.len;
        bool usable = scalar_text(&name, k);
        key = slice_skip(buf_slice(&name), prefix_len);
        if (!pn_data_next(map))
            break;
        if (usable)
            put_atom(line, always || is_property_name(key) ? buf_slice(&name) : key, pn_data_get_atom(map));
    }
    pn_data_exit(map);
    buf_free(&name);
}

static void put_body(struct buf *line, pn_message_t *m)
{
    pn_data_t *body = pn_message_body(m);
    pn_data_rewind(body);
    if (!pn_data_next(body))
        return;
    switch (pn_data_type(body)) {
    case PN_BINARY:
        transport_put_payload(line, slice_bytes(pn_data_get_binary(body)));
        break;
    case PN_STRING:
        transport_put_payload(line, slice_bytes(pn_data_get_string(body)));
        break;
    case PN_NULL:
        break;
    default:
        warn("a message's body is of type %s: it goes on without a payload", pn_type_name(pn_data_type(body)));
    }
}

void amqp10_put_message(struct buf *line, pn_message_t *m)
{
    buf_puts(line, ",\"headers\":{");
    put_properties(line, m);
    put_map(line, pn_message_properties(m), "amqp.application.property:", false);
    put_map(line, pn_message_annotations(m), "amqp.message.annotation:", true);
    buf_putc(line, '}');
    put_body(line, m);
}
