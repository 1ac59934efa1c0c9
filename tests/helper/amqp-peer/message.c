#include "message.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <proton/codec.h>
#include <proton/message.h>

#include "base/base64.h"
#include "base/log.h"
#include "base/scan.h"

#include "base/banned.h"

enum { KEEP_BYTES = 64 * 1024 };

/* --- the header section ---------------------------------------------------------------------------------- */

static char *put_u32(char *p, uint32_t n)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        *p++ = (char)(n >> shift);
    return p;
}

size_t header_put(char *dst, const struct header *h)
{
    char *p = dst;
    *p++ = 0x00; /* described: smallulong 0x70, list8 of five */
    *p++ = 0x53;
    *p++ = 0x70;
    *p++ = (char)0xc0;
    char *size = p++;
    *p++ = 5;
    *p++ = h->durable ? 0x41 : 0x42;
    *p++ = 0x50;
    *p++ = (char)h->priority;
    if (h->ttl_ms) {
        *p++ = 0x70;
        p = put_u32(p, h->ttl_ms);
    } else {
        *p++ = 0x40;
    }
    *p++ = h->first_acquirer ? 0x41 : 0x42;
    *p++ = 0x70;
    p = put_u32(p, h->delivery_count);
    *size = (char)(p - size - 1);
    return (size_t)(p - dst);
}

/* A reader that stops at the end: after it, everything reads as zero and ok is false. */
struct bytes {
    const unsigned char *p, *end;
    bool ok;
};

static uint32_t take(struct bytes *b, int n)
{
    uint32_t v = 0;
    if (b->end - b->p < n)
        b->ok = false;
    for (; b->ok && n > 0; n--)
        v = v << 8 | *b->p++;
    return v;
}

/* An unsigned integer or a boolean, whatever its width; null leaves the default. */
static uint32_t take_scalar(struct bytes *b, uint32_t otherwise)
{
    switch (take(b, 1)) {
    case 0x40: return otherwise;
    case 0x41: return 1;
    case 0x42: return 0;
    case 0x43: return 0;
    case 0x50: return take(b, 1);
    case 0x52: return take(b, 1);
    case 0x56: return take(b, 1);
    case 0x70: return take(b, 4);
    default: b->ok = false; return otherwise;
    }
}

/* The descriptor and the head of the list; false if this is no header section. */
static bool take_list(struct bytes *b, uint32_t *size, uint32_t *count)
{
    if (take(b, 1) != 0x00)
        return false;
    switch (take(b, 1)) {
    case 0x53: break;
    case 0x80: take(b, 4), take(b, 3); break;
    default: return false;
    }
    if (take(b, 1) != 0x70)
        return false;
    *size = *count = 0;
    switch (take(b, 1)) {
    case 0x45: break;
    case 0xc0: *size = take(b, 1), *count = take(b, 1), *size -= 1; break;
    case 0xd0: *size = take(b, 4), *count = take(b, 4), *size -= 4; break;
    default: return false;
    }
    return b->ok && *size <= (size_t)(b->end - b->p);
}

size_t header_get(struct slice message, struct header *h)
{
    const unsigned char *start = (const unsigned char *)message.p;
    struct bytes b = {start, start + message.len, true};
    uint32_t size, count;
    *h = HEADER_DEFAULT;
    if (!take_list(&b, &size, &count))
        return 0;
    const unsigned char *after = b.p + size;
    h->durable = count > 0 && take_scalar(&b, 0);
    h->priority = (uint8_t)(count > 1 ? take_scalar(&b, 4) : 4);
    h->ttl_ms = count > 2 ? take_scalar(&b, 0) : 0;
    h->first_acquirer = count > 3 && take_scalar(&b, 0);
    h->delivery_count = count > 4 ? take_scalar(&b, 0) : 0;
    return b.ok ? (size_t)(after - start) : 0;
}

/* --- JSON to AMQP ---------------------------------------------------------------------------------------- */

/* Decoded texts live here until the next one: proton copies what it is given. */
static struct buf scratch;

