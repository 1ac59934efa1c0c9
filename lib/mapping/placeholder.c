#include "mapping/placeholder.h"

#include <stdlib.h>

#include "base/banned.h"

enum { MAX_STAGES = 11 };

/* --- prefixes --------------------------------------------------------------------------------------------------- */

struct prefix {
    struct slice name;
    unsigned bit;              /* 0: not there yet */
    const struct slice *names; /* ended by SLICE_NONE; NULL: any */
    struct slice (*get)(const struct facts *f, const struct stage *s,
                        struct buf *scratch); /* SLICE_NONE: unresolved */
};

#define NAME(z)                                                                                              \
    {                                                                                                        \
        z, sizeof(z) - 1                                                                                     \
    }
#define NAMES_END                                                                                            \
    {                                                                                                        \
        NULL, 0                                                                                              \
    }

enum { ID_WHOLE, ID_NAMESPACE, ID_NAME };
static const struct slice id_names[] = {
    [ID_WHOLE] = NAME("id"), [ID_NAMESPACE] = NAME("namespace"), [ID_NAME] = NAME("name"), NAMES_END};

enum {
    TOPIC_FULL,
    TOPIC_NAMESPACE,
    TOPIC_NAME,
    TOPIC_GROUP,
    TOPIC_CHANNEL,
    TOPIC_CRITERION,
    TOPIC_ACTION,
    TOPIC_SUBJECT,
    TOPIC_ACTION_SUBJECT
};
static const struct slice topic_names[] = {
    [TOPIC_FULL] = NAME("full"),
    [TOPIC_NAMESPACE] = NAME("namespace"),
    [TOPIC_NAME] = NAME("entityName"),
    [TOPIC_GROUP] = NAME("group"),
    [TOPIC_CHANNEL] = NAME("channel"),
    [TOPIC_CRITERION] = NAME("criterion"),
    [TOPIC_ACTION] = NAME("action"),
    [TOPIC_SUBJECT] = NAME("subject"),
    [TOPIC_ACTION_SUBJECT] = NAME("action-subject"),
    NAMES_END,
};

static const struct slice connection_names[] = {NAME("id"), NAMES_END};
static const struct slice source_names[] = {NAME("address"), NAMES_END};

static struct slice get_header(const struct facts *f, const struct stage *s, struct buf *scratch)
{
    return f->headers ? header_text(headers_get(f->headers, s->name, f->exact_names), scratch) : SLICE_NONE;
}

static struct slice id_part(const struct topic *t, int which, struct buf *scratch)
{
    if (slice_eq(t->name, S("_")) || slice_eq(t->namespace, S("_"))) /* of no single entity */
        return SLICE_NONE;
    if (which != ID_WHOLE)
        return which == ID_NAME ? t->name : t->namespace;
    buf_put_slice(scratch, t->namespace);
    buf_putc(scratch, ':');
    buf_put_slice(scratch, t->name);
    return buf_slice(scratch);
}

static struct slice get_entity(const struct facts *f, const struct stage *s, struct buf *scratch)
{
    bool has = f->topic && f->topic->group != GROUP_CONNECTIONS;
    return has ? id_part(f->topic, s->which, scratch) : SLICE_NONE;
}

static struct slice get_thing(const struct facts *f, const struct stage *s, struct buf *scratch)
{
    bool has = f->topic && f->topic->group == GROUP_THINGS;
    return has ? id_part(f->topic, s->which, scratch) : SLICE_NONE;
}

static struct slice get_policy(const struct facts *f, const struct stage *s, struct buf *scratch)
{
    bool has = f->topic && f->topic->group == GROUP_POLICIES;
    return has ? id_part(f->topic, s->which, scratch) : SLICE_NONE;
}

static struct slice topic_part(const struct topic *t, int which)
{
    switch (which) {
    case TOPIC_FULL: return t->full;
    case TOPIC_NAMESPACE: return t->namespace;
    case TOPIC_NAME: return t->name;
    case TOPIC_GROUP: return slice_str(topic_group_text(t->group));
    case TOPIC_CHANNEL: return slice_str(topic_channel_text(t->channel));
    case TOPIC_CRITERION: return slice_str(topic_criterion_text(t->criterion));
    case TOPIC_ACTION: return t->action;
    case TOPIC_SUBJECT: return t->subject;
    default: return t->action.p ? t->action : t->subject;
    }
}

