/* line-read.c: the kinds of lines, their members, and the lines that settle. */
#include "line/line.h"
#include "tap.h"

#include "base/banned.h"

static struct line read_line(struct slice text)
{
    struct line l;
    struct json_error err = {0, ""};
    if (!ok(line_read(text, &l, &err) == 0, "reads %.*s", (int)(text.len < 70 ? text.len : 70), text.p))
        printf("# %s at %zu\n", err.reason, err.offset);
    return l;
}

static void kind(struct slice text, enum line_kind want)
{
    is_int(read_line(text).kind, want, "its kind");
}

static void kinds(void)
{
    kind(S("{\"address\":\"a\"}"), LINE_EXTERNAL);
    kind(S("{\"topic\":\"a/b\"}"), LINE_DITTO);
    kind(S("{\"signal\":{}}"), LINE_SIGNAL);
    kind(S("{\"id\":\"a-1\",\"status\":200}"), LINE_SETTLEMENT);
    kind(S("{\"id\":\"a-1\",\"parts\":2}"), LINE_PARTS);
    kind(S("{\"id\":\"a-1\",\"parts\":2,\"status\":200}"), LINE_SETTLEMENT);
    kind(S("{\"id\":\"a-1\",\"status\":200,\"topic\":\"a/b\"}"), LINE_DITTO);
    kind(S("{\"signal\":{},\"topic\":\"a/b\"}"), LINE_DITTO);
    kind(S("{\"topic\":\"a/b\",\"address\":\"x\"}"), LINE_EXTERNAL);
    kind(S("{\"topic\":null,\"signal\":{}}"), LINE_SIGNAL);
    kind(S("{\"status\":200}"), LINE_UNKNOWN);
    kind(S("{\"parts\":200}"), LINE_UNKNOWN);
    kind(S("{\"id\":\"a-1\"}"), LINE_UNKNOWN);
    kind(S("{\"id\":\"a-1\",\"status\":null}"), LINE_UNKNOWN);
    kind(S("{\"value\":{\"topic\":\"a/b\"}}"), LINE_UNKNOWN);
    kind(S("{\"hello\":1}"), LINE_UNKNOWN);
    kind(S("{}"), LINE_UNKNOWN);
    kind(S("{\"\\u0074opic\":\"a/b\"}"), LINE_DITTO);
    kind(S("{\"topi\\u0063\":\"a/b\",\"\\u0069d\":\"a-1\"}"), LINE_DITTO);
    kind(S("{\"topic\\u0000\":\"a/b\"}"), LINE_UNKNOWN);
}

static void no_lines(void)
{
    static const char *const bad[] = {
        "", "[]", "null", "\"topic\"", "{\"topic\":", "{\"topic\":\"a\"", "{} {}", "nonsense"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct line l;
        struct json_error err = {0, ""};
        is_int(line_read(slice_str(bad[i]), &l, &err), -1, "no line: %s", bad[i]);
        ok(*err.reason != '\0', "with a reason");
    }
}

static void members(void)
{
    struct slice text = S(
        "{\"id\":\"ab12-7/3\",\"topic\":\"t\",\"path\":\"/p\",\"value\":1.0,\"extra\":{\"e\":1},\"status\":204.0,"
        "\"revision\":5,\"timestamp\":\"ts\",\"metadata\":{},\"fields\":\"f\",\"headers\":{\"h\":1},\"text\":\"x\","
        "\"bytes\":\"eA==\",\"context\":{\"c\":2},\"signal\":{\"type\":\"s\"},\"channel\":\"live\",\"error\":{\"s\":1},"
        "\"weak\":true,\"parts\":3,\"address\":\"a\",\"other\":1,\"another\":2,\"other\":3,\"headersX\":{}}");
    struct line l = read_line(text);
    is_slice(l.raw, text, "raw");
    is_slice(l.id, S("ab12-7/3"), "id");
    is_slice(json_slice(l.topic), S("\"t\""), "topic");
    is_slice(json_slice(l.path), S("\"/p\""), "path");
    is_slice(json_slice(l.value), S("1.0"), "value");
    is_slice(json_slice(l.extra), S("{\"e\":1}"), "extra");
    is_slice(json_slice(l.status), S("204.0"), "status");
    is_slice(json_slice(l.revision), S("5"), "revision");
    is_slice(json_slice(l.timestamp), S("\"ts\""), "timestamp");
    is_slice(json_slice(l.metadata), S("{}"), "metadata");
    is_slice(json_slice(l.fields), S("\"f\""), "fields");
    is_slice(json_slice(l.headers), S("{\"h\":1}"), "headers");
    is_slice(json_slice(l.text), S("\"x\""), "text");
    is_slice(json_slice(l.bytes), S("\"eA==\""), "bytes");
    is_slice(json_slice(l.context), S("{\"c\":2}"), "context");
    is_slice(json_slice(l.signal), S("{\"type\":\"s\"}"), "signal");
    is_slice(json_slice(l.channel), S("\"live\""), "channel");
    is_slice(json_slice(l.error), S("{\"s\":1}"), "error");
    is_slice(json_slice(l.weak), S("true"), "weak");
    is_slice(json_slice(l.parts), S("3"), "parts");
    is_slice(json_slice(l.address), S("\"a\""), "address");
    is_int((long long)l.n_other, 4, "others");
    l = read_line(S("{\"topic\":1,\"topic\":2,\"\\u0074opic\":3}"));
    is_slice(json_slice(l.topic), S("3"), "the last of duplicates");
    is_int(l.value.type, JSON_ABSENT, "absent members are absent");
    is_int((long long)read_line(S("{\"value\":null}")).value.type, JSON_NULL, "a null value is there");
}

