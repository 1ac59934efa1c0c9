/* adapter_out.c: signal → envelope. */
#include "protocol/adapter_way.h"
#include "protocol/errors.h"
#include "protocol/instant.h"
#include "protocol/selector.h"

#include "base/banned.h"

static const char invalid[] = "json.invalid";

/* A string member that has to be there; SLICE_NONE with *err if it is not. */
static struct slice text_member(struct way *w, const char *name)
{
    struct json v = way_member(w, name);
    if (v.type == JSON_STRING)
        return texts_decode(&w->texts, v);
    if (json_present(v))
        way_wrong_type(w, name, invalid);
    else
        way_missing(w, name);
    return SLICE_NONE;
}

static bool is_event(const struct way *w)
{
    return w->row->family->criterion == CRITERION_EVENTS;
}

static bool is_message(const struct way *w)
{
    return w->row->form == FORM_MESSAGE || w->row->form == FORM_MESSAGE_RESPONSE;
}

static bool is_answer(const struct way *w)
{
    return w->row->with || w->row->without || w->row->form == FORM_ERROR;
}

/* --- which signal ----------------------------------------------------------------------------------------------- */

static int refuse_type(struct way *w, struct slice type)
{
    static const struct slice carried[] = {
        {"connectivity.commands:", 22}, {"connectivity.responses:", 23}, {"connectivity.events:", 20}};
    for (size_t i = 0; i < sizeof carried / sizeof *carried; i++)
        if (slice_starts(type, carried[i]))
            return ditto_fail(w->err, 400, "protocoladapter:unknown.signal", NULL, "/signal/type",
                              "No message carries signals of type '%.*s'.", SLICE_ARG(type));
    return ditto_fail(w->err, 400, "json.type.notparsable", "Check if the type is correct.", "/signal/type",
                      "The type '%.*s' is none of a signal.", SLICE_ARG(type));
}

static int refuse_unsupported(struct way *w)
{
    bool search = slice_starts(row_type(w->row), S("thing-search."));
    if (w->row->member) {
        struct json v = way_member(w, w->row->member);
        if (v.type == JSON_ABSENT)
            return way_missing(w, w->row->member);
        if (v.type != (w->row->value == VALUE_OBJECT ? JSON_OBJECT : JSON_ARRAY))
            return way_wrong_type(w, w->row->member, invalid);
    }
    return ditto_fail(w->err, 400,
                      search ? "protocoladapter:unknown.command" : "protocoladapter:unknown.signal", NULL,
                      "/signal/type", "No message carries signals of type '%s'.", w->row->type);
}

static int find_row(struct way *w)
{
    if (w->line->signal.type != JSON_OBJECT)
        return way_wrong_type(w, "signal", invalid);
    struct slice type = text_member(w, "type");
    if (!type.p)
        return -1;
    w->row = row_of_type(type);
    if (!w->row)
        return refuse_type(w, type);
    return w->row->form == FORM_UNSUPPORTED ? refuse_unsupported(w) : 0;
}

/* --- topic ------------------------------------------------------------------------------------------------------ */

static int refuse_channel(struct way *w, const char *channel)
{
    return ditto_fail(w->err, 400, "protocoladapter:unknown.channel", "Check if the channel is correct.",
                      "/channel", "The channel '%s' does not go with signals of type '%s'.", channel,
                      w->row->type);
}

/* The channel that the line names, -1 if it names none, -2 if it is no channel. */
static int given_channel(const struct way *w)
{
    if (!json_present(w->line->channel))
        return -1;
    for (int c = CHANNEL_NONE; c <= CHANNEL_LIVE; c++)
        if (json_text_is(w->line->channel, slice_str(topic_channel_text((enum topic_channel)c))))
            return c;
    return -2;
}

/* May a header be "channel", in any spelling? Mostly a glance tells. */
static bool may_have_channel(const struct json_view *headers)
{
    if (headers->n > VIEW_MEMBERS || headers->escaped)
        return true;
    for (size_t i = 0; i < headers->n; i++)
        if (headers->v[i].key.len == strlen("channel") && (headers->v[i].key.p[0] | 0x20) == 'c')
            return true;
    return false;
}

