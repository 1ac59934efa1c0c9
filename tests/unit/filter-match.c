/* filter-match: target topics and RQL applied to messages. Against the rows of $VECTORS/protocol/signal-filter.ndjson and
 * rql.ndjson (default ../shared/vectors; without them only what stands here is tested).
 *
 * The rows hold signals, of which this test knows how Ditto prints the few that they use. */
#include "protocol/filter.h"
#include "rows.h"

#include "base/banned.h"

static struct filter_scratch filters;

/* --- from a signal to the message that Ditto makes of it --- */

/* Which members of an event name its path, in order, and which its value. */
struct shape {
    const char *type;    /* a part of the type */
    const char *path;    /* with %F for the feature id and %P for the pointer */
    const char *pointer; /* member that holds the pointer */
    const char *value;
};

static const struct shape shapes[] = {
    {"thingMerged", "%P", "path", "value"},
    {"events:thing", "/", NULL, "thing"},
    {"definitionCreated", "/definition", NULL, "definition"},
    {"events:definition", "/definition", NULL, "definition"},
    {"policyId", "/policyId", NULL, "policyId"},
    {"events:attributes", "/attributes", NULL, "attributes"},
    {"Attribute", "/attributes%P", "attribute", "value"},
    {"events:attribute", "/attributes%P", "attribute", "value"},
    {"featuresDeleted", "/features", NULL, "features"},
    {"events:features", "/features", NULL, "features"},
    {"featureDefinition", "/features/%F/definition", NULL, "definition"},
    {"featureDesiredProperties", "/features/%F/desiredProperties", NULL, "desiredProperties"},
    {"featureDesiredProperty", "/features/%F/desiredProperties%P", "desiredProperty", "desiredValue"},
    {"featureProperties", "/features/%F/properties", NULL, "properties"},
    {"featureProperty", "/features/%F/properties%P", "property", "value"},
    {"events:feature", "/features/%F", NULL, "feature"},
};

static bool holds(struct slice text, const char *part)
{
    return memmem(text.p, text.len, part, strlen(part)) != NULL;
}

static const struct shape *shape_of(struct slice type)
{
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        if (holds(type, shapes[i].type))
            return &shapes[i];
    return NULL;
}

static void put_path(struct buf *out, const struct shape *s, struct json signal)
{
    for (const char *p = s->path; *p; p++) {
        if (*p != '%')
            buf_putc(out, *p);
        else if (*++p == 'F')
            buf_put_slice(out, text_of(signal, "featureId"));
        else
            buf_put_slice(out, text_of(signal, s->pointer));
    }
}

static void put_topic(struct buf *out, struct json row, struct slice type)
{
    struct slice topic = text_of(row, "topicPath");
    struct slice id = text_of(member(row, "signal"), "thingId"), name = id;
    struct slice namespace = slice_cut(&name, ':');
    if (topic.p) {
        buf_put_slice(out, topic);
        return;
    }
    buf_printf(out, "%.*s/%.*s/things/twin/events/%s", SLICE_ARG(namespace), SLICE_ARG(name),
               holds(type, "Created")    ? "created"
               : holds(type, "Modified") ? "modified"
               : holds(type, "Merged")   ? "merged"
                                         : "deleted");
}

static void put_member(struct buf *out, const char *name, struct json v)
{
    if (v.type != JSON_ABSENT)
        json_put_member(out, slice_str(name), json_slice(v));
}

/* The line, or nothing for a signal that is not known here. */
static bool put_message(struct buf *out, struct json row)
{
    struct json signal = member(row, "signal");
    struct slice type = text_of(signal, "type");
    const struct shape *s = shape_of(type);
    struct buf topic = {0}, path = {0};
    bool message = holds(type, "messages.");
    if (!s && !message)
        return false;
    put_topic(&topic, row, type);
    if (message)
        buf_puts(&path, "/inbox/messages/ask");
    else
        put_path(&path, s, signal);
    buf_putc(out, '{');
    json_put_member_text(out, S("topic"), buf_slice(&topic));
    json_put_member_text(out, S("path"), buf_slice(&path));
    put_member(out, "value",
               message ? member(member(signal, "message"), "payload") : member(signal, s->value));
    put_member(out, "revision", member(signal, "revision"));
    if (json_present(member(signal, "_timestamp")))
        put_member(out, "timestamp", member(signal, "_timestamp"));
    put_member(out, "extra", member(row, "extra"));
    buf_putc(out, '}');
    buf_free(&topic);
    buf_free(&path);
    return true;
}

/* --- rows --- */

