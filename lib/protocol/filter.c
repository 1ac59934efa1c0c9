/* filter.c: applying target topics to messages. */
#include <stdlib.h>

#include "json/skim.h"
#include "protocol/filter.h"
#include "protocol/form.h"

#include "base/banned.h"

enum { TAIL_MAX = 128 };

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

/* features/F/definition */
static bool is_feature_definition(struct slice at)
{
    if (!slice_ends(at, S("/definition")) || !slice_starts(at, S("features/")))
        return false;
    size_t slashes = 0;
    for (size_t i = 0; i < at.len; i++)
        slashes += at.p[i] == '/';
    return slashes == 2;
}

static struct slice without_slashes(struct slice path)
{
    path = slice_skip(path, path.len && path.p[0] == '/');
    path.len -= path.len && path.p[path.len - 1] == '/';
    return path;
}

static bool view_event(struct rql_view *v, const struct line *l)
{
    v->event = true;
    v->revision = or_absent(l->revision);
    v->timestamp = or_absent(l->timestamp);
    v->base = l->value;
    v->at = without_slashes(v->path);
    switch (v->topic->verb) {
    case ACTION_CREATED:
    case ACTION_MODIFIED: break;
    case ACTION_MERGED: v->patch = true; return true;
    case ACTION_MIGRATED: v->at = SLICE_NONE; break;
    case ACTION_DELETED: v->base.type = JSON_ABSENT; break;
    default: return false;
    }
    if (!v->at.len && v->base.type != JSON_ABSENT) /* a whole thing: _modified is what it says itself */
        v->timestamp.type = JSON_ABSENT;
    return !is_feature_definition(v->at);
}

bool filter_view(struct rql_view *v, const struct line *l, const struct topic *t, struct filter_scratch *s)
{
    buf_cut(&s->path, 0);
    /* member by member: gcc fills a struct of this size the slow way */
    v->base = v->extra = v->revision = v->timestamp = (struct json){JSON_ABSENT, NULL, 0};
    v->at = SLICE_NONE;
    v->patch = v->event = false;
    v->unknown = NULL;
    v->topic = t;
    v->path = skim_text(l->path, &s->path);
    v->value = l->value;
    return t->criterion != CRITERION_EVENTS || t->group != GROUP_THINGS || view_event(v, l);
}

/* --- matching ----------------------------------------------------------------------------------------------------- */

void filter_scratch_free(struct filter_scratch *s)
{
    rql_scratch_free(&s->rql);
    buf_free(&s->topic);
    buf_free(&s->path);
    buf_free(&s->tail);
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

/* What stands behind namespace and name; SLICE_NONE if they are not as usual. */
static struct slice tail_of(struct slice topic, struct slice *namespace, struct slice *name)
{
    *namespace = slice_cut(&topic, '/');
    *name = topic.p ? slice_cut(&topic, '/') : SLICE_NONE;
    return namespace->len && name->len && topic.len && topic.p[0] != '/' ? topic : SLICE_NONE;
}

/* The same slice of another copy of the text that it points into. */
static struct slice moved(struct slice part, const char *from, const char *to)
{
    return part.p ? slice_of(to + (part.p - from), part.len) : part;
}

/* topic_parse, but for a topic that ends like the one before. */
static bool parse_topic(struct slice text, struct topic *t, struct filter_scratch *s)
{
    struct ditto_error err;
    struct slice namespace, name, tail = tail_of(text, &namespace, &name);
    if (tail.len && slice_eq(tail, buf_slice(&s->tail))) {
        const char *from = buf_p(&s->tail);
        *t = s->parsed;
        t->full = text;
        t->namespace = namespace;
        t->name = name;
        t->action = moved(t->action, from, tail.p);
        t->subject = moved(t->subject, from, tail.p);
        return true;
    }
    err.status = 0; /* the rest is written when it fails */
    if (topic_parse(text, t, &err) < 0)
        return false;
    buf_cut(&s->tail, 0);
    if (tail.len && tail.len <= TAIL_MAX) {
        buf_put_slice(&s->tail, tail);
        s->parsed = *t;
        s->parsed.action = moved(t->action, tail.p, buf_p(&s->tail));
        s->parsed.subject = moved(t->subject, tail.p, buf_p(&s->tail));
    }
    return true;
}

bool filter_matches(const struct filter *f, const struct line *l, struct filter_scratch *s)
{
    struct topic t;
    buf_cut(&s->topic, 0);
    struct slice text = skim_text(l->topic, &s->topic);
    return text.p && parse_topic(text, &t, s) && target_topic_matches(&f->topic, &t) &&
           (!f->has_rql || rql_matches(f, l, &t, s));
}
