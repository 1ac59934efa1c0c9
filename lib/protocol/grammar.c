/* grammar.c: showing what texts mean. */
#include "json/pointer.h"
#include "protocol/content_type.h"
#include "protocol/duration.h"
#include "protocol/form.h"
#include "protocol/grammar.h"
#include "protocol/ids.h"
#include "protocol/rql.h"
#include "protocol/selector.h"
#include "protocol/topic.h"

#include "base/banned.h"

static void put_flag(struct buf *dst, const char *name, bool value)
{
    json_put_member(dst, slice_str(name), value ? S("true") : S("false"));
}

static void put_text(struct buf *dst, const char *name, struct slice text)
{
    if (text.p)
        json_put_member_text(dst, slice_str(name), text);
}

static void open_list(struct buf *dst, const char *name)
{
    json_put_key(dst, slice_str(name));
    buf_putc(dst, '[');
}

static void put_item(struct buf *dst, struct slice text)
{
    json_put_item(dst);
    json_put_text(dst, text);
}

/* --- topic -------------------------------------------------------------------------------------------------------- */

static const char *action_name(enum topic_criterion c)
{
    return c == CRITERION_SEARCH ? "searchAction" : c == CRITERION_STREAMING ? "streamingAction" : "action";
}

static int put_topic(struct buf *dst, struct slice text, struct ditto_error *err)
{
    struct topic t;
    struct buf printed = {0};
    if (topic_parse(text, &t, err) < 0)
        return -1;
    json_put_key(dst, S("parts"));
    buf_putc(dst, '{');
    put_text(dst, "namespace", t.namespace);
    put_text(dst, "entityName", t.name);
    put_text(dst, "group", slice_str(topic_group_text(t.group)));
    put_text(dst, "channel", slice_str(topic_channel_text(t.channel)));
    put_text(dst, "criterion", slice_str(topic_criterion_text(t.criterion)));
    put_text(dst, action_name(t.criterion), t.action);
    put_text(dst, "subject", t.subject);
    buf_putc(dst, '}');
    topic_put(&printed, &t);
    put_text(dst, "serialized", buf_slice(&printed));
    put_flag(dst, "wildcard", slice_eq(t.name, S("_")));
    buf_free(&printed);
    return 0;
}

/* --- names -------------------------------------------------------------------------------------------------------- */

static int put_id(struct buf *dst, struct slice text, enum entity_type type, struct ditto_error *err)
{
    struct entity_id id;
    if (entity_id_parse(text, type, &id, err) < 0)
        return -1;
    put_text(dst, "namespace", id.namespace);
    put_text(dst, "entityName", id.name);
    return 0;
}

static int put_thing_id(struct buf *dst, struct slice text, struct ditto_error *err)
{
    return put_id(dst, text, ENTITY_THING, err);
}

static int put_policy_id(struct buf *dst, struct slice text, struct ditto_error *err)
{
    return put_id(dst, text, ENTITY_POLICY, err);
}

static int put_connection_id(struct buf *dst, struct slice text, struct ditto_error *err)
{
    return put_id(dst, text, ENTITY_CONNECTION, err);
}

static int put_ack_label(struct buf *dst, struct slice text, struct ditto_error *err)
{
    (void)dst;
    return ack_label_check(text, err);
}

/* --- values of headers --------------------------------------------------------------------------------------------- */

static int put_duration(struct buf *dst, struct slice text, struct ditto_error *err)
{
    struct duration d;
    struct buf printed = {0};
    if (duration_parse(text, &d, err) < 0)
        return -1;
    json_put_member_int(dst, S("millis"), duration_ms(d));
    duration_put(&printed, d);
    put_text(dst, "string", buf_slice(&printed));
    buf_free(&printed);
    return 0;
}

static int put_content_type(struct buf *dst, struct slice text, struct ditto_error *err)
{
    (void)err;
    put_text(dst, "strategy", slice_str(content_class_text(content_class_of(text))));
    put_flag(dst, "dittoProtocol", content_is_ditto(text));
    return 0;
}

/* --- pointers ----------------------------------------------------------------------------------------------------- */

static int put_pointer(struct buf *dst, struct slice text, struct ditto_error *err)
{
    struct pointer p;
    struct slice token;
    struct buf printed = {0}, key = {0};
    if (!pointer_parse(&p, text, POINTER_DITTO))
        return ditto_fail(err, 400, "json.pointer.invalid", "Consecutive slashes are not supported.", NULL,
                          "The JSON pointer '%.*s' is invalid.", SLICE_ARG(text));
    open_list(dst, "keys");
    while (pointer_next(&p, &token)) {
        buf_cut(&key, 0);
        struct slice name = pointer_key(token, POINTER_DITTO, &key);
        put_item(dst, name);
        pointer_put_key(&printed, name, POINTER_DITTO);
    }
    buf_putc(dst, ']');
    put_text(dst, "string", printed.len ? buf_slice(&printed) : S("/"));
    buf_free(&printed);
    buf_free(&key);
    return 0;
}

static void put_pointers(struct buf *dst, const char *name, const struct selector *s)
{
    open_list(dst, name);
    for (size_t i = 0; i < s->n; i++)
        put_item(dst, s->pointers[i]);
    buf_putc(dst, ']');
}

static int put_fields(struct buf *dst, int parsed, struct selector *s)
{
    if (parsed < 0)
        return -1;
    put_pointers(dst, "pointers", s);
    selector_free(s);
    return 0;
}

