/* patch-merge: JSON merge patch, the table of RFC 7396 appendix A and what Ditto adds. */
#include "json/patch.h"

#include "same.h"
#include "vectors.h"

static void patched(const char *target, const char *patch, enum patch_dialect dialect, const char *want)
{
    struct buf out = {0};
    json_put_patched(&out, json_of(slice_str(target)), json_of(slice_str(patch)), dialect);
    is_slice(buf_slice(&out), slice_str(want), "%.60s with %.60s", target, patch);
    buf_free(&out);
}

static void appendix_a(void)
{
    static const char *const rows[][3] = {
        {"{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
        {"{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}"},
        {"{\"a\":\"b\"}", "{\"a\":null}", "{}"},
        {"{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}"},
        {"{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
        {"{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}"},
        {"{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}"},
        {"{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}"},
        {"[\"a\",\"b\"]", "[\"c\",\"d\"]", "[\"c\",\"d\"]"},
        {"{\"a\":\"b\"}", "[\"c\"]", "[\"c\"]"},
        {"{\"a\":\"foo\"}", "null", "null"},
        {"{\"a\":\"foo\"}", "\"bar\"", "\"bar\""},
        {"{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}"},
        {"[1,2]", "{\"a\":\"b\",\"c\":null}", "{\"a\":\"b\"}"},
        {"{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        patched(rows[i][0], rows[i][1], PATCH_RFC7396, rows[i][2]);
}

static void text_and_names(void)
{
    patched("{\"n\": 1.50,\"m\":12345678901234567890}", "{\"x\":1e400}", PATCH_RFC7396,
            "{\"n\":1.50,\"m\":12345678901234567890,\"x\":1e400}");
    patched("{\"\\u0061\":1,\"b\":2}", "{\"a\":3}", PATCH_RFC7396, "{\"\\u0061\":3,\"b\":2}");
    patched("{\"a\":1,\"a\":2}", "{\"b\":0}", PATCH_RFC7396, "{\"a\":2,\"b\":0}");
    patched("{\"a\":1}", "{\"a\":null,\"a\":5}", PATCH_RFC7396, "{\"a\":5}");
    patched("", "{\"a\":1}", PATCH_RFC7396, "{\"a\":1}");
}

static void patterns(void)
{
    patched("{\"2023-01\":1,\"2024-01\":2,\"x\":3}", "{\"{{ ~2023-.*~ }}\":null}", PATCH_DITTO,
            "{\"2024-01\":2,\"x\":3}");
    patched("{\"a1\":1,\"b\":2}", "{\"{{/a\\\\d/}}\":null,\"a1\":9}", PATCH_DITTO, "{\"b\":2,\"a1\":9}");
    patched("{\"a\":1}", "{\"{{~(~}}\":null}", PATCH_DITTO, "{\"a\":1}");
    patched("{\"a\":1}", "{\"{{~((a{250}){250}){250}~}}\":null}", PATCH_DITTO, "{\"a\":1}");
    patched("{\"a\":1}", "{\"{{~a+++++++++++++++++++++++++++++++~}}\":null}", PATCH_DITTO, "{\"a\":1}");
    patched("{\"a\":1}", "{\"{{~(((((((((((((((((a+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+~}}\":null}",
            PATCH_DITTO, "{\"a\":1}");
    patched("{\"a+b]\":1}", "{\"{{~a\\\\+b[]+(]+~}}\":null}", PATCH_DITTO, "{}");
    patched("{\"aa\":1}", "{\"{{~a~}}\":null}", PATCH_DITTO, "{\"aa\":1}");
    patched("{\"a\":1}", "{\"n\":{\"{{~a~}}\":null}}", PATCH_DITTO, "{\"a\":1,\"n\":{}}");
    patched("{\"a\":1}", "{\"{{~a~}}\":null}", PATCH_RFC7396, "{\"a\":1}");
}

/* 50,000 members, half of them patched: what takes quadratic time would not come back. */
static void many(void)
{
    struct buf target = {0}, patch = {0}, out = {0};
    buf_putc(&target, '{');
    buf_putc(&patch, '{');
    for (int i = 0; i < 50000; i++) {
        buf_printf(&target, "%s\"k%d\":%d", i ? "," : "", i, i);
        buf_printf(&patch, "%s\"k%d\":null", i ? "," : "", 2 * i);
    }
    buf_putc(&target, '}');
    buf_putc(&patch, '}');
    json_put_patched(&out, json_of(buf_slice(&target)), json_of(buf_slice(&patch)), PATCH_DITTO);
    is_int((long long)json_count(json_of(buf_slice(&out))), 25000, "half of 50,000 members removed");
    buf_free(&target);
    buf_free(&patch);
    buf_free(&out);
}

static bool row_holds(struct json row)
{
    struct buf out = {0}, want = {0};
    if (!row_is(row, "kind", "merge-patch"))
        return true;
    json_put_patched(&out, json_get(row, S("target")), json_get(row, S("patch")), PATCH_DITTO);
    json_put_compact(&want, json_get(row, S("result")));
    bool held = same_json(json_of(buf_slice(&out)), json_of(buf_slice(&want)));
    buf_free(&out);
    buf_free(&want);
    return held;
}

static void differing(const char *from, const char *to, const char *want)
{
    struct buf out = {0}, back = {0};
    bool differs = json_put_diff(&out, json_of(slice_str(from)), json_of(slice_str(to)));
    ok(differs == (want[0] != '\0'), "do %.60s and %.60s differ?", from, to);
    is_slice(buf_slice(&out), slice_str(want), "from %.60s to %.60s", from, to);
    if (differs) {
        json_put_patched(&back, json_of(slice_str(from)), json_of(buf_slice(&out)), PATCH_RFC7396);
        ok(same_json(json_of(buf_slice(&back)), json_of(slice_str(to))), "%.60s makes %.60s", want, to);
    }
    buf_free(&out);
    buf_free(&back);
}

static void differences(void)
{
    differing("{}", "{}", "");
    differing("{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}", "");
    differing("{\"a\":1,\"b\":2}", "{\"b\":3}", "{\"a\":null,\"b\":3}");
    differing("{\"a\":{\"x\":1,\"y\":2}}", "{\"a\":{\"x\":1,\"z\":3}}", "{\"a\":{\"y\":null,\"z\":3}}");
    differing("{\"a\":{\"x\":1}}", "{\"a\":[1]}", "{\"a\":[1]}");
    differing("[1,{\"a\":1,\"b\":2}]", "[1,{\"b\":2,\"a\":1}]", "");
    differing("[1,2]", "[1]", "[1]");
    differing("[1]", "[1,2]", "[1,2]");
    differing("1", "1.0", "1.0");
    differing("\"\\u0061\"", "\"a\"", "");
    differing("{\"\\u0061\":1}", "{\"a\":1}", "");
    differing("true", "false", "false");
    differing("null", "null", "");
}

int main(void)
{
    appendix_a();
    text_and_names();
    patterns();
    many();
    differences();
    each_row("json.ndjson", row_holds);
    return done();
}
