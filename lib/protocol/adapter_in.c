/* adapter_in.c: envelope → signal. The order of the checks is Ditto's: it decides which error an envelope gets that has
 * several. */
#include "protocol/adapter_way.h"
#include "protocol/content_type.h"
#include "protocol/errors.h"
#include "protocol/instant.h"
#include "protocol/selector.h"

#include "base/banned.h"

static const char format_invalid[] = "json.format.invalid", invalid[] = "json.invalid";

/* --- what an envelope is made of -------------------------------------------------------------------------------- */

static int need_string(struct way *w, struct json v, const char *name)
{
    if (!json_present(v))
        return way_missing(w, name);
    return v.type == JSON_STRING ? 0 : way_wrong_type(w, name, invalid);
}

/* An integer, if there is one. */
static int need_int(struct way *w, struct json v, const char *name, int64_t *n)
{
    if (!json_present(v))
        return 0;
    if (v.type != JSON_NUMBER)
        return way_wrong_type(w, name, invalid);
    return json_int(v, n) < 0 ? way_wrong_type(w, name, format_invalid) : 0;
}

static int check_type(struct way *w, struct json v, const char *name, enum json_type type)
{
    return !json_present(v) || v.type == type ? 0 : way_wrong_type(w, name, invalid);
}

/* It is put into scratch as it will print. */
static int read_timestamp(struct way *w)
{
    buf_cut(w->scratch, 0);
    if (!json_present(w->line->timestamp))
        return 0;
    if (check_type(w, w->line->timestamp, "timestamp", JSON_STRING) < 0)
        return -1;
    if (instant_put(w->scratch, texts_decode(&w->texts, w->line->timestamp)) == 0)
        return 0;
    return ditto_fail(w->err, 400, "connectivity:message.mapping.failed",
                      "It reads like 2024-05-06T07:08:09Z.", "/timestamp",
                      "The timestamp is no point in time.");
}

static int read_members(struct way *w)
{
    const struct line *l = w->line;
    int64_t status;
    if (check_type(w, l->extra, "extra", JSON_OBJECT) < 0 || need_int(w, l->status, "status", &status) < 0 ||
        read_timestamp(w) < 0 || check_type(w, l->metadata, "metadata", JSON_OBJECT) < 0 ||
        check_type(w, l->fields, "fields", JSON_STRING) < 0)
        return -1;
    return need_int(w, l->revision, "revision", &w->revision);
}

/* --- headers ---------------------------------------------------------------------------------------------------- */

enum { ADD_CHANNEL = 1, ADD_ENTITY = 2, ADD_NO_RESPONSE = 4, ADD_REVISION = 8, NO_FILTER = 16 };

/* What a form does to the headers. */
static unsigned header_use(enum signal_form form)
{
    switch (form) {
    case FORM_ACK:
    case FORM_ACKS: return NO_FILTER | ADD_NO_RESPONSE;
    case FORM_ERROR: return ADD_CHANNEL | ADD_NO_RESPONSE;
    case FORM_EVENT:
    case FORM_MERGED: return ADD_CHANNEL | ADD_ENTITY | ADD_NO_RESPONSE | ADD_REVISION;
    case FORM_RESPONSE:
    case FORM_THINGS:
    case FORM_MIGRATE_RESPONSE:
    case FORM_CHECK_RESPONSE:
    case FORM_MESSAGE_RESPONSE: return ADD_CHANNEL | ADD_ENTITY | ADD_NO_RESPONSE;
    default: return ADD_CHANNEL | ADD_ENTITY;
    }
}

/* The form of a family's signals, as far as their headers go. */
static unsigned family_use(const struct way *w)
{
    if (!w->family)
        return 0;
    switch (w->family->criterion) {
    case CRITERION_ACKS: return header_use(FORM_ACK);
    case CRITERION_ERRORS: return header_use(FORM_ERROR);
    case CRITERION_EVENTS: return header_use(FORM_EVENT);
    case CRITERION_COMMANDS:
    case CRITERION_MESSAGES:
        return header_use(w->family->status == STATUS_WITH ? FORM_RESPONSE : FORM_COMMAND);
    default: return header_use(FORM_COMMAND);
    }
}

static unsigned without_of(const struct way *w, unsigned use)
{
    unsigned without = use & ADD_NO_RESPONSE ? WITHOUT_RESPONSE_REQUIRED : 0;
    if (use & ADD_CHANNEL && w->topic.channel == CHANNEL_LIVE)
        without |= WITHOUT_CHANNEL;
    return without | (use & NO_FILTER ? WITHOUT_REQUESTED_ACKS : 0);
}

