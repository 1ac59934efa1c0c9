/* adapter.c: lines in, lines out. */
#include "protocol/adapter.h"

#include <stdlib.h>

#include "protocol/adapter_way.h"

#include "base/banned.h"

enum { KEEP_BYTES = 64 * 1024 };

struct adapter {
    enum adapter_way way;
    struct buf scratch;
    struct line_inside inside;
    struct ditto_error err;
};

struct adapter *adapter_new(enum adapter_way way)
{
    struct adapter *a = xcalloc(1, sizeof *a);
    a->way = way;
    return a;
}

void adapter_free(struct adapter *a)
{
    if (a)
        buf_free(&a->scratch);
    free(a);
}

static enum line_kind consumed(const struct adapter *a)
{
    return a->way == ADAPT_TO_SIGNAL ? LINE_DITTO : LINE_SIGNAL;
}

/* --- errors ----------------------------------------------------------------------------------------------------- */

/* A string member, SLICE_NONE if it is none. */
static struct slice text_of(struct way *w, struct json object, const char *name)
{
    return texts_decode(&w->texts, json_get(object, slice_str(name)));
}

/* "thing:ns:name" */
static bool read_typed_id(struct slice text, struct way *w)
{
    struct slice rest = text, type = slice_cut(&rest, ':');
    struct entity_id id;
    struct ditto_error ignored;
    ignored.status = 0;
    bool policy = slice_eq(type, S("policy"));
    if (!rest.p || (!policy && !slice_eq(type, S("thing"))) ||
        entity_id_parse(rest, policy ? ENTITY_POLICY : ENTITY_THING, &id, &ignored) < 0)
        return false;
    w->topic.namespace = id.namespace;
    w->topic.name = id.name;
    return true;
}

static bool topic_names_entity(const struct way *w)
{
    struct ditto_error ignored;
    ignored.status = 0;
    return w->topic.namespace.p &&
           entity_id_check(w->topic.namespace, w->topic.name, ENTITY_NAMESPACED, &ignored) == 0;
}

/* Whose error it is: the entity of the topic, or the one that a header or a signal names. */
static void find_entity(struct way *w)
{
    struct slice header = text_of(w, w->line->headers, "ditto-entity-id");
    struct slice thing = text_of(w, w->line->signal, "thingId"),
                 policy = text_of(w, w->line->signal, "policyId");
    struct entity_id id;
    struct ditto_error ignored;
    ignored.status = 0;
    if (topic_names_entity(w) || (header.p && read_typed_id(header, w)))
        return;
    w->topic.namespace = w->topic.name = S("unknown");
    if (entity_id_parse(thing.p ? thing : policy, ENTITY_NAMESPACED, &id, &ignored) == 0) {
        w->topic.namespace = id.namespace;
        w->topic.name = id.name;
    }
}

/* The topic of the error message. */
static void find_error_topic(struct way *w)
{
    bool policy = w->topic.group == GROUP_POLICIES || slice_starts(slice_str(w->err->code), S("policies:"));
    find_entity(w);
    w->topic.group = policy ? GROUP_POLICIES : GROUP_THINGS;
    w->topic.channel = w->topic.channel == CHANNEL_LIVE ? CHANNEL_LIVE : CHANNEL_TWIN;
    w->topic.criterion = CRITERION_ERRORS;
    w->topic.verb = ACTION_NONE;
    w->topic.subject = SLICE_NONE;
}

/* Those of the message, if they can be shown; at least its correlation-id. */
static void put_error_headers(struct way *w)
{
    struct header_values seen;
    struct ditto_error ignored;
    size_t before = w->out->len;
    ignored.status = 0;
    int r = headers_put(w->out, w->line->headers, BORDER_OUT,
                        WITHOUT_CONTENT_TYPE | WITHOUT_RESPONSE_REQUIRED, &seen, &ignored);
    if (r < 0 || seen.size > HEADERS_MAX_BYTES) {
        struct json id = json_get(w->line->headers, S("correlation-id"));
        buf_cut(w->out, before);
        if (id.type == JSON_STRING && id.len > 2 && id.len < HEADERS_MAX_BYTES)
            json_put_member(w->out, S("correlation-id"), json_slice(id));
    }
    if (w->out->len > before)
        buf_putc(w->out, ',');
    PUT(w->out, "\"response-required\":false,\"content-type\":\"application/json\"");
}

static void put_context(struct way *w)
{
    if (json_present(w->line->context))
        json_put_member(w->out, S("context"), json_slice(w->line->context));
}

