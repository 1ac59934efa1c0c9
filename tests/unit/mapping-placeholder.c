/* mapping-placeholder: templates: what compiles, what they resolve to, what is refused and how. The values of each function
 * and placeholder are tests/ditto-expand.bats's. */
#include "mapping/expression.h"

#include "tap.h"

static struct entity entity;

/* The facts of a message with this topic. */
static struct facts facts_of(struct topic *t, const char *text)
{
    struct ditto_error err = {.status = 0};
    ok(topic_parse(slice_str(text), t, &err) == 0, "topic %s", text);
    return (struct facts){
        .placeholders = ~0u, .topic = t, .entity = entity_of_topic(t, &entity) ? &entity : NULL};
}

static void resolves(const char *template, const struct facts *f, const char *want)
{
    struct template t;
    struct scratch s = {0};
    struct ditto_error err = {.status = 0};
    struct slice got = SLICE_NONE;
    if (!ok(template_compile(&t, slice_str(template), ~0u, &err) == 0, "'%s' compiles", template)) {
        printf("# %s: %s %s\n", err.code, err.message, err.description);
        return;
    }
    enum value_state state = template_resolve(&t, f, &s, &got, &err);
    if (want)
        is_slice(state == VALUE_RESOLVED ? got : SLICE_NONE, slice_str(want), "'%s' resolves", template);
    else
        is_int(state, VALUE_UNRESOLVED, "'%s' is unresolved", template);
    template_free(&t);
    scratch_free(&s);
}

/* All values, joined by blanks. */
static void resolves_all(const char *template, const struct facts *f, const char *want)
{
    struct template t;
    struct scratch s = {0};
    struct ditto_error err = {.status = 0};
    struct values v;
    struct buf got = {0};
    ok(template_compile(&t, slice_str(template), ~0u, &err) == 0, "'%s' compiles", template);
    is_int(template_resolve_all(&t, f, &s, &v, &err), VALUE_RESOLVED, "and resolves");
    for (size_t i = 0; i < v.n; i++) {
        buf_put_slice(&got, v.v[i]);
        buf_puts(&got, i + 1 < v.n ? " " : "");
    }
    is_slice(buf_slice(&got), slice_str(want), "to its values");
    template_free(&t);
    scratch_free(&s);
    buf_free(&got);
}

static void refused(const char *template, unsigned allowed, const char *code)
{
    struct template t;
    struct ditto_error err = {.status = 0};
    ok(template_compile(&t, slice_str(template), allowed, &err) < 0, "'%s' is refused", template);
    is_slice(slice_str(err.code), slice_str(code), "with its code");
    ok(err.status == 400 && err.description[0], "and a description");
}

static void test_literals(void)
{
    struct facts f = {.placeholders = ~0u};
    resolves("", &f, "");
    resolves("plain/text", &f, "plain/text");
    resolves("{x} }} or {{ a $ and ${", &f, "{x} }} or {{ a $ and ${");
    resolves("a\tb", &f, "a\tb");
}

static void test_headers(void)
{
    struct json v;
    struct headers h = {0};
    (void)json_parse(S("{\"Device\":\"d-1\",\"a:b\":\"colon\",\"n\":5,\"e\":\"\",\"q\":\"x\\\"y\"}"), &v,
                     NULL);
    headers_index(&h, v);
    struct facts f = {.placeholders = ~0u, .headers = &h};
    resolves("{{header:Device}}", &f, "d-1");
    resolves("{{  header:device }}", &f, "d-1");
    resolves("${header:device}", &f, "d-1");
    resolves("{{ header:a:b }}", &f, "colon");
    resolves("{{ header:n }}", &f, "5");
    resolves("{{ header:e }}", &f, "");
    resolves("<{{ header:q }}|{{ header:device }}>", &f, "<x\"y|d-1>");
    resolves("{{ header:none }}", &f, NULL);
    resolves("a{{ header:device }}{{ header:none }}", &f, NULL);
    f.exact_names = true;
    resolves("{{ header:device }}", &f, NULL);
    resolves("{{ header:Device }}", &f, "d-1");
    headers_free(&h);
}

