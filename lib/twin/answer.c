#include "twin/answer.h"

#include "base/clock.h"
#include "protocol/headers.h"

#include "base/banned.h"

/* --- headers -------------------------------------------------------------------------------------------------------- */

/* What was meant for the twin, or is written anew. */
static const char *const own[] = {"accept",
                                  "channel",
                                  "allow-policy-lockout",
                                  "at-historical-revision",
                                  "at-historical-timestamp",
                                  "authorization",
                                  "condition",
                                  "content-type",
                                  "declared-acks",
                                  "delete-metadata",
                                  "entity-revision",
                                  "etag",
                                  "get-metadata",
                                  "if-equal",
                                  "if-match",
                                  "if-none-match",
                                  "live-channel-condition",
                                  "policy-view",
                                  "put-metadata",
                                  "response-required",
                                  "live-channel-timeout-strategy",
                                  "ditto-originator",
                                  "ditto-metadata",
                                  "merge-thing-patch-conditions"};
static const char *const not_answered[] = {"requested-acks", "timeout"};

static bool is_among(struct slice raw, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (json_key_is(raw, slice_str(names[i])))
            return true;
    return false;
}

static void put_headers(struct buf *dst, const struct command *c, bool event)
{
    buf_puts(dst, "\"headers\":{");
    struct json_iter it = json_iter(c->inside.headers.object);
    while (c->inside.headers.object.type == JSON_OBJECT && json_next(&it)) {
        if (is_among(it.key, own, sizeof own / sizeof *own) ||
            (!event && is_among(it.key, not_answered, sizeof not_answered / sizeof *not_answered)))
            continue;
        json_put_item(dst);
        buf_putc(dst, '"');
        buf_put_slice(dst, it.key);
        buf_puts(dst, "\":");
        buf_put_slice(dst, json_slice(it.value));
    }
    struct json originator = json_at(c->subjects, 0);
    if (originator.type == JSON_STRING)
        json_put_member(dst, S("ditto-originator"), json_slice(originator));
    json_put_member(dst, S("response-required"), S("false"));
}

/* --- members -------------------------------------------------------------------------------------------------------- */

static void begin_signal(struct buf *dst, struct slice type)
{
    buf_puts(dst, "},\"signal\":{\"type\":\"");
    buf_put_slice(dst, type);
    buf_putc(dst, '"');
}

static void put_id(struct buf *dst, const struct command *c)
{
    json_put_member_text(dst, c->plan->kind == KIND_POLICY ? S("policyId") : S("thingId"), c->id);
}

/* featureId, attribute, … as the command has them. */
static void put_keys(struct buf *dst, const struct command *c, const struct signal_row *row)
{
    struct slice names[PATH_KEYS];
    size_t n = shape_keys(c->plan->command->shape, names);
    for (size_t i = 0; i < n; i++)
        json_put_member(dst, names[i], json_slice(json_view_get(&c->inside.signal, names[i])));
    if (row->form == FORM_MERGED)
        json_put_member_text(dst, S("path"), c->place.len ? c->place : S("/"));
}

static bool is_plain(const struct signal_row *row)
{
    return row->value == VALUE_PLAIN_THING || row->form == FORM_THINGS;
}

static void put_value(struct buf *dst, const struct command *c, const struct signal_row *row, struct json v)
{
    if (!row->member || (v.type == JSON_ABSENT && !(row->flags & ROW_NULL)))
        return;
    if (v.type == JSON_ABSENT)
        json_put_member(dst, slice_str(row->member), S("null"));
    else if (is_plain(row) && c->protocol) /* the adapter takes it as it is, too */
        json_put_member(dst, row->form == FORM_THINGS ? S("things") : S("thing"), json_slice(v));
    else if (is_plain(row))
        json_put_member_text(dst, slice_str(row->member), json_slice(v));
    else
        json_put_member(dst, slice_str(row->member), json_slice(v));
}

void answer_put(struct buf *dst, const struct command *c, const struct answer *a)
{
    const struct signal_row *row = c->plan->answer;
    put_headers(dst, c, false);
    if (a->tag.len)
        json_put_member_text(dst, S("etag"), a->tag);
    if (a->metadata.p)
        json_put_member(dst, S("ditto-metadata"), a->metadata);
    begin_signal(dst, row_type(row));
    json_put_member_int(dst, S("status"), a->status);
    if (row->form == FORM_THINGS) {
        struct json namespace = command_member(c, "namespace");
        if (json_present(namespace))
            json_put_member(dst, S("namespace"), json_slice(namespace));
    } else if (row->form != FORM_CREATE) {
        put_id(dst, c);
    }
    put_keys(dst, c, row);
    put_value(dst, c, row, a->value);
    buf_putc(dst, '}');
}

void answer_put_error(struct buf *dst, const struct command *c, const struct ditto_error *e)
{
    bool policy = c->plan->kind == KIND_POLICY;
    put_headers(dst, c, false);
    begin_signal(dst, policy ? S("policies.responses:errorResponse") : S("things.responses:errorResponse"));
    json_put_member_int(dst, S("status"), e->status);
    json_put_member_text(dst, policy ? S("policyId") : S("thingId"),
                         c->id.len ? c->id : S("unknown:unknown"));
    json_put_key(dst, S("payload"));
    ditto_error_put(dst, e, false);
    buf_putc(dst, '}');
}

void answer_put_event(struct buf *dst, const struct command *c, const struct event *e)
{
    char iso[ISO_SIZE];
    put_headers(dst, c, true);
    json_put_member_int(dst, S("entity-revision"), e->revision);
    begin_signal(dst, row_type(e->row));
    json_put_member_text(dst, S("_timestamp"), slice_str(clock_iso(iso, e->time)));
    json_put_member(dst, S("_metadata"), e->metadata.p ? e->metadata : S("null"));
    json_put_member_int(dst, S("revision"), e->revision);
    put_id(dst, c);
    put_keys(dst, c, e->row);
    put_value(dst, c, e->row, e->value);
    buf_putc(dst, '}');
}