static bool header_says_live(struct way *w)
{
    struct json_iter it = json_iter(w->line->headers);
    bool live = false;
    if (!may_have_channel(&w->inside->headers))
        return false;
    while (json_next(&it)) {
        const struct header_rule *rule = header_rule(texts_decode_raw(&w->texts, it.key));
        if (rule && slice_eq(rule->name, S("channel")))
            live = json_text_is(it.value, S("live"));
    }
    return live;
}

static enum topic_channel own_channel(const struct way *w, bool live)
{
    const struct family *f = w->row->family;
    if (live)
        return CHANNEL_LIVE;
    if (f->groups == 1U << GROUP_POLICIES || f->groups == 1U << GROUP_CONNECTIONS)
        return CHANNEL_NONE;
    return f->criterion == CRITERION_MESSAGES ? CHANNEL_LIVE : CHANNEL_TWIN;
}

static int find_channel(struct way *w)
{
    const struct family *f = w->row->family;
    bool live = header_says_live(w);
    int given = given_channel(w);
    if (given == -2)
        return way_wrong_type(w, "channel", invalid);
    w->topic.channel = given >= 0 ? (enum topic_channel)given : own_channel(w, live);
    if (f->tame && live)
        return refuse_channel(w, "live");
    if (f->out_channels >> w->topic.channel & 1)
        return 0;
    if (!f->tame)
        return refuse_channel(w, topic_channel_text(w->topic.channel));
    return ditto_fail(w->err, 400, "connectivity:message.mapping.failed", "Check if the channel is correct.",
                      "/channel", "The channel '%s' does not go with signals of type '%s'.",
                      topic_channel_text(w->topic.channel), w->row->type);
}

/* The id of the entity, "ns:name", and its halves into the topic. */
static int take_id(struct way *w, struct slice id)
{
    struct entity_id parts;
    if (!id.p || entity_id_parse(id, w->entity, &parts, w->err) < 0)
        return -1;
    w->id = id;
    w->topic.namespace = parts.namespace.p ? parts.namespace : S("_");
    w->topic.name = parts.namespace.p ? parts.name : id;
    return 0;
}

/* A thing or policy that brings its own id. */
static int take_own_id(struct way *w)
{
    struct json whole = way_member(w, w->row->member), id = json_get(whole, slice_str(way_id_member(w)));
    if (whole.type != JSON_OBJECT)
        return whole.type == JSON_ABSENT ? way_missing(w, w->row->member)
                                         : way_wrong_type(w, w->row->member, invalid);
    if (id.type != JSON_STRING)
        return ditto_fail(w->err, 400, "json.format.invalid", "Add its id.", NULL, "The %s has no id.",
                          w->row->member);
    return take_id(w, texts_decode(&w->texts, id));
}

static int take_wild(struct way *w)
{
    struct json namespace = w->row->form == FORM_RETRIEVE_THINGS || w->row->form == FORM_THINGS
                                ? way_member(w, "namespace")
                                : (struct json){JSON_ABSENT, NULL, 0};
    if (json_present(namespace) && namespace.type != JSON_STRING)
        return way_wrong_type(w, "namespace", invalid);
    w->topic.namespace = json_present(namespace) ? texts_decode(&w->texts, namespace) : S("_");
    w->topic.name = S("_");
    return 0;
}

/* What is streamed may be of any type. */
static int take_streamed(struct way *w)
{
    struct slice type = text_member(w, "entityType");
    if (!type.p)
        return -1;
    if (slice_eq(type, S("policy")))
        w->topic.group = GROUP_POLICIES;
    else if (slice_eq(type, S("connection")))
        w->topic.group = GROUP_CONNECTIONS;
    else if (!slice_eq(type, S("thing")))
        return way_wrong_type(w, "entityType", invalid);
    w->entity = ENTITY_NAMESPACED;
    if (take_id(w, text_member(w, "entityId")) < 0)
        return -1;
    if (w->topic.group == GROUP_CONNECTIONS) { /* of a connection the whole id is a name */
        w->topic.namespace = S("_");
        w->topic.name = w->id;
    }
    return 0;
}

