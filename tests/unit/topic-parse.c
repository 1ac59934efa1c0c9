/* topic-parse.c: topic paths and target topics, against the rows of $VECTORS/protocol (default ../shared/vectors;
 * without them only what stands here is tested). Error codes and statuses are compared, texts are ours. */
#include "protocol/topic.h"
#include "rows.h"

#include "base/banned.h"

/* --- rows of vectors --- */

/* Did it fail with the row's code and status? */
static bool same_error(struct json row, const struct ditto_error *err)
{
    int64_t status = 0;
    json_int(json_get(row, S("status")), &status);
    return err->status == status && slice_eq(slice_str(err->code), text_of(row, "error")) && *err->message;
}

static bool same(struct slice got, struct slice want)
{
    return !got.p == !want.p && slice_eq(got, want);
}

static bool same_parts(struct json parts, const struct topic *t)
{
    struct slice action = text_of(parts, "action");
    if (!action.p)
        action = text_of(parts, t->criterion == CRITERION_SEARCH ? "searchAction" : "streamingAction");
    return same(t->namespace, text_of(parts, "namespace")) && same(t->name, text_of(parts, "entityName")) &&
           same(slice_str(topic_group_text(t->group)), text_of(parts, "group")) &&
           same(slice_str(topic_channel_text(t->channel)), text_of(parts, "channel")) &&
           same(slice_str(topic_criterion_text(t->criterion)), text_of(parts, "criterion")) &&
           same(t->action, action) && same(t->subject, text_of(parts, "subject"));
}

/* Printing it gives the text that the row says. */
static bool same_print(struct json row, const struct topic *t)
{
    struct buf printed = {0};
    topic_put(&printed, t);
    bool held = same(buf_slice(&printed), text_of(row, "serialized"));
    buf_free(&printed);
    return held;
}

static void topic_row(struct json row)
{
    struct topic t;
    struct ditto_error err = {0};
    struct slice text = text_of(row, "topic");
    bool parsed = topic_parse(text, &t, &err) == 0;
    bool valid = json_get(row, S("valid")).type == JSON_TRUE;
    bool held = parsed == valid && (parsed ? same_parts(json_get(row, S("parts")), &t) && same_print(row, &t)
                                           : same_error(row, &err));
    if (!ok(held, "%.*s: %s", SLICE_ARG(text_of(row, "name")), valid ? "parts" : "error"))
        printf("# %.*s\n# %s %s %s\n", SLICE_ARG(text), err.code, err.message, err.description);
}

/* The namespaces of the row as one text, which is how ours are kept when nothing is encoded. */
static bool same_namespaces(struct json row, const struct target_topic *tt)
{
    struct json list = json_get(row, S("namespaces"));
    if (json_count(list) == 0)
        return !tt->namespaces.p;
    struct json_iter it = json_iter(list);
    bool all = true;
    while (json_next(&it)) {
        struct topic t = {.namespace = json_text(it.value, &row_scratch), .name = S("x")};
        t.group = tt->stream == STREAM_POLICY_ANNOUNCEMENTS ? GROUP_POLICIES : GROUP_THINGS;
        t.channel = tt->stream == STREAM_TWIN_EVENTS ? CHANNEL_TWIN : CHANNEL_LIVE;
        t.criterion = t.group == GROUP_POLICIES            ? CRITERION_ANNOUNCEMENTS
                      : tt->stream == STREAM_MESSAGES      ? CRITERION_MESSAGES
                      : tt->stream == STREAM_LIVE_COMMANDS ? CRITERION_COMMANDS
                                                           : CRITERION_EVENTS;
        all = all && target_topic_matches(tt, &t);
    }
    return all;
}

static unsigned not_parsed_here;

static void target_row(struct json row)
{
    struct target_topic tt;
    struct ditto_error err = {0};
    struct slice text = text_of(row, "input"), code = text_of(row, "error");
    bool parsed = target_topic_parse(text, &tt, &err) == 0;
    bool held;
    if (slice_eq(code, S("things:field.selection.invalid"))) {
        not_parsed_here++; /* extraFields are kept as written */
        held = parsed && tt.extra_fields.p;
    } else if (json_get(row, S("javaException")).type == JSON_TRUE) {
        held = !parsed && err.status == 400 && slice_eq(slice_str(err.code), S("connectivity:topic.invalid"));
    } else if (code.p) {
        held = !parsed && same_error(row, &err);
    } else {
        held = parsed && same(tt.filter, text_of(row, "filter")) && same_namespaces(row, &tt) &&
               !tt.extra_fields.p == (json_get(row, S("extraFields")).type == JSON_ABSENT);
    }
    ok(held, "%.*s: %s", SLICE_ARG(text_of(row, "name")), code.p ? "error" : "parts");
}

