/* hub-request.c: what a message asks for; and what is left of a line on its way through the hub. */
#include <stdlib.h>

#include "hub/request.h"
#include "hub/route.h"
#include "vectors.h"

#include "base/banned.h"

#define MESSAGE    "org.x/t/things/live/messages/m"
#define EVENT      "org.x/t/things/twin/events/modified"
#define MODIFY     "org.x/t/things/twin/commands/modify"
#define QUERY      "org.x/t/things/twin/commands/retrieve"
#define LIVE_QUERY "org.x/t/things/live/commands/retrieve"

/* The labels joined by blanks and the timeout: "a:b c:d 65000"; or the error code. */
static void asks(const char *topic, const char *headers, const char *want)
{
    struct line l;
    struct topic t;
    struct json_error why;
    struct request r;
    struct ditto_error err = {0};
    struct buf text = {0}, texts = {0}, got = {0};
    buf_printf(&text, "{\"topic\":\"%s\",\"headers\":%s}", topic, headers);
    if (line_read(buf_slice(&text), &l, &why) < 0 || topic_parse(slice_str(topic), &t, &err) < 0) {
        ok(false, "cannot read %s: %s", headers, why.reason);
    } else if (request_read(&l, &t, &texts, &r, &err) < 0) {
        is_slice(slice_str(err.code), slice_str(want), "%s", headers);
    } else {
        for (size_t i = 0; i < r.n; i++)
            buf_printf(&got, "%.*s ", SLICE_ARG(r.labels[i]));
        buf_printf(&got, "%lld", (long long)r.timeout);
        is_slice(buf_slice(&got), slice_str(want), "%s", headers);
    }
    buf_free(&text);
    buf_free(&texts);
    buf_free(&got);
}

static void labels(void)
{
    asks(MESSAGE, "{\"response-required\":false}", "65000");
    asks(MESSAGE, "{}", "live-response 65000");
    asks(MESSAGE, "{\"requested-acks\":null}", "live-response 65000");
    asks(MESSAGE, "{\"requested-acks\":[]}", "65000");
    asks(MESSAGE, "{\"requested-acks\":[\"a:b\",\"c-d_E9\"]}", "a:b c-d_E9 live-response 65000");
    asks(EVENT, "{\"requested-acks\":\"[\\\"a:b\\\", \\\"c:d\\\"]\"}", "a:b c:d 65000");
    asks(EVENT, "{\"requested-acks\":\"a:b, c:d ,\"}", "a:b c:d 65000");
    asks(EVENT, "{\"requested-acks\":\"\"}", "65000");
    asks(EVENT, "{\"requested-acks\":\"[]\"}", "65000");
    asks(EVENT, "{}", "65000");
    asks(EVENT, "{\"requested-acks\":[\"a:b\",\"a:b\"]}", "a:b 65000");
    asks(EVENT, "{\"Requested-Acks\":[\"a:b\"]}", "a:b 65000");
    asks(EVENT, "{\"requested-acks\":[\"a:b\"],\"requested-acks\":[\"c:d\"]}", "c:d 65000");
    asks(MESSAGE, "{\"requested-acks\":[\"ab\"]}", "acknowledgement:label.invalid");
    asks(MESSAGE, "{\"requested-acks\":[\"a b c\"]}", "acknowledgement:label.invalid");
    asks(MESSAGE, "{\"requested-acks\":[\"a\\u0062c\"]}", "acknowledgement:label.invalid");
    asks(MESSAGE, "{\"requested-acks\":[1]}", "header.invalid");
    asks(MESSAGE, "{\"requested-acks\":{}}", "header.invalid");
    asks(MESSAGE, "{\"requested-acks\":\"[\"}", "header.invalid");
}

static void many_labels(void)
{
    struct buf headers = {0};
    buf_puts(&headers, "{\"requested-acks\":[\"label-0\"");
    for (int i = 1; i <= REQUEST_MAX_LABELS; i++)
        buf_printf(&headers, ",\"label-%d\"", i);
    buf_puts(&headers, "]}");
    asks(MESSAGE, buf_z(&headers), "header.invalid");
    buf_free(&headers);
}

static void built_in_labels(void)
{
    asks(MESSAGE, "{\"requested-acks\":[\"twin-persisted\",\"a:b\",\"search-persisted\"]}", "a:b 65000");
    asks(MESSAGE, "{\"requested-acks\":[\"live-response\",\"a:b\"]}", "live-response a:b 65000");
    asks(MESSAGE, "{\"requested-acks\":[\"live-response\",\"a:b\"],\"response-required\":false}",
         "a:b 65000");
    asks(MESSAGE, "{\"requested-acks\":[\"live-response\",\"a:b\"],\"response-required\":\"false\"}",
         "a:b 65000");
    asks(EVENT, "{\"requested-acks\":[\"live-response\",\"a:b\"]}", "a:b 65000");
    asks(MODIFY, "{}", "twin-persisted 65000");
    asks(MODIFY, "{\"requested-acks\":[\"a:b\"]}", "a:b 65000");
    asks(MODIFY, "{\"response-required\":false}", "65000");
    asks(QUERY, "{}", "65000");
    asks(LIVE_QUERY, "{\"response-required\":false}", "command.headers.invalid");
}

