/* selector-apply: field selectors. Against the rows of $VECTORS/protocol/json.ndjson, too. */
#include "protocol/selector.h"
#include "rows.h"

#include "base/banned.h"

static int parse(struct selector *s, struct slice kind, struct slice text, struct ditto_error *err)
{
    if (slice_eq(kind, S("fields-protocol")))
        return selector_parse_protocol(s, text, err);
    if (slice_eq(kind, S("fields-extra")))
        return selector_parse_extra(s, text, err);
    return selector_parse(s, text, true, err);
}

static bool same_pointers(const struct selector *s, struct json pointers)
{
    struct json_iter it = json_iter(pointers);
    bool same = json_count(pointers) == s->n;
    for (size_t i = 0; same && json_next(&it); i++)
        same = json_text_is(it.value, s->pointers[i]);
    return same;
}

static void row(struct json r)
{
    struct slice kind = text_of(r, "kind"), input = text_of(r, "input");
    struct selector s;
    struct ditto_error err = {0};
    struct buf out = {0};
    struct json result;
    if (!slice_starts(kind, S("fields-")))
        return;
    bool parsed = parse(&s, kind, input, &err) == 0;
    bool held = parsed ? same_pointers(&s, member(r, "pointers"))
                       : slice_eq(slice_str(err.code), text_of(r, "error")) && err.status == 400;
    if (parsed && member(r, "object").type == JSON_OBJECT) {
        selector_apply(&out, &s, member(r, "object"), false);
        held =
            held && json_parse(buf_slice(&out), &result, NULL) == 0 && same_json(result, member(r, "result"));
    }
    if (!ok(held, "%.*s", SLICE_ARG(text_of(r, "name")))) {
        tap_bytes("input", input);
        tap_bytes("output", buf_slice(&out));
    }
    if (parsed)
        selector_free(&s);
    buf_free(&out);
}

static const char thing[] =
    "{\"b\" : [ {\"x\":1.0,\"y\":2} , 7, {\"y\":3}], \"a\":{\"x\":{\"p\":[1, 2]},\"z\":null},"
    "\"features\":{\"f\":{\"properties\":{\"p\":1,\"q\":2}},\"g\":{\"properties\":{\"q\":3}},\"h\":{}},"
    "\"a~b\":{\"c\\u002fd\":1e400}}";

static void leaves(const char *selector, bool any_id, const char *want)
{
    struct selector s;
    struct ditto_error err = {0};
    struct buf out = {0};
    struct json v;
    json_parse(slice_str(thing), &v, NULL);
    if (selector_parse(&s, slice_str(selector), false, &err) < 0) {
        ok(false, "%s: %s", selector, err.message);
        return;
    }
    selector_apply(&out, &s, v, any_id);
    is_slice(buf_slice(&out), slice_str(want), "%s leaves", selector);
    selector_free(&s);
    buf_free(&out);
}

/* A "(" that nothing closes in its own part: Ditto takes it for a letter. */
static void unclosed(void)
{
    struct selector s;
    struct ditto_error err = {0};
    is_int(selector_parse(&s, S("a)b,c("), false, &err), 0, "parentheses are counted, not paired");
    is_int((long long)s.n, 2, "two pointers");
    is_slice(s.pointers[1], S("/c("), "the second");
    selector_free(&s);
}

static void applying(void)
{
    leaves("a/x/p", false, "{\"a\":{\"x\":{\"p\":[1, 2]}}}");
    leaves("a", false, "{\"a\":{\"x\":{\"p\":[1, 2]},\"z\":null}}");
    leaves("a/z,a/x", false, "{\"a\":{\"x\":{\"p\":[1, 2]},\"z\":null}}");
    leaves("a/x/p,a/x", false, "{\"a\":{\"x\":{\"p\":[1, 2]}}}");
    leaves("a/x/p/q,a/y,c", false, "{}");
    leaves("b/x", false, "{\"b\":[{\"x\":1.0},{}]}");
    leaves("b/y", false, "{\"b\":[{\"y\":2},{\"y\":3}]}");
    leaves("b/z", false, "{}");
    leaves("b/0", false, "{}");
    leaves("features/*/properties/p", true, "{\"features\":{\"f\":{\"properties\":{\"p\":1}}}}");
    leaves("features/*/properties(p,q)", true,
           "{\"features\":{\"f\":{\"properties\":{\"p\":1,\"q\":2}},\"g\":{\"properties\":{\"q\":3}}}}");
    leaves("features/*/properties", false, "{}");
    leaves("features/f/*", true, "{}");
    leaves("a~0b", false, "{\"a~b\":{\"c\\u002fd\":1e400}}");
    leaves("a~b", false, "{\"a~b\":{\"c\\u002fd\":1e400}}");
    leaves("", false, "{}");
    leaves("/", false, "{}");
}

static void bounded(const char *what, const char *piece, size_t n, const char *end, const char *code)
{
    struct buf text = {0};
    struct selector s;
    struct ditto_error err = {0};
    for (size_t i = 0; i < n; i++)
        buf_puts(&text, piece);
    for (size_t i = 0; i < n && *end; i++)
        buf_puts(&text, end);
    int r = selector_parse(&s, buf_slice(&text), false, &err);
    is_slice(slice_str(r < 0 ? err.code : ""), slice_str(code), "%s", what);
    if (r == 0)
        selector_free(&s);
    buf_free(&text);
}

static void hostile(void)
{
    bounded("parentheses nest", "a(", 90, ")", "");
    bounded("but not endlessly", "a(", 10000, ")", "json.fieldselector.invalid");
    bounded("a million of one pointer are one", "abc,", 1000000, "", "");
    bounded("a long pointer", "abcdefgh/", 100000, "", "json.fieldselector.invalid");
    bounded("ten megabytes of commas", ",", 10000000, "", "");
    struct buf text = {0};
    struct selector s;
    struct ditto_error err = {0};
    for (int i = 0; i < 5000; i++)
        buf_printf(&text, "a%d,", i);
    is_int(selector_parse(&s, buf_slice(&text), false, &err), -1, "too many pointers are refused");
    is_slice(slice_str(err.code), S("json.fieldselector.invalid"), "with a code");
    buf_free(&text);
}

int main(void)
{
    each_row("protocol/json.ndjson", 50, row);
    unclosed();
    applying();
    hostile();
    return done();
}