static int put_headers(struct way *w, unsigned use)
{
    const struct json v = w->line->headers;
    if (json_present(v) && v.type != JSON_OBJECT)
        return way_wrong_type(w, "headers", invalid);
    PUT(w->out, "\"headers\":{");
    w->headers_at = w->out->len;
    return headers_put_view(w->out, &w->inside->headers, use & NO_FILTER ? BORDER_NONE : BORDER_IN,
                            without_of(w, use), &w->headers, w->err);
}

static void begin_header(struct way *w)
{
    if (w->out->len > w->headers_at)
        buf_putc(w->out, ',');
}

static void put_entity_header(struct way *w)
{
    begin_header(w);
    PUT(w->out, "\"ditto-entity-id\":\"");
    buf_puts(w->out, entity_type_text(w->topic.group == GROUP_THINGS     ? ENTITY_THING
                                      : w->topic.group == GROUP_POLICIES ? ENTITY_POLICY
                                                                         : ENTITY_CONNECTION));
    buf_putc(w->out, ':');
    way_put_text(w, w->out, w->topic.namespace);
    buf_putc(w->out, ':');
    way_put_text(w, w->out, w->topic.name);
    buf_putc(w->out, '"');
}

static bool is_wild(struct slice s)
{
    return s.len == 1 && s.p[0] == '_';
}

/* What the topic and the envelope say that headers have to say, too. */
static int add_headers(struct way *w, unsigned use)
{
    size_t before = w->out->len;
    if (use & ADD_CHANNEL && w->topic.channel == CHANNEL_LIVE) {
        begin_header(w);
        PUT(w->out, "\"channel\":\"live\"");
    }
    if (use & ADD_ENTITY && !is_wild(w->topic.namespace) && !is_wild(w->topic.name))
        put_entity_header(w);
    w->headers_len = w->out->len - w->headers_at; /* what messages repeat ends here */
    if (use & ADD_NO_RESPONSE) {
        begin_header(w);
        PUT(w->out, "\"response-required\":false");
    }
    if (use & ADD_REVISION && json_present(w->line->revision))
        json_put_member_int(w->out, S("entity-revision"), w->revision);
    if (w->headers.size + (w->out->len - before) > HEADERS_MAX_BYTES)
        return ditto_fail(w->err, 431, "headers.too.large", "Send fewer or shorter headers.", "/headers",
                          "The headers have more than %d bytes.", HEADERS_MAX_BYTES);
    buf_putc(w->out, '}');
    return 0;
}

/* --- topic and path --------------------------------------------------------------------------------------------- */

static int refuse_topic(struct way *w)
{
    return ditto_fail(w->err, 400, "protocoladapter:unknown.topicpath", "Check topic, path and status.",
                      "/topic", "No message has the topic '%.*s', this path and %s status.",
                      SLICE_ARG(w->topic.full), w->status ? "a" : "no");
}

static int refuse_path(struct way *w)
{
    return ditto_fail(w->err, 400, "protocoladapter:unknown.path", "Check if the path is correct.", "/path",
                      "No message has the path '%.*s'.", SLICE_ARG(w->path.text));
}

static bool is_inline_policy(enum shape s)
{
    return s == SHAPE_INLINE_POLICY || s == SHAPE_INLINE_POLICY_PART;
}

/* A message says its subject twice. */
static int read_message_path(struct way *w, struct slice text)
{
    if (w->topic.subject.len == 0)
        return refuse_topic(w);
    if (path_parse_message(text, &w->path, w->err) < 0)
        return -1;
    bool feature = w->path.shape == SHAPE_FEATURE_INBOX || w->path.shape == SHAPE_FEATURE_OUTBOX;
    if (slice_eq(w->path.keys[feature], w->topic.subject))
        return 0;
    return ditto_fail(w->err, 400, "protocoladapter:invalid.path",
                      "Topic and path have to name the same subject.", "/path",
                      "The path does not end with the subject '%.*s'.", SLICE_ARG(w->topic.subject));
}

static int read_path(struct way *w)
{
    struct slice text = texts_decode(&w->texts, w->line->path);
    if (w->family->path == PATH_OF_MESSAGE)
        return read_message_path(w, text);
    if (path_parse(text, w->topic.group, &w->path, w->err) < 0)
        return -1;
    if (w->family->path == PATH_IGNORED)
        return 0;
    if (w->path.shape == SHAPE_UNKNOWN ||
        (w->family->path == PATH_OF_THING && is_inline_policy(w->path.shape)))
        return refuse_path(w);
    return 0;
}

/* Of a message its subject tells, too: claim is one of its own. */
static enum shape message_shape(const struct way *w)
{
    bool feature = w->path.shape == SHAPE_FEATURE_INBOX || w->path.shape == SHAPE_FEATURE_OUTBOX;
    return feature ? SHAPE_FEATURE_INBOX : SHAPE_INBOX;
}