static void ids(void)
{
    static char long_id[300];
    is_slice(read_line(S("{\"id\":\"\"}")).id, SLICE_NONE, "empty");
    is_slice(read_line(S("{\"id\":7}")).id, SLICE_NONE, "a number");
    is_slice(read_line(S("{\"id\":null}")).id, SLICE_NONE, "null");
    is_slice(read_line(S("{\"id\":\"a\\u002d1\"}")).id, S("a\\u002d1"), "escaped");
    is_slice(read_line(S("{\"id\":\"a-1\",\"id\":\"a-2\"}")).id, S("a-2"), "the last of duplicates");
    for (size_t len = 256; len <= 257; len++) {
        memset(long_id, 'x', sizeof long_id);
        memcpy(long_id, "{\"id\":\"", 7);
        memcpy(long_id + 7 + len, "\"}", 2);
        is_int((long long)read_line(slice_of(long_id, len + 9)).id.len, len == 256 ? 256 : 0, "%zu bytes",
               len);
    }
}

static void classes(void)
{
    static const struct {
        int status;
        enum line_class class;
    } rows[] = {{100, CLASS_ACCEPT}, {200, CLASS_ACCEPT},    {399, CLASS_ACCEPT},
                {400, CLASS_REJECT}, {407, CLASS_REJECT},    {408, CLASS_REDELIVER},
                {409, CLASS_REJECT}, {412, CLASS_REJECT},    {424, CLASS_REDELIVER},
                {499, CLASS_REJECT}, {500, CLASS_REDELIVER}, {599, CLASS_REDELIVER}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        is_int(line_class_of(rows[i].status), rows[i].class, "class of %d", rows[i].status);
    for (enum line_class c = CLASS_ACCEPT; c <= CLASS_REDELIVER; c++)
        is_int(line_class_of(line_class_status(c)), c, "the status of a class is of that class");
}

static void writing(void)
{
    struct buf out = {0};
    line_put_settlement(&out, S("ab-1"), 200);
    line_put_settlement(&out, S("quote\\\"\\n"), 503);
    line_put_refusal(&out, S("ab-2"), 400, S("json.invalid"), S("no \"x\""), S("try y"));
    line_put_refusal(&out, S("ab-3"), 404, S("a"), S("b"), SLICE_NONE);
    line_put_parts(&out, S("ab-4"), 3);
    is_slice(
        buf_slice(&out),
        S("{\"id\":\"ab-1\",\"status\":200}\n"
          "{\"id\":\"quote\\\"\\n\",\"status\":503}\n"
          "{\"id\":\"ab-2\",\"status\":400,\"error\":{\"status\":400,\"error\":\"json.invalid\",\"message\":"
          "\"no \\\"x\\\"\",\"description\":\"try y\"}}\n"
          "{\"id\":\"ab-3\",\"status\":404,\"error\":{\"status\":404,\"error\":\"a\",\"message\":\"b\"}}\n"
          "{\"id\":\"ab-4\",\"parts\":3}\n"),
        "settlements, refusals, parts");
    buf_free(&out);
}

int main(void)
{
    kinds();
    no_lines();
    members();
    ids();
    classes();
    writing();
    return done();
}
