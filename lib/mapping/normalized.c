/* normalized.c: the Normalized mapper: events of things as the part of the thing that changed.
 *
 * Outbound only. The message's extra fields and value are put together as they stand in the thing, with _modified, _revision
 * and the message itself as _context. Events of merges lose what is null in them. Everything else than events that create,
 * modify, merge or delete makes nothing. */
#include <stdlib.h>

#include "json/pointer.h"
#include "line/line.h"
#include "mapping/option.h"
#include "mapping/tree.h"
#include "protocol/selector.h"

#include "base/banned.h"

struct normalized {
    bool selects, tells_deleted;
    struct selector fields;
    struct buf event, whole, pruned; /* of the message at hand */
};

static void release(struct mapper *m)
{
    struct normalized *own = m->own;
    if (own->selects)
        selector_free(&own->fields);
    buf_free(&own->event);
    buf_free(&own->whole);
    buf_free(&own->pruned);
    free(own);
}

static int configure(struct mapper *m, struct json options, enum way way, struct scripts *scripts,
                     struct ditto_error *err)
{
    struct buf scratch = {0};
    struct ditto_error why = {.status = 0};
    struct slice fields = option_text(options, S("fields"), &scratch);
    struct normalized *own = m->own = xcalloc(1, sizeof *own);
    (void)way, (void)scripts;
    own->tells_deleted = option_flag(options, S("includeDeletedFields"), false);
    own->selects = fields.len && selector_parse(&own->fields, fields, false, &why) == 0;
    buf_free(&scratch);
    return fields.len && !own->selects ? option_refuse(m, "fields", why.message, err) : 0;
}

/* --- the event ---------------------------------------------------------------------------------------------------- */

struct event {
    struct line line;
    struct topic topic;
    struct pointer path;
    bool root, merged, deleted;
};

static bool is_mapped(const struct event *e, bool tells_deleted)
{
    const struct topic *t = &e->topic;
    if (t->group != GROUP_THINGS || t->criterion != CRITERION_EVENTS)
        return false;
    return t->verb == ACTION_CREATED || t->verb == ACTION_MODIFIED || e->merged ||
           (e->deleted && (e->root || tells_deleted));
}

static bool read(struct event *e, struct slice envelope, struct buf *texts)
{
    struct ditto_error why = {.status = 0};
    if (line_read(envelope, &e->line, NULL) < 0 ||
        topic_parse(json_text(e->line.topic, &texts[0]), &e->topic, &why) < 0)
        return false;
    struct slice path = json_text(e->line.path, &texts[1]);
    e->root = !path.len || slice_eq(path, S("/"));
    e->merged = e->topic.verb == ACTION_MERGED;
    e->deleted = e->topic.verb == ACTION_DELETED;
    return pointer_parse(&e->path, path, POINTER_DITTO);
}

/* The thing, as far as the event tells of it: an object that is still open. */
static void put_thing(struct buf *dst, const struct event *e)
{
    struct buf id = {0};
    struct json value = e->line.value;
    bool has_value = value.type != JSON_ABSENT;
    buf_puts(&id, "{\"thingId\":\"");
    json_put_escaped(&id, e->topic.namespace);
    buf_putc(&id, ':');
    json_put_escaped(&id, e->topic.name);
    buf_puts(&id, "\"}");
    struct json thing = {JSON_OBJECT, buf_p(&id), id.len};
    if (e->root && value.type == JSON_OBJECT)
        tree_put_merged(dst, thing, value);
    else if (!e->root && has_value)
        pointer_put_with(dst, thing, e->path, json_slice(value));
    else
        buf_put_slice(dst, buf_slice(&id));
    buf_cut(dst, dst->len - 1);
    buf_free(&id);
}

static void put_deleted_fields(struct buf *dst, const struct event *e)
{
    struct buf nulls = {0};
    struct json value = e->line.value;
    struct slice at = json_slice(e->line.timestamp);
    bool whole = e->deleted || value.type == JSON_NULL;
    bool any = whole ? !e->root : value.type == JSON_OBJECT && tree_put_nulls(&nulls, value, at);
    if (any && e->root)
        json_put_member(dst, S("_deletedFields"), buf_slice(&nulls));
    else if (any) {
        json_put_key(dst, S("_deletedFields"));
        pointer_put_with(dst, (struct json){JSON_OBJECT, "{}", 2}, e->path, whole ? at : buf_slice(&nulls));
    }
    buf_free(&nulls);
}

/* --- its context ---------------------------------------------------------------------------------------------------- */

