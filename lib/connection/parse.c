/* parse.c: from the document to the struct, in the order in which Ditto reads it, so that the first problem is Ditto's.
 * What the values mean together is for validate.c. */
#include "connection/secrets.h"
#include "connection/credentials.h"
#include "connection/labels.h"
#include "connection/rules.h"
#include "connection/uri.h"
#include "protocol/form.h"
#include "protocol/selector.h"

#include <limits.h>
#include <stdlib.h>

#include "base/banned.h"

#define DEFAULT_MAPPER S("Ditto")
/* The mapper made of the one mappingContext that connections had before mappingDefinitions. */
#define MIGRATED_MAPPER S("javascript")
#define REPLY_TO        S("{{header:reply-to}}")
#define CORRELATION_ID  S("{{header:correlation-id}}")
#define CONTENT_TYPE    S("{{header:content-type}}")

static void read_type(struct reader *r, struct node n)
{
    struct connection *c = r->c;
    c->type_text = read_text(r, n, "connectionType", REQUIRED);
    while (c->type < TYPE_COUNT && !slice_eq(c->type_text, slice_str(type_rules[c->type].text)))
        c->type++;
    if (c->type == TYPE_COUNT && c->type_text.p)
        PROBLEM(r->problems, where_name(n.at, "connectionType"), "json.invalid", NULL,
                "Connection type '%.*s' is invalid.", SLICE_ARG(c->type_text));
}

static void read_definition(struct reader *r, struct node n, struct slice id)
{
    struct mapping_definition d = {.id = id};
    d.engine = read_text(r, n, "mappingEngine", REQUIRED);
    d.options = read_object(r, n, "options", REQUIRED).v;
    d.incoming_conditions = read_object(r, n, "incomingConditions", OPTIONAL).v;
    d.outgoing_conditions = read_object(r, n, "outgoingConditions", OPTIONAL).v;

    struct connection *c = r->c;
    size_t i = 0;
    while (i < c->n_definitions && !slice_eq(c->definitions[i].id, id))
        i++;
    if (i == c->n_definitions)
        c->definitions = xrealloc_array(c->definitions, ++c->n_definitions, sizeof(*c->definitions));
    c->definitions[i] = d;
}

static void read_definitions(struct reader *r, struct node n)
{
    struct node all = read_object(r, n, "mappingDefinitions", OPTIONAL);
    struct json_iter it = json_iter(all.v);
    for (size_t i = 0; i < LIST_MAX && json_next(&it); i++) {
        struct slice id = arena_key(r->c, it.key);
        struct where at = where_key(all.at, id);
        if (it.value.type == JSON_OBJECT)
            read_definition(r, (struct node){it.value, at}, id);
        else
            PROBLEM(r->problems, at, "json.invalid", NULL, "A mapping definition must be an object.");
    }
    struct node legacy = read_object(r, n, "mappingContext", OPTIONAL);
    if (legacy.v.type == JSON_OBJECT)
        read_definition(r, legacy, MIGRATED_MAPPER);
}

static void read_id(struct reader *r, struct node n)
{
    r->c->id = read_text(r, n, "id", REQUIRED);
    if (r->c->id.p && !connection_id_valid(r->c->id))
        PROBLEM(r->problems, where_name(n.at, "id"), ID_INVALID,
                "An id has 1 to 100 letters, digits and characters of '-_:'.",
                "Connection ID '%.*s' is not valid.", SLICE_ARG(r->c->id));
}

static void read_status(struct reader *r, struct node n)
{
    static const char *const known[] = {"open", "closed", "failed", "misconfigured", "unknown", NULL};
    size_t i = 0;
    struct connection *c = r->c;
    c->status = read_text(r, n, "connectionStatus", REQUIRED);
    c->open = slice_eq(c->status, S("open"));
    while (known[i] && !slice_eq(c->status, slice_str(known[i])))
        i++;
    if (!known[i] && c->status.p)
        PROBLEM(r->problems, where_name(n.at, "connectionStatus"), "json.invalid", NULL,
                "Connection status '%.*s' is invalid.", SLICE_ARG(c->status));
}