static int find_id(struct way *w)
{
    switch (w->row->form) {
    case FORM_CREATE: return take_own_id(w);
    case FORM_RETRIEVE_THINGS:
    case FORM_THINGS:
    case FORM_SEARCH:
    case FORM_SEARCH_EVENT:
    case FORM_CHECK:
    case FORM_CHECK_RESPONSE: return take_wild(w);
    case FORM_STREAM:
    case FORM_STREAM_EVENT: return take_streamed(w);
    case FORM_ACK:
    case FORM_ACKS: w->entity = ENTITY_NAMESPACED; return take_id(w, text_member(w, "entityId"));
    case FORM_ERROR:
        if (w->row->family->criterion == CRITERION_SEARCH)
            return take_wild(w);
        return take_id(w, text_member(w, way_id_member(w)));
    default: return take_id(w, text_member(w, way_id_member(w)));
    }
}

static int find_subject(struct way *w)
{
    if (w->row->form == FORM_ACK) {
        w->topic.subject = text_member(w, "label");
        return w->topic.subject.p ? 0 : -1;
    }
    if (!is_message(w)) {
        w->topic.subject = w->row->subject ? slice_str(w->row->subject) : SLICE_NONE;
        return 0;
    }
    struct json headers = json_get(way_member(w, "message"), S("headers"));
    w->topic.subject = texts_decode(&w->texts, json_get(headers, S("ditto-message-subject")));
    if (message_check_headers(w, headers) < 0)
        return -1;
    return w->topic.subject.p ? 0 : way_missing(w, "ditto-message-subject");
}

static int find_topic(struct way *w)
{
    const struct family *f = w->row->family;
    w->topic.group = f->groups & 1U << GROUP_THINGS     ? GROUP_THINGS
                     : f->groups & 1U << GROUP_POLICIES ? GROUP_POLICIES
                                                        : GROUP_CONNECTIONS;
    w->topic.criterion = f->criterion;
    w->topic.verb = w->row->action;
    w->entity = w->topic.group == GROUP_THINGS     ? ENTITY_THING
                : w->topic.group == GROUP_POLICIES ? ENTITY_POLICY
                                                   : ENTITY_CONNECTION;
    if (find_id(w) < 0 || find_channel(w) < 0)
        return -1;
    if (w->row->form == FORM_ERROR && f->criterion == CRITERION_SEARCH)
        w->topic.channel = CHANNEL_NONE;
    return find_subject(w);
}

static void put_topic(struct way *w)
{
    PUT(w->out, "\"topic\":\"");
    if (w->texts.plain)
        topic_put(w->out, &w->topic);
    else
        topic_put_escaped(w->out, &w->topic);
    buf_putc(w->out, '"');
}

/* --- headers ---------------------------------------------------------------------------------------------------- */

/* NULL: the headers say it themselves, or nobody does. */
static const char *content_type_of(const struct way *w)
{
    switch (w->row->form) {
    case FORM_MESSAGE:
    case FORM_MESSAGE_RESPONSE:
    case FORM_ACK: return NULL;
    case FORM_MERGE:
    case FORM_MERGED: return "application/merge-patch+json";
    case FORM_EVENT:
        if (w->row->value == VALUE_NONE)
            return NULL;
        if (w->row->action == ACTION_MIGRATED)
            return "application/merge-patch+json";
        break;
    default: break;
    }
    return "application/json";
}

/* Those of the signal and those of the message, which come later, so they count. */
static struct json message_headers(struct way *w)
{
    struct json own = json_get(way_member(w, "message"), S("headers"));
    struct json all = {JSON_OBJECT, NULL, 0};
    size_t at = w->scratch->len;
    struct slice outer = w->line->headers.type == JSON_OBJECT ? json_slice(w->line->headers) : S("{}");
    struct slice inner = own.type == JSON_OBJECT ? json_slice(own) : S("{}");
    buf_room(w->scratch, outer.len + inner.len + 1);
    buf_put(w->scratch, outer.p, outer.len - 1);
    if (json_count(w->line->headers) && json_count(own))
        buf_putc(w->scratch, ',');
    buf_put_slice(w->scratch, slice_skip(inner, 1));
    all.p = buf_p(w->scratch) + at;
    all.len = w->scratch->len - at;
    return all;
}

static void begin_header(struct way *w)
{
    if (w->out->len > w->headers_at)
        buf_putc(w->out, ',');
}

