/* implicit_thing_creation.c: the ImplicitThingCreation mapper: a message of a device creates its thing.
 *
 * The thing is a template: a JSON object whose whole text placeholders are put into, without escaping, as in Ditto. The
 * payload does not matter. An existing thing answers 412 to the command's "if-none-match": "*", which does no harm. */
#include <stdlib.h>

#include "mapping/option.h"
#include "protocol/ids.h"

#include "base/banned.h"

struct creation {
    struct option thing;
    struct option_headers headers;
    bool allow_policy_lockout;
    struct scratch scratch;
    struct buf text; /* of the thing at hand */
};

static void release(struct mapper *m)
{
    struct creation *own = m->own;
    option_free(&own->thing);
    option_headers_free(&own->headers);
    scratch_free(&own->scratch);
    buf_free(&own->text);
    free(own);
}

/* An id that is no template can be judged before a message comes. */
static int check_id(struct slice id, enum entity_type type, struct ditto_error *err)
{
    return id.p && !option_is_template(id) ? entity_id_parse(id, type, NULL, err) : 0;
}

static int check_thing(const struct mapper *m, struct json thing, struct ditto_error *err)
{
    struct buf scratch = {0}, other = {0};
    struct slice id = json_text(json_get(thing, S("thingId")), &scratch);
    int r = 0;
    if (thing.type != JSON_OBJECT)
        r = option_refuse(m, "thing", "It is missing, or no object.", err);
    else if (!id.p)
        r = option_refuse(m, "thing/thingId", "It is missing, or no text.", err);
    else if (check_id(id, ENTITY_THING, err) < 0)
        r = -1;
    else
        r = check_id(json_text(json_get(thing, S("policyId")), &other), ENTITY_POLICY, err);
    buf_free(&scratch);
    buf_free(&other);
    return r;
}

static int configure(struct mapper *m, struct json options, enum way way, struct scripts *scripts,
                     struct ditto_error *err)
{
    struct creation *own = m->own = xcalloc(1, sizeof *own);
    struct json thing = json_get(options, S("thing")), standard;
    (void)way, (void)scripts;
    option_compile(&own->thing, json_slice(thing));
    (void)json_parse(S("{\"if-none-match\":\"*\"}"), &standard, NULL);
    option_headers_add(&own->headers, standard);
    option_headers_add(&own->headers, json_get(options, S("commandHeaders")));
    own->allow_policy_lockout = option_flag(options, S("allowPolicyLockout"), true);
    return check_thing(m, thing, err);
}

/* --- inbound ---------------------------------------------------------------------------------------------------- */

/* Those that do not resolve are left out. */
static int put_headers(struct buf *dst, struct creation *own, const struct facts *f, struct ditto_error *err)
{
    for (size_t i = 0; i < own->headers.n; i++) {
        const struct option_header *h = &own->headers.v[i];
        struct slice text;
        enum value_state state = template_resolve(&h->value.template, f, &own->scratch, &text, err);
        if (state == VALUE_FAILED)
            return -1;
        if (state == VALUE_RESOLVED)
            json_put_member_text(dst, slice_str(h->name), text);
    }
    json_put_member(dst, S("allow-policy-lockout"), own->allow_policy_lockout ? S("true") : S("false"));
    return 0;
}

/* The members that a thing, and the command that creates it, has. */
static void put_thing(struct buf *dst, struct json thing, const struct entity_id *id)
{
    static const char *const members[] = {"policyId", "definition", "attributes",
                                          "features", "_policy",    "_copyPolicyFrom"};
    buf_putc(dst, '{');
    json_put_member_text(dst, S("_namespace"), id->namespace);
    json_put_member_text(dst, S("thingId"), id->full);
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        struct json v = json_get(thing, slice_str(members[i]));
        if (v.type != JSON_ABSENT)
            json_put_member(dst, slice_str(members[i]), json_slice(v));
    }
    buf_putc(dst, '}');
}

static int read_thing(struct slice text, struct json *thing, struct ditto_error *err)
{
    struct json_error why;
    if (json_parse(text, thing, &why) < 0)
        return ditto_fail(err, 400, "json.invalid", NULL, NULL,
                          "The thing that the template gives is not valid JSON: %s at byte %zu.", why.reason,
                          why.offset);
    return 0;
}

static int check_policy_id(struct json thing, struct ditto_error *err)
{
    struct buf scratch = {0};
    struct slice id = json_text(json_get(thing, S("policyId")), &scratch);
    int r = id.p ? entity_id_parse(id, ENTITY_POLICY, NULL, err) : 0;
    buf_free(&scratch);
    return r;
}

