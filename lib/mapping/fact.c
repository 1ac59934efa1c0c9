/* fact.c: the values of placeholders. */
#include <stdlib.h>
#include <sys/time.h>

#include "json/patch.h"
#include "json/pointer.h"
#include "mapping/expression.h"

#include "base/banned.h"

enum { ID_WHOLE, ID_NAMESPACE, ID_NAME }; /* as protocol/template_names.c counts them */
enum {
    TOPIC_FULL,
    TOPIC_NAMESPACE,
    TOPIC_NAME,
    TOPIC_GROUP,
    TOPIC_CHANNEL,
    TOPIC_CRITERION,
    TOPIC_ACTION,
    TOPIC_SUBJECT,
    TOPIC_ACTION_SUBJECT
};
enum { RESOURCE_TYPE, RESOURCE_PATH };

/* What was appended to work, at a place where it stays. */
static struct slice keep(struct scratch *s)
{
    return scratch_copy(s, buf_slice(&s->work));
}

/* --- entities and topics -------------------------------------------------------------------------------------------- */

bool entity_of_topic(const struct topic *t, struct entity *e)
{
    if (t->group == GROUP_CONNECTIONS || slice_eq(t->name, S("_")) || slice_eq(t->namespace, S("_")))
        return false;
    *e = (struct entity){t->group == GROUP_THINGS ? ENTITY_THING : ENTITY_POLICY, t->namespace, t->name};
    return true;
}

static struct slice id_part(const struct entity *e, int which, struct scratch *s)
{
    if (which != ID_WHOLE)
        return which == ID_NAME ? e->name : e->namespace;
    char *p = scratch_take(s, e->namespace.len + 1 + e->name.len);
    if (!p)
        return SLICE_NONE;
    memcpy(p, e->namespace.p, e->namespace.len);
    p[e->namespace.len] = ':';
    memcpy(p + e->namespace.len + 1, e->name.p, e->name.len);
    return slice_of(p, e->namespace.len + 1 + e->name.len);
}

static struct slice entity_value(const struct expression *e, const struct facts *f, struct scratch *s)
{
    const struct entity *is = f->entity;
    bool fits;
    if (e->prefix->kind == PLACEHOLDER_THING)
        is = f->thing ? f->thing : is;
    if (e->prefix->kind == PLACEHOLDER_POLICY)
        is = f->policy ? f->policy : is;
    if (!is)
        return SLICE_NONE;
    switch (e->prefix->kind) {
    case PLACEHOLDER_THING: fits = is->type == ENTITY_THING; break;
    case PLACEHOLDER_POLICY: fits = is->type == ENTITY_POLICY; break;
    default: fits = is->type != ENTITY_CONNECTION;
    }
    return fits ? id_part(is, e->which, s) : SLICE_NONE;
}

static struct slice topic_part(const struct topic *t, int which)
{
    switch (which) {
    case TOPIC_FULL: return t->full;
    case TOPIC_NAMESPACE: return t->namespace;
    case TOPIC_NAME: return t->name;
    case TOPIC_GROUP: return slice_str(topic_group_text(t->group));
    case TOPIC_CHANNEL: return slice_str(topic_channel_text(t->channel));
    case TOPIC_CRITERION: return slice_str(topic_criterion_text(t->criterion));
    case TOPIC_ACTION: return t->action;
    case TOPIC_SUBJECT: return t->subject;
    default: return t->subject.p ? t->subject : t->action;
    }
}

/* --- the message ---------------------------------------------------------------------------------------------------- */

struct slice message_resource_type(const struct topic *t)
{
    if (t->criterion == CRITERION_MESSAGES)
        return S("message");
    if (t->criterion == CRITERION_SEARCH)
        return S("thing-search");
    switch (t->group) {
    case GROUP_POLICIES: return S("policy");
    case GROUP_CONNECTIONS: return S("connection");
    default: return S("thing");
    }
}

void message_put_resource_path(struct buf *dst, const struct line *l)
{
    struct buf decoded = {0};
    struct slice path = json_text(l->path, &decoded);
    if (!slice_starts(path, S("/")))
        buf_putc(dst, '/');
    if (path.len > 1 && slice_ends(path, S("/")))
        path.len--;
    buf_put_slice(dst, path);
    buf_free(&decoded);
}

static int resource_value(const struct expression *e, const struct facts *f, struct scratch *s,
                          struct values *v, struct ditto_error *err)
{
    struct slice text = e->which == RESOURCE_TYPE ? f->resource_type : f->resource_path;
    if (f->message && e->which == RESOURCE_TYPE) {
        text = message_resource_type(f->message_topic);
    } else if (f->message) {
        buf_cut(&s->work, 0);
        message_put_resource_path(&s->work, f->message);
        text = keep(s);
    }
    return text.p || f->message ? values_add(v, text, s, err) : 0;
}

/* --- features ------------------------------------------------------------------------------------------------------- */