static int find_row(struct way *w)
{
    if (w->family->path == PATH_OF_MESSAGE) {
        bool claim = slice_eq(w->topic.subject, S("claim"));
        bool answer = w->family->status == STATUS_WITH;
        w->row = claim ? row_of_type(answer ? S("messages.responses:claimResponseMessage")
                                            : S("messages.commands:claimMessage"))
                       : row_of(w->family, &w->topic, message_shape(w));
    } else {
        w->row = row_of(w->family, &w->topic, w->path.shape);
    }
    return w->row ? 0 : refuse_topic(w);
}

/* --- members of the signal -------------------------------------------------------------------------------------- */

struct json way_value(const struct way *w)
{
    return w->line->value;
}

static int no_value(struct way *w)
{
    return ditto_fail(w->err, 400, invalid, "Add the value.", "/value", "The message has no value.");
}

static void put_status(struct way *w)
{
    PUT(w->out, ",\"status\":");
    buf_put_u64(w->out, (unsigned)(w->row->status ? w->row->status : w->status));
}

static int put_event_members(struct way *w)
{
    if (!json_present(w->line->revision))
        return way_missing(w, "revision");
    PUT(w->out, ",\"_timestamp\":");
    if (w->scratch->len) {
        buf_putc(w->out, '"');
        buf_put_slice(w->out, buf_slice(w->scratch));
        buf_putc(w->out, '"');
    } else {
        PUT(w->out, "null");
    }
    PUT(w->out, ",\"_metadata\":");
    buf_put_slice(w->out, json_present(w->line->metadata) ? json_slice(w->line->metadata) : S("null"));
    PUT(w->out, ",\"revision\":");
    if (w->revision < 0)
        buf_putc(w->out, '-');
    buf_put_u64(w->out,
                w->revision < 0 ? 0 - (unsigned long long)w->revision : (unsigned long long)w->revision);
    return 0;
}

static void put_entity_id(struct way *w)
{
    way_put_key(w->out, way_id_member(w));
    way_put_topic_id(w, w->out);
}

/* "a/b" as the pointer that a signal has */
static void put_pointer(struct buf *dst, struct slice rest)
{
    PUT(dst, "\"/");
    pointer_put_escaped(dst, rest, true);
    buf_putc(dst, '"');
}

/* "thing:/a/b" of the segments "thing:", "a", "b" */
static int put_resource_key(struct way *w, struct slice rest)
{
    struct slice type = rest;
    if (resource_key_check(rest, w->err) < 0)
        return -1;
    type.len = (size_t)((const char *)memchr(rest.p, ':', rest.len) - rest.p) + 1;
    struct slice path = slice_skip(rest, type.len);
    buf_putc(w->out, '"');
    pointer_put_escaped(w->out, type, true);
    if (!slice_starts(path, S("/")))
        buf_putc(w->out, '/');
    pointer_put_escaped(w->out, path, true);
    buf_putc(w->out, '"');
    return 0;
}

static int put_subject_id(struct way *w, struct slice rest)
{
    if (subject_id_check(rest, w->err) < 0)
        return -1;
    buf_putc(w->out, '"');
    pointer_put_escaped(w->out, rest, true);
    buf_putc(w->out, '"');
    return 0;
}

static int put_keyed_pointer(struct way *w, struct slice rest)
{
    if (!path_keys_valid(rest))
        return ditto_fail(w->err, 400, "json.key.invalid",
                          "A key has 1 to 256 characters, no control characters.", "/path",
                          "The path has a segment that is no valid key.");
    put_pointer(w->out, rest);
    return 0;
}

static int put_key_value(struct way *w, enum shape s, size_t i, size_t n)
{
    struct slice key = w->path.keys[i];
    bool last = i + 1 == n;
    if (last && s == SHAPE_RESOURCE)
        return put_resource_key(w, key);
    if (last && s == SHAPE_SUBJECT)
        return put_subject_id(w, w->row->flags & ROW_SEGMENT ? slice_cut(&key, '/') : key);
    if (last && shape_open(s))
        return put_keyed_pointer(w, key);
    if (last && (s == SHAPE_IMPORT || s == SHAPE_IMPORT_ENTRIES || s == SHAPE_TRANSITIVE_IMPORTS) &&
        entity_id_parse(key, ENTITY_POLICY, NULL, w->err) < 0)
        return -1;
    buf_putc(w->out, '"');
    way_put_text(w, w->out, key);
    buf_putc(w->out, '"');
    return 0;
}

