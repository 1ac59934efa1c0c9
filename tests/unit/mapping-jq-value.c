/* mapping-jq-value: JSON to the values of libjq and back. */
#include "mapping/jq_value.h"

#include "tap.h"

static void through(const char *text, const char *want)
{
    struct json v = {JSON_ABSENT, NULL, 0};
    struct buf b = {0};
    ok(json_parse(slice_str(text), &v, NULL) == 0, "'%s' is JSON", text);
    jv j = jq_value(v);
    ok(jq_value_put(&b, j, 10000) == 0, "and can be written");
    jv_free(j);
    is_slice(buf_slice(&b), slice_str(want ? want : text), "as it should be");
    buf_free(&b);
}

static void test_values(void)
{
    through("null", NULL);
    through("[true,false,null,\"\",{},[]]", NULL);
    through("{\"a\":{\"b\":[1,2,{\"c\":\"d\"}]}}", NULL);
    through("{\"z\":1,\"a\":2}", NULL);
    through(" [ 1 , 2 ] ", "[1,2]");
    through("\"\\u00e9\\ud83d\\ude00\\u0000\\n\"", "\"\xc3\xa9\xf0\x9f\x98\x80\\u0000\\n\"");
    through("\"\\ud83d\"", "\"\xef\xbf\xbd\"");
    through("{\"a\":1,\"a\":2}", "{\"a\":2}");
}

static void test_numbers(void)
{
    through("[0,-0,1.0,21.50,1e3]", "[0,-0,1,21.5,1000]");
    through("[0.1,0.30000000000000004,1e-5,3.141592653589793]",
            "[0.1,0.30000000000000004,1e-05,3.141592653589793]");
    through("[9007199254740993,123456789012345678901]", "[9007199254740992,1.2345678901234568e+20]");
    through("[1e400,-1e400]", "[1.7976931348623157e+308,-1.7976931348623157e+308]");
    through("[-999999999999999,999999999999999,1e16]",
            "[-999999999999999,999999999999999,10000000000000000]");
    jv nan = jv_number(0.0 / 0.0);
    struct buf b = {0};
    ok(jq_value_put(&b, nan, 100) == 0, "what is no number can be written");
    is_slice(buf_slice(&b), S("null"), "as null");
    buf_free(&b);
}

static void test_limits(void)
{
    struct buf b = {0};
    jv v = jv_array();
    for (int i = 1; i < JSON_MAX_DEPTH; i++)
        v = jv_array_append(jv_array(), v);
    ok(jq_value_put(&b, v, 10000) == 0, "1000 levels are written");
    v = jv_array_append(jv_array(), v);
    ok(jq_value_put(&b, v, 10000) < 0, "1001 are not");
    jv_free(v);
    v = jv_string("0123456789");
    ok(jq_value_put(&b, v, 12) == 0, "text that fits");
    ok(jq_value_put(&b, v, 11) < 0, "text that does not");
    jv_free(v);
    buf_free(&b);
}

int main(void)
{
    test_values();
    test_numbers();
    test_limits();
    return done();
}
