/* pointer-get: JSON pointers in both dialects, and changing what they name. */
#include "json/pointer.h"

#include "same.h"
#include "vectors.h"

static struct slice got(struct json doc, const char *pointer, enum pointer_dialect dialect)
{
    struct pointer p;
    if (!pointer_parse(&p, slice_str(pointer), dialect))
        return S("refused");
    struct json v = pointer_get(doc, p);
    return v.type == JSON_ABSENT ? SLICE_NONE : json_slice(v);
}

/* The example of RFC 6901 section 5. */
static void rfc_example(void)
{
    static const char text[] =
        "{\"foo\":[\"bar\",\"baz\"],\"\":0,\"a/b\":1,\"c%d\":2,\"e^f\":3,\"g|h\":4,\"i\\\\j\":5,"
        "\"k\\\"l\":6,\" \":7,\"m~n\":8}";
    static const struct {
        const char *pointer, *value;
    } rows[] = {{"/foo", "[\"bar\",\"baz\"]"},
                {"/foo/0", "\"bar\""},
                {"/", "0"},
                {"/a~1b", "1"},
                {"/c%d", "2"},
                {"/e^f", "3"},
                {"/g|h", "4"},
                {"/i\\j", "5"},
                {"/k\"l", "6"},
                {"/ ", "7"},
                {"/m~0n", "8"}};
    struct json doc = json_of(slice_str(text));
    is_slice(got(doc, "", POINTER_RFC6901), slice_str(text), "the empty pointer names the whole");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        is_slice(got(doc, rows[i].pointer, POINTER_RFC6901), slice_str(rows[i].value), "'%s'",
                 rows[i].pointer);
    is_slice(got(doc, "foo", POINTER_RFC6901), S("refused"), "a first slash is needed");
    is_slice(got(doc, "/m~2n", POINTER_RFC6901), S("refused"), "~2 is none");
    is_slice(got(doc, "/foo/01", POINTER_RFC6901), SLICE_NONE, "an index has no leading zero");
    is_slice(got(doc, "/foo/-", POINTER_RFC6901), SLICE_NONE, "'-' names what is not there");
}

static void ditto_dialect(void)
{
    struct json doc = json_of(S("{\"a\":{\"b~c\":[1,2],\"0\":{\"x\":3}},\"~1\":4}"));
    is_slice(got(doc, "a/0/x/", POINTER_DITTO), S("3"), "first and last slash do not matter");
    is_slice(got(doc, "/a/b~0c", POINTER_DITTO), S("[1,2]"), "~0 is a tilde");
    is_slice(got(doc, "/a/b~c", POINTER_DITTO), S("[1,2]"), "so is a lone one");
    is_slice(got(doc, "/~1", POINTER_DITTO), S("4"), "~1 is two characters");
    is_slice(got(doc, "/a/b~c/0", POINTER_DITTO), SLICE_NONE, "elements of arrays are never named");
    is_slice(got(doc, "/a//x", POINTER_DITTO), S("refused"), "two slashes are refused");
}

static void change(const char *doc, const char *pointer, enum pointer_dialect dialect, const char *value,
                   const char *want)
{
    struct buf out = {0};
    struct pointer p;
    bool valid = pointer_parse(&p, slice_str(pointer), dialect);
    if (valid)
        pointer_put_with(&out, json_of(slice_str(doc)), p, value ? slice_str(value) : SLICE_NONE);
    is_slice(buf_slice(&out), slice_str(want), "%s at '%s' of %s", value ? value : "nothing", pointer, doc);
    buf_free(&out);
}

static void changes(void)
{
    change("{\"a\":1,\"b\": 2.50}", "/a", POINTER_DITTO, "[]", "{\"a\":[],\"b\":2.50}");
    change("{\"a\":{\"x\":1}}", "/a/y/z", POINTER_DITTO, "2", "{\"a\":{\"x\":1,\"y\":{\"z\":2}}}");
    change("{\"a\":5}", "/a/b", POINTER_DITTO, "1", "{\"a\":{\"b\":1}}");
    change("{\"a\":1,\"b\":2,\"a\":3}", "/a", POINTER_DITTO, "4", "{\"a\":4,\"b\":2}");
    change("{\"a\":1,\"b\":2,\"a\":3}", "/a", POINTER_DITTO, NULL, "{\"b\":2}");
    change("{\"a\":{\"b\":1}}", "/a/b", POINTER_DITTO, NULL, "{\"a\":{}}");
    change("{\"a\":{\"b\":1}}", "/c/d", POINTER_DITTO, NULL, "{\"a\":{\"b\":1}}");
    change("{\"a\":1}", "/", POINTER_DITTO, "7", "7");
    change("", "/a/b", POINTER_DITTO, "1", "{\"a\":{\"b\":1}}");
    change("[1,2,3]", "/1", POINTER_RFC6901, "9", "[1,9,3]");
    change("[1,2,3]", "/1", POINTER_RFC6901, NULL, "[1,3]");
    change("[1,2,3]", "/0", POINTER_RFC6901, NULL, "[2,3]");
    change("[1]", "/-", POINTER_RFC6901, "2", "[1,2]");
    change("[1]", "/1/a", POINTER_RFC6901, "2", "[1,{\"a\":2}]");
    change("[1]", "/5", POINTER_RFC6901, "2", "[1]");
    change("[{\"a\":1}]", "/0/a", POINTER_RFC6901, "2", "[{\"a\":2}]");
    change("[1]", "/0", POINTER_DITTO, "2", "{\"0\":2}");
}

/* Keys and printed form, or the refusal, as the row says. */
static bool row_holds(struct json row)
{
    struct pointer p;
    struct buf printed = {0};
    struct slice token;
    size_t n = 0;
    if (!row_is(row, "kind", "pointer"))
        return true;
    struct json keys = json_get(row, S("keys"));
    bool held = pointer_parse(&p, row_text(row, "input"), POINTER_DITTO) == (keys.type == JSON_ARRAY);
    while (held && pointer_next(&p, &token)) {
        struct slice key = pointer_key(token, POINTER_DITTO, &scratch);
        held = slice_eq(key, json_text(json_at(keys, n++), &scratch));
        pointer_put_key(&printed, key, POINTER_DITTO);
    }
    if (held && keys.type == JSON_ARRAY)
        held = n == json_count(keys) && slice_eq(n ? buf_slice(&printed) : S("/"), row_text(row, "string"));
    buf_free(&printed);
    return held;
}

int main(void)
{
    rfc_example();
    ditto_dialect();
    changes();
    each_row("json.ndjson", row_holds);
    return done();
}
