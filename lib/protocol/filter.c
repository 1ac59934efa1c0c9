/* filter.c: applying target topics to messages. */
#include <stdlib.h>

#include "protocol/filter.h"
#include "protocol/form.h"

#include "base/banned.h"

/* --- compiling ---------------------------------------------------------------------------------------------------- */

static int compile_rql(struct filter *f, struct slice encoded, struct ditto_error *err)
{
    struct buf text = {0};
    int r = form_decode(&text, encoded); /* whose escapes were checked with the topic */
    if (r == 0)
        r = rql_compile(&f->rql, buf_slice(&text), RQL_OF_MESSAGE, err);
    f->has_rql = r == 0;
    buf_free(&text);
    return r;
}

static int compile_extra_fields(struct filter *f, struct slice encoded, struct ditto_error *err)
{
    struct buf text = {0};
    int r = form_decode(&text, encoded);
    if (r == 0)
        r = selector_parse_extra(&f->extra_fields, buf_slice(&text), err);
    buf_free(&text);
    return r;
}

int filter_compile(struct filter *f, struct slice target_topic, struct ditto_error *err)
{
    *f = (struct filter){.text = xstrndup(target_topic.p, target_topic.len)};
    if (target_topic_parse(slice_of(f->text, target_topic.len), &f->topic, err) < 0 ||
        (f->topic.extra_fields.p && compile_extra_fields(f, f->topic.extra_fields, err) < 0) ||
        (f->topic.filter.p && compile_rql(f, f->topic.filter, err) < 0)) {
        filter_free(f);
        return -1;
    }
    return 0;
}

void filter_free(struct filter *f)
{
    if (f->has_rql)
        rql_query_free(&f->rql);
    selector_free(&f->extra_fields);
    free(f->text);
    *f = (struct filter){0};
}

/* --- what a message is evaluated on ------------------------------------------------------------------------------- */

static struct json or_absent(struct json v)
{
    return json_present(v) ? v : (struct json){JSON_ABSENT, NULL, 0};
}

/* /features/F/definition */
static bool is_feature_definition(struct pointer at)
{
    struct slice first, id, part;
    return pointer_next(&at, &first) && slice_eq(first, S("features")) && pointer_next(&at, &id) &&
           pointer_next(&at, &part) && slice_eq(part, S("definition")) && !at.rest.p;
}

static bool view_event(struct rql_view *v, const struct line *l)
{
    v->event = true;
    v->revision = or_absent(l->revision);
    v->timestamp = or_absent(l->timestamp);
    v->base = l->value;
    if (!pointer_parse(&v->at, v->path, POINTER_DITTO))
        return false;
    switch (v->topic->verb) {
    case ACTION_CREATED:
    case ACTION_MODIFIED: break;
    case ACTION_MERGED: v->patch = true; return true;
    case ACTION_MIGRATED: v->at.rest = SLICE_NONE; break;
    case ACTION_DELETED: v->base.type = JSON_ABSENT; break;
    default: return false;
    }
    if (!v->at.rest.p && v->base.type != JSON_ABSENT) /* a whole thing: _modified is what it says itself */
        v->timestamp.type = JSON_ABSENT;
    return !is_feature_definition(v->at);
}

bool filter_view(struct rql_view *v, const struct line *l, const struct topic *t, struct filter_scratch *s)
{
    buf_cut(&s->path, 0);
    *v = (struct rql_view){.topic = t, .path = json_text(l->path, &s->path), .value = l->value};
    return t->criterion != CRITERION_EVENTS || t->group != GROUP_THINGS || view_event(v, l);
}

/* --- matching ----------------------------------------------------------------------------------------------------- */

void filter_scratch_free(struct filter_scratch *s)
{
    rql_scratch_free(&s->rql);
    buf_free(&s->topic);
    buf_free(&s->path);
}

static bool rql_matches(const struct filter *f, const struct line *l, const struct topic *t,
                        struct filter_scratch *s)
{
    struct rql_view v;
    if (!filter_view(&v, l, t, s))
        return false;
    if (f->extra_fields.n && json_present(l->extra))
        v.extra = l->extra;
    else if (f->extra_fields.n)
        v.unknown = &f->extra_fields;
    return rql_eval(&f->rql, &v, &s->rql) != RQL_NO;
}

bool filter_matches(const struct filter *f, const struct line *l, struct filter_scratch *s)
{
    struct topic t;
    struct ditto_error err;
    err.status = 0; /* the rest is written when it fails */
    buf_cut(&s->topic, 0);
    struct slice text = json_text(l->topic, &s->topic);
    return text.p && topic_parse(text, &t, &err) == 0 && target_topic_matches(&f->topic, &t) &&
           (!f->has_rql || rql_matches(f, l, &t, s));
}
