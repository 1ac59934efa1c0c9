#include "mapping/context.h"

#include <stdio.h>
#include <time.h>

#include "base/scan.h"
#include "mapping/envelope.h"
#include "protocol/instant.h"

#include "base/banned.h"

static int invalid(struct ditto_error *err, const char *member, const char *why)
{
    char pointer[40] = "";
    if (member)
        (void)snprintf(pointer, sizeof pointer, "/%s", member);
    return ditto_fail(err, 400, "json.invalid", why, pointer, "The context is not valid.");
}

/* A string, decoded, for the life of the context. */
static struct slice text_of(struct context *c, struct json v)
{
    return json_text(v, &c->texts[c->n_texts++]);
}

/* --- members -------------------------------------------------------------------------------------------------------- */

typedef int member_reader(struct context *c, struct json v, struct ditto_error *err);

static int read_header(struct context *c, struct json v, struct ditto_error *err)
{
    (void)err;
    headers_index(&c->headers, v);
    c->facts.headers = &c->headers;
    return 0;
}

static int read_case(struct context *c, struct json v, struct ditto_error *err)
{
    (void)err;
    c->facts.exact_names = v.type == JSON_TRUE;
    return 0;
}

static enum entity_type type_of(struct json v, enum entity_type otherwise)
{
    struct json type = json_get(v, S("type"));
    if (json_text_is(type, S("thing")))
        return ENTITY_THING;
    if (json_text_is(type, S("policy")))
        return ENTITY_POLICY;
    return json_text_is(type, S("connection")) ? ENTITY_CONNECTION : otherwise;
}

static int read_entity_as(struct context *c, struct json v, enum entity_type type, struct entity *e,
                          const struct entity **fact, struct ditto_error *err)
{
    struct slice id = text_of(c, v.type == JSON_OBJECT ? json_get(v, S("id")) : v), name = id;
    if (!id.p)
        return invalid(err, entity_type_text(type), "It is not an id.");
    e->type = type_of(v, type);
    e->namespace = slice_cut(&name, ':');
    e->name = name.p ? name : id;
    *fact = e;
    return 0;
}

static int read_entity(struct context *c, struct json v, struct ditto_error *err)
{
    return read_entity_as(c, v, ENTITY_NAMESPACED, &c->entity, &c->facts.entity, err);
}

static int read_thing(struct context *c, struct json v, struct ditto_error *err)
{
    return read_entity_as(c, v, ENTITY_THING, &c->thing, &c->facts.thing, err);
}

static int read_policy(struct context *c, struct json v, struct ditto_error *err)
{
    return read_entity_as(c, v, ENTITY_POLICY, &c->policy, &c->facts.policy, err);
}

static int read_message(struct context *c, struct json v, struct ditto_error *err)
{
    struct envelope e;
    if (envelope_read(&e, json_slice(v), &c->texts[c->n_texts++], err) < 0)
        return -1;
    c->line = e.line;
    c->message_topic = e.topic;
    return 0;
}

/* As an array: the feature of one message and the resource of another need not agree. */
static int keep_feature_ids(struct context *c, struct ditto_error *err)
{
    struct scratch s = {0};
    struct values v = {.n = 0};
    struct buf *array = &c->texts[c->n_texts++];
    int r = message_feature_ids(&c->line, &c->message_topic, &s, &v, err);
    buf_putc(array, '[');
    for (size_t i = 0; i < v.n; i++) {
        json_put_item(array);
        json_put_text(array, v.v[i]);
    }
    buf_putc(array, ']');
    (void)json_parse(buf_slice(array), &c->facts.feature_ids, NULL);
    scratch_free(&s);
    return r;
}

static int read_feature(struct context *c, struct json v, struct ditto_error *err)
{
    c->facts.feature_ids = v;
    if (v.type != JSON_OBJECT)
        return v.type == JSON_ARRAY ? 0 : invalid(err, "feature", "It is no array.");
    return read_message(c, v, err) < 0 ? -1 : keep_feature_ids(c, err);
}

static int read_resource(struct context *c, struct json v, struct ditto_error *err)
{
    if (json_get(v, S("topic")).type == JSON_ABSENT) {
        c->facts.resource_type = text_of(c, json_get(v, S("type")));
        c->facts.resource_path = text_of(c, json_get(v, S("path")));
        return 0;
    }
    if (read_message(c, v, err) < 0)
        return -1;
    struct buf *path = &c->texts[c->n_texts++];
    message_put_resource_path(path, &c->line);
    c->facts.resource_type = message_resource_type(&c->message_topic);
    c->facts.resource_path = buf_slice(path);
    return 0;
}

static int read_thing_json(struct context *c, struct json v, struct ditto_error *err)
{
    (void)err;
    c->facts.thing_json = v;
    return 0;
}

static int read_jwt(struct context *c, struct json v, struct ditto_error *err)
{
    (void)err;
    c->facts.jwt = v;
    return 0;
}