static pn_bytes_t text_bytes(struct json v)
{
    buf_reset(&scratch, KEEP_BYTES);
    struct slice text = json_text(v, &scratch);
    return pn_bytes(text.len, text.p);
}

static const char *text_z(struct json v)
{
    static struct buf z;
    pn_bytes_t text = text_bytes(v);
    buf_reset(&z, KEEP_BYTES);
    buf_put(&z, text.start, text.size);
    return buf_z(&z);
}

static int put_binary(pn_data_t *data, struct json v)
{
    struct buf bytes = {0};
    pn_bytes_t text = text_bytes(v);
    int rc = base64_get(&bytes, slice_of(text.start, text.size));
    if (!rc)
        pn_data_put_binary(data, pn_bytes(bytes.len, buf_slice(&bytes).p));
    buf_free(&bytes);
    return rc;
}

static int put_uuid(pn_data_t *data, struct json v)
{
    pn_uuid_t uuid;
    const char *p = text_z(v);
    for (int i = 0; i < 16; i++, p += 2) {
        unsigned byte;
        if (*p == '-')
            p++;
        if (sscanf(p, "%2x", &byte) != 1 || !p[1])
            return -1;
        uuid.bytes[i] = (char)byte;
    }
    return *p ? -1 : pn_data_put_uuid(data, uuid);
}

static double number(struct json v)
{
    char *z = xstrndup(v.p, v.len);
    double d = strtod(z, NULL);
    free(z);
    return d;
}

static const struct {
    const char *name;
    pn_type_t type;
} type_names[] = {
    {"ubyte", PN_UBYTE},         {"byte", PN_BYTE},     {"ushort", PN_USHORT},
    {"short", PN_SHORT},         {"uint", PN_UINT},     {"int", PN_INT},
    {"char", PN_CHAR},           {"ulong", PN_ULONG},   {"long", PN_LONG},
    {"timestamp", PN_TIMESTAMP}, {"float", PN_FLOAT},   {"double", PN_DOUBLE},
    {"symbol", PN_SYMBOL},       {"binary", PN_BINARY}, {"uuid", PN_UUID},
};

/* The number as an atom of that type; what does not fit is cut, as a test may want. */
static int put_number(pn_data_t *data, pn_type_t type, struct json v)
{
    int64_t n = 0;
    uint64_t u = 0;
    if (json_int(v, &n) == 0)
        u = (uint64_t)n;
    else if (type == PN_ULONG && scan_u64(json_slice(v), &u) != 0)
        return -1;
    switch (type) {
    case PN_UBYTE: return pn_data_put_ubyte(data, (uint8_t)u);
    case PN_BYTE: return pn_data_put_byte(data, (int8_t)n);
    case PN_USHORT: return pn_data_put_ushort(data, (uint16_t)u);
    case PN_SHORT: return pn_data_put_short(data, (int16_t)n);
    case PN_UINT: return pn_data_put_uint(data, (uint32_t)u);
    case PN_INT: return pn_data_put_int(data, (int32_t)n);
    case PN_CHAR: return pn_data_put_char(data, (pn_char_t)u);
    case PN_ULONG: return pn_data_put_ulong(data, u);
    case PN_LONG: return pn_data_put_long(data, n);
    case PN_TIMESTAMP: return pn_data_put_timestamp(data, n);
    case PN_FLOAT: return pn_data_put_float(data, (float)number(v));
    case PN_DOUBLE: return pn_data_put_double(data, number(v));
    default: return -1;
    }
}

static int put_typed(pn_data_t *data, struct slice name, struct json v)
{
    for (size_t i = 0; i < sizeof(type_names) / sizeof(*type_names); i++) {
        if (!slice_eq(name, slice_str(type_names[i].name)))
            continue;
        switch (type_names[i].type) {
        case PN_SYMBOL: return pn_data_put_symbol(data, text_bytes(v));
        case PN_BINARY: return put_binary(data, v);
        case PN_UUID: return put_uuid(data, v);
        default: return put_number(data, type_names[i].type, v);
        }
    }
    return -1;
}