static int put_keys(struct way *w)
{
    struct slice names[PATH_KEYS];
    size_t n = shape_keys(w->row->shape, names);
    for (size_t i = 0; i < n; i++) {
        PUT(w->out, ",\"");
        buf_put_slice(w->out, names[i]);
        PUT(w->out, "\":");
        if (put_key_value(w, w->row->shape, i, n) < 0)
            return -1;
    }
    return 0;
}

/* --- things and policies that bring their id -------------------------------------------------------------------- */

/* The topic's id in one piece, behind what scratch holds. */
static struct slice topic_id(struct way *w)
{
    size_t before = w->scratch->len;
    buf_room(w->scratch, w->topic.namespace.len + w->topic.name.len + 1);
    buf_put_slice(w->scratch, w->topic.namespace);
    buf_putc(w->scratch, ':');
    buf_put_slice(w->scratch, w->topic.name);
    return slice_skip(buf_slice(w->scratch), before);
}

/* A command must not name another entity than its topic. */
static int check_same_id(struct way *w, struct json value, struct slice id)
{
    bool thing = w->entity == ENTITY_THING;
    struct json own = json_get(value, slice_str(way_id_member(w)));
    struct slice text = texts_decode(&w->texts, own);
    if (!json_present(own))
        return 0;
    if (own.type != JSON_STRING)
        return way_wrong_type(w, way_id_member(w), invalid);
    if (entity_id_parse(text, w->entity, NULL, w->err) < 0)
        return -1;
    if (slice_eq(text, id))
        return 0;
    return ditto_fail(w->err, 400, thing ? "things:id.notsettable" : "policies:id.notsettable",
                      "Leave it out, or make it the one of the topic.", "/value",
                      "The id in the value is not the one of the topic.");
}

/* What comes with a thing to be made: a policy, or where to copy one from. Copied as members of the signal. */
static int put_policy_members(struct way *w, struct json value)
{
    struct json policy = json_get(value, S("_policy")), copy = json_get(value, S("_copyPolicyFrom"));
    if (json_present(policy) && json_present(copy))
        return ditto_fail(w->err, 400, "things:policy.conflicting", "Leave one of them out.", "/value",
                          "The thing has a policy of its own and one to copy.");
    if (json_present(policy) && policy.type != JSON_OBJECT)
        return way_wrong_type(w, "_policy", invalid);
    if (json_present(copy) && copy.type != JSON_STRING)
        return way_wrong_type(w, "_copyPolicyFrom", invalid);
    if (json_present(policy))
        json_put_member(w->out, S("initialPolicy"), json_slice(policy));
    if (json_present(copy) && w->row->form != FORM_MERGE)
        json_put_member(w->out, S("policyIdOrPlaceholder"), json_slice(copy));
    return 0;
}

/* The thing or policy of a command: its id is the topic's. */
static int put_whole_entity(struct way *w, struct json value)
{
    struct value_way v = way_values(w, format_invalid);
    v.special = v.derive = true;
    v.id = topic_id(w);
    if (value.type == JSON_OBJECT && check_same_id(w, value, v.id) < 0)
        return -1;
    way_put_key(w->out, w->row->member);
    if (value_put(&v, w->row->value, value) < 0)
        return -1;
    return w->entity == ENTITY_THING ? put_policy_members(w, value) : 0;
}

/* The thing of an event or a response, which has its own id. */
static int put_whole_entity_as_is(struct way *w, struct json value)
{
    struct value_way v = way_values(w, format_invalid);
    v.special = v.derive = true;
    way_put_key(w->out, w->row->member);
    return value_put(&v, w->row->value, value);
}

static bool is_whole_entity(const struct way *w)
{
    return w->row->value == VALUE_THING || w->row->value == VALUE_POLICY;
}

/* The value as a member of the signal. */
static int put_value(struct way *w)
{
    struct json value = way_value(w);
    if (w->row->value == VALUE_NONE)
        return 0;
    if (value.type == JSON_ABSENT)
        return w->row->flags & ROW_OPTIONAL ? 0 : no_value(w);
    if (is_whole_entity(w))
        return w->row->form == FORM_COMMAND ? put_whole_entity(w, value) : put_whole_entity_as_is(w, value);
    struct value_way v = way_values(w, format_invalid);
    way_put_key(w->out, w->row->member);
    if (w->row->value == VALUE_PLAIN_THING) {
        if (value.type != JSON_OBJECT)
            return value_refuse(&v, "object");
        json_put_text(w->out, json_slice(value));
        return 0;
    }
    return value_put(&v, w->row->value, value);
}

/* --- forms ------------------------------------------------------------------------------------------------------ */

static int command_in(struct way *w)
{
    if (way_check_topic_id(w) < 0)
        return -1;
    put_entity_id(w);
    return put_keys(w) < 0 ? -1 : put_value(w);
}