static void timeouts(void)
{
    asks(EVENT, "{\"timeout\":\"10\",\"requested-acks\":[\"a:b\"]}", "a:b 10000");
    asks(EVENT, "{\"timeout\":\"+10s\",\"requested-acks\":[\"a:b\"]}", "a:b 10000");
    asks(EVENT, "{\"timeout\":250,\"requested-acks\":[\"a:b\"]}", "a:b 65000");
    asks(EVENT, "{\"timeout\":\"250ms\",\"requested-acks\":[\"a:b\"]}", "a:b 250");
    asks(EVENT, "{\"timeout\":\"1m\",\"requested-acks\":[\"a:b\"]}", "a:b 60000");
    asks(EVENT, "{\"timeout\":\"2m\",\"requested-acks\":[\"a:b\"]}", "a:b 65000");
    asks(EVENT, "{\"timeout\":\"1y\"}", "65000");
    asks(EVENT, "{\"timeout\":\"0\"}", "0");
    asks(MESSAGE, "{\"timeout\":\"0\"}", "0");
    asks(EVENT, "{\"timeout\":\"0\",\"requested-acks\":[\"a:b\"]}", "header.invalid");
    asks(MESSAGE, "{\"timeout\":\"0ms\",\"response-required\":true}", "header.invalid");
    asks(EVENT, "{\"timeout\":\"99999999999999999999999s\"}", "timeout.invalid");
    asks(MESSAGE, "{\"timeout\":\"\"}", "timeout.invalid");
    asks(MESSAGE, "{\"timeout\":\"-1s\"}", "timeout.invalid");
    asks(MESSAGE, "{\"timeout\":\"1.5s\"}", "timeout.invalid");
    asks(MESSAGE, "{\"timeout\":\"1 s\"}", "timeout.invalid");
    asks(MESSAGE, "{\"timeout\":\"s\"}", "timeout.invalid");
    asks(MESSAGE, "{\"timeout\":1.5}", "timeout.invalid");
    asks(MESSAGE, "{\"timeout\":true}", "timeout.invalid");
}

static bool has(struct json labels, struct slice label)
{
    for (struct json_iter it = json_iter(labels); json_next(&it);)
        if (json_text_is(it.value, label))
            return true;
    return false;
}

/* The defaults as Ditto has them: labels and whether a response is wanted, in any order; a refusal where it refuses. */
static bool defaults(struct json row)
{
    struct line l;
    struct topic t;
    struct request r;
    struct ditto_error err = {0};
    struct buf text = {0};
    struct json signal = json_get(row, S("signal")), expected = json_get(row, S("expected"));
    struct json labels = json_get(expected, S("requested-acks"));
    if (!row_is(row, "kind", "default-requested-acks"))
        return true;
    if (line_read(json_slice(signal), &l, NULL) < 0 ||
        topic_parse(json_text(l.topic, &scratch), &t, &err) < 0)
        return false;
    if (request_kind(&t) == REQUEST_OF_QUERY) /* whose labels nobody looks at */
        return true;
    bool refused = request_read(&l, &t, &text, &r, &err) < 0;
    bool same = refused ? json_present(json_get(expected, S("error"))) ||
                              json_present(json_get(row, S("error"))) || r.timeout == 0
                        : r.n == json_count(labels) &&
                              r.response == json_is(json_get(expected, S("response-required")), JSON_TRUE);
    for (size_t i = 0; !refused && i < r.n; i++)
        same = same && has(labels, r.labels[i]);
    buf_free(&text);
    return same;
}

static void leaves(const char *line, const char *want)
{
    struct buf rest = {0};
    route_rest(slice_str(line), &rest);
    is_slice(buf_slice(&rest), slice_str(want), "%s", line);
    buf_free(&rest);
}

static void rests(void)
{
    leaves("{\"id\":\"x\",\"context\":{},\"topic\":\"t\",\"value\":{\"id\":1}}",
           "\"topic\":\"t\",\"value\":{\"id\":1}}");
    leaves("{\"topic\":\"t\",\"id\":\"x\",\"value\":1,\"context\":{\"a\":[]}}",
           "\"topic\":\"t\",\"value\":1}");
    leaves("{\"topic\":\"t\"}", "\"topic\":\"t\"}");
    leaves("{ \"topic\" : \"t\" , \"id\" : \"x\" }", "\"topic\" : \"t\"}");
    leaves("{\"id\":\"x\",\"topic\":\"t\",\"id\":\"y\",\"context\":1,\"\\u0069d\":\"z\"}",
           "\"topic\":\"t\"}");
    leaves("{\"id\":\"x\"}", "}");
    leaves(" {\"topic\":\"t\",\"id\":\"x\"}\r", "\"topic\":\"t\"}");
    leaves("{\"value\":1.0,\"v\":12345678901234567890,\"w\":\"\\u0000\"}",
           "\"value\":1.0,\"v\":12345678901234567890,\"w\":\"\\u0000\"}");
}

int main(void)
{
    labels();
    many_labels();
    built_in_labels();
    timeouts();
    each_row("../mapping/acks.ndjson", defaults);
    rests();
    return done();
}