static int put_command(struct buf *dst, struct creation *own, struct json thing, const struct facts *f,
                       struct ditto_error *err)
{
    struct buf scratch = {0};
    struct entity_id id;
    int r = entity_id_parse(json_text(json_get(thing, S("thingId")), &scratch), ENTITY_THING, &id, err);
    if (r == 0)
        r = check_policy_id(thing, err);
    if (r == 0) {
        buf_puts(dst, "{\"topic\":\"");
        json_put_escaped(dst, id.namespace);
        buf_putc(dst, '/');
        json_put_escaped(dst, id.name);
        buf_puts(dst, "/things/twin/commands/create\",\"headers\":{");
        r = put_headers(dst, own, f, err);
        buf_puts(dst, "},\"path\":\"/\",\"value\":");
        put_thing(dst, thing, &id);
        buf_putc(dst, '}');
    }
    buf_free(&scratch);
    return r;
}

/* A reference ("{{ ref:things/…/policyId }}") is for who creates the thing; all else has to resolve. */
static int resolve_thing(struct creation *own, const struct facts *f, struct ditto_error *err)
{
    static const struct slice here[] = {{"header", 6},     {"request", 7},  {"time", 4},        {"fn", 2},
                                        {"thing", 5},      {"entity", 6},   {"policy", 6},      {"topic", 5},
                                        {"feature", 7},    {"resource", 8}, {"connection", 10}, {"source", 6},
                                        {"thing-json", 10}};
    struct values v;
    switch (template_resolve_partially(&own->thing.template, f, here, sizeof here / sizeof *here,
                                       &own->scratch, &v, err)) {
    case VALUE_FAILED: return -1;
    case VALUE_RESOLVED: break;
    default: return template_unresolved(slice_str(own->thing.text), err);
    }
    buf_cut(&own->text, 0);
    buf_put_slice(&own->text, values_first(&v));
    return 0;
}

static int incoming(const struct mapper *m, const struct external *msg, struct incoming *to,
                    struct ditto_error *err)
{
    struct creation *own = m->own;
    struct facts f = option_facts(msg);
    struct json thing;
    if (resolve_thing(own, &f, err) < 0)
        return -1;
    if (read_thing(buf_slice(&own->text), &thing, err) < 0 || put_command(to->room, own, thing, &f, err) < 0)
        return -1;
    to->v[to->n++] = buf_slice(to->room);
    return 0;
}

/* --- outbound --------------------------------------------------------------------------------------------------- */

/* The error that a message carries. Returns -1. */
static int fail_as_told(struct json value, struct ditto_error *err)
{
    struct buf code = {0}, text = {0}, more = {0};
    int64_t status;
    if (json_int(json_get(value, S("status")), &status) < 0 || status < 100 || status > 599)
        status = 500;
    buf_put_slice(&code, header_text(json_get(value, S("error")), &text));
    buf_put_slice(&more, header_text(json_get(value, S("description")), &text));
    struct slice says = header_text(json_get(value, S("message")), &text);
    (void)ditto_fail(err, (int)status, buf_z(&code), more.len ? buf_z(&more) : NULL, NULL, "%.*s",
                     SLICE_ARG(says));
    buf_free(&code);
    buf_free(&text);
    buf_free(&more);
    return -1;
}

/* An error that answers the command is one of the mapper; nothing else concerns the device. */
static int outgoing(const struct mapper *m, struct slice envelope, struct json correlation_id,
                    struct outgoing *to, struct ditto_error *err)
{
    struct json message;
    struct topic topic;
    struct buf scratch = {0};
    (void)m, (void)correlation_id, (void)to;
    (void)json_parse(envelope, &message, NULL);
    int r = topic_parse(json_text(json_get(message, S("topic")), &scratch), &topic, err);
    struct json value = json_get(message, S("value"));
    if (r == 0 && topic.criterion == CRITERION_ERRORS && value.type == JSON_OBJECT)
        r = fail_as_told(value, err);
    buf_free(&scratch);
    return r;
}

const struct engine mapper_implicit_thing_creation = {
    .alias = "ImplicitThingCreation",
    .class_name = MAPPER_CLASS("ImplicitThingCreationMessageMapper"),
    .needs_definition = true,
    .configure = configure,
    .release = release,
    .incoming = incoming,
    .outgoing = outgoing,
};
