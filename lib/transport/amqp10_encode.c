#include "transport/amqp10_encode.h"

#include "base/scan.h"
#include "json/json.h"

#include "base/banned.h"

enum { KEEP_BYTES = 256 * 1024 };

/* Constructors and descriptors (AMQP 1.0 part 1, 1.6; part 3, 3.2). */
enum {
    DESCRIBED = 0x00,
    NULL_VALUE = 0x40,
    TRUE_VALUE = 0x41,
    SMALL_ULONG = 0x53,
    UINT = 0x70,
    TIMESTAMP = 0x83,
    BINARY_8 = 0xa0,
    STRING_8 = 0xa1,
    SYMBOL_8 = 0xa3,
    WIDE = 0x10, /* BINARY_8 to BINARY_32, and so on */
    LIST_32 = 0xd0,
    MAP_32 = 0xd1,
};
enum {
    HEADER = 0x70,
    MESSAGE_ANNOTATIONS = 0x72,
    PROPERTIES = 0x73,
    APPLICATION_PROPERTIES = 0x74,
    DATA = 0x75,
    VALUE = 0x77
};

/* The properties section is a list in this order. */
static const struct property {
    struct slice name;
    enum { AS_STRING, AS_SYMBOL, AS_BINARY, AS_ADDRESS, AS_TIME, AS_UINT } as;
} properties[AMQP10_PROPERTIES] = {
    {{"message-id", 10}, AS_STRING},
    {{"user-id", 7}, AS_BINARY},
    {{"to", 2}, AS_ADDRESS},
    {{"subject", 7}, AS_STRING},
    {{"reply-to", 8}, AS_ADDRESS},
    {{"correlation-id", 14}, AS_STRING},
    {{"content-type", 12}, AS_SYMBOL},
    {{"content-encoding", 16}, AS_SYMBOL},
    {{"absolute-expiry-time", 20}, AS_TIME},
    {{"creation-time", 13}, AS_TIME},
    {{"group-id", 8}, AS_STRING},
    {{"group-sequence", 14}, AS_UINT},
    {{"reply-to-group-id", 17}, AS_STRING},
};
enum { USER_ID = 1, TO = 2 };

/* --- values ------------------------------------------------------------------------------------------------------ */

static void put_number(struct buf *dst, uint64_t n, unsigned bytes)
{
    char *to = buf_room(dst, bytes);
    for (unsigned i = 0; i < bytes; i++)
        to[i] = (char)(n >> (8 * (bytes - 1 - i)));
    buf_added(dst, bytes);
}

static void put_sized(struct buf *dst, int constructor, struct slice s)
{
    bool wide = s.len > UINT8_MAX;
    buf_putc(dst, (char)(wide ? constructor + WIDE : constructor));
    put_number(dst, s.len, wide ? 4 : 1);
    buf_put_slice(dst, s);
}

static void put_descriptor(struct buf *dst, int descriptor)
{
    const char bytes[] = {DESCRIBED, SMALL_ULONG, (char)descriptor};
    buf_put(dst, bytes, sizeof bytes);
}

/* A list's or map's items are encoded already. */
static void put_compound(struct buf *dst, int constructor, struct slice items, size_t count)
{
    buf_putc(dst, (char)constructor);
    put_number(dst, items.len + 4, 4);
    put_number(dst, count, 4);
    buf_put_slice(dst, items);
}

static bool is_ascii(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.p[i] >= 0x80)
            return false;
    return true;
}

static struct slice without_kind(struct slice address)
{
    if (slice_starts(address, S("queue://")) || slice_starts(address, S("topic://")))
        return slice_skip(address, 8);
    return address;
}

static void put_integer(struct buf *dst, struct slice text, int constructor, int64_t min, int64_t max,
                        unsigned bytes)
{
    int64_t n;
    if (scan_i64(text, &n) < 0 || n < min || n > max) {
        buf_putc(dst, NULL_VALUE);
        return;
    }
    buf_putc(dst, (char)constructor);
    put_number(dst, (uint64_t)n, bytes);
}

static void put_property(struct buf *dst, const struct property *p, struct slice text)
{
    switch (p->as) {
    case AS_STRING: put_sized(dst, STRING_8, text); break;
    case AS_ADDRESS: put_sized(dst, STRING_8, without_kind(text)); break;
    case AS_BINARY: put_sized(dst, BINARY_8, text); break;
    case AS_SYMBOL:
        if (is_ascii(text))
            put_sized(dst, SYMBOL_8, text);
        else
            buf_putc(dst, NULL_VALUE);
        break;
    case AS_TIME: put_integer(dst, text, TIMESTAMP, INT64_MIN, INT64_MAX, 8); break;
    case AS_UINT: put_integer(dst, text, UINT, 0, UINT32_MAX, 4); break;
    }
}

/* --- headers ----------------------------------------------------------------------------------------------------- */

static int property_named(struct slice name)
{
    for (int i = 0; i < AMQP10_PROPERTIES; i++)
        if (slice_eq(name, properties[i].name))
            return i;
    return -1;
}

static void keep(struct amqp10_encoder *e, int i, struct slice text)
{
    e->properties[i].present = true;
    e->properties[i].at = e->texts.len;
    e->properties[i].len = text.len;
    buf_put_slice(&e->texts, text);
}