static int create_in(struct way *w)
{
    struct json value = way_value(w);
    if (way_check_topic_id(w) < 0)
        return -1;
    return value.type == JSON_ABSENT ? no_value(w) : put_whole_entity(w, value);
}

/* The pointers of a selection, joined again. */
static int put_selection(struct way *w, const char *member)
{
    struct selector s;
    if (!json_present(w->line->fields))
        return 0;
    if (selector_parse_protocol(&s, texts_decode(&w->texts, w->line->fields), w->err) < 0)
        return -1;
    way_put_key(w->out, member);
    buf_putc(w->out, '"');
    for (size_t i = 0; i < s.n; i++) {
        if (i)
            buf_putc(w->out, ',');
        json_put_escaped(w->out, s.pointers[i]);
    }
    buf_putc(w->out, '"');
    selector_free(&s);
    return 0;
}

static int query_in(struct way *w)
{
    if (command_in(w) < 0)
        return -1;
    return w->row->flags & ROW_FIELDS ? put_selection(w, "selectedFields") : 0;
}

static bool accepts(const struct signal_row *row, bool value, int status)
{
    unsigned have = status == 200 ? STATUS_200 : status == 201 ? STATUS_201 : status == 204 ? STATUS_204 : 0;
    return (value ? row->with : row->without) & (have | STATUS_EVERY);
}

/* Is there a value? For some null is none. */
static bool has_value(const struct way *w)
{
    struct json v = way_value(w);
    return w->row->flags & ROW_NULL ? json_present(v) : v.type != JSON_ABSENT;
}

static int check_status(struct way *w)
{
    if (accepts(w->row, has_value(w), w->status))
        return 0;
    return ditto_fail(w->err, 422, "protocoladapter:illegal.adaptable",
                      "Check status and value of the response.", "/status",
                      "A response of type '%s' cannot have the status %d.", w->row->type, w->status);
}

/* What a retrieved list is when there is none. */
static void put_default(struct way *w)
{
    bool none = w->row->flags & ROW_OPTIONAL && !(w->row->flags & ROW_NULL);
    if (w->row->value == VALUE_NONE || none || has_value(w))
        return;
    way_put_key(w->out, w->row->member);
    buf_put_slice(w->out, w->row->flags & ROW_NULL            ? S("null")
                          : w->row->value == VALUE_IMPORTABLE ? S("\"implicit\"")
                          : w->row->value == VALUE_OBJECT     ? S("{}")
                                                              : S("[]"));
}

static int response_in(struct way *w)
{
    if (check_status(w) < 0 || way_check_topic_id(w) < 0)
        return -1;
    put_status(w);
    put_entity_id(w);
    if (put_keys(w) < 0)
        return -1;
    if (!has_value(w) && w->row->without) {
        put_default(w);
        return 0;
    }
    return put_value(w);
}

/* A created thing has no other id than its own. */
static int created_in(struct way *w)
{
    if (check_status(w) < 0 || way_check_topic_id(w) < 0)
        return -1;
    put_status(w);
    return put_value(w);
}

/* Of a whole thing the id in the value counts, whatever the topic says. */
static int put_event_thing(struct way *w)
{
    struct json id = json_get(way_value(w), S("thingId"));
    if (id.type == JSON_STRING)
        json_put_member(w->out, S("thingId"), json_slice(id));
    if (put_value(w) < 0)
        return -1;
    if (id.type == JSON_STRING)
        return 0;
    return ditto_fail(w->err, 400, format_invalid, "Add its id to the thing.", "/value",
                      "The thing has no id.");
}

static int event_in(struct way *w)
{
    if (put_event_members(w) < 0)
        return -1;
    if (w->row->value == VALUE_THING)
        return put_event_thing(w);
    if (way_check_topic_id(w) < 0)
        return -1;
    put_entity_id(w);
    return put_keys(w) < 0 ? -1 : put_value(w);
}

/* --- merge ------------------------------------------------------------------------------------------------------ */

static int refuse_null(struct way *w, const char *code, const char *what)
{
    return ditto_fail(w->err, 400, code, "A merge patch cannot remove it.", "/value",
                      "The %s must not be null.", what);
}

/* The patch of a whole thing. */
static int put_root_patch(struct way *w, struct value_way *v, struct json value)
{
    size_t before = w->out->len;
    if (value.type == JSON_OBJECT && (json_get(value, S("thingId")).type == JSON_NULL))
        return refuse_null(w, "things:id.notdeletable", "id of a thing");
    if (value.type == JSON_OBJECT && json_get(value, S("policyId")).type == JSON_NULL)
        return refuse_null(w, "things:policyId.notdeletable", "policy id of a thing");
    if (value.type == JSON_OBJECT && check_same_id(w, value, topic_id(w)) < 0)
        return -1;
    if (value_put(v, VALUE_THING, value) < 0)
        return -1;
    if (w->out->len - before > 2)
        return 0;
    return ditto_fail(w->err, 400, "things:merge.invalid", "It has to change something that a thing has.",
                      "/value", "The merge patch changes nothing.");
}

