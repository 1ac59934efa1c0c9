/* mapping-placeholder: templates: what compiles, what it resolves to, what is refused and how. */
#include "mapping/placeholder.h"

#include "tap.h"

static struct topic topic_of(const char *text)
{
    struct topic t = {.full = SLICE_NONE};
    struct ditto_error err = {.status = 0};
    ok(topic_parse(slice_str(text), &t, &err) == 0, "topic %s", text);
    return t;
}

enum { ALL = ~0 };

static void resolves(const char *template, const struct facts *f, const char *want)
{
    struct template t;
    struct scratch s = {0};
    struct ditto_error err = {.status = 0};
    struct slice got = SLICE_NONE;
    if (!ok(template_compile(&t, slice_str(template), ALL, &err) == 0, "'%s' compiles", template)) {
        printf("# %s: %s %s\n", err.code, err.message, err.description);
        return;
    }
    enum value_state state = template_resolve(&t, f, &s, &got);
    if (want)
        is_slice(state == VALUE_RESOLVED ? got : SLICE_NONE, slice_str(want), "'%s' resolves", template);
    else
        is_int(state, VALUE_UNRESOLVED, "'%s' is unresolved", template);
    template_free(&t);
    scratch_free(&s);
}

static void refused(const char *template, unsigned scope, const char *code)
{
    struct template t;
    struct ditto_error err = {.status = 0};
    ok(template_compile(&t, slice_str(template), scope, &err) < 0, "'%s' is refused", template);
    is_slice(slice_str(err.code), slice_str(code), "with its code");
    ok(err.status == 400 && err.description[0], "and a description");
}

static void test_literals(void)
{
    struct facts f = {.prefixes = ALL};
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
    struct facts f = {.prefixes = ALL, .headers = &h};
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
    struct topic thing = topic_of("org.ns/a:b/things/twin/events/modified");
    struct facts f = {.prefixes = ALL, .topic = &thing, .connection_id = S("c1"), .source_address = S("a/b")};
    resolves("{{ thing:id }}", &f, "org.ns:a:b");
    resolves("{{ thing:namespace }}/{{ thing:name }}", &f, "org.ns/a:b");
    resolves("{{ entity:id }}", &f, "org.ns:a:b");
    resolves("{{ policy:id }}", &f, NULL);
    resolves("{{ connection:id }}:{{ source:address }}", &f, "c1:a/b");
    f.prefixes = PREFIX_ENTITY;
    resolves("{{ entity:name }}", &f, "a:b");
    resolves("{{ thing:name }}", &f, NULL);
    struct topic policy = topic_of("n/p/policies/commands/modify");
    f = (struct facts){.prefixes = ALL, .topic = &policy};
    resolves("{{ policy:id }}", &f, "n:p");
    resolves("{{ entity:namespace }}", &f, "n");
    resolves("{{ thing:id }}", &f, NULL);
    struct topic search = topic_of("_/_/things/twin/search/subscribe");
    f.topic = &search;
    resolves("{{ thing:id }}", &f, NULL);
}

static void test_topics(void)
{
    struct topic t = topic_of("n/a/things/live/messages/my/subject");
    struct facts f = {.prefixes = ALL, .topic = &t};
    resolves("{{topic:full}}", &f, "n/a/things/live/messages/my/subject");
    resolves("{{topic:namespace}} {{topic:entityName}} {{topic:group}} {{topic:channel}}", &f,
             "n a things live");
    resolves("{{topic:criterion}} {{topic:subject}} {{topic:action-subject}}", &f,
             "messages my/subject my/subject");
    resolves("{{topic:action}}", &f, NULL);
    struct topic p = topic_of("n/p/policies/commands/modify");
    f.topic = &p;
    resolves("{{topic:channel}} {{topic:action}} {{topic:action-subject}}", &f, "none modify modify");
    resolves("{{topic:subject}}", &f, NULL);
}

static void test_refusals(void)
{
    refused("{{ header:a | fn:lower() }}", SCOPE_MESSAGE, "placeholder:function.unknown");
    refused("{{ fn:default('x') }}", SCOPE_MESSAGE, "placeholder:function.unknown");
    refused("{{ header:a | upper() }}", SCOPE_MESSAGE, "placeholder:function.unknown");
    refused("{{ header:a | }}", SCOPE_MESSAGE, "placeholder:function.unknown");
    refused("{{ header:'a }}", SCOPE_MESSAGE, "placeholder:unresolved");
    refused("{{ header: }}", SCOPE_MESSAGE, "placeholder:unresolved");
    refused("{{ }}", SCOPE_MESSAGE, "placeholder:unresolved");
    refused("{{ nope:a }}", SCOPE_MESSAGE, "placeholder:unresolved");
    refused("{{ time:now }}", SCOPE_MESSAGE, "placeholder:unresolved");
    refused("{{ thing:thing }}", SCOPE_MESSAGE, "placeholder:unresolved");
    refused("{{ policy:id }}", SCOPE_MESSAGE, "placeholder:unresolved");
    refused("{{ source:address }}", SCOPE_MESSAGE, "placeholder:unresolved");
    refused("{{ thing:id }}", SCOPE_SUBJECT, "placeholder:unresolved");
    refused("{{ thing:id }}", SCOPE_ENFORCEMENT_INPUT, "placeholder:unresolved");
    refused("{{ header:a }}", SCOPE_ENFORCEMENT_FILTER, "placeholder:unresolved");
    refused("{{ request.subjectId }}", SCOPE_MESSAGE, "placeholder:unresolved");
}

int main(void)
{
    test_literals();
    test_headers();
    test_ids();
    test_topics();
    test_refusals();
    return done();
}