static void add_headers(struct way *w, const char *content_type, int64_t revision)
{
    if (is_event(w))
        json_put_member_int(w->out, S("entity-revision"), revision);
    if (is_event(w) || is_answer(w)) {
        begin_header(w);
        PUT(w->out, "\"response-required\":false");
    }
    if (content_type) {
        begin_header(w);
        PUT(w->out, "\"content-type\":\"");
        buf_puts(w->out, content_type);
        buf_putc(w->out, '"');
    }
}

/* What the envelope's headers are made of: an acknowledgement has its own, a message more than those of the signal. */
static int put_base_headers(struct way *w, unsigned without)
{
    if (w->row->form == FORM_ACK)
        return headers_put(w->out, way_member(w, "headers"), BORDER_OUT, without | WITHOUT_REQUESTED_ACKS,
                           &w->headers, w->err);
    if (is_message(w))
        return headers_put(w->out, message_headers(w), BORDER_OUT, without, &w->headers, w->err);
    return headers_put_view(w->out, &w->inside->headers, BORDER_OUT, without, &w->headers, w->err);
}

static int put_headers(struct way *w, int64_t revision)
{
    const char *content_type = content_type_of(w);
    unsigned without = content_type ? WITHOUT_CONTENT_TYPE : 0;
    if (json_present(w->line->headers) && w->line->headers.type != JSON_OBJECT)
        return way_wrong_type(w, "headers", invalid);
    if (is_event(w) || is_answer(w))
        without |= WITHOUT_RESPONSE_REQUIRED;
    if (is_event(w))
        without |= WITHOUT_ENTITY_REVISION;
    PUT(w->out, ",\"headers\":{");
    w->headers_at = w->out->len;
    if (put_base_headers(w, without) < 0)
        return -1;
    add_headers(w, content_type, revision);
    buf_putc(w->out, '}');
    return 0;
}

/* --- path ------------------------------------------------------------------------------------------------------- */

static int check_key(struct way *w, enum shape s, struct slice key)
{
    if (s == SHAPE_RESOURCE)
        return resource_key_check(key, w->err);
    if (s == SHAPE_SUBJECT)
        return subject_id_check(key, w->err);
    struct path ignored;
    return path_parse(key, GROUP_THINGS, &ignored, w->err);
}

static int put_keyed_path(struct way *w)
{
    struct slice names[PATH_KEYS], keys[PATH_KEYS];
    size_t n = shape_keys(w->row->shape, names);
    if (w->row->flags & ROW_PATH_OF_VALUE && way_member(w, w->row->member).type == JSON_ABSENT) {
        buf_putc(w->out, '/');
        return 0;
    }
    for (size_t i = 0; i < n; i++) {
        struct json v = json_view_get(&w->inside->signal, names[i]);
        keys[i] = texts_decode(&w->texts, v);
        if (!keys[i].p)
            return json_present(v) ? way_wrong_type(w, names[i].p, invalid) : way_missing(w, names[i].p);
        if (i + 1 == n && shape_open(w->row->shape) && check_key(w, w->row->shape, keys[i]) < 0)
            return -1;
    }
    if (w->row->flags & ROW_TYPELESS)
        slice_cut(&keys[n - 1], ':');
    path_put(w->out, w->row->shape, keys);
    return 0;
}

/* The place that is merged, the path of a stream: a pointer that the signal has. */
static int put_pointer_path(struct way *w, const char *name)
{
    struct path p;
    struct slice text = text_member(w, name);
    if (!text.p || path_parse(text, GROUP_THINGS, &p, w->err) < 0)
        return -1;
    buf_putc(w->out, '/');
    pointer_put_escaped(w->out, p.text, false);
    return 0;
}

static int put_message_path(struct way *w)
{
    struct json headers = json_get(way_member(w, "message"), S("headers"));
    struct json feature = json_get(headers, S("ditto-message-feature-id"));
    struct slice direction = texts_decode(&w->texts, json_get(headers, S("ditto-message-direction")));
    bool from = slice_eq(direction, S("FROM"));
    if (!from && !slice_eq(direction, S("TO")))
        return way_missing(w, "ditto-message-direction");
    if (feature.type == JSON_STRING) {
        PUT(w->out, "/features/");
        json_put_escaped(w->out, texts_decode(&w->texts, feature));
    }
    buf_puts(w->out, from ? "/outbox/messages/" : "/inbox/messages/");
    json_put_escaped(w->out, w->topic.subject);
    return 0;
}

