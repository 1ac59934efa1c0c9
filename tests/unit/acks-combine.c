/* acks-combine: what is requested by default, what several acknowledgements say together. */
#include "protocol/acks.h"
#include "protocol/adapter.h"

#include "same.h"
#include "vectors.h"

enum { ACKS_MAX = 16 };

static void statuses(void)
{
    struct ack some[] = {{.status = 204}, {.status = 201}, {.status = 412}};
    is_int(acks_status(some, 0), 200, "none");
    is_int(acks_status(some + 2, 1), 412, "one is itself");
    is_int(acks_status(some, 2), 200, "all are fine");
    is_int(acks_status(some, 3), 424, "one is not");
    ok(acks_refuse(some, 3) && !acks_refuse(some, 2), "and that is a no");
}

static void filtered(void)
{
    struct buf out = {0};
    struct ack a = ack_of_filtered(S("my:ack"));
    ack_put_signal(&out, S("a:b"), ENTITY_THING, &a);
    struct json v = json_of(buf_slice(&out));
    ok(json_get(json_get(v, S("headers")), S("ditto-weak-ack")).type == JSON_TRUE,
       "one for who was filtered is weak");
    buf_free(&out);
}

/* --- rows ------------------------------------------------------------------------------------------------------- */

static size_t read_acks(struct json list, struct ack *v)
{
    struct json_iter it = json_iter(list);
    size_t n = 0;
    while (n < ACKS_MAX && json_next(&it)) {
        int64_t status = 0;
        json_int(json_get(it.value, S("status")), &status);
        v[n++] = (struct ack){.label = json_text(json_get(it.value, S("label")), &scratch),
                              .status = (int)status,
                              .payload = json_get(it.value, S("payload")),
                              .headers = json_get(it.value, S("headers"))};
    }
    return n;
}

/* The signal, sent through the adapter, is the envelope of the row. */
static bool same_envelope(struct json row, struct slice signal, const struct ack *v, size_t n)
{
    struct buf line = {0}, out = {0};
    struct adapter *a = adapter_new(ADAPT_TO_PROTOCOL);
    buf_puts(&line, "{\"headers\":");
    buf_put_slice(&line, n == 1 ? json_slice(v->headers) : S("{}"));
    buf_puts(&line, ",\"signal\":");
    buf_put_slice(&line, signal);
    buf_putc(&line, '}');
    bool adapted = adapter_take(a, buf_slice(&line), &out) == ADAPTED;
    bool same = adapted && same_json(json_of(slice_trim(buf_slice(&out))), json_get(row, S("envelope")));
    adapter_free(a);
    buf_free(&line);
    buf_free(&out);
    return same;
}

static bool aggregate_holds(struct json row)
{
    struct ack v[ACKS_MAX];
    struct buf signal = {0};
    int64_t status = 0;
    size_t n = read_acks(json_get(row, S("acks")), v);
    json_int(json_get(row, S("status")), &status);
    acks_put_signal(&signal, S("a:b"), ENTITY_THING, v, n);
    bool held = acks_status(v, n) == status && acks_refuse(v, n) == row_is(row, "responseType", "nack") &&
                same_json(json_of(buf_slice(&signal)), json_get(row, S("signal"))) &&
                same_envelope(row, buf_slice(&signal), v, n);
    buf_free(&signal);
    return held;
}

static bool defaults_hold(struct json row)
{
    struct buf out = {0};
    struct ditto_error err = {0};
    enum ack_kind kind = row_is(row, "command", "twin-modify") ? ACK_OF_TWIN : ACK_OF_LIVE;
    int r = acks_put_defaults(&out, json_get(row, S("headers")), kind, &err);
    bool held = (r < 0) == (json_get(row, S("timeoutConflict")).type == JSON_TRUE) &&
                same_json(json_of(buf_slice(&out)), json_get(row, S("result")));
    buf_free(&out);
    return held;
}

static bool timeout_holds(struct json row)
{
    struct buf text = {0};
    int64_t ms = 0;
    json_int(json_get(row, S("timeoutMillis")), &ms);
    struct ack a = ack_of_timeout(S("x:y"), ms, &text);
    struct json want = json_get(row, S("payload"));
    bool held = a.status == 408 && same_json(json_get(a.payload, S("error")), json_get(want, S("error"))) &&
                same_json(json_get(a.payload, S("status")), json_get(want, S("status")));
    buf_free(&text);
    return held;
}

static bool row_holds(struct json row)
{
    if (row_is(row, "kind", "aggregate"))
        return aggregate_holds(row);
    return row_is(row, "kind", "ack-defaults") ? defaults_hold(row) : timeout_holds(row);
}

int main(void)
{
    statuses();
    filtered();
    each_row("acks.ndjson", row_holds);
    return done();
}
