/* mapping-tree: objects put together of others: merged, pruned, and what of them was null. */
#include "mapping/tree.h"

#include "same.h"
#include "tap.h"

static void merged(const char *low, const char *high, const char *want)
{
    struct buf out = {0};
    tree_put_merged(&out, json_of(slice_str(low)), json_of(slice_str(high)));
    is_slice(buf_slice(&out), slice_str(want), "%s under %s", low, high);
    buf_free(&out);
}

static void pruned(const char *text, const char *want)
{
    struct buf out = {0};
    bool any = tree_put_pruned(&out, json_of(slice_str(text)));
    is_slice(any ? buf_slice(&out) : SLICE_NONE, want ? slice_str(want) : SLICE_NONE, "%s pruned", text);
    ok(any || !out.len, "nothing is appended when nothing is left of %s", text);
    buf_free(&out);
}

static void nulls(const char *text, const char *want)
{
    struct buf out = {0};
    bool any = tree_put_nulls(&out, json_of(slice_str(text)), S("7"));
    is_slice(any ? buf_slice(&out) : SLICE_NONE, want ? slice_str(want) : SLICE_NONE, "nulls of %s", text);
    buf_free(&out);
}

int main(void)
{
    merged("{}", "{}", "{}");
    merged("{\"a\":1.0,\"b\":2}", "{\"b\": 3e1,\"c\":4}", "{\"a\":1.0,\"b\":3e1,\"c\":4}");
    merged("{\"a\":{\"x\":1,\"y\":1}}", "{\"a\":{\"y\":null,\"z\":2}}",
           "{\"a\":{\"x\":1,\"y\":null,\"z\":2}}");
    merged("{\"a\":{\"x\":1}}", "{\"a\":5}", "{\"a\":5}");
    merged("{\"a\":5}", "{\"a\":{\"x\":1}}", "{\"a\":{\"x\":1}}");
    merged("{\"a\":[1,{\"x\":1},3]}", "{\"a\":[9,{\"y\":2}]}", "{\"a\":[9,{\"x\":1,\"y\":2},3]}");
    merged("{\"a\":[1]}", "{\"a\":[2,3]}", "{\"a\":[2,3]}");
    merged("{\"\\u0061\":1}", "{\"a\":2}", "{\"\\u0061\":2}");
    merged("{\"a\":1}", "{\"b\":2,\"b\":3}", "{\"a\":1,\"b\":3}");

    pruned("{\"a\":null,\"b\":{\"c\":null},\"d\":{},\"e\":[null,{}],\"f\":{\"g\":1.50}}",
           "{\"e\":[null,{}],\"f\":{\"g\":1.50}}");
    pruned("{\"a\":{\"b\":{\"c\":null}}}", NULL);
    pruned("{}", NULL);

    nulls("{\"a\":null,\"b\":{\"c\":null,\"d\":1},\"e\":[null]}", "{\"a\":7,\"b\":{\"c\":7}}");
    nulls("{\"{{~x~}}\":null,\"{{/y/}}\":{\"a\":null},\"{{z}}\":null}", "{\"{{z}}\":7}");
    nulls("{\"a\":1}", NULL);
    nulls("null", "7");
    return done();
}