static int put_path(struct way *w)
{
    int r = 0;
    PUT(w->out, ",\"path\":\"");
    switch (w->row->form) {
    case FORM_MESSAGE:
    case FORM_MESSAGE_RESPONSE: r = put_message_path(w); break;
    case FORM_MERGE:
    case FORM_MERGED: r = put_pointer_path(w, "path"); break;
    case FORM_STREAM: r = put_pointer_path(w, "resourcePath"); break;
    case FORM_COMMAND:
    case FORM_QUERY:
    case FORM_RESPONSE:
    case FORM_EVENT: r = put_keyed_path(w); break;
    default: buf_putc(w->out, '/'); break;
    }
    buf_putc(w->out, '"');
    return r;
}

/* --- value ------------------------------------------------------------------------------------------------------ */

/* What commands show and others do not: special members, and the policy that comes with a thing. */
static bool is_command(const struct way *w)
{
    return !is_event(w) && !is_answer(w);
}

static void put_policy_members(struct way *w)
{
    struct json policy = way_member(w, "initialPolicy"), copy = way_member(w, "policyIdOrPlaceholder");
    if (!json_present(policy) && !json_present(copy))
        return;
    buf_cut(w->out, w->out->len - 1); /* reopen the object */
    if (json_present(policy))
        json_put_member(w->out, S("_policy"), json_slice(policy));
    if (json_present(copy))
        json_put_member(w->out, S("_copyPolicyFrom"), json_slice(copy));
    buf_putc(w->out, '}');
}

/* The thing of a merge patch keeps what it has. */
static int put_merge_value(struct way *w, struct json value)
{
    struct slice path = text_member(w, "path");
    buf_put_slice(w->out, json_slice(value));
    if (value.type == JSON_OBJECT && (path.len == 0 || slice_eq(path, S("/"))))
        put_policy_members(w);
    return 0;
}

/* JSON that the signal has as a string of it, or under another name as it is. */
static int put_plain(struct way *w, struct json text, const char *other, enum json_type type)
{
    struct json v = way_member(w, other);
    if (text.type == JSON_STRING) {
        struct json parsed;
        if (json_parse(texts_decode(&w->texts, text), &parsed, NULL) < 0)
            return way_wrong_type(w, w->row->member, invalid);
        json_put_compact(w->out, parsed);
        return 0;
    }
    if (v.type != type)
        return ditto_fail(w->err, 400, invalid, "Add it to the response.", NULL,
                          "The response has nothing that was retrieved.");
    buf_put_slice(w->out, json_slice(v));
    return 0;
}

static int put_member_value(struct way *w, struct json v)
{
    struct value_way way = way_values(w, invalid);
    way.special = is_command(w) || (is_event(w) && w->entity == ENTITY_POLICY);
    way.derive = true;
    if (w->row->form == FORM_MERGE)
        return put_merge_value(w, v);
    if (value_put(&way, w->row->value, v) < 0)
        return -1;
    if (w->row->value == VALUE_THING && is_command(w))
        put_policy_members(w);
    return 0;
}

static int put_value(struct way *w)
{
    if (!w->row->member)
        return 0;
    struct json v = way_member(w, w->row->member);
    if (w->row->value == VALUE_PLAIN_THING || w->row->form == FORM_THINGS) {
        PUT(w->out, ",\"value\":");
        return w->row->form == FORM_THINGS ? put_plain(w, v, "things", JSON_ARRAY)
                                           : put_plain(w, v, "thing", JSON_OBJECT);
    }
    if (v.type == JSON_ABSENT)
        return w->row->flags & ROW_OPTIONAL || w->row->without ? 0 : way_missing(w, w->row->member);
    PUT(w->out, ",\"value\":");
    return put_member_value(w, v);
}

