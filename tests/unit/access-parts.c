/* access-parts: events for those who may read parts of a thing only. */
#include "protocol/access.h"
#include "protocol/topic.h"

#include "same.h"
#include "vectors.h"

static void nested(void)
{
    struct access a;
    struct buf out = {0};
    access_judge(
        &a, json_of(S("{\"subjects\":[\"x\"],\"paths\":{\"/features\":{\"f\":[0],\"/g/properties/\":[0]}}}")),
        json_of(S("[\"x\"]")), json_of(S("[\"x\"]")));
    ok(access_put_value(&out, &a, S("/"),
                        json_of(S("{\"features\":{\"f\":{\"a\":1},\"g\":{\"properties\":{},\"b\":1}}}"))),
       "something is left");
    is_slice(buf_slice(&out), S("{\"features\":{\"f\":{\"a\":1},\"g\":{\"properties\":{}}}}"),
             "paths may nest");
    buf_cut(&out, 0);
    ok(!access_put_extra(&out, &a, json_of(S("{\"attributes\":{\"secret\":1}}"))) && out.len == 0,
       "an extra of which nothing may be read is left out");
    access_free(&a);
    buf_free(&out);
}

static bool is_thing_event(struct slice topic)
{
    struct topic t;
    struct ditto_error err = {0};
    return topic_parse(topic, &t, &err) == 0 && t.group == GROUP_THINGS && t.criterion == CRITERION_EVENTS;
}

/* Ditto shows the whole extra if nothing of it may be read: that we do not. */
static bool is_leak(struct json row)
{
    struct json extra = json_get(json_get(row, S("envelope")), S("extra"));
    return extra.type == JSON_OBJECT && same_json(extra, json_get(json_get(row, S("result")), S("extra")));
}

static bool same_part(struct slice got, struct json want)
{
    return want.type == JSON_ABSENT ? got.len == 0 : same_json(json_of(got), want);
}

static bool row_holds(struct json row)
{
    static const struct {
        const char *text;
        enum access_kind kind;
    } kinds[] = {{"unrestricted", ACCESS_FULL}, {"filtered", ACCESS_PARTS}, {"none", ACCESS_NONE}};
    struct json envelope = json_get(row, S("envelope")), result = json_get(row, S("result"));
    struct json extra = json_get(envelope, S("extra"));
    struct access a;
    struct buf value = {0}, rest = {0};
    access_judge(&a, json_get(row, S("partialAccessPaths")), json_get(row, S("readSubjects")),
                 json_get(row, S("targetSubjects")));
    bool held = false;
    for (size_t i = 0; i < 3; i++)
        held |= row_is(row, "access", kinds[i].text) && a.kind == kinds[i].kind;
    if (!is_thing_event(row_text(envelope, "topic")))
        a.kind = ACCESS_FULL; /* whoever sends looks at events of things only */
    bool sent = access_put_value(&value, &a, row_text(envelope, "path"), json_get(envelope, S("value")));
    held = held && sent == (json_get(row, S("dropped")).type != JSON_TRUE) &&
           same_part(buf_slice(&value), json_get(result, S("value")));
    if (extra.type == JSON_OBJECT && !is_leak(row))
        held = held && access_put_extra(&rest, &a, extra) &&
               same_part(buf_slice(&rest), json_get(result, S("extra")));
    access_free(&a);
    buf_free(&value);
    buf_free(&rest);
    return held;
}

int main(void)
{
    nested();
    each_row("partial-access.ndjson", row_holds);
    return done();
}