/* --- what the rows do not say --- */

static void splitting(void)
{
    static const struct {
        const char *topic, *subject;
    } rows[] = {{"a/b/things/live/messages/x", "x"},      {"a/b/things/live/messages/x/y/z", "x/y/z"},
                {"a/b/things/live/messages/x/y/", "x/y"}, {"a/b/things/live/messages/x//", "x//"},
                {"a/b/things/live/messages//x/", "/x/"},  {"a/b/things/live/messages//x//y", "/x//y"},
                {"a/b/things/live/messages/", NULL},      {"a/b/things/live/messages", NULL}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct topic t;
        struct ditto_error err = {0};
        is_int(topic_parse(slice_str(rows[i].topic), &t, &err), 0, "parses %s", rows[i].topic);
        is_slice(t.subject, slice_str(rows[i].subject), "its subject");
    }
    static const char *const bad[] = {"",
                                      "/",
                                      "//",
                                      "a",
                                      "a/",
                                      "a/b",
                                      "a/b/",
                                      "a//b",
                                      "a/b/c",
                                      "a/b/things",
                                      "a/b/things/",
                                      "a/b/things/Twin/errors",
                                      "a/b/things//twin/errors",
                                      "a/b/things/twin//errors",
                                      "a/b/policies/none/commands/create",
                                      "a/b/things/twin/commands/"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct topic t;
        struct ditto_error err = {0};
        is_int(topic_parse(slice_str(bad[i]), &t, &err), -1, "refuses '%s'", bad[i]);
        is_slice(slice_str(err.code), S("protocoladapter:unknown.topicpath"), "its code");
    }
}