static bool filter_says(struct json row, struct slice message, bool with_extra)
{
    struct filter f;
    struct line l;
    struct ditto_error err = {0};
    if (filter_compile(&f, text_of(row, "topic"), &err) < 0 || line_skim(message, &l) < 0)
        return ok(false, "%s %s", err.code, err.message);
    if (!with_extra)
        l.extra = (struct json){JSON_ABSENT, NULL, 0};
    bool matches = filter_matches(&f, &l, &filters);
    filter_free(&f);
    return matches;
}

static bool is_true(struct json v)
{
    return v.type == JSON_TRUE;
}

static void filter_row(struct json row, struct slice name)
{
    struct buf message = {0};
    struct ditto_error err = {0};
    struct filter f;
    if (json_present(member(row, "error"))) {
        ok(filter_compile(&f, text_of(row, "topic"), &err) < 0 && err.status == 400 &&
               slice_eq(slice_str(err.code), text_of(member(row, "error"), "error")),
           "%.*s: refused", SLICE_ARG(name));
        return;
    }
    if (!put_message(&message, row)) {
        ok(false, "%.*s: a signal that is not known here", SLICE_ARG(name));
        return;
    }
    bool could = filter_says(row, buf_slice(&message), false);
    bool held = could == is_true(member(row, "couldBeTrue"));
    if (member(row, "match").type != JSON_ABSENT) {
        bool empty = json_count(member(row, "extra")) == 0;
        held = held && filter_says(row, buf_slice(&message), true) == is_true(member(row, "match"));
        if (empty && !held) /* an empty extra is no extra */
            tap_bytes("empty extra", buf_slice(&message));
    }
    if (!ok(held, "%.*s: %.*s", SLICE_ARG(name), SLICE_ARG(text_of(row, "topic"))))
        tap_bytes("message", buf_slice(&message));
    buf_free(&message);
}

/* Every scalar of the thing that the event carries is seen where it is, and nothing else is there. */
static bool sees(const struct rql_view *v, struct buf *path, struct json expected)
{
    struct buf filter = {0};
    struct rql_query q;
    struct ditto_error err = {0};
    if (expected.type == JSON_OBJECT && json_count(expected)) {
        struct json_iter it = json_iter(expected);
        bool all = true;
        while (json_next(&it)) {
            size_t len = path->len;
            if (len)
                buf_putc(path, '/');
            buf_put_slice(path, it.key);
            all = sees(v, path, it.value) && all;
            buf_cut(path, len);
        }
        return all;
    }
    if (expected.type == JSON_OBJECT || expected.type == JSON_ARRAY)
        buf_printf(&filter, "exists(%.*s)", SLICE_ARG(buf_slice(path)));
    else
        buf_printf(&filter, "eq(%.*s,%.*s)", SLICE_ARG(buf_slice(path)), SLICE_ARG(json_slice(expected)));
    bool seen = true;
    if (rql_compile(&q, buf_slice(&filter), RQL_OF_MESSAGE, &err) ==
        0) { /* else it is nothing a filter can name */
        seen = rql_eval(&q, v, &filters.rql) == RQL_YES;
        rql_query_free(&q);
    }
    if (!seen)
        tap_bytes("not seen", buf_slice(&filter));
    buf_free(&filter);
    return seen;
}

static bool has(const struct rql_view *v, const char *property)
{
    struct rql_query q;
    struct ditto_error err = {0};
    char text[128];
    snprintf(text, sizeof text, "ne(%s,'\\u0001')", property);
    if (rql_compile(&q, slice_str(text), RQL_OF_MESSAGE, &err) < 0)
        return false;
    rql_query_free(&q);
    snprintf(text, sizeof text, "or(like(%s,'*'),eq(%s,null))", property, property);
    if (rql_compile(&q, slice_str(text), RQL_OF_MESSAGE, &err) < 0)
        return false;
    bool there = rql_eval(&q, v, &filters.rql) == RQL_YES;
    rql_query_free(&q);
    return there;
}

static void thing_row(struct json row, struct slice name)
{
    struct buf message = {0}, path = {0};
    struct line l;
    struct topic t;
    struct rql_view v;
    struct ditto_error err = {0};
    struct json thing = member(row, "thing");
    static const char *const fields[] = {"thingId",    "policyId",  "definition",
                                         "_namespace", "_revision", "_modified"};
    if (!put_message(&message, row) || line_skim(buf_slice(&message), &l) < 0 ||
        topic_parse(json_text(l.topic, &row_scratch), &t, &err) < 0) {
        ok(false, "%.*s: %s", SLICE_ARG(name), err.message);
        return;
    }
    bool view = filter_view(&v, &l, &t, &filters);
    bool held = view == json_present(thing);
    if (view && held)
        held = sees(&v, &path, thing);
    for (size_t i = 0; view && i < sizeof fields / sizeof *fields; i++)
        held = held && has(&v, fields[i]) == json_present(member(thing, fields[i]));
    if (!ok(held, "%.*s: what it carries", SLICE_ARG(name)))
        tap_bytes("message", buf_slice(&message));
    buf_free(&message);
    buf_free(&path);
}

