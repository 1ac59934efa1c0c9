/* grammar-check: the small languages. Against the rows of $VECTORS/protocol: topics, ids, json, filtered-topics, rql. */
#include "protocol/content_type.h"
#include "protocol/duration.h"
#include "protocol/form.h"
#include "protocol/grammar.h"
#include "protocol/time_expression.h"
#include "rows.h"

#include "base/banned.h"

/* --- rows --- */

static struct json answer_of(const struct grammar *g, struct slice text, struct buf *out)
{
    struct json answer = {JSON_ABSENT, NULL, 0};
    grammar_put(out, g, text);
    if (json_parse(buf_slice(out), &answer, NULL) < 0)
        tap_bytes("no JSON", buf_slice(out));
    return answer;
}

/* Does the answer say what the row does, in the members that the row has of these? */
static bool says(struct json row, struct json answer, const char *const *members)
{
    if (member(row, "javaException").type == JSON_TRUE)
        return json_present(member(answer, "error"));
    if (json_present(member(row, "error")))
        return member(answer, "valid").type == JSON_FALSE &&
               json_text_is(member(answer, "error"), text_of(row, "error")) &&
               slice_eq(json_slice(member(answer, "status")), S("400"));
    for (; *members; members++)
        if (member(row, *members).type != JSON_ABSENT &&
            !same_json(member(row, *members), member(answer, *members)))
            return false;
    return member(answer, "valid").type == JSON_TRUE;
}

static void check(struct json row, const char *kind, const char *input, const char *const *members)
{
    struct buf out = {0};
    struct slice text = text_of(row, input);
    if (!ok(says(row, answer_of(grammar_of(slice_str(kind)), text, &out), members), "%s: %.*s", kind,
            SLICE_ARG(text_of(row, "name")))) {
        tap_bytes("input", text);
        tap_bytes("answer", buf_slice(&out));
    }
    buf_free(&out);
}

static void topic_row(struct json row)
{
    check(row, "topic", "topic", (const char *const[]){"parts", "serialized", "wildcard", NULL});
}

static void id_row(struct json row)
{
    static const char *const kinds[][2] = {
        {"thingId", "thing-id"},   {"policyId", "policy-id"}, {"connectionId", "connection-id"},
        {"ackLabel", "ack-label"}, {"duration", "duration"},  {"contentType", "content-type"},
    };
    static const char *const members[] = {"namespace", "entityName",    "millis", "string",
                                          "strategy",  "dittoProtocol", NULL};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (json_text_is(member(row, "kind"), slice_str(kinds[i][0])))
            check(row, kinds[i][1], "value", members);
}