static void parameters(void)
{
    static const struct {
        const char *text;
        bool valid;
    } rows[] = {{"_/_/things/twin/events?", true},
                {"_/_/things/twin/events?x=1&y=2", true},
                {"_/_/things/twin/events?namespaces=a&namespaces=b", false},
                {"_/_/things/twin/events?x=1&x=1", false},
                {"_/_/things/twin/events?namespaces&namespaces=a", true},
                {"_/_/things/twin/events?Namespaces=a&namespaces=b", true},
                {"_/_/things/twin/events?namespaces=%", false},
                {"_/_/things/twin/events?namespaces=%4", false},
                {"_/_/things/twin/events?namespaces=%4g", false},
                {"_/_/things/twin/events?extraFields=%41", true},
                {"_/_/connections/announcements?x=%zz&x=1", true},
                {"_/_/things/twin/events/", false},
                {" _/_/things/twin/events", false},
                {"_/_/things/live/Messages", false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct target_topic tt;
        struct ditto_error err = {0};
        is_int(target_topic_parse(slice_str(rows[i].text), &tt, &err) == 0, rows[i].valid, "%s %s",
               rows[i].valid ? "takes" : "refuses", rows[i].text);
    }
}

static bool matches(const char *target, const char *topic)
{
    struct target_topic tt;
    struct topic t;
    struct ditto_error err = {0};
    if (target_topic_parse(slice_str(target), &tt, &err) < 0 || topic_parse(slice_str(topic), &t, &err) < 0)
        return ok(false, "%s %s", err.message, err.description);
    return target_topic_matches(&tt, &t);
}

static void matching(void)
{
    static const char *const targets[STREAM_NONE] = {
        [STREAM_TWIN_EVENTS] = "_/_/things/twin/events",
        [STREAM_LIVE_EVENTS] = "_/_/things/live/events",
        [STREAM_LIVE_COMMANDS] = "_/_/things/live/commands",
        [STREAM_MESSAGES] = "_/_/things/live/messages",
        [STREAM_POLICY_ANNOUNCEMENTS] = "_/_/policies/announcements",
        [STREAM_CONNECTION_ANNOUNCEMENTS] = "_/_/connections/announcements",
    };
    static const struct {
        const char *topic;
        enum stream stream;
    } rows[] = {{"a/b/things/twin/events/modified", STREAM_TWIN_EVENTS},
                {"a/b/things/live/events/modified", STREAM_LIVE_EVENTS},
                {"a/b/things/live/commands/modify", STREAM_LIVE_COMMANDS},
                {"a/b/things/live/messages/x", STREAM_MESSAGES},
                {"a/b/policies/announcements/subjectDeletion", STREAM_POLICY_ANNOUNCEMENTS},
                {"_/b/connections/announcements/opened", STREAM_CONNECTION_ANNOUNCEMENTS},
                {"a/b/things/twin/commands/modify", STREAM_NONE},
                {"a/b/things/none/events/modified", STREAM_NONE},
                {"a/b/things/twin/messages/x", STREAM_NONE},
                {"a/b/things/live/errors", STREAM_NONE},
                {"a/b/things/live/acks/x", STREAM_NONE},
                {"a/b/policies/events/modified", STREAM_NONE}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int s = 0; s < STREAM_NONE; s++)
            is_int(matches(targets[s], rows[i].topic), (int)rows[i].stream == s, "%s gets %s", targets[s],
                   rows[i].topic);
    ok(matches("_/_/things/twin/events?namespaces=x,org.a,y", "org.a/b/things/twin/events/created"),
       "in the list");
    ok(matches("_/_/things/twin/events?namespaces=org.a", "org.a/b/things/twin/events/created"), "alone");
    ok(matches("_/_/things/twin/events?namespaces=x%2corg%2Ea", "org.a/b/things/twin/events/created"),
       "encoded");
    ok(!matches("_/_/things/twin/events?namespaces=org,org.ab,rg.a", "org.a/b/things/twin/events/created"),
       "like it");
    ok(matches("_/_/things/twin/events?namespaces=", "org.a/b/things/twin/events/created"),
       "an empty list is none");
    ok(!matches("_/_/things/twin/events?namespaces=a,,b", "/b/things/twin/events/created"),
       "an empty name is none");
}

static void errors(void)
{
    struct buf out = {0};
    struct ditto_error e = {0};
    is_int(ditto_fail(&e, 400, "a:b", NULL, "/x", "no '%s'\n", "y"), -1, "to fail is -1");
    is_int(ditto_fail(&e, 500, "c:d", "later", NULL, "other"), -1, "to fail again as well");
    ditto_error_put(&out, &e, true);
    is_slice(buf_slice(&out),
             S("{\"status\":400,\"error\":\"a:b\",\"message\":\"no 'y'\\n\",\"pointer\":\"/x\"}"),
             "the first error stays");
    buf_cut(&out, 0);
    e = (struct ditto_error){0};
    ditto_fail(&e, 404, "c:d", "why", "/x", "m");
    ditto_error_settle(&out, S("i-1"), &e);
    is_slice(buf_slice(&out),
             S("{\"id\":\"i-1\",\"status\":404,\"error\":{\"status\":404,\"error\":\"c:d\",\"message\":\"m\","
               "\"description\":\"why\"}}\n"),
             "as a settlement");
    char long_text[1000];
    unsigned broken = 0;
    for (size_t at = 0; at < 4; at++) { /* euro signs, cut at every byte */
        memset(long_text, 'x', at);
        for (size_t i = at; i + 3 < sizeof long_text; i += 3)
            memcpy(long_text + i, "\xe2\x82\xac\0", 4);
        e = (struct ditto_error){0};
        ditto_fail(&e, 400, "c:d", long_text, long_text, "%s", long_text);
        buf_cut(&out, 0);
        ditto_error_put(&out, &e, true);
        buf_z(&out);
        broken += strstr(buf_p(&out), "\xef\xbf\xbd") != NULL || strlen(e.message) < 300 ||
                  strlen(e.description) < 500;
    }
    is_int(broken, 0, "a text that is cut is cut between characters");
    buf_free(&out);
}

int main(void)
{
    each_row("protocol/topics.ndjson", 20, topic_row);
    each_row("protocol/filtered-topics.ndjson", 20, target_row);
    printf("# field selectors that are not parsed here: %u\n", not_parsed_here);
    splitting();
    parameters();
    matching();
    errors();
    buf_free(&row_scratch);
    return done();
}