static void signal_row(struct json row)
{
    struct slice name = text_of(row, "name");
    if (json_text_is(member(row, "kind"), S("filter")))
        filter_row(row, name);
    else
        thing_row(row, name);
}

/* Also those about topics and resources, which need a message; and what is accepted. */
static void rql_row(struct json row)
{
    struct slice name = text_of(row, "name"), text = text_of(row, "filter");
    struct json context = member(row, "context"), thing = member(row, "thing");
    struct rql_query q;
    struct ditto_error err = {0};
    bool accepted = rql_compile(&q, text, RQL_TOPIC | RQL_RESOURCE, &err) == 0;
    bool held = accepted == is_true(member(row, "accepted"));
    if (accepted && thing.type == JSON_OBJECT) {
        struct topic t;
        struct rql_view v = {.base = thing, .topic = &t, .path = text_of(context, "path")};
        if (topic_parse(text_of(context, "topic"), &t, &err) == 0)
            held = held && (rql_eval(&q, &v, &filters.rql) == RQL_YES) == is_true(member(row, "match"));
    }
    if (accepted)
        rql_query_free(&q);
    else
        held = held && err.status == 400 && slice_eq(slice_str(err.code), S("rql.expression.invalid"));
    if (!ok(held, "%.*s", SLICE_ARG(name)))
        tap_bytes("filter", text);
}

/* --- what the rows do not say --- */

static int says(const char *target, const char *message)
{
    struct filter f;
    struct line l;
    struct ditto_error err = {0};
    if (filter_compile(&f, slice_str(target), &err) < 0)
        return -1;
    bool matches = line_skim(slice_str(message), &l) == 0 && filter_matches(&f, &l, &filters);
    filter_free(&f);
    return matches;
}

#define EVENT(path, value)                                                                                   \
    "{\"topic\":\"a/b/things/twin/events/modified\",\"path\":\"" path "\",\"value\":" value ",\"revision\":3}"