static int put_plain_number(pn_data_t *data, struct json v)
{
    int64_t n;
    if (memchr(v.p, '.', v.len) || memchr(v.p, 'e', v.len) || memchr(v.p, 'E', v.len))
        return put_number(data, PN_DOUBLE, v);
    return put_number(data, json_int(v, &n) == 0 ? PN_LONG : PN_ULONG, v);
}

static int put_value(pn_data_t *data, struct json v, bool typed);

static int put_container(pn_data_t *data, struct json v)
{
    struct json_iter it = json_iter(v);
    v.type == JSON_ARRAY ? pn_data_put_list(data) : pn_data_put_map(data);
    pn_data_enter(data);
    while (json_next(&it)) {
        if (v.type == JSON_OBJECT) {
            buf_reset(&scratch, KEEP_BYTES);
            struct slice key = json_raw_text(it.key, &scratch);
            pn_data_put_string(data, pn_bytes(key.len, key.p));
        }
        if (put_value(data, it.value, false) != 0)
            return -1;
    }
    pn_data_exit(data);
    return 0;
}

static int put_value(pn_data_t *data, struct json v, bool typed)
{
    switch (v.type) {
    case JSON_ABSENT:
    case JSON_NULL: return pn_data_put_null(data);
    case JSON_FALSE:
    case JSON_TRUE: return pn_data_put_bool(data, v.type == JSON_TRUE);
    case JSON_NUMBER: return put_plain_number(data, v);
    case JSON_STRING: return pn_data_put_string(data, text_bytes(v));
    case JSON_ARRAY: return put_container(data, v);
    case JSON_OBJECT: break;
    }
    struct json_iter it = json_iter(v);
    if (!typed || json_count(v) != 1 || !json_next(&it))
        return put_container(data, v);
    return put_typed(data, it.key, it.value);
}

/* {name: value} as an AMQP map: keys are strings, or symbols in annotations. */
static int put_section(pn_data_t *data, struct json object, bool symbols)
{
    struct json_iter it = json_iter(object);
    pn_data_put_map(data);
    pn_data_enter(data);
    while (json_next(&it)) {
        buf_reset(&scratch, KEEP_BYTES);
        struct slice key = json_raw_text(it.key, &scratch);
        pn_bytes_t bytes = pn_bytes(key.len, key.p);
        symbols ? pn_data_put_symbol(data, bytes) : pn_data_put_string(data, bytes);
        if (put_value(data, it.value, true) != 0)
            return -1;
    }
    pn_data_exit(data);
    return 0;
}

static const struct property {
    const char *name;
    pn_data_t *(*id)(pn_message_t *); /* one of these three pairs */
    int (*set_text)(pn_message_t *, const char *);
    const char *(*text)(pn_message_t *);
    int (*set_time)(pn_message_t *, pn_timestamp_t);
    pn_timestamp_t (*time)(pn_message_t *);
} properties[] = {
    {.name = "message-id", .id = pn_message_id},
    {.name = "to", .set_text = pn_message_set_address, .text = pn_message_get_address},
    {.name = "subject", .set_text = pn_message_set_subject, .text = pn_message_get_subject},
    {.name = "reply-to", .set_text = pn_message_set_reply_to, .text = pn_message_get_reply_to},
    {.name = "correlation-id", .id = pn_message_correlation_id},
    {.name = "content-type", .set_text = pn_message_set_content_type, .text = pn_message_get_content_type},
    {.name = "content-encoding",
     .set_text = pn_message_set_content_encoding,
     .text = pn_message_get_content_encoding},
    {.name = "absolute-expiry-time",
     .set_time = pn_message_set_expiry_time,
     .time = pn_message_get_expiry_time},
    {.name = "creation-time", .set_time = pn_message_set_creation_time, .time = pn_message_get_creation_time},
    {.name = "group-id", .set_text = pn_message_set_group_id, .text = pn_message_get_group_id},
    {.name = "reply-to-group-id",
     .set_text = pn_message_set_reply_to_group_id,
     .text = pn_message_get_reply_to_group_id},
};
enum { N_PROPERTIES = sizeof(properties) / sizeof(*properties) };