/* Does the message carry what is, or is to be, at its path? */
static bool carries_value(const struct topic *t)
{
    switch (t->verb) {
    case ACTION_CREATE:
    case ACTION_MODIFY:
    case ACTION_MERGE:
    case ACTION_CREATED:
    case ACTION_MODIFIED:
    case ACTION_MERGED: return true;
    default: return false;
    }
}

static bool is_object_or_null(struct json parent, struct slice name)
{
    struct json v = json_get(parent, name);
    return !json_present(v) || v.type == JSON_OBJECT;
}

static bool is_feature(struct json v)
{
    struct json definition = json_get(v, S("definition"));
    if (v.type == JSON_NULL)
        return true;
    return v.type == JSON_OBJECT && (!json_present(definition) || definition.type == JSON_ARRAY) &&
           is_object_or_null(v, S("properties")) && is_object_or_null(v, S("desiredProperties"));
}

static int add_keys(struct json features, struct scratch *s, struct values *to, struct ditto_error *err)
{
    struct json_iter it = json_iter(features);
    while (features.type == JSON_OBJECT && json_next(&it)) {
        buf_cut(&s->work, 0);
        struct slice key = json_raw_text(it.key, &s->work);
        if (!is_feature(it.value))
            return ditto_fail(err, 400, "json.invalid", NULL, NULL,
                              "The feature <%.*s> is not a valid JSON object.", SLICE_ARG(key));
        if (values_add(to, s->work.len ? keep(s) : key, s, err) < 0)
            return -1;
    }
    return 0;
}

int message_feature_ids(const struct line *l, const struct topic *t, struct scratch *s, struct values *to,
                        struct ditto_error *err)
{
    struct buf decoded = {0};
    struct pointer p;
    struct slice first = SLICE_NONE, id = SLICE_NONE;
    bool named = false;
    int r = 0;
    if (t->group != GROUP_THINGS || !pointer_parse(&p, json_text(l->path, &decoded), POINTER_DITTO))
        return buf_free(&decoded), 0;
    bool of_features = pointer_next(&p, &first) && slice_eq(first, S("features"));
    if (of_features && (named = pointer_next(&p, &id))) {
        buf_cut(&s->work, 0);
        r = values_add(to, scratch_copy(s, pointer_key(id, POINTER_DITTO, &s->work)), s, err);
    }
    if (!named && carries_value(t) && (of_features || !first.p))
        r = add_keys(of_features ? l->value : json_get(l->value, S("features")), s, to, err);
    buf_free(&decoded);
    return r;
}

static int add_texts(struct json array, struct scratch *s, struct values *v, struct ditto_error *err)
{
    struct json_iter it = json_iter(array);
    while (json_next(&it))
        if (values_add(v, scratch_text(s, it.value), s, err) < 0)
            return -1;
    return 0;
}

/* --- things --------------------------------------------------------------------------------------------------------- */

static struct json parse_kept(struct scratch *s, struct buf *text)
{
    struct json v = {JSON_ABSENT, NULL, 0};
    struct slice kept = scratch_copy(s, buf_slice(text));
    if (kept.p)
        (void)json_parse(kept, &v, NULL);
    return v;
}

/* The object that says only what the event says: its value at its path. */
static void put_event_as_thing(struct buf *dst, const struct line *l, const struct topic *t)
{
    static const struct json nothing = {JSON_ABSENT, NULL, 0};
    struct buf path = {0}, value = {0};
    struct pointer p;
    bool merged = t->verb == ACTION_MERGED && l->value.type == JSON_OBJECT;
    if (merged)
        json_put_patched(&value, nothing, l->value, PATCH_RFC7396); /* without what is removed */
    else if (json_present(l->value) && carries_value(t))
        buf_put_slice(&value, json_slice(l->value));
    if (value.len && pointer_parse(&p, json_text(l->path, &path), POINTER_DITTO))
        pointer_put_with(dst, nothing, p, buf_slice(&value));
    buf_free(&path);
    buf_free(&value);
}

static void put_member(struct buf *thing, struct slice name, struct json v)
{
    struct buf with = {0};
    struct json object = {JSON_ABSENT, NULL, 0};
    if (!json_present(v))
        return;
    (void)json_parse(buf_slice(thing), &object, NULL);
    json_put_with(&with, object, name, json_slice(v));
    buf_free(thing);
    *thing = with;
}

/* What an event and its extra fields know of the thing; what the event says wins. */
static struct json thing_of_event(const struct line *l, const struct topic *t, struct scratch *s)
{
    struct buf event = {0}, thing = {0}, id = {0};
    struct json patch = {JSON_ABSENT, NULL, 0}, text;
    struct entity e;
    if (t->group != GROUP_THINGS || t->criterion != CRITERION_EVENTS || !entity_of_topic(t, &e))
        return patch;
    put_event_as_thing(&event, l, t);
    if (!event.len || json_parse(buf_slice(&event), &patch, NULL) < 0 || patch.type != JSON_OBJECT)
        (void)json_parse(S("{}"), &patch, NULL);
    json_put_patched(&thing, l->extra, patch, PATCH_RFC7396);
    json_put_text(&id, id_part(&e, ID_WHOLE, s));
    if (json_parse(buf_slice(&id), &text, NULL) == 0)
        put_member(&thing, S("thingId"), text);
    put_member(&thing, S("_revision"), l->revision);
    put_member(&thing, S("_modified"), l->timestamp);
    struct json v = parse_kept(s, &thing);
    buf_free(&event);
    buf_free(&thing);
    buf_free(&id);
    return v;
}

