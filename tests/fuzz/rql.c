/* rql: the first line is a filter, the rest a thing, or what an event carries, checked or not. */
#include "protocol/rql_query.h"

#include "fuzz.h"

static void check_tree(struct slice text)
{
    struct rql q;
    struct ditto_error err = {0};
    struct buf tree = {0};
    if (rql_parse(&q, text, &err) < 0) {
        PROMISE(err.status == 400 && *err.message);
        return;
    }
    rql_put(&tree, &q);
    fuzz_json(&tree, JSON_OBJECT);
    PROMISE(q.nodes[0].end == q.n_nodes);
    buf_free(&tree);
    rql_free(&q);
}

static struct json unchecked(struct slice text)
{
    struct json v = {JSON_OBJECT, text.p, text.len};
    return text.len && text.p[0] == '{' ? v : (struct json){JSON_ABSENT, NULL, 0};
}

static void evaluate(const struct rql_query *q, struct slice thing)
{
    struct topic t;
    struct ditto_error err = {0};
    struct json v;
    struct rql_scratch s = {.now_ms = 1};
    PROMISE(topic_parse(S("ns/d/things/twin/events/modified"), &t, &err) == 0);
    struct rql_view view = {
        .base = unchecked(thing), .topic = &t, .path = S("/attributes/a"), .value = unchecked(thing)};
    enum rql_truth whole = rql_eval(q, &view, &s);
    PROMISE(whole != RQL_UNKNOWN);
    PROMISE(rql_eval(q, &view, &s) == whole);
    if (json_parse(thing, &v, NULL) == 0) {
        view.base = v;
        view.at = S("attributes/a");
        view.event = true;
        view.revision = v;
        view.timestamp = v;
        (void)rql_eval(q, &view, &s);
        view.patch = true;
        (void)rql_eval(q, &view, &s);
        view.at = S("features/f/properties/a~0b");
        view.extra = unchecked(thing);
        (void)rql_eval(q, &view, &s);
    }
    rql_scratch_free(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice thing = fuzz_input(data, size), text = slice_cut(&thing, '\n');
    struct rql_query q;
    struct ditto_error err = {0};
    check_tree(text);
    if (rql_compile(&q, text, RQL_OF_MESSAGE, &err) == 0) {
        evaluate(&q, thing);
        rql_query_free(&q);
    }
    return 0;
}