static struct slice percent_decoded(struct connection *c, struct slice part)
{
    struct buf b = {0};
    if (!part.len)
        return part;
    uri_decode(&b, part);
    return arena_keep(c, b);
}

/* A bad URI leaves it zeroed, which validate.c reports: it ranks behind the problems of sources and targets. */
static void read_uri(struct reader *r, struct node n)
{
    enum { HONO_PORT = 9999 };
    struct uri_parts parts;
    struct connection *c = r->c;
    struct slice text = read_text(r, n, "uri", c->type == TYPE_HONO ? OPTIONAL : REQUIRED);
    if (c->type == TYPE_HONO && !slice_trim(text).len) {
        c->uri = (struct uri){.scheme = S(""), .host = S(""), .path = S(""), .port = HONO_PORT};
        return;
    }
    if (uri_split(text, &parts) < 0)
        return;
    c->uri = (struct uri){.scheme = parts.scheme, .host = parts.host, .port = parts.port};
    c->uri.path = percent_decoded(c, parts.path);
    if (uri_user(parts.user_info, &c->uri.user, &c->uri.password)) {
        c->uri.user = percent_decoded(c, c->uri.user);
        c->uri.password = percent_decoded(c, c->uri.password);
    }
    if (c->type < TYPE_COUNT && type_rules[c->type].secure_scheme)
        c->uri.tls = slice_eq(parts.scheme, slice_str(type_rules[c->type].secure_scheme));
}

/* Sets keep the first of equal elements. */
static struct slices read_set(struct reader *r, struct node n, const char *name, enum others others)
{
    struct slices all = read_texts(r, n, name, others), set = {0};
    for (size_t i = 0; i < all.n; i++) {
        if (!slices_have(&set, all.v[i]))
            slices_add(&set, all.v[i]);
    }
    free(all.v);
    return set;
}

/* Anything that is given differs from QOS_ABSENT; whether it is allowed depends on the type. */
static int read_qos(struct reader *r, struct node n)
{
    int qos = read_int(r, n, "qos", INT_MIN, INT_MAX);
    return qos == INT_MAX ? QOS_ABSENT : qos < 0 ? INT_MIN : qos;
}

static struct slices read_payload_mapping(struct reader *r, struct node n, struct node root)
{
    struct slices s = read_texts(r, n, "payloadMapping", OTHERS_REFUSED);
    if (json_is(json_get(root.v, S("mappingContext")), JSON_OBJECT))
        slices_add(&s, MIGRATED_MAPPER);
    if (!s.n)
        slices_add(&s, DEFAULT_MAPPER);
    return s;
}

static void read_reply_target(struct reader *r, struct node n, struct reply_target *reply)
{
    struct slices types = read_texts(r, n, "expectedResponseTypes", OTHERS_SKIPPED);
    bool given = json_present(json_get(n.v, S("expectedResponseTypes")));
    reply->address = read_text(r, n, "address", OPTIONAL);
    reply->present = reply->address.p != NULL;
    reply->header_mapping = read_pairs(r, n, "headerMapping", false);
    reply->response = !given || slices_have(&types, S("response"));
    reply->error = !given || slices_have(&types, S("error"));
    reply->nack = slices_have(&types, S("nack"));
    free(types.v);
}

/* A source that says nothing about replies gets the reply target that connections had before there was one. */
static void imply_reply_target(enum connection_type type, struct source *s)
{
    s->reply = (struct reply_target){.present = true, .address = REPLY_TO, .response = true, .error = true};
    if (type == TYPE_MQTT) /* has no headers */
        return;
    pairs_set(&s->reply.header_mapping, S("correlation-id"), CORRELATION_ID);
    pairs_set(&s->reply.header_mapping, S("content-type"), CONTENT_TYPE);

    struct pairs mapping = {0};
    pairs_set(&mapping, S("correlation-id"), CORRELATION_ID);
    pairs_set(&mapping, S("content-type"), CONTENT_TYPE);
    pairs_set(&mapping, S("reply-to"), REPLY_TO);
    for (size_t i = 0; i < s->header_mapping.n; i++)
        pairs_set(&mapping, s->header_mapping.v[i].name, s->header_mapping.v[i].value);
    free(s->header_mapping.v);
    s->header_mapping = mapping;
}

