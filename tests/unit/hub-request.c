/* hub-request.c: what a message asks for; and what is left of a line on its way through the hub. */
#include <stdlib.h>

#include "hub/request.h"
#include "hub/route.h"
#include "tap.h"

#include "base/banned.h"

#define MESSAGE "org.x/t/things/live/messages/m"
#define EVENT   "org.x/t/things/twin/events/modified"

/* The labels joined by blanks and the timeout: "a:b c:d 65000"; or the error code. */
static void asks(const char *topic, const char *headers, const char *want)
{
    struct line l;
    struct topic t;
    struct json_error why;
    struct request r;
    struct ditto_error err = {0};
    struct buf text = {0}, scratch = {0}, got = {0};
    buf_printf(&text, "{\"topic\":\"%s\",\"headers\":%s}", topic, headers);
    if (line_read(buf_slice(&text), &l, &why) < 0 || topic_parse(slice_str(topic), &t, &err) < 0) {
        ok(false, "cannot read %s: %s", headers, why.reason);
    } else if (request_read(&l, &t, &scratch, &r, &err) < 0) {
        is_slice(slice_str(err.code), slice_str(want), "%s", headers);
    } else {
        for (size_t i = 0; i < r.n; i++)
            buf_printf(&got, "%.*s ", SLICE_ARG(r.labels[i]));
        buf_printf(&got, "%lld", (long long)r.timeout);
        is_slice(buf_slice(&got), slice_str(want), "%s", headers);
    }
    buf_free(&text);
    buf_free(&scratch);
    buf_free(&got);
}

static void labels(void)
{
    asks(MESSAGE, "{}", "65000");
    asks(MESSAGE, "{\"requested-acks\":[]}", "65000");
    asks(MESSAGE, "{\"requested-acks\":[\"a:b\",\"c-d_E9\"]}", "a:b c-d_E9 65000");
    asks(MESSAGE, "{\"requested-acks\":\"[\\\"a:b\\\", \\\"c:d\\\"]\"}", "a:b c:d 65000");
    asks(MESSAGE, "{\"requested-acks\":\"a:b, c:d ,\"}", "a:b c:d 65000");
    asks(MESSAGE, "{\"requested-acks\":\"\"}", "65000");
    asks(MESSAGE, "{\"requested-acks\":\"[]\"}", "65000");
    asks(MESSAGE, "{\"requested-acks\":null}", "65000");
    asks(MESSAGE, "{\"requested-acks\":[\"a:b\",\"a:b\"]}", "a:b 65000");
    asks(MESSAGE, "{\"Requested-Acks\":[\"a:b\"]}", "a:b 65000");
    asks(MESSAGE, "{\"requested-acks\":[\"a:b\"],\"requested-acks\":[\"c:d\"]}", "c:d 65000");
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
}

static void timeouts(void)
{
    asks(MESSAGE, "{\"timeout\":\"10\",\"requested-acks\":[\"a:b\"]}", "a:b 10000");
    asks(MESSAGE, "{\"timeout\":\"+10s\",\"requested-acks\":[\"a:b\"]}", "a:b 10000");
    asks(MESSAGE, "{\"timeout\":250,\"requested-acks\":[\"a:b\"]}", "a:b 65000");
    asks(MESSAGE, "{\"timeout\":\"250ms\",\"requested-acks\":[\"a:b\"]}", "a:b 250");
    asks(MESSAGE, "{\"timeout\":\"1m\",\"requested-acks\":[\"a:b\"]}", "a:b 60000");
    asks(MESSAGE, "{\"timeout\":\"2m\",\"requested-acks\":[\"a:b\"]}", "a:b 65000");
    asks(MESSAGE, "{\"timeout\":\"1y\"}", "65000");
    asks(MESSAGE, "{\"timeout\":\"99999999999999999999999s\"}", "65000");
    asks(MESSAGE, "{\"timeout\":\"0\",\"requested-acks\":[\"a:b\"]}", "0");
    asks(MESSAGE, "{\"timeout\":\"0ms\",\"requested-acks\":[\"a:b\"]}", "0");
    asks(MESSAGE, "{\"timeout\":\"\"}", "timeout.invalid");
    asks(MESSAGE, "{\"timeout\":\"-1s\"}", "timeout.invalid");
    asks(MESSAGE, "{\"timeout\":\"1.5s\"}", "timeout.invalid");
    asks(MESSAGE, "{\"timeout\":\"1 s\"}", "timeout.invalid");
    asks(MESSAGE, "{\"timeout\":\"s\"}", "timeout.invalid");
    asks(MESSAGE, "{\"timeout\":1.5}", "timeout.invalid");
    asks(MESSAGE, "{\"timeout\":true}", "timeout.invalid");
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
    rests();
    return done();
}
