/* topic: the input is a topic, a target topic and whatever else one line of text can be. */
#include "protocol/filter.h"
#include "protocol/grammar.h"
#include "protocol/time_expression.h"

#include "fuzz.h"

/* A topic that is printed means the same again; but "none" is not printed. */
static void check_topic(struct slice text)
{
    struct topic t, again;
    struct ditto_error err = {0};
    struct buf printed = {0}, twice = {0};
    if (topic_parse(text, &t, &err) < 0) {
        PROMISE(err.status == 400);
        return;
    }
    topic_put(&printed, &t);
    if (t.group != GROUP_THINGS || t.channel != CHANNEL_NONE) {
        PROMISE(topic_parse(buf_slice(&printed), &again, &err) == 0);
        PROMISE(t.verb == again.verb && t.criterion == again.criterion && slice_eq(t.subject, again.subject));
        topic_put(&twice, &again);
        PROMISE(slice_eq(buf_slice(&printed), buf_slice(&twice)));
    }
    buf_free(&printed);
    buf_free(&twice);
}

static void check_filter(struct slice text)
{
    static const char message[] =
        "{\"topic\":\"ns/d/things/twin/events/merged\",\"path\":\"/features\",\"revision\":3,"
        "\"value\":{\"f\":{\"properties\":{\"a\":[1,{\"b\":\"x\"}]}}}}";
    struct filter f;
    struct line l;
    struct ditto_error err = {0};
    struct filter_scratch s = {0};
    if (filter_compile(&f, text, &err) < 0) {
        PROMISE(err.status == 400);
        return;
    }
    PROMISE(line_skim(slice_str(message), &l) == 0);
    (void)filter_matches(&f, &l, &s);
    filter_scratch_free(&s);
    filter_free(&f);
}

static void check_time(struct slice text)
{
    struct time_expression e;
    struct buf out = {0};
    if (time_expression_parse(text, &e))
        time_expression_put(&out, &e, INT64_C(1704551022123));
    buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = fuzz_input(data, size);
    struct buf answer = {0};
    check_topic(text);
    check_filter(text);
    check_time(text);
    for (const struct grammar *g = grammars; g->name; g++) {
        buf_cut(&answer, 0);
        grammar_put(&answer, g, text);
        fuzz_json(&answer, JSON_OBJECT);
    }
    buf_free(&answer);
    return 0;
}