static int read_topic(struct context *c, struct json v, struct ditto_error *err)
{
    if (topic_parse(text_of(c, v), &c->topic, err) < 0)
        return -1;
    c->facts.topic = &c->topic;
    return 0;
}

static int read_request(struct context *c, struct json v, struct ditto_error *err)
{
    (void)err;
    c->facts.subjects = v;
    return 0;
}

static int read_connection(struct context *c, struct json v, struct ditto_error *err)
{
    (void)err;
    c->facts.connection_id = text_of(c, v);
    return 0;
}

static int read_source(struct context *c, struct json v, struct ditto_error *err)
{
    (void)err;
    c->facts.source_address = text_of(c, v);
    return 0;
}

static int number(struct slice text, size_t at, size_t len)
{
    int64_t n = 0;
    (void)scan_i64(slice_of(text.p + at, len), &n);
    return (int)n;
}

/* "2024-01-06T14:23:42.123Z" */
static int read_now(struct context *c, struct json v, struct ditto_error *err)
{
    struct buf text = {0}, decoded = {0};
    int r = instant_put(&text, json_text(v, &decoded));
    struct slice t = buf_slice(&text);
    if (r == 0) {
        struct tm tm = {.tm_year = number(t, 0, 4) - 1900,
                        .tm_mon = number(t, 5, 2) - 1,
                        .tm_mday = number(t, 8, 2),
                        .tm_hour = number(t, 11, 2),
                        .tm_min = number(t, 14, 2),
                        .tm_sec = number(t, 17, 2)};
        c->facts.now_ms = (int64_t)timegm(&tm) * 1000 + (t.len > 22 ? number(t, 20, 3) : 0);
    }
    buf_free(&text);
    buf_free(&decoded);
    return r < 0 ? invalid(err, "now", "It is no time.") : 0;
}

static const struct member {
    const char *name;
    unsigned known; /* what the member makes known */
    member_reader *read;
} members[] = {
    {"header", PLACEHOLDER_HEADER, read_header},
    {"headerCaseSensitive", 0, read_case},
    {"entity", PLACEHOLDER_ENTITY, read_entity},
    {"thing", PLACEHOLDER_THING, read_thing},
    {"policy", PLACEHOLDER_POLICY, read_policy},
    {"feature", PLACEHOLDER_FEATURE, read_feature},
    {"thing-json", PLACEHOLDER_THING_JSON, read_thing_json},
    {"topic", PLACEHOLDER_TOPIC, read_topic},
    {"resource", PLACEHOLDER_RESOURCE, read_resource},
    {"request", PLACEHOLDER_REQUEST, read_request},
    {"connection", PLACEHOLDER_CONNECTION, read_connection},
    {"source", PLACEHOLDER_SOURCE, read_source},
    {"jwt", PLACEHOLDER_JWT, read_jwt},
    {"time", PLACEHOLDER_TIME, NULL},
    {"now", 0, read_now},
};

static int read_object(struct context *c, struct json object, struct ditto_error *err)
{
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        struct json v = json_get(object, slice_str(members[i].name));
        if (v.type == JSON_ABSENT)
            continue;
        c->known |= members[i].known;
        if (v.type == JSON_NULL)
            continue;
        c->facts.placeholders |= members[i].known;
        if (members[i].read && members[i].read(c, v, err) < 0)
            return -1;
    }
    return 0;
}

/* --- lines ---------------------------------------------------------------------------------------------------------- */

static int read_line(struct context *c, struct ditto_error *err)
{
    struct facts *f = &c->facts;
    c->known = f->placeholders = ~0u;
    headers_index(&c->headers, c->line.headers);
    f->headers = &c->headers;
    f->subjects = json_get(c->line.context, S("subjects"));
    f->connection_id = text_of(c, json_get(c->line.context, S("connection")));
    if (c->line.kind == LINE_EXTERNAL) {
        f->source_address = text_of(c, c->line.address);
        return 0;
    }
    if (topic_parse(text_of(c, c->line.topic), &c->topic, err) < 0)
        return -1;
    f->topic = f->message_topic = &c->topic;
    f->message = &c->line;
    f->entity = entity_of_topic(&c->topic, &c->entity) ? &c->entity : NULL;
    return 0;
}

int context_read(struct context *c, struct slice object, struct ditto_error *err)
{
    struct json v;
    *c = (struct context){.known = 0};
    if (json_parse(object, &v, NULL) < 0 || v.type != JSON_OBJECT)
        return invalid(err, NULL, "It is no JSON object.");
    if (line_read(object, &c->line, NULL) == 0 &&
        (c->line.kind == LINE_EXTERNAL || (c->line.kind == LINE_DITTO && json_present(c->line.path))))
        return read_line(c, err);
    return read_object(c, v, err);
}

void context_free(struct context *c)
{
    headers_free(&c->headers);
    for (size_t i = 0; i < c->n_texts; i++)
        buf_free(&c->texts[i]);
    *c = (struct context){.known = 0};
}