static void put_error(struct way *w)
{
    find_error_topic(w);
    PUT(w->out, "{\"topic\":\"");
    topic_put_escaped(w->out, &w->topic);
    PUT(w->out, "\",\"headers\":{");
    put_error_headers(w);
    PUT(w->out, "},\"path\":\"/\",\"value\":");
    ditto_error_put(w->out, w->err, false);
    json_put_member_int(w->out, S("status"), w->err->status);
    put_context(w);
    PUT(w->out, "}\n");
    if (w->line->id.p)
        ditto_error_settle(w->out, w->line->id, w->err);
}

/* --- lines ------------------------------------------------------------------------------------------------------ */

static void begin(struct way *w)
{
    buf_putc(w->out, '{');
    if (!w->line->id.p)
        return;
    PUT(w->out, "\"id\":\"");
    buf_put_slice(w->out, w->line->id);
    PUT(w->out, "\",");
}

static int adapt(struct way *w, enum adapter_way way)
{
    size_t before = w->out->len;
    begin(w);
    int r = way == ADAPT_TO_SIGNAL ? adapt_in(w) : adapt_out(w);
    if (r < 0) {
        buf_cut(w->out, before);
        put_error(w);
        return -1;
    }
    put_context(w);
    PUT(w->out, "}\n");
    return 0;
}

/* What a JSON reader of Ditto refuses although it is grammatical. */
static int check_notes(const struct json_notes *notes, struct ditto_error *err)
{
    if (notes->empty_key)
        return ditto_fail(err, 400, "json.invalid", "Name the member.", NULL,
                          "The message has a member without a name.");
    if (notes->wide_integer)
        return ditto_fail(err, 400, "json.invalid", "Integers are those of 64 bits.", NULL,
                          "The message has an integer that is too large.");
    return 0;
}

/* A line that is no JSON object at all. */
static void fail_unread(struct slice raw, const struct json_error *why, struct ditto_error *err)
{
    struct json v;
    if (raw.len == 0)
        ditto_fail(err, 400, "json.format.invalid", "Send a JSON object.", NULL, "The line is empty.");
    else if (json_parse(raw, &v, NULL) == 0 && v.type == JSON_NULL)
        ditto_fail(err, 400, "json.field.missing", "Send a JSON object with a topic.", "/topic",
                   "The member 'topic' is missing.");
    else
        ditto_fail(err, 400, "json.invalid", "Check the JSON string.", NULL,
                   "The line is no JSON object: %s at byte %zu.", why->reason, why->offset);
}

/* Its id, if it stands before the fault: whoever gave it waits for it. */
static void on_unread(void *arg, const struct json_member *m)
{
    struct line *l = arg;
    if (json_key_is(m->key, S("id")))
        l->id = line_id(m->value);
}

static int read_line(struct adapter *a, struct way *w, struct line *l, struct slice raw)
{
    struct json_error why;
    if (line_read_deep(raw, l, &a->inside, &why) < 0) {
        *l = (struct line){.raw = raw};
        (void)json_each_member(raw, on_unread, l, NULL);
        fail_unread(raw, &why, w->err);
        return -1;
    }
    w->texts.plain = !a->inside.notes.escape;
    return check_notes(&a->inside.notes, w->err);
}

enum adapter_result adapter_take(struct adapter *a, struct slice raw, struct buf *out)
{
    struct line l;
    struct way w = {.line = &l, .inside = &a->inside, .out = out, .scratch = &a->scratch, .err = &a->err};
    enum adapter_result result = ADAPTED;
    a->err.status = 0;
    int r = read_line(a, &w, &l, raw);
    if (r == 0 && l.kind != consumed(a) && l.kind != LINE_UNKNOWN) {
        buf_put_slice(out, raw);
        buf_putc(out, '\n');
        return ADAPT_PASSED;
    }
    if (r < 0)
        put_error(&w);
    else
        r = adapt(&w, a->way);
    if (r < 0)
        result = ADAPT_REFUSED;
    texts_free(&w.texts);
    buf_reset(&a->scratch, KEEP_BYTES);
    return result;
}

void adapter_refuse_long(struct adapter *a, struct slice head, struct buf *out)
{
    struct line l = {.raw = head};
    struct way w = {.line = &l, .inside = &a->inside, .out = out, .scratch = &a->scratch, .err = &a->err};
    a->err.status = 0;
    json_view_clear(&a->inside.headers);
    json_view_clear(&a->inside.signal);
    (void)json_each_member(head, on_unread, &l, NULL);
    ditto_fail(&a->err, 413, "messages:payload.toolarge", "A line has 32 MiB at most.", NULL,
               "The line is too long.");
    put_error(&w);
}