static void messages(void)
{
    static const struct {
        const char *target, *message;
        int want;
    } rows[] = {
        {"_/_/things/twin/events?filter=eq(attributes/x,1)", EVENT("/attributes", "{\"x\":1}"), 1},
        {"_/_/things/twin/events?filter=eq(attributes/x,1)", EVENT("attributes/x/", "1"), 1},
        {"_/_/things/twin/events?filter=eq(attributes/x,1)", EVENT("/attributes", "{\"x\":1,\"x\":2}"), 0},
        {"_/_/things/twin/events?filter=eq(attributes/x,1)", EVENT("/attributes", "{\"\\u0078\":1}"), 1},
        {"_/_/things/twin/events?filter=eq(attributes/x,1)", EVENT("/attributes", "{\"x\":1,\"\\u0078\":2}"),
         0},
        {"_/_/things/twin/events?filter=eq(attributes/x,1)", EVENT("/attributes", "{\"x\":01}"), 0},
        {"_/_/things/twin/events?filter=eq(attributes/x,1)", EVENT("/attributes/y", "1"), 0},
        {"_/_/things/twin/events?filter=exists(attributes/x)", EVENT("/attributes/x/y/z", "1"), 1},
        {"_/_/things/twin/events?filter=eq(attributes/a~0b,1)", EVENT("/attributes/a~b", "1"), 1},
        {"_/_/things/twin/events?filter=eq(attributes/a~0b,1)", EVENT("/attributes/a~0b", "1"), 1},
        {"_/_/things/twin/events?filter=eq(attributes/a~0b/c,1)", EVENT("/attributes", "{\"a~b\":{\"c\":1}}"),
         1},
        {"_/_/things/twin/events?filter=eq(attributes//x,1)", EVENT("/attributes", "{\"x\":1}"), 0},
        {"_/_/things/twin/events?filter=ne(attributes//x,1)", EVENT("/attributes", "{\"x\":1}"), 1},
        {"_/_/things/twin/events?filter=like(attributes/x,%22a%2Bb*%22)", EVENT("/attributes/x", "\"a+b+\""),
         1},
        {"_/_/things/twin/events?filter=like(attributes/x,'a b')", EVENT("/attributes/x", "\"a b\""), 1},
        {"_/_/things/twin/events?filter=like(attributes/x,'a+b')", EVENT("/attributes/x", "\"a b\""), 1},
        {"_/_/things/twin/events?filter=eq(topic:full,'a/b/things/twin/events/modified')", EVENT("/", "{}"),
         1},
        {"_/_/things/twin/events?filter=eq(resource:type,'thing')", EVENT("/", "{}"), 1},
        {"_/_/things/twin/events?filter=eq(resource:path,'/attributes/x')", EVENT("attributes/x/", "1"), 1},
        {"_/_/things/twin/events?filter=eq(feature:id,'g')", EVENT("/", "{\"features\":{\"f\":{},\"g\":{}}}"),
         1},
        {"_/_/things/twin/events?filter=eq(feature:id,'g')", EVENT("/features", "{\"f\":{},\"g\":{}}"), 1},
        {"_/_/things/twin/events?filter=exists(feature:id)", EVENT("/attributes", "{\"f\":{}}"), 0},
        {"_/_/things/twin/events?filter=eq(features/f/definition,'a:b:1')",
         EVENT("/features/f/definition", "[\"a:b:1\"]"), 0},
        {"_/_/things/twin/events?filter=ne(attributes/x,1)", EVENT("/features/f/definition", "[\"a:b:1\"]"),
         0},
        {"_/_/things/twin/events", EVENT("/features/f/definition", "[\"a:b:1\"]"), 1},
        {"_/_/things/twin/events?namespaces=x", EVENT("/", "{}"), 0},
        {"_/_/things/twin/events?namespaces=x,a", EVENT("/", "{}"), 1},
        {"_/_/things/live/events", EVENT("/", "{}"), 0},
        {"_/_/things/twin/events", "{\"topic\":\"a/b/things/twin/events/eaten\",\"path\":\"/\"}", 0},
        {"_/_/things/twin/events", "{\"topic\":7,\"path\":\"/\"}", 0},
        {"_/_/things/twin/events", "{\"topic\":\"a\\u002fb/things/twin/events/created\",\"path\":\"/\"}", 1},
        {"_/_/things/twin/events", "{\"topic\":\"a\\u002xb/things/twin/events/created\",\"path\":\"/\"}", 0},
        {"_/_/things/live/messages?filter=eq(topic:subject,'x/y')",
         "{\"topic\":\"a/b/things/live/messages/x/y\",\"path\":\"/inbox/messages/x/y\"}", 1},
        {"_/_/things/live/messages?filter=eq(feature:id,'f')",
         "{\"topic\":\"a/b/things/live/messages/x\",\"path\":\"/features/f/inbox/messages/x\"}", 1},
        {"_/_/policies/announcements?filter=nonsense",
         "{\"topic\":\"a/b/policies/announcements/subjectDeletion\",\"path\":\"/\"}", 1},
        {"_/_/things/twin/events?filter=", EVENT("/", "{}"), -1},
        {"_/_/things/twin/events?extraFields=x", EVENT("/", "{}"), -1},
        {"_/_/things/twin/events?filter=eq(time:now,1)", EVENT("/", "{}"), 0},
        {"_/_/things/twin/events?filter=eq(time:never,1)", EVENT("/", "{}"), -1},
        {"_/_/things/twin/events?filter=gt(_modified,'2024-05-06T07:08:09Z')",
         "{\"topic\":\"a/b/things/twin/events/deleted\",\"path\":\"/attributes\",\"timestamp\":\"2024-05-06T10:08:10+02:00\"}",
         1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        is_int(says(rows[i].target, rows[i].message), rows[i].want, "%s: %s", rows[i].target,
               rows[i].message);
}

/* Topics that end alike are remembered: what is remembered must be right again for another text. */
static void many_topics(void)
{
    struct filter f;
    struct ditto_error err = {0};
    is_int(filter_compile(&f, S("_/_/things/live/messages?filter=eq(topic:action-subject,'on')"), &err), 0,
           "a filter");
    for (int i = 0; i < 6; i++) {
        char text[128];
        struct line l;
        snprintf(text, sizeof text, "{\"topic\":\"ns%d/%.*s/things/live/messages/%s\",\"path\":\"/\"}", i,
                 i + 1, "abcdefgh", i % 3 ? "on" : "off");
        line_skim(slice_str(text), &l);
        is_int(filter_matches(&f, &l, &filters), i % 3 != 0, "%s", text);
    }
    filter_free(&f);
}

int main(void)
{
    each_row("protocol/signal-filter.ndjson", 200, signal_row);
    each_row("protocol/rql.ndjson", 200, rql_row);
    messages();
    many_topics();
    filter_scratch_free(&filters);
    return done();
}
