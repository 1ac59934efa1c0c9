/* ctl-diff: places that differ, and masks. */
#include "ctl/diff.h"

#include "tap.h"

#include "base/banned.h"

static struct json parsed(const char *z)
{
    struct json v;
    return json_parse(slice_str(z), &v, NULL) == 0 ? v : (struct json){JSON_ABSENT, NULL, 0};
}

static void put(void *arg, struct slice pointer, struct json a, struct json b)
{
    struct buf *out = arg;
    buf_printf(out, "%.*s %.*s %.*s;", SLICE_ARG(pointer), SLICE_ARG(json_slice(a)),
               SLICE_ARG(json_slice(b)));
}

int main(void)
{
    static const struct {
        const char *a, *b, *differences;
    } cases[] = {
        {"{}", "{}", ""},
        {"{\"a\":1,\"b\":[1,{\"c\":\"d\"}]}", "{\"b\":[1,{\"c\":\"\\u0064\"}],\"a\": 1}", ""},
        {"{\"a\":1,\"b\":true}", "{\"a\":2,\"c\":null}", "/a 1 2;/b true ;/c  null;"},
        {"{\"a\":[1,2]}", "{\"a\":[1]}", "/a/1 2 ;"},
        {"{\"a\":{\"b/c~d\":1}}", "{\"a\":{}}", "/a/b~1c~0d 1 ;"},
        {"{\"a\":{}}", "{\"a\":[]}", "/a {} [];"},
        {"{\"a\":1,\"a\":2}", "{\"a\":2}", ""},
        {"{\"uri\":\"amqp://u:x@h:1\"}", "{\"uri\":\"amqp://u:y@h:1\"}",
         "/uri \"amqp://u:*****@h:1\" \"amqp://u:*****@h:1\";"},
        {"{\"uri\":\"amqp://u:x@h:1\"}", "{\"uri\":\"amqp://u:*****@h:1\"}", ""},
        {"{\"uri\":\"amqp://u:*****@h:1\"}", "{\"uri\":\"amqp://v:x@h:1\"}",
         "/uri \"amqp://u:*****@h:1\" \"amqp://v:*****@h:1\";"},
        {"{\"uri\":\"amqp://h:1\"}", "{\"uri\":\"amqp://u:*****@h:1\"}",
         "/uri \"amqp://h:1\" \"amqp://u:*****@h:1\";"},
        {"{\"credentials\":{\"key\":\"x\",\"odd\":false}}",
         "{\"credentials\":{\"key\":\"*****\",\"odd\":\"*****\"}}", ""},
        {"{\"credentials\":{\"key\":\"x\"}}", "{\"credentials\":{\"key\":\"y\"}}",
         "/credentials/key \"*****\" \"*****\";"},
        {"{\"credentials\":{\"key\":\"x\"}}", "{}", "/credentials {\"key\":\"*****\"} ;"},
        {"{\"name\":\"*****\"}", "{\"name\":\"x\"}", "/name \"*****\" \"x\";"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct side a, b;
        struct buf out = {0};
        side_init(&a, parsed(cases[i].a));
        side_init(&b, parsed(cases[i].b));
        bool differ = side_compare(&a, &b, put, &out);
        ok(differ == (*cases[i].differences != '\0'), "%s and %s", cases[i].a, cases[i].b);
        is_slice(buf_slice(&out), slice_str(cases[i].differences), "differ there");
        side_free(&a);
        side_free(&b);
        buf_free(&out);
    }
    return done();
}