static void read_reply(struct reader *r, struct node n, struct source *s)
{
    struct node reply = read_object(r, n, "replyTarget", OPTIONAL);
    bool enabled = read_bool(r, reply, "enabled", OPTIONAL, true);
    read_reply_target(r, reply, &s->reply);
    if (!s->reply.present && enabled) {
        free(s->reply.header_mapping.v);
        imply_reply_target(r->c->type, s);
    }
}

static void read_source(struct reader *r, struct node n, struct node root, struct source *s)
{
    s->addresses = read_set(r, n, "addresses", OTHERS_REFUSED);
    s->consumer_count = (unsigned)read_int(r, n, "consumerCount", 1, 1);
    s->qos = read_qos(r, n);
    s->subjects = read_texts(r, n, "authorizationContext", OTHERS_SKIPPED);
    struct node enforcement = read_object(r, n, "enforcement", OPTIONAL);
    if (enforcement.v.type == JSON_OBJECT)
        s->enforcement_input = read_text(r, enforcement, "input", REQUIRED);
    s->enforcement_filters = read_texts(r, enforcement, "filters", OTHERS_REFUSED);
    struct node acks = read_object(r, n, "acknowledgementRequests", OPTIONAL);
    s->ack_includes = read_labels(r, acks, "includes");
    s->ack_filter = read_text(r, acks, "filter", OPTIONAL);
    s->header_mapping = read_pairs(r, n, "headerMapping", false);
    s->payload_mapping = read_payload_mapping(r, n, root);
    read_reply(r, n, s);
    s->declared_acks = read_labels(r, n, "declaredAcks");
}

/* 0, or -1 with *err: the topic's name and parameters, and what stands in extraFields. */
static int parse_topic(struct slice text, struct target_topic *topic, struct ditto_error *err)
{
    struct selector fields;
    struct buf decoded = {0};
    int rc = target_topic_parse(text, topic, err);
    if (rc == 0 && topic->extra_fields.p)
        rc = form_decode(&decoded, topic->extra_fields);
    if (rc == 0 && topic->extra_fields.p &&
        (rc = selector_parse_extra(&fields, buf_slice(&decoded), err)) == 0)
        selector_free(&fields);
    buf_free(&decoded);
    return rc;
}

static void read_topics(struct reader *r, struct node n, struct target *t)
{
    struct slices texts = read_set(r, n, "topics", OTHERS_REFUSED);
    t->topics = xcalloc(texts.n, sizeof(*t->topics));
    for (size_t i = 0; i < texts.n; i++) {
        struct ditto_error err = {0};
        struct where at = where_index(where_name(n.at, "topics"), i);
        if (parse_topic(texts.v[i], &t->topics[t->n_topics], &err) == 0)
            t->n_topics++;
        else
            ditto_fail(problem_slot(r->problems, at), err.status, err.code, err.description, at.z, "%s",
                       err.message);
    }
    free(texts.v);
}

static void read_target(struct reader *r, struct node n, struct node root, struct target *t)
{
    read_topics(r, n, t);
    t->subjects = read_texts(r, n, "authorizationContext", OTHERS_SKIPPED);
    t->issued_label = read_label(r, n, "issuedAcknowledgementLabel");
    t->header_mapping = read_pairs(r, n, "headerMapping", false);
    t->payload_mapping = read_payload_mapping(r, n, root);
    t->address = read_text(r, n, "address", REQUIRED);
    t->qos = read_qos(r, n);
}