static int set_known(pn_message_t *m, const struct property *p, struct json v)
{
    int64_t n;
    if (p->id)
        return v.type == JSON_NUMBER ? put_number(p->id(m), PN_ULONG, v) : put_value(p->id(m), v, true);
    if (p->set_text)
        return v.type == JSON_STRING ? p->set_text(m, text_z(v)) : -1;
    return json_int(v, &n) == 0 ? p->set_time(m, n) : -1;
}

static int set_property(pn_message_t *m, struct slice name, struct json v)
{
    int64_t n;
    for (int i = 0; i < N_PROPERTIES; i++)
        if (slice_eq(name, slice_str(properties[i].name)))
            return set_known(m, &properties[i], v);
    if (slice_eq(name, S("user-id")) && v.type == JSON_STRING)
        return pn_message_set_user_id(m, text_bytes(v));
    if (slice_eq(name, S("group-sequence")) && json_int(v, &n) == 0)
        return pn_message_set_group_sequence(m, (pn_sequence_t)n);
    return -1;
}

static int set_properties(pn_message_t *m, struct json object)
{
    struct json_iter it = json_iter(object);
    while (json_next(&it))
        if (set_property(m, it.key, it.value) != 0)
            return -1;
    return 0;
}

static int set_body(pn_message_t *m, struct json object)
{
    static const char *const values[] = {"text", "map", "list", "value"};
    struct json v = json_get(object, S("data"));
    if (v.type != JSON_ABSENT) {
        pn_message_set_inferred(m, true);
        return v.type == JSON_STRING ? put_binary(pn_message_body(m), v) : -1;
    }
    v = json_get(object, S("sequence"));
    if (v.type != JSON_ABSENT) {
        pn_message_set_inferred(m, true);
        return v.type == JSON_ARRAY ? put_container(pn_message_body(m), v) : -1;
    }
    bool typed = false;
    for (int i = 0; i < 4 && v.type == JSON_ABSENT; i++) {
        v = json_get(object, slice_str(values[i]));
        typed = i == 3;
    }
    return v.type == JSON_ABSENT ? 0 : put_value(pn_message_body(m), v, typed);
}

static void get_header(struct json object, struct header *h)
{
    int64_t n;
    *h = HEADER_DEFAULT;
    h->durable = json_get(object, S("durable")).type == JSON_TRUE;
    if (json_int(json_get(object, S("ttl")), &n) == 0)
        h->ttl_ms = (uint32_t)n;
    if (json_int(json_get(object, S("priority")), &n) == 0)
        h->priority = (uint8_t)n;
}

/* proton always writes a header section: what follows it is appended. */
static int encode(pn_message_t *m, struct buf *dst)
{
    static struct buf whole;
    struct header h;
    int rc = PN_OVERFLOW;
    for (size_t room = 4096; rc == PN_OVERFLOW; room *= 4) {
        size_t size = room;
        buf_reset(&whole, KEEP_BYTES);
        rc = pn_message_encode(m, buf_room(&whole, room), &size);
        if (!rc)
            buf_added(&whole, size);
    }
    if (rc)
        return -1;
    buf_put_slice(dst, slice_skip(buf_slice(&whole), header_get(buf_slice(&whole), &h)));
    return 0;
}

static pn_message_t *fresh_message(void)
{
    static pn_message_t *m;
    if (!m && !(m = pn_message()))
        die_oom();
    pn_message_clear(m);
    return m;
}