static enum value_kind patch_kind(enum shape s)
{
    switch (s) {
    case SHAPE_POLICY_ID: return VALUE_POLICY_ID;
    case SHAPE_DEFINITION: return VALUE_DEFINITION;
    case SHAPE_ATTRIBUTES: return VALUE_ATTRIBUTES;
    case SHAPE_FEATURES: return VALUE_FEATURES;
    case SHAPE_FEATURE: return VALUE_FEATURE;
    case SHAPE_FEATURE_DEFINITION: return VALUE_FEATURE_DEFINITION;
    case SHAPE_PROPERTIES:
    case SHAPE_DESIRED_PROPERTIES: return VALUE_PROPERTIES;
    default: return VALUE_KEYED;
    }
}

static int put_patch(struct way *w, struct json value)
{
    struct value_way v = way_values(w, format_invalid);
    v.patterns = true;
    if (w->path.shape == SHAPE_ROOT)
        return put_root_patch(w, &v, value);
    if (w->path.shape == SHAPE_POLICY_ID && value.type == JSON_NULL)
        return refuse_null(w, "things:policyId.notdeletable", "policy id of a thing");
    if (w->path.shape == SHAPE_DEFINITION && value.type == JSON_NULL) {
        PUT(w->out, "null");
        return 0;
    }
    return value_put(&v, patch_kind(w->path.shape), value);
}

static int check_merge_type(struct way *w)
{
    struct slice type = texts_decode(&w->texts, w->headers.content_type);
    if (type.p && content_class_of(type) == CONTENT_MERGE_PATCH)
        return 0;
    return ditto_fail(w->err, 415, "mediatype.unsupported", "It has to be application/merge-patch+json.",
                      "/headers/content-type", "A merge command has another content type.");
}

static void put_path(struct way *w)
{
    PUT(w->out, ",\"path\":");
    put_pointer(w->out, w->path.text);
}

/* The keys of the place that is merged. */
static int check_path_keys(struct way *w)
{
    enum shape s = w->path.shape;
    size_t open = s == SHAPE_ATTRIBUTE ? 0 : 1;
    if (!shape_open(s) || path_keys_valid(w->path.keys[open]))
        return 0;
    return ditto_fail(w->err, 400, "json.key.invalid",
                      "A key has 1 to 256 characters, no control characters.", "/path",
                      "The path has a segment that is no valid key.");
}

static int merge_in(struct way *w)
{
    struct json value = way_value(w);
    if (check_merge_type(w) < 0 || way_check_topic_id(w) < 0)
        return -1;
    if (value.type == JSON_ABSENT)
        return no_value(w);
    put_entity_id(w);
    if (check_path_keys(w) < 0)
        return -1;
    put_path(w);
    size_t before = w->out->len;
    if (w->path.shape == SHAPE_ROOT && value.type == JSON_OBJECT) { /* conflicting policies are told first */
        if (put_policy_members(w, value) < 0)
            return -1;
        buf_cut(w->out, before);
    }
    PUT(w->out, ",\"value\":");
    if (put_patch(w, value) < 0)
        return -1;
    return w->path.shape == SHAPE_ROOT ? put_policy_members(w, value) : 0;
}

static int merged_in(struct way *w)
{
    bool event = w->family->criterion == CRITERION_EVENTS;
    if (event ? put_event_members(w) < 0 : check_status(w) < 0)
        return -1;
    if (way_check_topic_id(w) < 0)
        return -1;
    if (!event)
        put_status(w);
    put_entity_id(w);
    put_path(w);
    return put_value(w);
}

/* --- many things ------------------------------------------------------------------------------------------------ */

static int put_thing_ids(struct way *w, struct json ids)
{
    size_t n = 0;
    struct json_iter it = json_iter(ids);
    if (ids.type != JSON_ARRAY)
        return way_wrong_type(w, "thingIds", invalid);
    for (; json_next(&it); n++) {
        if (it.value.type != JSON_STRING)
            return way_wrong_type(w, "thingIds", invalid);
        if (entity_id_parse(texts_decode(&w->texts, it.value), ENTITY_THING, NULL, w->err) < 0)
            return -1;
    }
    if (n == 0)
        return ditto_fail(w->err, 400, "things:things.ids.missing", "Name one thing at least.",
                          "/value/thingIds", "The list of thing ids is empty.");
    json_put_member(w->out, S("thingIds"), json_slice(ids));
    return 0;
}