static int refused(struct ditto_error *err, struct slice name, const char *why)
{
    return ditto_fail(err, 400, "connectivity:message.sending.failed", NULL, NULL,
                      "The header '%.*s' cannot be sent: %s.", SLICE_ARG(name), why);
}

static int add_annotation(struct amqp10_encoder *e, struct slice key, struct slice value,
                          struct ditto_error *err)
{
    if (!is_ascii(key))
        return refused(err, key, "an annotation's key is ASCII");
    put_sized(&e->annotations, SYMBOL_8, key);
    put_sized(&e->annotations, STRING_8, value);
    e->n_annotations += 2;
    return 0;
}

/* A map has no key twice: where the header without the prefix is there, too, it is the one that counts. */
static bool is_said_plainly(struct json headers, struct slice key, bool prefixed)
{
    return prefixed && property_named(key) < 0 && json_present(json_get(headers, key));
}

static int add(struct amqp10_encoder *e, struct json headers, struct slice name, struct slice value,
               struct ditto_error *err)
{
    static const struct slice application = {"amqp.application.property:", 26},
                              annotation = {"amqp.message.annotation:", 24};
    bool prefixed = slice_starts(name, application);
    int i = property_named(name);
    if (i >= 0) {
        keep(e, i, value);
        return 0;
    }
    if (slice_starts(name, annotation))
        return add_annotation(e, slice_skip(name, annotation.len), value, err);
    if (prefixed)
        name = slice_skip(name, application.len);
    if (is_said_plainly(headers, name, prefixed))
        return 0;
    put_sized(&e->application, STRING_8, name);
    put_sized(&e->application, STRING_8, value);
    e->n_application += 2;
    return 0;
}

static int read_headers(struct amqp10_encoder *e, struct json headers, struct ditto_error *err)
{
    struct json_iter it = json_iter(headers);
    while (json_next(&it)) {
        buf_reset(&e->name, KEEP_BYTES);
        buf_reset(&e->value, KEEP_BYTES);
        struct slice name = json_raw_text(it.key, &e->name);
        struct slice value = json_text(it.value, &e->value);
        if (!value.p)
            return refused(err, name, "it is no string");
        if (add(e, headers, name, value, err) < 0)
            return -1;
    }
    return 0;
}

static void start(struct amqp10_encoder *e)
{
    buf_reset(&e->annotations, KEEP_BYTES);
    buf_reset(&e->application, KEEP_BYTES);
    buf_reset(&e->texts, KEEP_BYTES);
    e->n_annotations = e->n_application = 0;
    memset(e->properties, 0, sizeof e->properties);
}

/* --- sections ---------------------------------------------------------------------------------------------------- */

static void put_properties(struct amqp10_encoder *e, struct buf *dst)
{
    int n = AMQP10_PROPERTIES;
    while (n && !e->properties[n - 1].present)
        n--;
    if (!n)
        return;
    put_descriptor(dst, PROPERTIES);
    buf_putc(dst, (char)LIST_32);
    size_t at = dst->len;
    put_number(dst, 0, 4); /* the size, below */
    put_number(dst, (uint64_t)n, 4);
    for (int i = 0; i < n; i++)
        if (e->properties[i].present)
            put_property(dst, &properties[i],
                         slice_of(buf_slice(&e->texts).p + e->properties[i].at, e->properties[i].len));
        else
            buf_putc(dst, NULL_VALUE);
    size_t size = dst->len - at - 4;
    for (unsigned i = 0; i < 4; i++)
        buf_p(dst)[at + i] = (char)(size >> (24 - 8 * i));
}

static void put_map(struct buf *dst, int descriptor, const struct buf *items, size_t n)
{
    if (!n)
        return;
    put_descriptor(dst, descriptor);
    put_compound(dst, MAP_32, buf_slice(items), n);
}

static void put_body(struct buf *dst, const struct outgoing *m)
{
    if (m->body.p && !m->text) {
        put_descriptor(dst, DATA);
        put_sized(dst, BINARY_8, m->body);
        return;
    }
    put_descriptor(dst, VALUE);
    if (m->body.p)
        put_sized(dst, STRING_8, m->body);
    else
        buf_putc(dst, NULL_VALUE);
}

int amqp10_encode(struct amqp10_encoder *e, struct buf *dst, const struct outgoing *m, bool durable,
                  struct slice user_id, struct slice to, struct ditto_error *err)
{
    static const char yes = (char)TRUE_VALUE;
    start(e);
    if (m->headers.type == JSON_OBJECT && read_headers(e, m->headers, err) < 0)
        return -1;
    if (user_id.p)
        keep(e, USER_ID, user_id);
    if (to.p)
        keep(e, TO, to);
    if (durable) {
        put_descriptor(dst, HEADER);
        put_compound(dst, LIST_32, slice_of(&yes, 1), 1);
    }
    put_map(dst, MESSAGE_ANNOTATIONS, &e->annotations, e->n_annotations);
    put_properties(e, dst);
    put_map(dst, APPLICATION_PROPERTIES, &e->application, e->n_application);
    put_body(dst, m);
    return 0;
}

void amqp10_encoder_free(struct amqp10_encoder *e)
{
    buf_free(&e->annotations);
    buf_free(&e->application);
    buf_free(&e->texts);
    buf_free(&e->name);
    buf_free(&e->value);
}