static void put_path(struct buf *dst, struct json path)
{
    struct slice raw = json_raw(path);
    json_put_key(dst, S("path"));
    buf_puts(dst, raw.len && raw.p[0] == '/' ? "\"" : "\"/");
    buf_put_slice(dst, raw);
    buf_putc(dst, '"');
}

/* The selector as Ditto prints it. */
static void put_fields(struct buf *dst, struct json fields)
{
    struct selector s;
    struct ditto_error why = {.status = 0};
    struct buf scratch = {0}, text = {0};
    if (json_present(fields) && selector_parse_protocol(&s, json_text(fields, &scratch), &why) == 0) {
        for (size_t i = 0; i < s.n; i++) {
            if (i)
                buf_putc(&text, ',');
            buf_put_slice(&text, s.pointers[i]);
        }
        json_put_member_text(dst, S("fields"), buf_slice(&text));
        selector_free(&s);
    }
    buf_free(&scratch);
    buf_free(&text);
}

/* Each a text. */
static void put_headers(struct buf *dst, struct json headers)
{
    struct json_iter it = json_iter(headers);
    json_put_key(dst, S("headers"));
    buf_putc(dst, '{');
    while (headers.type == JSON_OBJECT && json_next(&it)) {
        json_put_item(dst);
        buf_putc(dst, '"');
        buf_put_slice(dst, it.key);
        buf_puts(dst, "\":");
        if (it.value.type == JSON_STRING)
            buf_put_slice(dst, json_slice(it.value));
        else
            json_put_text(dst, json_slice(it.value));
    }
    buf_putc(dst, '}');
}

static void put_context(struct buf *dst, const struct event *e)
{
    struct json value = e->line.value;
    json_put_key(dst, S("_context"));
    buf_putc(dst, '{');
    json_put_member(dst, S("topic"), json_slice(e->line.topic));
    put_path(dst, e->line.path);
    json_put_member(dst, S("value"), value.type == JSON_ABSENT ? S("null") : json_slice(value));
    put_fields(dst, e->line.fields);
    put_headers(dst, e->line.headers);
    buf_putc(dst, '}');
}

/* --- the whole ------------------------------------------------------------------------------------------------------ */

static void put_event(struct buf *dst, const struct event *e, bool tells_deleted)
{
    bool timed = json_present(e->line.timestamp);
    put_thing(dst, e);
    if (timed)
        json_put_member(dst, S("_modified"), json_slice(e->line.timestamp));
    if (json_present(e->line.revision))
        json_put_member(dst, S("_revision"), json_slice(e->line.revision));
    if (timed && e->deleted && e->root)
        json_put_member(dst, S("_deleted"), json_slice(e->line.timestamp));
    if (timed && tells_deleted && (e->merged || e->deleted))
        put_deleted_fields(dst, e);
    put_context(dst, e);
    buf_putc(dst, '}');
}

static struct json object_of(const struct buf *b)
{
    return (struct json){JSON_OBJECT, buf_p(b), b->len};
}

static void put_message(struct buf *dst, struct normalized *own, const struct event *e)
{
    struct json v;
    buf_cut(&own->event, 0);
    buf_cut(&own->whole, 0);
    buf_cut(&own->pruned, 0);
    put_event(&own->event, e, own->tells_deleted);
    v = object_of(&own->event);
    if (e->line.extra.type == JSON_OBJECT) {
        tree_put_merged(&own->whole, e->line.extra, v);
        v = object_of(&own->whole);
    }
    if (e->merged && tree_put_pruned(&own->pruned, v))
        v = object_of(&own->pruned);
    if (own->selects)
        selector_apply(dst, &own->fields, v, false);
    else
        buf_put_slice(dst, json_slice(v));
}

static int outgoing(const struct mapper *m, struct slice envelope, struct json correlation_id,
                    struct outgoing *to, struct ditto_error *err)
{
    struct normalized *own = m->own;
    struct buf texts[2] = {{0}, {0}};
    struct event e;
    (void)correlation_id, (void)err;
    if (read(&e, envelope, texts) && is_mapped(&e, own->tells_deleted)) {
        put_message(to->room, own, &e);
        to->v[to->n++] = (struct published){
            .content_type = S("application/json"), .kind = PAYLOAD_TEXT, .payload = buf_slice(to->room)};
    }
    for (size_t i = 0; i < 2; i++)
        buf_free(&texts[i]);
    return 0;
}

const struct engine mapper_normalized = {
    .alias = "Normalized",
    .class_name = MAPPER_CLASS("NormalizedMessageMapper"),
    .configure = configure,
    .release = release,
    .incoming = mapper_makes_nothing,
    .outgoing = outgoing,
};