static void put_namespace(struct way *w)
{
    if (!is_wild(w->topic.namespace))
        json_put_member_text(w->out, S("namespace"), w->topic.namespace);
}

static int retrieve_things_in(struct way *w)
{
    struct json value = way_value(w);
    if (value.type == JSON_ABSENT)
        return no_value(w);
    if (put_thing_ids(w, json_get(value, S("thingIds"))) < 0 || put_selection(w, "selectedFields") < 0)
        return -1;
    put_namespace(w);
    return 0;
}

static int things_in(struct way *w)
{
    struct json value = way_value(w);
    if (check_status(w) < 0)
        return -1;
    if (value.type != JSON_ARRAY)
        return way_wrong_type(w, "value", invalid);
    put_status(w);
    way_put_key(w->out, w->row->member);
    json_put_text(w->out, json_slice(value));
    put_namespace(w);
    return 0;
}

/* --- others ----------------------------------------------------------------------------------------------------- */

static int migrate_in(struct way *w)
{
    if (way_check_topic_id(w) < 0)
        return -1;
    put_entity_id(w);
    return way_value(w).type == JSON_ABSENT ? no_value(w) : record_in(w, way_value(w));
}

static int migrate_response_in(struct way *w)
{
    struct json merged = json_get(way_value(w), S("mergeStatus"));
    bool applied = json_text_is(merged, S("APPLIED"));
    if (way_check_topic_id(w) < 0)
        return -1;
    if (!applied && !json_text_is(merged, S("DRY_RUN")))
        return way_wrong_type(w, "mergeStatus", invalid);
    w->status = applied ? 200 : 202;
    put_status(w);
    put_entity_id(w);
    return record_in(w, way_value(w));
}

/* One question about permissions; whether its resource is one of policies can be told. */
static int put_check(struct way *w, struct json check)
{
    static const char *const before[] = {"resource", "entityId", NULL}, *const after[] = {"hasPermissions",
                                                                                          NULL};
    if (check.type != JSON_OBJECT)
        return way_wrong_type(w, "value", invalid);
    struct json resource = json_get(check, S("resource"));
    if (resource.type != JSON_STRING)
        return way_missing(w, "resource");
    buf_putc(w->out, '{');
    value_put_members(w->out, check, before);
    bool policy = slice_starts(texts_decode(&w->texts, resource), S("policy:"));
    json_put_member(w->out, S("isPolicyResource"), policy ? S("true") : S("false"));
    value_put_members(w->out, check, after);
    buf_putc(w->out, '}');
    return 0;
}

static int check_in(struct way *w)
{
    struct json value = way_value(w);
    if (value.type != JSON_OBJECT)
        return value.type == JSON_ABSENT ? no_value(w) : way_wrong_type(w, "value", format_invalid);
    struct json_iter it = json_iter(value);
    way_put_key(w->out, w->row->member);
    buf_putc(w->out, '{');
    while (json_next(&it)) {
        json_put_item(w->out);
        buf_putc(w->out, '"');
        buf_put_slice(w->out, it.key);
        PUT(w->out, "\":");
        if (put_check(w, it.value) < 0)
            return -1;
    }
    buf_putc(w->out, '}');
    return 0;
}

static int check_response_in(struct way *w)
{
    put_status(w);
    put_default(w);
    return way_value(w).type == JSON_ABSENT ? 0 : put_value(w);
}

static int error_in(struct way *w)
{
    struct json value = way_value(w);
    int status;
    if (way_check_topic_id(w) < 0)
        return -1;
    if (value.type == JSON_ABSENT)
        return way_missing(w, "value");
    /* the status follows from the error, but stands before it */
    struct buf object = {0};
    int r = error_put_object(&object, value, &status, w->err);
    w->status = status;
    put_status(w);
    put_entity_id(w);
    json_put_member(w->out, S("payload"), buf_slice(&object));
    buf_free(&object);
    return r;
}

static int search_in(struct way *w)
{
    if (w->row->action == ACTION_SUBSCRIBE && put_selection(w, "fields") < 0)
        return -1;
    return record_in(w, way_value(w));
}

static int stream_in(struct way *w)
{
    w->entity = ENTITY_NAMESPACED;
    if (way_check_topic_id(w) < 0)
        return -1;
    PUT(w->out, ",\"entityType\":\"");
    buf_puts(w->out, entity_type_text(w->topic.group == GROUP_THINGS     ? ENTITY_THING
                                      : w->topic.group == GROUP_POLICIES ? ENTITY_POLICY
                                                                         : ENTITY_CONNECTION));
    PUT(w->out, "\",\"entityId\":");
    way_put_topic_id(w, w->out);
    if (w->row->form == FORM_STREAM) {
        PUT(w->out, ",\"resourcePath\":");
        put_pointer(w->out, w->path.text);
    }
    return record_in(w, way_value(w));
}