static struct slice get_topic(const struct facts *f, const struct stage *s, struct buf *scratch)
{
    (void)scratch;
    return f->topic ? topic_part(f->topic, s->which) : SLICE_NONE;
}

static struct slice get_connection(const struct facts *f, const struct stage *s, struct buf *scratch)
{
    (void)s, (void)scratch;
    return f->connection_id;
}

static struct slice get_source(const struct facts *f, const struct stage *s, struct buf *scratch)
{
    (void)s, (void)scratch;
    return f->source_address;
}

static const struct prefix prefixes[] = {
    {NAME("header"), PREFIX_HEADER, NULL, get_header},
    {NAME("entity"), PREFIX_ENTITY, id_names, get_entity},
    {NAME("thing"), PREFIX_THING, id_names, get_thing},
    {NAME("policy"), PREFIX_POLICY, id_names, get_policy},
    {NAME("topic"), PREFIX_TOPIC, topic_names, get_topic},
    {NAME("connection"), PREFIX_CONNECTION, connection_names, get_connection},
    {NAME("source"), PREFIX_SOURCE, source_names, get_source},
    {NAME("feature"), 0, NULL, NULL},
    {NAME("resource"), 0, NULL, NULL},
    {NAME("request"), 0, NULL, NULL},
    {NAME("time"), 0, NULL, NULL},
    {NAME("thing-json"), 0, NULL, NULL},
};

static const struct prefix *find_prefix(struct slice name)
{
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (slice_eq(prefixes[i].name, name))
            return &prefixes[i];
    return NULL;
}

/* Which of the prefix's names it is, -1 if it has no such name. */
static int find_name(const struct prefix *p, struct slice name)
{
    if (!p->names)
        return name.len ? 0 : -1;
    for (int i = 0; p->names[i].p; i++)
        if (slice_eq(p->names[i], name))
            return i;
    return -1;
}

/* --- compiling -------------------------------------------------------------------------------------------------- */

static int refuse(struct ditto_error *err, struct slice what, const char *code, const char *why)
{
    return ditto_fail(err, 400, code, why, NULL, "The placeholder <%.*s> cannot be resolved.",
                      SLICE_ARG(what));
}

#define NOT_YET "It is not available in this version."

static int compile_placeholder(struct stage *s, struct slice text, unsigned scope, struct ditto_error *err)
{
    struct slice name = text;
    struct slice prefix = slice_cut(&name, ':');
    s->prefix = find_prefix(prefix);
    s->name = name;
    if (!name.p)
        return refuse(err, text, "placeholder:unresolved", "It has no prefix.");
    if (!s->prefix)
        return refuse(err, text, "placeholder:unresolved", "Its prefix is not known.");
    if (!s->prefix->bit)
        return refuse(err, text, "placeholder:unresolved", NOT_YET);
    if (!(s->prefix->bit & scope))
        return refuse(err, text, "placeholder:unresolved", "Its prefix is not available at this place.");
    s->which = find_name(s->prefix, name);
    if (s->which < 0)
        return refuse(err, text, "placeholder:unresolved", "Its prefix does not have that name.");
    return 0;
}

static int compile_stage(struct stage *s, struct slice text, bool first, unsigned scope,
                         struct ditto_error *err)
{
    if (slice_starts(text, S("fn:")))
        return refuse(err, text, "placeholder:function.unknown", NOT_YET);
    if (!first)
        return refuse(err, text, "placeholder:function.unknown", "A function (fn:) is expected after '|'.");
    return compile_placeholder(s, text, scope, err);
}

/* Cuts *rest at the first '|' outside quotes. False if a quote is not closed. */
static bool cut_stage(struct slice *rest, struct slice *stage)
{
    char quote = '\0';
    size_t i = 0;
    for (; i < rest->len && (quote || rest->p[i] != '|'); i++) {
        char c = rest->p[i];
        if (quote && c == '\\' && i + 1 < rest->len && rest->p[i + 1] == quote)
            i++;
        else if (quote)
            quote = c == quote ? '\0' : quote;
        else if (c == '\'' || c == '"')
            quote = c;
    }
    *stage = slice_trim(slice_of(rest->p, i));
    *rest = i < rest->len ? slice_skip(*rest, i + 1) : SLICE_NONE;
    return !quote;
}

