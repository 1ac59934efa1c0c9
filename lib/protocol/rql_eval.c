/* rql_eval.c: evaluating filters. */
#include <stdlib.h>

#include "base/clock.h"
#include "json/pointer.h"
#include "json/skim.h"
#include "protocol/instant.h"
#include "protocol/rql_query.h"
#include "protocol/rql_value.h"

#include "base/banned.h"

/* --- compiling --------------------------------------------------------------------------------------------------- */

static int compile_node(struct rql_query *q, size_t i, unsigned scope, struct ditto_error *err)
{
    const struct rql_node *n = &q->tree.nodes[i];
    if (n->op <= RQL_NOT)
        return 0;
    if ((n->op == RQL_LIKE || n->op == RQL_ILIKE) && q->tree.literals[n->literal].type != RQL_STRING)
        return ditto_fail(err, 400, "rql.expression.invalid", NULL, NULL, "%s needs a string to match with.",
                          rql_op_text(n->op));
    for (size_t l = n->literal; l < n->literal + n->n_literals; l++)
        if (q->tree.literals[l].type == RQL_PLACEHOLDER) {
            struct slice name = slice_skip(q->tree.literals[l].text, sizeof "time:" - 1);
            q->moments[l].known = time_expression_parse(name, &q->moments[l].time);
        }
    return rql_field_of(&q->fields[i], n, scope, err);
}

int rql_compile(struct rql_query *q, struct slice text, unsigned scope, struct ditto_error *err)
{
    *q = (struct rql_query){0};
    if (rql_parse(&q->tree, text, err) < 0)
        return -1;
    q->fields = xcalloc(q->tree.n_nodes, sizeof *q->fields);
    q->moments = xcalloc(q->tree.n_literals + 1, sizeof *q->moments);
    for (size_t i = 0; i < q->tree.n_nodes; i++)
        if (compile_node(q, i, scope, err) < 0) {
            rql_query_free(q);
            return -1;
        }
    return 0;
}

void rql_query_free(struct rql_query *q)
{
    for (size_t i = 0; i < q->tree.n_nodes; i++)
        rql_field_free(&q->fields[i]);
    free(q->fields);
    free(q->moments);
    rql_free(&q->tree);
    *q = (struct rql_query){0};
}

void rql_scratch_free(struct rql_scratch *s)
{
    buf_free(&s->text);
    buf_free(&s->instant);
    buf_free(&s->literal);
}

struct eval {
    const struct rql_query *q;
    const struct rql_view *v;
    struct rql_scratch *s;
    /* the leaf at hand */
    const struct rql_node *node;
    const struct rql_field *field;
};

/* --- where a field is -------------------------------------------------------------------------------------------- */

enum spot_kind {
    SPOT_NONE,    /* nowhere */
    SPOT_BLOCKED, /* nowhere: something else is in the way, whatever extra says */
    SPOT_INNER,   /* an object on the way to what the event carries */
    SPOT_VALUE    /* v; an array, if keys are left */
};

struct spot {
    enum spot_kind kind;
    struct json v;
    const struct rql_key *keys;
    size_t n;
};

static const struct json empty_object = {JSON_OBJECT, "{}", 2};

/* Digits without a zero in front, perhaps a point and digits. */
static bool is_plain_number(struct slice s)
{
    size_t i = 0, from;
    if (!s.len || s.p[0] == '0')
        return false;
    while (i < s.len && s.p[i] >= '0' && s.p[i] <= '9')
        i++;
    if (!i || i == s.len || s.p[i] != '.')
        return i && i == s.len;
    from = ++i;
    while (i < s.len && s.p[i] >= '0' && s.p[i] <= '9')
        i++;
    return i > from && i == s.len;
}

/* Is a value that was skimmed one? The common ones are told at a glance. */
static bool is_sound(struct json *v)
{
    if (v->type == JSON_NUMBER && is_plain_number(json_slice(*v)))
        return true;
    if (v->type == JSON_STRING && !memchr(v->p, '\\', v->len))
        return true;
    return json_parse(json_slice(*v), v, NULL) == 0;
}

static struct spot descend(struct json v, const struct rql_key *keys, size_t n, bool patch)
{
    for (; n && v.type == JSON_OBJECT; keys++, n--) {
        v = skim_get(json_slice(v), keys->text);
        if (v.type == JSON_ABSENT || (patch && v.type == JSON_NULL))
            return (struct spot){.kind = SPOT_NONE};
    }
    if (n && v.type != JSON_ARRAY)
        return (struct spot){.kind = SPOT_BLOCKED};
    if (!is_sound(&v))
        return (struct spot){.kind = SPOT_NONE};
    return (struct spot){SPOT_VALUE, v, keys, n};
}