static void test_ids(void)
{
    struct topic t;
    struct facts f = facts_of(&t, "org.ns/a:b/things/twin/events/modified");
    f.connection_id = S("c1");
    f.source_address = S("a/b");
    resolves("{{ thing:id }}", &f, "org.ns:a:b");
    resolves("{{ thing:namespace }}/{{ thing:name }}", &f, "org.ns/a:b");
    resolves("{{ entity:id }}", &f, "org.ns:a:b");
    resolves("{{ policy:id }}", &f, NULL);
    resolves("{{ connection:id }}:{{ source:address }}", &f, "c1:a/b");
    f.placeholders = PLACEHOLDER_ENTITY;
    resolves("{{ entity:name }}", &f, "a:b");
    resolves("{{ thing:name }}", &f, NULL);
    f = facts_of(&t, "n/p/policies/commands/modify");
    resolves("{{ policy:id }}", &f, "n:p");
    resolves("{{ entity:namespace }}", &f, "n");
    resolves("{{ thing:id }}", &f, NULL);
    f = facts_of(&t, "_/_/things/twin/search/subscribe");
    resolves("{{ thing:id }}", &f, NULL);
}

static void test_topics(void)
{
    struct topic t;
    struct facts f = facts_of(&t, "n/a/things/live/messages/my/subject");
    resolves("{{topic:full}}", &f, "n/a/things/live/messages/my/subject");
    resolves("{{topic:namespace}} {{topic:entityName}} {{topic:group}} {{topic:channel}}", &f,
             "n a things live");
    resolves("{{topic:criterion}} {{topic:subject}} {{topic:action-subject}}", &f,
             "messages my/subject my/subject");
    resolves("{{topic:action}}", &f, NULL);
    f = facts_of(&t, "n/p/policies/commands/modify");
    resolves("{{topic:channel}} {{topic:action}} {{topic:action-subject}}", &f, "none modify modify");
    resolves("{{topic:subject}}", &f, NULL);
}

static void test_refusals(void)
{
    refused("{{ header:a | fn:none() }}", PLACEHOLDERS_OF_MESSAGE, "placeholder:function.unknown");
    refused("{{ header:a | fn:lower('x') }}", PLACEHOLDERS_OF_MESSAGE,
            "placeholder:function.signature.invalid");
    refused("{{ fn:default(nope:x) }}", PLACEHOLDERS_OF_MESSAGE, "placeholder:unresolved");
    refused("{{ header:a | upper }}", PLACEHOLDERS_OF_MESSAGE, "placeholder:function.unknown");
    refused("{{ header:a | }}", PLACEHOLDERS_OF_MESSAGE, "placeholder:function.unknown");
    refused("{{ header:a |}}", PLACEHOLDERS_OF_MESSAGE, "placeholder:unresolved");
    refused("{{ header:'a }}", PLACEHOLDERS_OF_MESSAGE, "placeholder:unresolved");
    refused("{{ header: }}", PLACEHOLDERS_OF_MESSAGE, "placeholder:unresolved");
    refused("{{ }}", PLACEHOLDERS_OF_MESSAGE, "placeholder:unresolved");
    refused("{{ nope:a }}", PLACEHOLDERS_OF_MESSAGE, "placeholder:unresolved");
    refused("{{ time:then }}", PLACEHOLDERS_OF_MESSAGE, "placeholder:unresolved");
    refused("{{ thing:thing }}", PLACEHOLDERS_OF_MESSAGE, "placeholder:unresolved");
    refused("{{ jwt:sub }}", PLACEHOLDERS_OF_MESSAGE, "placeholder:unresolved");
    refused("{{ policy:id }}", PLACEHOLDERS_OF_MESSAGE, "placeholder:unresolved");
    refused("{{ source:address }}", PLACEHOLDERS_OF_MESSAGE, "placeholder:unresolved");
    refused("{{ thing:id }}", PLACEHOLDERS_OF_SUBJECT, "placeholder:unresolved");
    refused("{{ thing:id }}", PLACEHOLDERS_OF_ENFORCEMENT_INPUT, "placeholder:unresolved");
    refused("{{ header:a }}", PLACEHOLDERS_OF_ENFORCEMENT_FILTER, "placeholder:unresolved");
    refused("{{ request.subjectId }}", PLACEHOLDERS_OF_MESSAGE, "placeholder:unresolved");
}

/* What is wrong may also wait until a message comes. */
static void test_anyway(void)
{
    struct template t;
    struct scratch s = {0};
    struct facts f = {.placeholders = ~0u};
    struct ditto_error err = {.status = 0};
    struct slice out;
    struct values v;
    static const struct slice forbidden[] = {{"header", 6}};
    template_compile_anyway(&t, S("{{ nope:a }} {{ header:x | fn:none() }}"), ~0u);
    is_int(template_resolve(&t, &f, &s, &out, &err), VALUE_FAILED, "a template with faults fails");
    is_slice(slice_str(err.code), S("placeholder:unresolved"), "with the first one");
    template_free(&t);
    template_compile_anyway(&t, S("<{{  nope:a }}|{{ header:x}}>"), ~0u);
    is_int(template_resolve_partially(&t, &f, NULL, 0, &s, &v, &err), VALUE_RESOLVED,
           "it resolves partially");
    is_slice(values_first(&v), S("<{{nope:a }}|{{header:x}}>"), "expressions standing for themselves");
    err.status = 0;
    is_int(template_resolve_partially(&t, &f, forbidden, 1, &s, &v, &err), VALUE_FAILED,
           "unless they must not");
    template_free(&t);
    scratch_free(&s);
}