static int thing_values(const struct expression *e, const struct facts *f, struct scratch *s,
                        struct values *v, struct ditto_error *err)
{
    struct slice name = slice_trim(e->name);
    struct json thing = f->message ? thing_of_event(f->message, f->message_topic, s) : f->thing_json;
    struct pointer p;
    if (slice_starts(name, S("thing-json:")))
        name = slice_trim(slice_skip(name, S("thing-json:").len));
    if (!name.len || !pointer_parse(&p, name, POINTER_DITTO))
        return 0;
    struct json value = pointer_get(thing, p);
    if (value.type == JSON_ARRAY)
        return add_texts(value, s, v, err);
    return value.type == JSON_ABSENT ? 0 : values_add(v, scratch_text(s, value), s, err);
}

/* --- claims --------------------------------------------------------------------------------------------------------- */

static bool has_value(const struct values *v, struct slice text)
{
    for (size_t i = 0; i < v->n; i++)
        if (slice_eq(v->v[i], text))
            return true;
    return false;
}

/* What the path names, arrays on the way looked through; each text once. */
static int claim_values(struct json v, struct pointer p, struct scratch *s, struct values *to,
                        struct ditto_error *err)
{
    struct slice token;
    struct buf decoded = {0};
    if (v.type == JSON_ARRAY) {
        struct json_iter it = json_iter(v);
        while (json_next(&it))
            if (claim_values(it.value, p, s, to, err) < 0)
                return -1;
        return 0;
    }
    if (!pointer_next(&p, &token)) {
        struct slice text = scratch_text(s, v);
        return v.type == JSON_ABSENT || has_value(to, text) ? 0 : values_add(to, text, s, err);
    }
    struct json next = json_get(v, pointer_key(token, POINTER_DITTO, &decoded));
    buf_free(&decoded);
    return next.type == JSON_ABSENT ? 0 : claim_values(next, p, s, to, err);
}

/* --- all of them ---------------------------------------------------------------------------------------------------- */

static int64_t now(const struct facts *f)
{
    struct timeval t;
    if (f->now_ms)
        return f->now_ms;
    (void)gettimeofday(&t, NULL);
    return (int64_t)t.tv_sec * 1000 + t.tv_usec / 1000;
}

static struct slice time_text(const struct expression *e, const struct facts *f, struct scratch *s)
{
    buf_cut(&s->work, 0);
    time_expression_put(&s->work, &e->time, now(f));
    return keep(s);
}

static struct slice header_value(const struct expression *e, const struct facts *f, struct scratch *s)
{
    if (!f->headers)
        return SLICE_NONE;
    struct json v = headers_get(f->headers, e->name, f->exact_names);
    return json_present(v) ? scratch_text(s, v) : SLICE_NONE;
}

/* Of those that have one value at most. */
static struct slice single_value(const struct expression *e, const struct facts *f, struct scratch *s)
{
    switch (e->prefix->kind) {
    case PLACEHOLDER_HEADER: return header_value(e, f, s);
    case PLACEHOLDER_ENTITY:
    case PLACEHOLDER_THING:
    case PLACEHOLDER_POLICY: return entity_value(e, f, s);
    case PLACEHOLDER_TOPIC: return f->topic ? topic_part(f->topic, e->which) : SLICE_NONE;
    case PLACEHOLDER_CONNECTION: return f->connection_id;
    case PLACEHOLDER_SOURCE: return f->source_address;
    case PLACEHOLDER_TIME: return time_text(e, f, s);
    default: return SLICE_NONE;
    }
}

int fact_values(const struct expression *e, const struct facts *f, struct scratch *s, struct values *v,
                struct ditto_error *err)
{
    struct pointer p;
    if (!(e->prefix->kind & f->placeholders))
        return 0;
    switch (e->prefix->kind) {
    case PLACEHOLDER_FEATURE:
        return f->message ? message_feature_ids(f->message, f->message_topic, s, v, err)
                          : add_texts(f->feature_ids, s, v, err);
    case PLACEHOLDER_RESOURCE: return resource_value(e, f, s, v, err);
    case PLACEHOLDER_REQUEST: return add_texts(f->subjects, s, v, err);
    case PLACEHOLDER_THING_JSON: return thing_values(e, f, s, v, err);
    case PLACEHOLDER_JWT:
        return pointer_parse(&p, e->name, POINTER_DITTO) ? claim_values(f->jwt, p, s, v, err) : 0;
    default: break;
    }
    struct slice text = single_value(e, f, s);
    return text.p ? values_add(v, text, s, err) : 0;
}