/* How many keys of the field the pointer at takes, one by one. */
static size_t common_keys(const struct rql_field *f, struct pointer at, bool *more)
{
    size_t n = 0;
    struct slice token;
    while (n < f->n_keys && pointer_next(&at, &token) &&
           pointer_token_is(token, f->keys[n].text, POINTER_DITTO))
        n++;
    *more = at.rest.p;
    return n;
}

/* Where the field is, seen from where the pointer `at` leads: below it (*n keys are on the way), above it (SPOT_INNER), or
 * elsewhere (SPOT_NONE). */
static enum spot_kind below(const struct rql_field *f, struct slice at, size_t *n)
{
    *n = 0;
    if (at.len == 0)
        return SPOT_VALUE;
    struct slice shorter = f->path.len < at.len ? f->path : at, longer = f->path.len < at.len ? at : f->path;
    if (slice_starts(longer, shorter) && (longer.len == shorter.len || longer.p[shorter.len] == '/')) {
        if (f->path.len < at.len)
            return SPOT_INNER;
        while (f->keys[(*n)++].end < at.len)
            ;
        return SPOT_VALUE;
    }
    if (!memchr(at.p, '~', at.len)) /* there is but one way to write it */
        return SPOT_NONE;
    bool more;
    *n = common_keys(f, (struct pointer){POINTER_DITTO, at}, &more);
    return !more ? SPOT_VALUE : *n == f->n_keys ? SPOT_INNER : SPOT_NONE;
}

static struct spot find_in_base(const struct rql_view *v, const struct rql_field *f)
{
    size_t n;
    struct json base = v->patch && v->base.type == JSON_NULL ? empty_object : v->base;
    enum spot_kind kind = base.type == JSON_ABSENT ? SPOT_NONE : below(f, v->at, &n);
    if (kind != SPOT_VALUE)
        return (struct spot){.kind = kind};
    return descend(base, f->keys + n, f->n_keys - n, v->patch);
}

static struct spot find_in_extra(const struct rql_view *v, const struct rql_field *f)
{
    if (v->extra.type == JSON_ABSENT)
        return (struct spot){.kind = SPOT_NONE};
    return descend(v->extra, f->keys, f->n_keys, false);
}

static struct spot find(const struct rql_view *v, const struct rql_field *f)
{
    struct spot s = find_in_base(v, f);
    return s.kind == SPOT_NONE ? find_in_extra(v, f) : s;
}

/* Does the test hold for anything at the spot? */
static bool any_at(struct eval *e, struct spot s, bool (*test)(struct eval *e, struct json v))
{
    if (s.kind != SPOT_VALUE)
        return false;
    if (s.n == 0)
        return test(e, s.v);
    if (e->field->type == FIELD_PART)
        return false;
    struct json_iter it = json_iter(s.v);
    while (json_next(&it))
        if (it.value.type == JSON_OBJECT && any_at(e, descend(it.value, s.keys, s.n, false), test))
            return true;
    return false;
}

/* --- values that no document holds -------------------------------------------------------------------------------- */

static struct rql_value text_value(struct slice text)
{
    return (struct rql_value){text.p ? RQL_STRING : RQL_PLACEHOLDER, text};
}

static const struct rql_value no_value = {RQL_PLACEHOLDER, {NULL, 0}};

static bool is_value(struct rql_value v)
{
    return v.type != RQL_PLACEHOLDER;
}

/* namespace:name, in the scratch */
static struct slice entity_id(struct eval *e)
{
    buf_cut(&e->s->text, 0);
    buf_put_slice(&e->s->text, e->v->topic->namespace);
    buf_putc(&e->s->text, ':');
    buf_put_slice(&e->s->text, e->v->topic->name);
    return buf_slice(&e->s->text);
}

/* A timestamp as Ditto prints it; as it is written if it is none. */
static struct rql_value instant_value(struct eval *e, struct json timestamp)
{
    if (json_parse(json_slice(timestamp), &timestamp, NULL) < 0)
        return no_value;
    struct rql_value v = rql_value_of(timestamp, &e->s->text);
    buf_cut(&e->s->instant, 0);
    return v.type != RQL_STRING || instant_put(&e->s->instant, v.text) < 0
               ? v
               : text_value(buf_slice(&e->s->instant));
}