static int announcement_in(struct way *w)
{
    if (way_check_topic_id(w) < 0)
        return -1;
    way_put_key(w->out, way_id_member(w));
    if (w->entity == ENTITY_CONNECTION)
        json_put_text(w->out, w->topic.name);
    else
        way_put_topic_id(w, w->out);
    return record_in(w, way_value(w));
}

typedef int form_in(struct way *w);

static form_in *const forms[FORM_UNSUPPORTED] = {
    [FORM_COMMAND] = command_in,
    [FORM_QUERY] = query_in,
    [FORM_RESPONSE] = response_in,
    [FORM_EVENT] = event_in,
    [FORM_CREATE] = create_in,
    [FORM_RETRIEVE_THINGS] = retrieve_things_in,
    [FORM_THINGS] = things_in,
    [FORM_MERGE] = merge_in,
    [FORM_MERGED] = merged_in,
    [FORM_MIGRATE] = migrate_in,
    [FORM_MIGRATE_RESPONSE] = migrate_response_in,
    [FORM_CHECK] = check_in,
    [FORM_CHECK_RESPONSE] = check_response_in,
    [FORM_MESSAGE] = message_in,
    [FORM_MESSAGE_RESPONSE] = message_in,
    [FORM_ACK] = ack_in,
    [FORM_ACKS] = acks_in,
    [FORM_ERROR] = error_in,
    [FORM_SEARCH] = search_in,
    [FORM_SEARCH_EVENT] = search_in,
    [FORM_STREAM] = stream_in,
    [FORM_STREAM_EVENT] = stream_in,
    [FORM_ANNOUNCEMENT] = announcement_in,
};

/* A query without an answer makes no sense. */
static int check_wanted(struct way *w)
{
    bool query = w->row->form == FORM_QUERY || w->row->form == FORM_RETRIEVE_THINGS;
    struct json required = w->headers.response_required;
    if (!query || (required.type != JSON_FALSE && !json_text_is(required, S("false"))))
        return 0;
    return ditto_fail(w->err, 400, "command.headers.invalid", "Leave response-required out, or make it true.",
                      "/headers/response-required", "A query needs an answer.");
}

/* Whatever is wrong with a response to a command makes it one that cannot be. */
static int refuse_response(struct way *w)
{
    bool wrapped =
        w->row->form == FORM_RESPONSE || w->row->form == FORM_THINGS ||
        w->row->form == FORM_MIGRATE_RESPONSE ||
        ((w->row->form == FORM_CREATE || w->row->form == FORM_MERGED) && w->family->status == STATUS_WITH);
    if (!wrapped || w->err->status == 422)
        return -1;
    struct ditto_error cause = *w->err;
    w->err->status = 0;
    return ditto_fail(w->err, 422, "protocoladapter:illegal.adaptable", cause.message, cause.pointer,
                      "The message is no response of type '%s'.", w->row->type);
}

static int put_signal(struct way *w)
{
    bool created = w->row->form == FORM_CREATE && w->family->status == STATUS_WITH;
    PUT(w->out, ",\"signal\":{\"type\":\"");
    buf_put_slice(w->out, row_type(w->row));
    buf_putc(w->out, '"');
    if ((created ? created_in : forms[w->row->form])(w) < 0)
        return refuse_response(w);
    buf_putc(w->out, '}');
    return 0;
}

int adapt_in(struct way *w)
{
    static const enum entity_type entities[] = {[GROUP_THINGS] = ENTITY_THING,
                                                [GROUP_POLICIES] = ENTITY_POLICY,
                                                [GROUP_CONNECTIONS] = ENTITY_CONNECTION};
    /* the headers are judged first, but how they cross depends on the topic: its errors wait */
    struct ditto_error late;
    late.status = 0;
    bool has_topic = w->line->topic.type == JSON_STRING;
    w->status = status_of(w->line->status);
    int parsed = has_topic ? topic_parse(texts_decode(&w->texts, w->line->topic), &w->topic, &late) : -1;
    if (parsed == 0) {
        w->family = family_of(&w->topic, w->status != 0);
        w->entity = entities[w->topic.group];
    }
    unsigned use = family_use(w);
    if (put_headers(w, use) < 0 || need_string(w, w->line->topic, "topic") < 0)
        return -1;
    if (parsed < 0) {
        *w->err = late;
        return -1;
    }
    if (need_string(w, w->line->path, "path") < 0 || read_members(w) < 0)
        return -1;
    if (!w->family)
        return refuse_topic(w);
    if (read_path(w) < 0 || find_row(w) < 0 || check_wanted(w) < 0 || add_headers(w, use) < 0)
        return -1;
    return put_signal(w);
}