int message_from_json(struct json object, struct buf *dst, struct header *h, const char **reason)
{
    struct json application = json_get(object, S("application-properties"));
    struct json annotations = json_get(object, S("annotations"));
    pn_message_t *m = fresh_message();
    *reason = NULL;
    get_header(object, h);
    if (set_properties(m, json_get(object, S("properties"))) != 0)
        *reason = "a property is unknown or of the wrong type";
    else if (json_count(application) && put_section(pn_message_properties(m), application, false) != 0)
        *reason = "an application property is of an unknown type";
    else if (json_count(annotations) && put_section(pn_message_annotations(m), annotations, true) != 0)
        *reason = "an annotation is of an unknown type";
    else if (set_body(m, object) != 0)
        *reason = "the body is of the wrong type";
    else if (encode(m, dst) != 0)
        *reason = "it cannot be encoded";
    return *reason ? -1 : 0;
}

/* --- AMQP to JSON ---------------------------------------------------------------------------------------- */

static struct slice slice_bytes(pn_bytes_t b)
{
    return slice_of(b.start ? b.start : "", b.size);
}

static void put_double(struct buf *dst, double d)
{
    isfinite(d) ? buf_printf(dst, "%.17g", d) : buf_puts(dst, "null");
}

static void put_base64(struct buf *dst, pn_bytes_t bytes)
{
    buf_putc(dst, '"');
    base64_put(dst, bytes.start, bytes.size);
    buf_putc(dst, '"');
}

static void put_uuid_text(struct buf *dst, pn_uuid_t uuid)
{
    buf_putc(dst, '"');
    for (int i = 0; i < 16; i++)
        buf_printf(dst, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x",
                   (unsigned char)uuid.bytes[i]);
    buf_putc(dst, '"');
}

static void put_json(struct buf *dst, pn_data_t *data);

static void put_json_array(struct buf *dst, pn_data_t *data)
{
    buf_putc(dst, '[');
    pn_data_enter(data);
    while (pn_data_next(data)) {
        json_put_item(dst);
        put_json(dst, data);
    }
    pn_data_exit(data);
    buf_putc(dst, ']');
}

static void put_json_map(struct buf *dst, pn_data_t *data)
{
    struct buf key = {0};
    buf_putc(dst, '{');
    pn_data_enter(data);
    while (pn_data_next(data)) {
        buf_reset(&key, KEEP_BYTES);
        if (pn_data_type(data) == PN_STRING)
            buf_put_slice(&key, slice_bytes(pn_data_get_string(data)));
        else if (pn_data_type(data) == PN_SYMBOL)
            buf_put_slice(&key, slice_bytes(pn_data_get_symbol(data)));
        else
            put_json(&key, data);
        json_put_key(dst, buf_slice(&key));
        if (pn_data_next(data))
            put_json(dst, data);
        else
            buf_puts(dst, "null");
    }
    pn_data_exit(data);
    buf_putc(dst, '}');
    buf_free(&key);
}

static void put_json_named(struct buf *dst, pn_data_t *data)
{
    pn_atom_t atom = pn_data_get_atom(data);
    for (size_t i = 0; i < sizeof(type_names) / sizeof(*type_names); i++)
        if (type_names[i].type == atom.type)
            buf_printf(dst, "{\"%s\":", type_names[i].name);
    switch (atom.type) {
    case PN_CHAR: buf_put_u64(dst, atom.u.as_char); break;
    case PN_TIMESTAMP: buf_printf(dst, "%lld", (long long)atom.u.as_timestamp); break;
    case PN_SYMBOL: json_put_text(dst, slice_bytes(atom.u.as_bytes)); break;
    case PN_BINARY: put_base64(dst, atom.u.as_bytes); break;
    case PN_UUID: put_uuid_text(dst, atom.u.as_uuid); break;
    default: buf_puts(dst, "{\"unknown\":null"); break;
    }
    buf_putc(dst, '}');
}