/* Elements that are no objects are skipped, as in Ditto. */
static void read_sources(struct reader *r, struct node root)
{
    struct connection *c = r->c;
    struct node array = read_array(r, root, "sources");
    struct json_iter it = json_iter(array.v);
    c->sources = xcalloc(json_count(array.v), sizeof(*c->sources));
    for (size_t i = 0; json_next(&it); i++) {
        if (it.value.type != JSON_OBJECT)
            continue;
        struct source *s = &c->sources[c->n_sources++];
        s->index = i;
        read_source(r, (struct node){it.value, where_index(array.at, i)}, root, s);
    }
}

static void read_targets(struct reader *r, struct node root)
{
    struct connection *c = r->c;
    struct node array = read_array(r, root, "targets");
    struct json_iter it = json_iter(array.v);
    c->targets = xcalloc(json_count(array.v), sizeof(*c->targets));
    for (size_t i = 0; json_next(&it); i++) {
        if (it.value.type != JSON_OBJECT)
            continue;
        struct target *t = &c->targets[c->n_targets++];
        t->index = i;
        read_target(r, (struct node){it.value, where_index(array.at, i)}, root, t);
    }
}

static void read_security(struct reader *r, struct node n)
{
    struct connection *c = r->c;
    struct node credentials = read_object(r, n, "credentials", OPTIONAL);
    c->credentials = credentials.v;
    read_credentials(r, credentials);
    if (credential_of(credentials.v) == CREDENTIAL_CLIENT_CERT) {
        c->client_cert = read_text(r, credentials, "cert", OPTIONAL);
        c->client_key = read_text(r, credentials, "key", OPTIONAL);
    }
}

static void read_trust(struct reader *r, struct node n)
{
    struct connection *c = r->c;
    c->ca = read_text(r, n, "ca", OPTIONAL);
    if (!slice_trim(c->ca).len)
        c->ca = SLICE_NONE;
    struct node tunnel = read_object(r, n, "sshTunnel", OPTIONAL);
    c->ssh_tunnel = tunnel.v;
    read_tunnel(r, tunnel);
}

static void read_all(struct reader *r, struct node n)
{
    struct connection *c = r->c;
    read_type(r, n);
    read_definitions(r, n);
    read_id(r, n);
    read_status(r, n);
    read_uri(r, n);
    read_sources(r, n);
    read_targets(r, n);
    c->name = read_text(r, n, "name", OPTIONAL);
    c->specific = read_pairs(r, n, "specificConfig", true);
    c->tags = read_set(r, n, "tags", OTHERS_SKIPPED);
    read_security(r, n);
    c->client_count = (unsigned)read_int(r, n, "clientCount", 1, 1);
    c->failover = read_bool(r, n, "failoverEnabled", OPTIONAL, true);
    c->validate_certificates = read_bool(r, n, "validateCertificates", OPTIONAL, true);
    c->processor_pool_size = (unsigned)read_int(r, n, "processorPoolSize", 1, 1);
    read_trust(r, n);
}

static int copy_document(struct connection *c, struct slice text, struct connection_problems *problems)
{
    struct json v;
    struct json_error err;
    if (json_parse(text, &v, &err) < 0)
        return PROBLEM(problems, WHERE_ROOT, "json.invalid", NULL, "Not JSON: %s at offset %zu.", err.reason,
                       err.offset);
    if (v.type != JSON_OBJECT)
        return PROBLEM(problems, WHERE_ROOT, "json.invalid", NULL, "A connection must be a JSON object.");
    json_put_compact(&c->doc, v);
    c->json = (struct json){JSON_OBJECT, buf_p(&c->doc), c->doc.len};
    return 0;
}

int connection_examine_by(const struct judge *j, struct connection *c, struct slice json,
                          struct connection_problems *problems)
{
    *c = (struct connection){0};
    *problems = (struct connection_problems){0};
    struct reader r = {c, problems};
    if (copy_document(c, json, problems) == 0) {
        read_all(&r, (struct node){c->json, WHERE_ROOT});
        connection_validate(c, j, problems);
        secrets_hide(problems, c->json);
    }
    if (problems->n == 0)
        return 0;
    connection_free(c);
    return -1;
}
