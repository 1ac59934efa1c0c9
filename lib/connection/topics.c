/* topics.c: what the topics of targets ask for. */
#include "connection/rules.h"
#include "protocol/form.h"
#include "protocol/rql_query.h"

#include "base/banned.h"

typedef void with_topic(struct slice decoded, struct where at, struct connection_problems *p);

/* Parameters of topics are form-URL-encoded; a bad escape has been reported when the topic was read. */
static void decoded(struct slice encoded, with_topic *check, struct where at, struct connection_problems *p)
{
    struct buf text = {0};
    if (encoded.p && form_decode(&text, encoded) == 0)
        check(buf_slice(&text), at, p);
    buf_free(&text);
}

static void filter(struct slice text, struct where at, struct connection_problems *p)
{
    struct ditto_error err = {0};
    struct rql_query q;
    if (rql_compile(&q, text, RQL_OF_MESSAGE, &err) == 0)
        rql_query_free(&q);
    else
        ditto_fail(problem_slot(p, at), err.status, err.code, err.description, at.z, "%s", err.message);
}

static void extra_fields(struct slice text, struct where at, struct connection_problems *p)
{
    struct ditto_error err = {0};
    if (template_check(text, PLACEHOLDERS_OF_MESSAGE, &err) < 0)
        ditto_fail(problem_slot(p, at), err.status, err.code, err.description, at.z, "%s", err.message);
}

static struct where topic_at(const struct target *t, size_t i)
{
    return where_index(where_name(target_at(t), "topics"), i);
}

void check_filters(const struct connection *c, struct connection_problems *p)
{
    for (size_t i = 0; i < c->n_targets; i++) {
        const struct target *t = &c->targets[i];
        for (size_t k = 0; k < t->n_topics; k++)
            decoded(t->topics[k].filter, filter, topic_at(t, k), p);
    }
}

void check_extra_fields(const struct connection *c, struct connection_problems *p)
{
    for (size_t i = 0; i < c->n_targets; i++) {
        const struct target *t = &c->targets[i];
        for (size_t k = 0; k < t->n_topics; k++)
            decoded(t->topics[k].extra_fields, extra_fields, topic_at(t, k), p);
    }
}