static void put_json(struct buf *dst, pn_data_t *data)
{
    pn_atom_t atom = pn_data_get_atom(data);
    switch (pn_data_type(data)) {
    case PN_NULL: buf_puts(dst, "null"); break;
    case PN_BOOL: buf_puts(dst, atom.u.as_bool ? "true" : "false"); break;
    case PN_UBYTE: buf_put_u64(dst, atom.u.as_ubyte); break;
    case PN_BYTE: buf_printf(dst, "%d", atom.u.as_byte); break;
    case PN_USHORT: buf_put_u64(dst, atom.u.as_ushort); break;
    case PN_SHORT: buf_printf(dst, "%d", atom.u.as_short); break;
    case PN_UINT: buf_put_u64(dst, atom.u.as_uint); break;
    case PN_INT: buf_printf(dst, "%d", atom.u.as_int); break;
    case PN_ULONG: buf_put_u64(dst, atom.u.as_ulong); break;
    case PN_LONG: buf_printf(dst, "%lld", (long long)atom.u.as_long); break;
    case PN_FLOAT: put_double(dst, (double)atom.u.as_float); break;
    case PN_DOUBLE: put_double(dst, atom.u.as_double); break;
    case PN_STRING: json_put_text(dst, slice_bytes(atom.u.as_bytes)); break;
    case PN_MAP: put_json_map(dst, data); break;
    case PN_LIST:
    case PN_ARRAY:
    case PN_DESCRIBED: put_json_array(dst, data); break;
    default: put_json_named(dst, data); break;
    }
}

static bool first(pn_data_t *data)
{
    pn_data_rewind(data);
    return pn_data_next(data);
}

static void put_member_section(struct buf *dst, struct slice name, pn_data_t *data)
{
    if (!first(data))
        return;
    json_put_key(dst, name);
    put_json(dst, data);
}

static void put_properties(struct buf *dst, pn_message_t *m)
{
    json_put_key(dst, S("properties"));
    buf_putc(dst, '{');
    for (int i = 0; i < N_PROPERTIES; i++) {
        const struct property *p = &properties[i];
        struct slice name = slice_str(p->name);
        if (p->id && first(p->id(m)) && pn_data_type(p->id(m)) != PN_NULL)
            put_member_section(dst, name, p->id(m));
        if (p->text && p->text(m))
            json_put_member_text(dst, name, slice_str(p->text(m)));
        if (p->time && p->time(m))
            json_put_member_int(dst, name, p->time(m));
    }
    pn_bytes_t user = pn_message_get_user_id(m);
    if (user.size)
        json_put_member_text(dst, S("user-id"), slice_bytes(user));
    if (pn_message_get_group_sequence(m))
        json_put_member_int(dst, S("group-sequence"), pn_message_get_group_sequence(m));
    buf_putc(dst, '}');
}

static struct slice body_name(pn_message_t *m)
{
    pn_data_t *body = pn_message_body(m);
    if (!first(body))
        return S("none");
    switch (pn_data_type(body)) {
    case PN_BINARY: return pn_message_is_inferred(m) ? S("data") : S("value");
    case PN_LIST: return pn_message_is_inferred(m) ? S("sequence") : S("list");
    case PN_STRING: return S("text");
    case PN_MAP: return S("map");
    default: return S("value");
    }
}

static void put_body(struct buf *dst, pn_message_t *m)
{
    struct slice name = body_name(m);
    pn_data_t *body = pn_message_body(m);
    json_put_member_text(dst, S("body"), name);
    if (slice_eq(name, S("none")))
        return;
    json_put_key(dst, name);
    if (slice_eq(name, S("data")))
        put_base64(dst, pn_data_get_binary(body));
    else
        put_json(dst, body);
}

int message_to_json(struct buf *dst, struct slice encoded)
{
    pn_message_t *m = fresh_message();
    if (pn_message_decode(m, encoded.p, encoded.len) != 0)
        return -1;
    put_properties(dst, m);
    put_member_section(dst, S("application-properties"), pn_message_properties(m));
    put_member_section(dst, S("annotations"), pn_message_annotations(m));
    put_body(dst, m);
    return 0;
}

bool message_to(struct buf *dst, struct slice encoded)
{
    pn_message_t *m = fresh_message();
    if (pn_message_decode(m, encoded.p, encoded.len) != 0 || !pn_message_get_address(m))
        return false;
    buf_puts(dst, pn_message_get_address(m));
    return true;
}