static int put_protocol_fields(struct buf *dst, struct slice text, struct ditto_error *err)
{
    struct selector s;
    return put_fields(dst, selector_parse_protocol(&s, text, err), &s);
}

static int put_selector(struct buf *dst, struct slice text, struct ditto_error *err)
{
    struct selector s;
    return put_fields(dst, selector_parse(&s, text, true, err), &s);
}

static int put_extra_fields(struct buf *dst, struct slice text, struct ditto_error *err)
{
    struct selector s;
    return put_fields(dst, selector_parse_extra(&s, text, err), &s);
}

/* --- target topics ------------------------------------------------------------------------------------------------- */

/* What a parameter of a target topic says; SLICE_NONE if it is not there. Its escapes are known to be good. */
static struct slice parameter(struct slice encoded, struct buf *decoded)
{
    if (!encoded.p)
        return SLICE_NONE;
    (void)form_decode(decoded, encoded);
    return buf_slice(decoded);
}

/* Java's split: empty names at the end are left out. */
static void put_namespaces(struct buf *dst, struct slice list, struct buf *printed)
{
    while (list.len && list.p[list.len - 1] == ',')
        list.len--;
    open_list(dst, "namespaces");
    for (struct slice rest = list; rest.len || (rest.p && rest.p > list.p);)
        put_item(dst, slice_cut(&rest, ','));
    buf_putc(dst, ']');
    buf_put_slice(printed, list);
}

static void print_parameter(struct buf *printed, const char *name, struct slice value, bool *first)
{
    if (!value.len)
        return;
    buf_putc(printed, *first ? '?' : '&');
    buf_puts(printed, name);
    buf_putc(printed, '=');
    buf_put_slice(printed, value);
    *first = false;
}

struct parameters {
    struct buf namespaces, names, filter, extra;
};

static int put_parameters(struct buf *dst, struct slice name, const struct target_topic *t,
                          struct parameters *p, struct ditto_error *err)
{
    struct buf printed = {0};
    struct selector fields;
    bool first = true;
    struct slice filter = parameter(t->filter, &p->filter), extra = parameter(t->extra_fields, &p->extra);
    if (extra.len && selector_parse_extra(&fields, extra, err) < 0)
        return -1;
    put_text(dst, "topic", name);
    put_namespaces(dst, parameter(t->namespaces, &p->namespaces), &p->names);
    put_text(dst, "filter", filter);
    if (extra.len) {
        put_pointers(dst, "extraFields", &fields);
        selector_free(&fields);
    }
    buf_put_slice(&printed, name);
    print_parameter(&printed, "namespaces", buf_slice(&p->names), &first);
    print_parameter(&printed, "filter", filter, &first);
    print_parameter(&printed, "extraFields", extra, &first);
    put_text(dst, "string", buf_slice(&printed));
    buf_free(&printed);
    return 0;
}

static int put_target_topic(struct buf *dst, struct slice text, struct ditto_error *err)
{
    struct target_topic t;
    struct parameters p = {0};
    struct slice rest = text;
    if (target_topic_parse(text, &t, err) < 0)
        return -1;
    int r = put_parameters(dst, slice_cut(&rest, '?'), &t, &p, err);
    buf_free(&p.namespaces);
    buf_free(&p.names);
    buf_free(&p.filter);
    buf_free(&p.extra);
    return r;
}

/* --- rql ---------------------------------------------------------------------------------------------------------- */

static int put_rql(struct buf *dst, struct slice text, struct ditto_error *err)
{
    struct rql q;
    if (rql_parse(&q, text, err) < 0)
        return -1;
    json_put_key(dst, S("ast"));
    rql_put(dst, &q);
    rql_free(&q);
    return 0;
}

/* --- all ---------------------------------------------------------------------------------------------------------- */

const struct grammar grammars[] = {
    {"topic", "a topic of the Ditto Protocol", put_topic},
    {"thing-id", "the id of a thing", put_thing_id},
    {"policy-id", "the id of a policy", put_policy_id},
    {"connection-id", "the id of a connection", put_connection_id},
    {"ack-label", "the label of an acknowledgement", put_ack_label},
    {"duration", "a duration, as of the header timeout", put_duration},
    {"content-type", "a content type", put_content_type},
    {"pointer", "a JSON pointer", put_pointer},
    {"fields-protocol", "the member fields of a message", put_protocol_fields},
    {"fields-selector", "a field selector, URL-encoded", put_selector},
    {"fields-extra", "the extraFields of a target topic", put_extra_fields},
    {"target-topic", "a topic of a target, with its parameters", put_target_topic},
    {"rql", "a filter in RQL", put_rql},
    {NULL, NULL, NULL},
};

const struct grammar *grammar_of(struct slice name)
{
    for (const struct grammar *g = grammars; g->name; g++)
        if (slice_eq(name, slice_str(g->name)))
            return g;
    return NULL;
}

void grammar_put(struct buf *dst, const struct grammar *g, struct slice text)
{
    struct ditto_error err = {0};
    size_t start = dst->len;
    buf_puts(dst, "{\"valid\":true");
    if (g->put(dst, text, &err) == 0) {
        buf_putc(dst, '}');
        return;
    }
    buf_cut(dst, start);
    ditto_error_put(dst, &err, false);
    struct buf error = {0};
    buf_put_slice(&error, slice_skip(buf_slice(dst), start + 1));
    buf_cut(dst, start);
    buf_puts(dst, "{\"valid\":false,");
    buf_put_slice(dst, buf_slice(&error));
    buf_free(&error);
}