/* Of a thing that has an id: what stands before its first colon. */
static struct rql_value namespace_of_id(struct eval *e)
{
    struct json v = skim_get(json_slice(e->v->base), S("thingId"));
    if (e->v->at.len || v.type != JSON_STRING || json_parse(json_slice(v), &v, NULL) < 0)
        return no_value;
    struct slice id = rql_value_of(v, &e->s->text).text;
    return text_value(slice_cut(&id, ':'));
}

/* What is known of the thing besides what stands in it. */
static struct rql_value known_value(struct eval *e)
{
    const struct rql_view *v = e->v;
    if (e->field->type != FIELD_PART || e->field->n_keys != 1)
        return no_value;
    struct slice key = e->field->keys[0].text;
    if (!v->event)
        return slice_eq(key, S("_namespace")) ? namespace_of_id(e) : no_value;
    if (slice_eq(key, S("thingId")))
        return text_value(entity_id(e));
    if (slice_eq(key, S("_namespace")))
        return text_value(v->topic->namespace);
    if (slice_eq(key, S("_modified")) && v->timestamp.type != JSON_ABSENT)
        return instant_value(e, v->timestamp);
    struct json revision;
    if (slice_eq(key, S("_revision")) && json_parse(json_slice(v->revision), &revision, NULL) == 0)
        return rql_value_of(revision, &e->s->text);
    return no_value;
}

static struct slice topic_text(const struct topic *t, struct slice name)
{
    if (slice_eq(name, S("full")))
        return t->full;
    if (slice_eq(name, S("namespace")))
        return t->namespace;
    if (slice_eq(name, S("entityName")))
        return t->name;
    if (slice_eq(name, S("group")))
        return slice_str(topic_group_text(t->group));
    if (slice_eq(name, S("channel")))
        return slice_str(topic_channel_text(t->channel));
    if (slice_eq(name, S("criterion")))
        return slice_str(topic_criterion_text(t->criterion));
    if (slice_eq(name, S("action")))
        return t->action;
    if (slice_eq(name, S("subject")))
        return t->subject;
    return t->action.p ? t->action : t->subject; /* action-subject */
}

/* With its first "/" and without a last one. */
static struct slice path_text(struct eval *e)
{
    struct slice path = e->v->path;
    bool first = path.len && path.p[0] == '/', last = path.len > 1 && path.p[path.len - 1] == '/';
    if (first && !last)
        return path;
    buf_cut(&e->s->text, 0);
    buf_puts(&e->s->text, first ? "" : "/");
    buf_put_slice(&e->s->text, slice_of(path.p, path.len - last));
    return buf_slice(&e->s->text);
}

static struct slice resource_text(struct eval *e, struct slice name)
{
    static const char *const types[] = {
        [GROUP_THINGS] = "thing", [GROUP_POLICIES] = "policy", [GROUP_CONNECTIONS] = "connection"};
    if (slice_eq(name, S("path")))
        return path_text(e);
    const struct topic *t = e->v->topic;
    return slice_str(t->criterion == CRITERION_MESSAGES ? "message" : types[t->group]);
}

static struct slice entity_text(struct eval *e, struct slice name)
{
    if (slice_eq(name, S("id")))
        return entity_id(e);
    return slice_eq(name, S("name")) ? e->v->topic->name : e->v->topic->namespace;
}

static struct slice moment_text(struct eval *e, const struct time_expression *t, struct buf *dst)
{
    buf_cut(dst, 0);
    time_expression_put(dst, t, e->s->now_ms ? e->s->now_ms : wall_ms());
    return buf_slice(dst);
}

/* The value of a placeholder other than feature:id, which may have many. */
static struct slice placeholder_text(struct eval *e)
{
    const struct rql_field *f = e->field;
    const struct topic *t = e->v->topic;
    if (f->scope == RQL_TIME)
        return moment_text(e, &f->time, &e->s->text);
    if (!t || (f->scope == RQL_THING && t->group != GROUP_THINGS) ||
        (f->scope == RQL_ENTITY && t->group == GROUP_CONNECTIONS))
        return SLICE_NONE;
    switch (f->scope) {
    case RQL_TOPIC: return topic_text(t, f->name);
    case RQL_RESOURCE: return resource_text(e, f->name);
    default: return entity_text(e, f->name);
    }
}