static int compile_expression(struct part *p, struct slice text, unsigned scope, struct ditto_error *err)
{
    struct slice rest = text, stage;
    while (rest.p) {
        if (!cut_stage(&rest, &stage))
            return refuse(err, text, "placeholder:unresolved", "It has a quote that is not closed.");
        if (p->n_stages == MAX_STAGES)
            return refuse(err, text, "placeholder:function.too.complex", "It has more than 10 functions.");
        p->stages = xrealloc_array(p->stages, p->n_stages + 1, sizeof *p->stages);
        struct stage *s = &p->stages[p->n_stages++];
        if (compile_stage(s, stage, p->n_stages == 1, scope, err) < 0)
            return -1;
    }
    return 0;
}

static const char *find(const char *from, const char *end, const char *two)
{
    return end - from < 2 ? NULL : memmem(from, (size_t)(end - from), two, 2);
}

/* The first expression at or after from: its text and what follows it. False without one. */
static bool next_expression(const char *from, const char *end, struct slice *before, struct slice *expression,
                            const char **after)
{
    for (const char *p = from; p < end; p++) {
        bool braces = end - p >= 2 && p[0] == '{' && p[1] == '{';
        bool legacy = end - p >= 2 && p[0] == '$' && p[1] == '{';
        const char *close = NULL;
        if (braces)
            close = find(p + 2, end, "}}");
        else if (legacy)
            close = memchr(p + 2, '}', (size_t)(end - p) - 2);
        if (!close)
            continue;
        *before = slice_of(from, (size_t)(p - from));
        *expression = slice_of(p + 2, (size_t)(close - p) - 2);
        *after = close + (braces ? 2 : 1);
        return true;
    }
    return false;
}

static struct part *add_part(struct template *t)
{
    t->parts = xrealloc_array(t->parts, t->n + 1, sizeof *t->parts);
    t->parts[t->n] = (struct part){{NULL, 0}, 0, NULL};
    return &t->parts[t->n++];
}

static void add_literal(struct template *t, struct slice text)
{
    if (text.len)
        add_part(t)->literal = text;
}

int template_compile(struct template *t, struct slice text, unsigned scope, struct ditto_error *err)
{
    struct slice before, expression;
    const char *p = text.p, *end = text.p + text.len;
    *t = (struct template){.text = text};
    while (next_expression(p, end, &before, &expression, &p)) {
        add_literal(t, before);
        if (compile_expression(add_part(t), expression, scope, err) < 0) {
            template_free(t);
            return -1;
        }
    }
    add_literal(t, slice_of(p, (size_t)(end - p)));
    return 0;
}

void template_free(struct template *t)
{
    for (size_t i = 0; i < t->n; i++)
        free(t->parts[i].stages);
    free(t->parts);
    *t = (struct template){.n = 0};
}

/* --- resolving -------------------------------------------------------------------------------------------------- */

void scratch_free(struct scratch *s)
{
    buf_free(&s->value);
    buf_free(&s->text);
}

static enum value_state resolve_expression(const struct part *p, const struct facts *f, struct buf *scratch,
                                           struct slice *out)
{
    const struct stage *s = p->stages;
    buf_cut(scratch, 0);
    *out = s->prefix->bit & f->prefixes ? s->prefix->get(f, s, scratch) : SLICE_NONE;
    return out->p ? VALUE_RESOLVED : VALUE_UNRESOLVED;
}

static enum value_state resolve_part(const struct part *p, const struct facts *f, struct buf *scratch,
                                     struct slice *out)
{
    if (p->n_stages)
        return resolve_expression(p, f, scratch, out);
    *out = p->literal;
    return VALUE_RESOLVED;
}

enum value_state template_resolve(const struct template *t, const struct facts *f, struct scratch *s,
                                  struct slice *out)
{
    bool deleted = t->n > 0;
    if (t->n == 1)
        return resolve_part(t->parts, f, &s->value, out);
    buf_cut(&s->text, 0);
    for (size_t i = 0; i < t->n; i++) {
        struct slice text;
        enum value_state state = resolve_part(&t->parts[i], f, &s->value, &text);
        if (state == VALUE_UNRESOLVED)
            return VALUE_UNRESOLVED;
        if (state == VALUE_DELETED)
            continue;
        deleted = false;
        buf_put_slice(&s->text, text);
    }
    *out = buf_slice(&s->text);
    return deleted ? VALUE_DELETED : VALUE_RESOLVED;
}
