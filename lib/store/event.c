#include "store/event.h"

#include "base/clock.h"
#include "connection/connection.h"

#include "base/banned.h"

#define PREFIX "connectivity.events:"

static const char *const names[EVENT_UNKNOWN] = {
    [EVENT_CREATED] = PREFIX "connectionCreated", [EVENT_MODIFIED] = PREFIX "connectionModified",
    [EVENT_DELETED] = PREFIX "connectionDeleted", [EVENT_OPENED] = PREFIX "connectionOpened",
    [EVENT_CLOSED] = PREFIX "connectionClosed",
};

void event_put(struct buf *dst, enum event_type type, struct slice id, uint64_t revision, int64_t time,
               struct slice doc)
{
    char iso[ISO_SIZE];
    buf_putc(dst, '{');
    json_put_member_text(dst, S("type"), slice_str(names[type]));
    json_put_member_text(dst, S("_timestamp"), slice_str(clock_iso(iso, time)));
    json_put_member_int(dst, S("revision"), (int64_t)revision);
    json_put_member_text(dst, S("connectionId"), id);
    if (doc.p)
        json_put_member(dst, S("connection"), doc);
    buf_putc(dst, '}');
}

enum event_type event_type_of(struct json event)
{
    struct json type = json_get(event, S("type"));
    for (int i = 0; i < EVENT_UNKNOWN; i++)
        if (json_text_is(type, slice_str(names[i])))
            return (enum event_type)i;
    return EVENT_UNKNOWN;
}

struct json event_of(const struct record *r)
{
    return (struct json){JSON_OBJECT, r->payload.p, r->payload.len};
}

static bool describes(struct json doc, struct slice id)
{
    return json_is(doc, JSON_OBJECT) && json_text_is(json_get(doc, S("id")), id);
}

static bool sound(enum event_type type, const struct record *r, struct json doc)
{
    switch (type) {
    case EVENT_CREATED: return r->kind == RECORD_EVENT && describes(doc, r->id);
    case EVENT_MODIFIED: return r->kind == RECORD_EVENT && r->revision > 1 && describes(doc, r->id);
    case EVENT_OPENED:
    case EVENT_CLOSED: return r->kind == RECORD_EVENT && r->revision > 1;
    case EVENT_DELETED: return r->kind == RECORD_TOMBSTONE && r->revision > 1;
    case EVENT_UNKNOWN: break;
    }
    return false;
}

bool event_sound(const struct record *r)
{
    struct json event = event_of(r), doc = json_get(event, S("connection"));
    if (!connection_id_valid(r->id))
        return false;
    if (r->kind == RECORD_SNAPSHOT)
        return !json_present(doc) || describes(doc, r->id);
    return json_text_is(json_get(event, S("connectionId")), r->id) && sound(event_type_of(event), r, doc);
}

static void put_masked(struct buf *dst, struct json event, struct json doc)
{
    struct buf masked = {0};
    connection_put_masked(&masked, doc);
    json_put_with(dst, event, S("connection"), buf_slice(&masked));
    buf_free(&masked);
}

void event_put_line(struct buf *dst, const struct record *r, bool secrets)
{
    struct json event = event_of(r), doc = json_get(event, S("connection"));
    buf_puts(dst, "{\"position\":");
    buf_put_u64(dst, r->position);
    buf_puts(dst, ",\"signal\":");
    if (secrets || !json_present(doc))
        buf_put_slice(dst, r->payload);
    else
        put_masked(dst, event, doc);
    buf_puts(dst, "}\n");
}