static struct json parsed(const char *text)
{
    struct json v = {JSON_ABSENT, NULL, 0};
    ok(json_parse(slice_str(text), &v, NULL) == 0, "%s", text);
    return v;
}

static void test_products(void)
{
    struct facts f = {
        .placeholders = ~0u, .feature_ids = parsed("[\"a\",\"b\"]"), .subjects = parsed("[\"1\",\"2\"]")};
    resolves_all("{{feature:id}}-{{request:subjectId}}", &f, "a-1 a-2 b-1 b-2");
    resolves_all("{{feature:id}}{{fn:delete()}}{{request:subjectId}}", &f, "a1 a2 b1 b2");
    resolves("{{feature:id}}-{{request:subjectId}}", &f, "a-1");
}

/* However large a message is, and whatever a template does with it, there is a limit. */
static void test_limits(void)
{
    struct buf header = {0}, object = {0};
    struct json v;
    struct headers h = {0};
    struct scratch s = {0};
    struct template t;
    struct ditto_error err = {.status = 0};
    struct slice out;
    static const char *const templates[] = {
        "{{ header:x | fn:url-encode() | fn:url-encode() | fn:url-encode() | fn:url-encode() | fn:url-encode() |"
        "fn:url-encode() | fn:url-encode() | fn:url-encode() | fn:url-encode() | fn:url-encode() }}",
        "{{ header:x | fn:replace('',header:x) }}",
        "{{ header:x | fn:split('') | fn:join(header:x) }}",
        "{{ header:x | fn:split('') | fn:join('') }}",
    };
    for (int i = 0; i < 1024 * 1024; i++)
        buf_puts(&header, "+");
    buf_puts(&object, "{");
    json_put_member_text(&object, S("x"), buf_slice(&header));
    buf_puts(&object, "}");
    (void)json_parse(buf_slice(&object), &v, NULL);
    headers_index(&h, v);
    struct facts f = {.placeholders = ~0u, .headers = &h};
    for (size_t i = 0; i < sizeof templates / sizeof *templates; i++) {
        err.status = 0;
        if (i == 2) { /* join takes texts only */
            ok(template_compile(&t, slice_str(templates[i]), ~0u, &err) < 0, "a separator is a text");
            continue;
        }
        ok(template_compile(&t, slice_str(templates[i]), ~0u, &err) == 0, "'%.60s' compiles", templates[i]);
        is_int(template_resolve(&t, &f, &s, &out, &err), VALUE_FAILED, "it is too much");
        is_slice(slice_str(err.code), S("placeholder:function.too.complex"), "and says so");
        template_free(&t);
    }
    headers_free(&h);
    scratch_free(&s);
    buf_free(&header);
    buf_free(&object);
}

/* A pipeline without its beginning, as filters of acknowledgements are. */
static void test_continued(void)
{
    struct expression e;
    struct scratch s = {0};
    struct facts f = {.placeholders = ~0u};
    struct ditto_error err = {.status = 0};
    struct values v = {.n = 0};
    ok(expression_compile(&e, S("fn:filter('a','eq','a') | fn:default('d')"), ~0u, EXPRESSION_CONTINUES,
                          &err) == 0,
       "functions compile");
    ok(values_add(&v, S("x"), &s, &err) == 0 && expression_resolve(&e, &f, &s, &v, &err) == 0,
       "and are applied");
    is_slice(values_first(&v), S("x"), "to what is given");
    v = (struct values){.n = 0};
    ok(expression_resolve(&e, &f, &s, &v, &err) == 0, "or to nothing");
    is_slice(values_first(&v), S("d"), "likewise");
    expression_free(&e);
    ok(expression_compile(&e, S("header:x"), ~0u, EXPRESSION_CONTINUES, &err) < 0,
       "a placeholder does not continue");
    expression_free(&e);
    scratch_free(&s);
}

int main(void)
{
    test_literals();
    test_headers();
    test_ids();
    test_topics();
    test_refusals();
    test_anyway();
    test_products();
    test_limits();
    test_continued();
    return done();
}
