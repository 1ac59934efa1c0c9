/* headers-cross: which headers cross the border, how they are judged, typed and printed. */
#include "protocol/headers.h"

#include "same.h"
#include "vectors.h"

/* The headers as they print, or the error's code. */
static struct slice crossed(struct buf *out, struct json headers, enum header_border border, unsigned without)
{
    struct ditto_error err = {0};
    struct header_values seen;
    buf_cut(out, 0);
    buf_putc(out, '{');
    int r = headers_put(out, headers, border, without, &seen, &err);
    buf_putc(out, '}');
    if (r < 0) {
        buf_cut(out, 0);
        buf_puts(out, err.code);
    }
    return buf_slice(out);
}

static void is_crossed(const char *headers, enum header_border border, unsigned without, const char *want)
{
    struct buf out = {0};
    is_slice(crossed(&out, json_of(slice_str(headers)), border, without), slice_str(want), "%s", headers);
    buf_free(&out);
}

static void order_and_text(void)
{
    is_crossed("{\"b\":\"\\u00e4\\n\",\"a\":1.50,\"response-required\": \"true\" }", BORDER_IN, 0,
               "{\"b\":\"\\u00e4\\n\",\"a\":\"1.50\",\"response-required\":true}");
    is_crossed("{\"X\":\"1\",\"y\":\"2\",\"x\":\"3\"}", BORDER_IN, 0, "{\"y\":\"2\",\"x\":\"3\"}");
    is_crossed("{\"\\u0063hannel\":\"x\"}", BORDER_IN, 0, "header.invalid");
    is_crossed("{\"channel\":\"x\"}", BORDER_IN, WITHOUT_CHANNEL, "header.invalid");
    is_crossed("{\"channel\":\"live\",\"a\":\"b\"}", BORDER_IN, WITHOUT_CHANNEL, "{\"a\":\"b\"}");
    is_crossed("{\"Channel\":\"x\"}", BORDER_IN, WITHOUT_CHANNEL, "{}");
    is_crossed("{\"ditto-message-subject\":\"s\",\"status\":\"200\"}", BORDER_OUT, WITHOUT_MESSAGE, "{}");
    is_crossed("null", BORDER_IN, 0, "{}");
}

/* What takes quadratic time would not come back. */
static void many(void)
{
    struct buf in = {0}, out = {0};
    buf_putc(&in, '{');
    for (int i = 0; i < 100000; i++)
        buf_printf(&in, "%s\"%s%d\":1", i ? "," : "", i % 2 ? "h" : "H", i / 2);
    buf_putc(&in, '}');
    struct json got = json_of(crossed(&out, json_of(buf_slice(&in)), BORDER_IN, 0));
    is_int((long long)json_count(got), 50000, "100,000 headers, each name in two spellings");
    buf_free(&in);
    buf_free(&out);
}

static bool sorted(void)
{
    size_t n;
    const struct header_rule *r = header_rules(&n);
    for (size_t i = 1; i < n; i++)
        if (slice_cmp(r[i - 1].name, r[i].name) >= 0)
            return false;
    return header_rule(S("Correlation-ID")) != NULL && header_rule(S("x")) == NULL;
}

/* --- rows ------------------------------------------------------------------------------------------------------- */

static bool gives(struct json row, enum header_border border, const char *member)
{
    struct buf out = {0};
    struct slice got = crossed(&out, json_get(row, S("headers")), border, 0);
    struct json want = json_get(row, slice_str(member));
    bool held =
        want.type == JSON_ABSENT ? slice_eq(got, row_text(row, "error")) : same_json(json_of(got), want);
    buf_free(&out);
    return held;
}

static bool strings_hold(struct json row)
{
    struct buf out = {0};
    struct ditto_error err = {0};
    struct json want = json_get(row, S("internal"));
    buf_putc(&out, '{');
    int r = headers_put_strings(&out, json_get(row, S("headers")), &err);
    buf_putc(&out, '}');
    bool held = r < 0 ? slice_eq(slice_str(err.code), row_text(row, "error"))
                      : same_json(json_of(buf_slice(&out)), want);
    buf_free(&out);
    return held;
}

static bool definition_holds(struct json row)
{
    const struct header_rule *r = header_rule(row_text(row, "key"));
    /* what types only headers of messages is a string elsewhere, and is not in our table as more */
    return r && r->in == (json_get(row, S("read")).type == JSON_TRUE) &&
           r->out == (json_get(row, S("write")).type == JSON_TRUE) &&
           (r->kind == HEADER_OF_BOOL) ==
               (row_is(row, "json", "boolean") || row_is(row, "json", "Boolean")) &&
           (r->kind == HEADER_OF_OBJECT) == row_is(row, "json", "JsonObject") &&
           (r->kind == HEADER_OF_INT) == (row_is(row, "json", "Integer") || row_is(row, "json", "Long"));
}

static bool row_holds(struct json row)
{
    if (row_is(row, "kind", "definition"))
        return definition_holds(row);
    if (row_is(row, "kind", "from-external"))
        return gives(row, BORDER_NONE, "parsed") && gives(row, BORDER_IN, "internal");
    if (row_is(row, "kind", "to-external"))
        return gives(row, BORDER_OUT, "external");
    return strings_hold(row);
}

int main(void)
{
    order_and_text();
    many();
    ok(sorted(), "the table is in order, and searched whatever the case");
    each_row("headers.ndjson", row_holds);
    return done();
}