typedef bool (*value_test)(struct eval *e, struct rql_value v);

static bool any_key(struct eval *e, struct json object, value_test test)
{
    struct skim s = skim_of(json_slice(object));
    while (skim_next(&s)) {
        buf_cut(&e->s->text, 0);
        if (skim_key_sound(s.key) && test(e, text_value(json_raw_text(s.key, &e->s->text))))
            return true;
    }
    return false;
}

/* The feature that the path names, or all that the value holds. */
static bool any_feature(struct eval *e, value_test test)
{
    struct pointer p;
    struct slice token;
    if (!e->v->topic || !pointer_parse(&p, e->v->path, POINTER_DITTO))
        return false;
    if (!pointer_next(&p, &token))
        return any_key(e, skim_get(json_slice(e->v->value), S("features")), test);
    if (!slice_eq(token, S("features")))
        return false;
    if (!pointer_next(&p, &token))
        return any_key(e, e->v->value, test);
    buf_cut(&e->s->text, 0);
    return test(e, text_value(pointer_key(token, POINTER_DITTO, &e->s->text)));
}

static bool any_placeholder(struct eval *e, value_test test)
{
    if (e->field->scope == RQL_FEATURE)
        return any_feature(e, test);
    struct rql_value v = text_value(placeholder_text(e));
    return is_value(v) && test(e, v);
}

/* --- comparing ---------------------------------------------------------------------------------------------------- */

static struct rql_value literal_value(struct eval *e, size_t i)
{
    const struct rql_literal *l = &e->q->tree.literals[i];
    const struct rql_moment *m = &e->q->moments[i];
    if (l->type != RQL_PLACEHOLDER)
        return (struct rql_value){l->type, l->text};
    if (!m->known)
        return (struct rql_value){RQL_NULL, SLICE_NONE};
    return text_value(moment_text(e, &m->time, &e->s->literal));
}

static bool is_in(struct eval *e, struct rql_value v)
{
    for (size_t i = 0; i < e->node->n_literals; i++) {
        struct rql_value l = literal_value(e, e->node->literal + i);
        if (l.type != RQL_NULL && rql_compare(v, l) == 0)
            return true;
    }
    return false;
}

static bool is_like(struct eval *e, struct rql_value v)
{
    char text[NUMBER_TEXT_SIZE];
    return rql_like(e->q->tree.literals[e->node->literal].text, rql_like_text(v, text),
                    e->node->op == RQL_ILIKE);
}

static bool value_holds(struct eval *e, struct rql_value v)
{
    enum rql_op op = e->node->op;
    if (op == RQL_LIKE || op == RQL_ILIKE)
        return is_like(e, v);
    if (op == RQL_IN)
        return v.type != RQL_NULL && is_in(e, v);
    struct rql_value l = literal_value(e, e->node->literal);
    if (v.type == RQL_NULL || l.type == RQL_NULL)
        return (op == RQL_EQ || op == RQL_NE) && v.type == l.type;
    int order = rql_compare(v, l);
    switch (op) {
    case RQL_GT: return order > 0;
    case RQL_GE: return order >= 0;
    case RQL_LT: return order < 0;
    case RQL_LE: return order <= 0;
    default: return order == 0; /* of ne, too: it is turned round at the end */
    }
}

static bool json_holds(struct eval *e, struct json v)
{
    if (v.type == JSON_OBJECT)
        return false;
    if (v.type != JSON_ARRAY)
        return value_holds(e, rql_value_of(v, &e->s->text));
    struct json_iter it = json_iter(v);
    while (json_next(&it))
        if (json_holds(e, it.value))
            return true;
    return false;
}

static bool compares(struct eval *e)
{
    const struct rql_field *f = e->field;
    if (f->type == FIELD_PLACEHOLDER)
        return any_placeholder(e, value_holds);
    struct rql_value v = known_value(e);
    if (is_value(v))
        return value_holds(e, v);
    return f->type != FIELD_NOWHERE && any_at(e, find(e->v, f), json_holds);
}

/* --- existence ---------------------------------------------------------------------------------------------------- */

static bool is_there(struct eval *e, struct json v)
{
    (void)e;
    (void)v;
    return true;
}

static bool is_any_value(struct eval *e, struct rql_value v)
{
    (void)e;
    (void)v;
    return true;
}

static bool is_text(struct eval *e, struct rql_value v)
{
    (void)e;
    return v.text.len > 0;
}