static void json_row(struct json row)
{
    static const char *const kinds[] = {"pointer", "fields-protocol", "fields-selector", "fields-extra"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (json_text_is(member(row, "kind"), slice_str(kinds[i])))
            check(row, kinds[i], "input", (const char *const[]){"keys", "string", "pointers", NULL});
}

static void target_row(struct json row)
{
    check(row, "target-topic", "input",
          (const char *const[]){"topic", "namespaces", "filter", "extraFields", "string", NULL});
}

/* Rows print large numbers as doubles, so of valid ones only the shape is compared here. */
static bool same_tree(struct json a, struct json b)
{
    struct json_iter x = json_iter(member(a, "children")), y = json_iter(member(b, "children"));
    struct json value = member(a, "value"), other = member(b, "value");
    bool same = same_json(member(a, "op"), member(b, "op")) &&
                same_json(member(a, "property"), member(b, "property")) && value.type == other.type &&
                json_count(member(a, "values")) == json_count(member(b, "values")) &&
                (value.type == JSON_NUMBER || same_json(value, other));
    while (same && json_next(&x))
        same = json_next(&y) && same_tree(x.value, y.value);
    return same && !json_next(&y);
}

static void rql_row(struct json row)
{
    struct buf out = {0};
    bool valid = member(row, "valid").type == JSON_TRUE;
    if (!json_text_is(member(row, "kind"), S("parse")))
        return;
    struct json answer = answer_of(grammar_of(S("rql")), text_of(row, "filter"), &out);
    bool held = valid ? same_tree(member(row, "ast"), member(answer, "ast"))
                      : json_text_is(member(answer, "error"), S("rql.expression.invalid"));
    if (!ok(held, "rql: %.*s", SLICE_ARG(text_of(row, "name"))))
        tap_bytes("answer", buf_slice(&out));
    buf_free(&out);
}

/* --- what the rows do not say --- */

static void answers(void)
{
    static const char *const rows[][3] = {
        {"pointer", "a~b/~0c~1/", "{\"valid\":true,\"keys\":[\"a~b\",\"~c~1\"],\"string\":\"/a~0b/~0c~01\"}"},
        {"duration", "+0090m", "{\"valid\":true,\"millis\":5400000,\"string\":\"90m\"}"},
        {"duration", "292277025y", NULL},
        {"duration", "9223372036854775807ms",
         "{\"valid\":true,\"millis\":9223372036854775807,\"string\":"
         "\"9223372036854775807ms\"}"},
        {"duration", "9223372036854775808ms", NULL},
        {"duration", "-1s", NULL},
        {"duration", "", NULL},
        {"duration", "1mom", NULL},
        {"content-type", "Application/VND.eclipse.ditto+JSON;q=1",
         "{\"valid\":true,\"strategy\":\"JSON\",\"dittoProtocol\":true}"},
        {"content-type", "application/+json",
         "{\"valid\":true,\"strategy\":\"BINARY\",\"dittoProtocol\":false}"},
        {"content-type", "application/x+javascript",
         "{\"valid\":true,\"strategy\":\"TEXT\",\"dittoProtocol\":false}"},
        {"target-topic", "_/_/things/twin/events?namespaces=,a,,b,,&filter=a%26b+c",
         "{\"valid\":true,\"topic\":\"_/_/things/twin/events\",\"namespaces\":[\"\",\"a\",\"\",\"b\"],\"filter\":\"a&b c\","
         "\"string\":\"_/_/things/twin/events?namespaces=,a,,b&filter=a&b c\"}"},
        {"target-topic", "_/_/things/twin/events?filter=%ff",
         "{\"valid\":true,\"topic\":\"_/_/things/twin/events\",\"namespaces\":[],\"filter\":\"\xef\xbf\xbd\","
         "\"string\":\"_/_/things/twin/events?filter=\xef\xbf\xbd\"}"},
        {"fields-selector", "a(b%2Cc)+", "{\"valid\":true,\"pointers\":[\"/a/b\",\"/a/c)\"]}"},
        {"fields-selector", "a(b%2Cc),d%", NULL},
        {"rql", "in(a,+1,-2.50,'\\'\\/',\"\\ud83d\\ude00\",time:now+1d[h])",
         "{\"valid\":true,\"ast\":{\"op\":\"in\",\"property\":\"a\",\"values\":[1,-2.50,\"'/\",\"\xf0\x9f\x98\x80\","
         "{\"placeholder\":\"time:now+1d[h]\"}]}}"},
        {"rql", "exists(a\\u0020b)", "{\"valid\":true,\"ast\":{\"op\":\"exists\",\"property\":\"a b\"}}"},
        {"rql", "eq(a,time:)", NULL},
        {"rql", "eq(a,\"\\'\")", NULL},
        {"rql", "eq(a,'\\\"')", NULL},
        {"rql", "eq(a,1", NULL},
        {"rql", "eq(a,- 1)", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf out = {0};
        struct json answer = answer_of(grammar_of(slice_str(rows[i][0])), slice_str(rows[i][1]), &out);
        if (rows[i][2])
            is_slice(buf_slice(&out), slice_str(rows[i][2]), "%s: %s", rows[i][0], rows[i][1]);
        else if (!ok(member(answer, "valid").type == JSON_FALSE, "%s: %s is refused", rows[i][0], rows[i][1]))
            tap_bytes("answer", buf_slice(&out));
        buf_free(&out);
    }
    ok(!grammar_of(S("")) && !grammar_of(S("Topic")), "kinds have exact names");
}

static void times(void)
{
    static const char *const rows[][2] = {
        {"now", "2024-01-06T14:23:42.123Z"},
        {"now-7d", "2023-12-30T14:23:42.123Z"},
        {"now[h]", "2024-01-06T14:00:00Z"},
        {"now-25m[m]", "2024-01-06T13:58:00Z"},
        {"now+1mo", "2024-02-06T00:52:48.123Z"},
        {"now[w]", "2024-01-01T00:00:00Z"},
        {"now[mo]", "2024-01-01T00:00:00Z"},
        {"now-10d[mo]", "2023-12-01T00:00:00Z"},
        {"now[y]", "2024-01-01T00:00:00Z"},
        {"now +5", "2024-01-06T14:23:47.123Z"},
        {"now+5 [ms]", "2024-01-06T14:23:47.123Z"},
        {"now_epoch_millis+1d", "1704637422123"},
        {"now[]", "2024-01-06T14:23:42Z"},
        {"now[d]+1h", "2024-01-06T00:00:00Z"},
        {"now-60y[d]", "1964-01-07T00:00:00Z"},
        {"now+54d[d]", "2024-02-29T00:00:00Z"},
        {"now+5x", NULL},
        {"now+", NULL},
        {"now+1.5h", NULL},
        {"then", NULL},
        {"now[x]", NULL},
        {"now[h", NULL},
        {"", NULL},
        {"now+99999999999999999999s", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct time_expression e;
        struct buf out = {0};
        bool parsed = time_expression_parse(slice_str(rows[i][0]), &e);
        if (parsed)
            time_expression_put(&out, &e, INT64_C(1704551022123));
        is_slice(parsed ? buf_slice(&out) : SLICE_NONE, slice_str(rows[i][1]), "time:%s", rows[i][0]);
        buf_free(&out);
    }
}

int main(void)
{
    each_row("protocol/topics.ndjson", 100, topic_row);
    each_row("protocol/ids.ndjson", 100, id_row);
    each_row("protocol/json.ndjson", 50, json_row);
    each_row("protocol/filtered-topics.ndjson", 20, target_row);
    each_row("protocol/rql.ndjson", 200, rql_row);
    answers();
    times();
    return done();
}