static int put_things_value(struct way *w)
{
    struct json ids = way_member(w, "thingIds");
    if (ids.type != JSON_ARRAY)
        return ids.type == JSON_ABSENT ? way_missing(w, "thingIds") : way_wrong_type(w, "thingIds", invalid);
    PUT(w->out, ",\"value\":{");
    json_put_member(w->out, S("thingIds"), json_slice(ids));
    buf_putc(w->out, '}');
    return 0;
}

static int put_ack_value(struct way *w)
{
    struct json payload = way_member(w, "payload");
    if (payload.type == JSON_ABSENT)
        return 0;
    PUT(w->out, ",\"value\":");
    buf_put_slice(w->out, json_slice(payload));
    return 0;
}

static int put_error_value(struct way *w, int *status)
{
    struct json payload = way_member(w, "payload");
    if (payload.type == JSON_ABSENT)
        return way_missing(w, "payload");
    PUT(w->out, ",\"value\":");
    return error_put_object(w->out, payload, status, w->err);
}

static int put_form_value(struct way *w, int *status)
{
    switch (w->row->form) {
    case FORM_MESSAGE:
    case FORM_MESSAGE_RESPONSE: return message_out(w);
    case FORM_ACK: return put_ack_value(w);
    case FORM_ACKS: return acks_out(w);
    case FORM_ERROR: return put_error_value(w, status);
    case FORM_RETRIEVE_THINGS: return put_things_value(w);
    case FORM_SEARCH:
    case FORM_SEARCH_EVENT:
    case FORM_STREAM:
    case FORM_STREAM_EVENT:
    case FORM_ANNOUNCEMENT:
    case FORM_MIGRATE:
    case FORM_MIGRATE_RESPONSE: return record_out(w);
    default: return put_value(w);
    }
}

/* --- status, revision, fields ----------------------------------------------------------------------------------- */

static int read_status(struct way *w, int *status)
{
    const char *name = w->row->form == FORM_ACKS ? "statusCode" : "status";
    if (!is_answer(w))
        return 0;
    struct json v = way_member(w, name);
    if (!json_present(v))
        return way_missing(w, name);
    *status = status_of(v);
    return *status ? 0 : way_wrong_type(w, name, invalid);
}

static int read_revision(struct way *w, int64_t *revision)
{
    if (!is_event(w))
        return 0;
    struct json v = way_member(w, "revision");
    if (!json_present(v))
        return way_missing(w, "revision");
    return json_int(v, revision) < 0 ? way_wrong_type(w, "revision", invalid) : 0;
}

static int put_event_members(struct way *w, int64_t revision)
{
    struct json time = way_member(w, "_timestamp");
    json_put_member_int(w->out, S("revision"), revision);
    if (!json_present(time))
        return 0;
    PUT(w->out, ",\"timestamp\":\"");
    if (time.type != JSON_STRING || instant_put(w->out, texts_decode(&w->texts, time)) < 0)
        return way_wrong_type(w, "_timestamp", invalid);
    buf_putc(w->out, '"');
    return 0;
}

/* The selection leaves as it is, if it is one. */
static int put_fields(struct way *w)
{
    const char *name = w->row->form == FORM_SEARCH ? "fields" : "selectedFields";
    struct selector s;
    if (!(w->row->flags & ROW_FIELDS) && w->row->action != ACTION_SUBSCRIBE)
        return 0;
    struct json v = way_member(w, name);
    if (!json_present(v))
        return 0;
    if (v.type != JSON_STRING)
        return way_wrong_type(w, name, invalid);
    if (selector_parse(&s, texts_decode(&w->texts, v), false, w->err) < 0)
        return -1;
    selector_free(&s);
    json_put_member(w->out, S("fields"), json_slice(v));
    return 0;
}

int adapt_out(struct way *w)
{
    int status = 0;
    int64_t revision = 0;
    if (find_row(w) < 0 || find_topic(w) < 0 || read_status(w, &status) < 0 ||
        read_revision(w, &revision) < 0)
        return -1;
    put_topic(w);
    if (put_headers(w, revision) < 0 || put_path(w) < 0 || put_form_value(w, &status) < 0)
        return -1;
    if (status)
        json_put_member_int(w->out, S("status"), status);
    if (is_event(w) && put_event_members(w, revision) < 0)
        return -1;
    return put_fields(w);
}