static bool exists(struct eval *e)
{
    const struct rql_field *f = e->field;
    switch (f->type) {
    case FIELD_HIDDEN:
    case FIELD_NOWHERE: return false;
    case FIELD_PLACEHOLDER: return any_placeholder(e, is_any_value);
    default: break;
    }
    struct spot s = find(e->v, f);
    return s.kind == SPOT_INNER || is_value(known_value(e)) || any_at(e, s, is_there);
}

static bool is_empty_json(struct json v, bool patch)
{
    struct json_iter it = json_iter(v);
    switch (v.type) {
    case JSON_NULL: return true;
    case JSON_STRING: return v.len == 2;
    case JSON_ARRAY:
    case JSON_OBJECT:
        while (json_next(&it))
            if (!patch || it.value.type != JSON_NULL)
                return false;
        return true;
    default: return false;
    }
}

/* The same place in extra, if there is an object: that belongs to an object of base. */
static struct json object_in_extra(const struct rql_view *v, const struct rql_field *f)
{
    struct spot s = find_in_extra(v, f);
    return s.kind == SPOT_VALUE && s.n == 0 && s.v.type == JSON_OBJECT ? s.v : empty_object;
}

static bool has_no_part(struct json feature, bool patch)
{
    static const char *const parts[] = {"definition", "properties", "desiredProperties"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        struct json part = json_get(feature, slice_str(parts[i]));
        if (part.type != JSON_ABSENT && !(patch && part.type == JSON_NULL))
            return false;
    }
    return true;
}

static bool is_empty_at(struct eval *e, struct spot s)
{
    bool (*test)(struct json v, bool patch) = e->field->type == FIELD_FEATURE ? has_no_part : is_empty_json;
    if (s.kind == SPOT_INNER)
        return false;
    if (s.kind != SPOT_VALUE || s.n)
        return !any_at(e, s, is_there);
    if (s.v.type != JSON_OBJECT)
        return test(s.v, false);
    return test(s.v, e->v->patch) && test(object_in_extra(e->v, e->field), false);
}

static bool is_empty(struct eval *e)
{
    const struct rql_field *f = e->field;
    switch (f->type) {
    case FIELD_HIDDEN:
    case FIELD_NOWHERE: return true;
    case FIELD_PLACEHOLDER: return !any_placeholder(e, is_text);
    default: return !is_value(known_value(e)) && is_empty_at(e, find(e->v, f));
    }
}

/* --- the tree ----------------------------------------------------------------------------------------------------- */

static bool is_unknown(const struct selector *s, struct slice pointer)
{
    for (size_t i = 0; s && pointer.len && i < s->n; i++)
        if (slice_starts(pointer, s->pointers[i]))
            return true;
    return false;
}

static enum rql_truth leaf(struct eval *e, size_t i)
{
    e->node = &e->q->tree.nodes[i];
    e->field = &e->q->fields[i];
    if (is_unknown(e->v->unknown, e->field->pointer))
        return RQL_UNKNOWN;
    switch (e->node->op) {
    case RQL_EXISTS: return exists(e) ? RQL_YES : RQL_NO;
    case RQL_EMPTY: return is_empty(e) ? RQL_YES : RQL_NO;
    case RQL_NE: return compares(e) ? RQL_NO : RQL_YES;
    default: return compares(e) ? RQL_YES : RQL_NO;
    }
}

static enum rql_truth opposite(enum rql_truth t)
{
    return t == RQL_UNKNOWN ? t : t == RQL_YES ? RQL_NO : RQL_YES;
}

/* Depth is bounded by the parser. */
static enum rql_truth eval_node(struct eval *e, size_t i)
{
    const struct rql_node *nodes = e->q->tree.nodes, *n = &nodes[i];
    if (n->op > RQL_NOT)
        return leaf(e, i);
    if (n->op == RQL_NOT)
        return opposite(eval_node(e, i + 1));
    enum rql_truth decisive = n->op == RQL_AND ? RQL_NO : RQL_YES, result = opposite(decisive);
    for (size_t child = i + 1; child < n->end; child = nodes[child].end) {
        enum rql_truth t = eval_node(e, child);
        if (t == decisive)
            return t;
        if (t == RQL_UNKNOWN)
            result = t;
    }
    return result;
}

enum rql_truth rql_eval(const struct rql_query *q, const struct rql_view *v, struct rql_scratch *s)
{
    struct eval e = {.q = q, .v = v, .s = s};
    return eval_node(&e, 0);
}
