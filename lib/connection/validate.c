/* validate.c: the checks that a connection has to pass, in Ditto's order ("Connections", validation). */
#include "connection/rules.h"

#include "base/log.h"
#include "base/banned.h"

enum { MAX_SOURCES = 4, MAX_TARGETS = 4 };

/* --- what holds for every connection, stored ones too --- */

static void some_end(const struct connection *c, struct connection_problems *p)
{
    if (c->n_sources + c->n_targets == 0)
        PROBLEM(p, where_name(WHERE_ROOT, "sources"), CONFIG_INVALID, NULL,
                "A connection needs a source or a target.");
}

static void subjects(const struct connection *c, struct connection_problems *p)
{
    static const char text[] = "The authorization context is missing.";
    for (size_t i = 0; i < c->n_sources; i++) {
        if (!c->sources[i].subjects.n)
            PROBLEM(p, where_name(source_at(&c->sources[i]), "authorizationContext"), CONFIG_INVALID, NULL,
                    text);
    }
    for (size_t i = 0; i < c->n_targets; i++) {
        if (!c->targets[i].subjects.n)
            PROBLEM(p, where_name(target_at(&c->targets[i]), "authorizationContext"), CONFIG_INVALID, NULL,
                    text);
    }
}

static bool has_stream(const struct target *t, enum stream stream)
{
    for (size_t i = 0; i < t->n_topics; i++) {
        if (t->topics[i].stream == stream)
            return true;
    }
    return false;
}

static void announcements(const struct connection *c, struct connection_problems *p)
{
    for (size_t i = 0; i < c->n_targets && c->client_count > 1; i++) {
        if (has_stream(&c->targets[i], STREAM_CONNECTION_ANNOUNCEMENTS))
            PROBLEM(p, where_name(target_at(&c->targets[i]), "topics"), CONFIG_INVALID, NULL,
                    "Connection announcements need a client count of 1.");
    }
}

static void uri_grammar(const struct connection *c, struct connection_problems *p)
{
    if (!c->uri.scheme.p)
        PROBLEM(p, where_name(WHERE_ROOT, "uri"), URI_INVALID,
                "The URI must have the form {protocol}://{username}:{password}@{hostname}:{port}/{path}.",
                "The connection URI is not valid.");
}

/* --- limits and labels --- */

static void counts(const struct connection *c, struct connection_problems *p)
{
    if (c->n_sources > MAX_SOURCES)
        PROBLEM(p, where_name(WHERE_ROOT, "sources"), CONFIG_INVALID, NULL,
                "%zu sources, at most %d are allowed.", c->n_sources, MAX_SOURCES);
    if (c->n_targets > MAX_TARGETS)
        PROBLEM(p, where_name(WHERE_ROOT, "targets"), CONFIG_INVALID, NULL,
                "%zu targets, at most %d are allowed.", c->n_targets, MAX_TARGETS);
}

static void source_addresses(const struct source *s, struct connection_problems *p)
{
    struct where at = where_name(source_at(s), "addresses");
    if (!s->addresses.n)
        PROBLEM(p, at, CONFIG_INVALID, NULL, "A source needs at least one address.");
    for (size_t i = 0; i < s->addresses.n; i++) {
        if (!s->addresses.v[i].len)
            PROBLEM(p, at, CONFIG_INVALID, NULL, "An address must not be empty.");
    }
}

static void addresses(const struct connection *c, struct connection_problems *p)
{
    for (size_t i = 0; i < c->n_sources; i++)
        source_addresses(&c->sources[i], p);
    for (size_t i = 0; i < c->n_targets; i++) {
        if (!c->targets[i].address.len)
            PROBLEM(p, where_name(target_at(&c->targets[i]), "address"), CONFIG_INVALID, NULL,
                    "An address must not be empty.");
    }
}

static void mapper_count(const struct slices *mappers, struct where end, struct connection_problems *p)
{
    if (mappers->n > MAPPERS_MAX)
        PROBLEM(p, where_name(end, "payloadMapping"), CONFIG_INVALID, NULL,
                "%zu payload mappings, at most %d are allowed.", mappers->n, MAPPERS_MAX);
}

static void mapper_counts(const struct connection *c, struct connection_problems *p)
{
    for (size_t i = 0; i < c->n_sources; i++)
        mapper_count(&c->sources[i].payload_mapping, source_at(&c->sources[i]), p);
    for (size_t i = 0; i < c->n_targets; i++)
        mapper_count(&c->targets[i].payload_mapping, target_at(&c->targets[i]), p);
}

static void own_label(const struct connection *c, struct slice label, struct where at,
                      struct connection_problems *p)
{
    bool own = slice_starts(label, c->id) && slice_starts(slice_skip(label, c->id.len), S(":"));
    if (label.p && !own)
        PROBLEM(p, at, LABEL_INVALID, "Labels that a connection issues start with its id and a colon.",
                "The acknowledgement label '%.*s' does not belong to connection '%.*s'.", SLICE_ARG(label),
                SLICE_ARG(c->id));
}

static void labels(const struct connection *c, struct connection_problems *p)
{
    for (size_t i = 0; i < c->n_sources; i++) {
        const struct slices *declared = &c->sources[i].declared_acks;
        struct where at = where_name(source_at(&c->sources[i]), "declaredAcks");
        for (size_t k = 0; k < declared->n; k++)
            own_label(c, declared->v[k], where_index(at, k), p);
    }
    for (size_t i = 0; i < c->n_targets; i++) {
        struct slice label = c->targets[i].issued_label;
        if (!slice_eq(label, S("live-response")))
            own_label(c, label, where_name(target_at(&c->targets[i]), "issuedAcknowledgementLabel"), p);
    }
}

static void labels_differ(const struct connection *c, struct connection_problems *p)
{
    for (size_t i = 0; i < c->n_targets; i++) {
        struct slice label = c->targets[i].issued_label;
        struct where at = where_name(target_at(&c->targets[i]), "issuedAcknowledgementLabel");
        for (size_t k = 0; k < i && label.p; k++) {
            if (slice_eq(label, c->targets[k].issued_label))
                ditto_fail(problem_slot(p, at), 409, "acknowledgement:label.not.unique", NULL, at.z,
                           "The acknowledgement label '%.*s' is issued by more than one target.",
                           SLICE_ARG(label));
        }
    }
}

static void specifics(const struct connection *c, struct connection_problems *p)
{
    if (type_rules[c->type].check)
        type_rules[c->type].check(c, p);
}

/* --- the order --- */

enum { ANY, BY_TYPE, MAPPING };

/* BY_TYPE: needs to know the type; MAPPING: also looked at by who only maps. */
static const struct check {
    const char *name;
    int kind;
    rule *check;
    asking_rule *ask;
} checks[] = {
    {"a source or a target", ANY, some_end, NULL},
    {"authorization contexts", ANY, subjects, NULL},
    {"announcements", ANY, announcements, NULL},
    {"grammar of the URI", ANY, uri_grammar, NULL},
    {"number of sources and targets", ANY, counts, NULL},
    {"addresses", ANY, addresses, NULL},
    {"filters", ANY, check_filters, NULL},
    {"number of mappers", ANY, mapper_counts, NULL},
    {"acknowledgement labels", ANY, labels, NULL},
    {"distinct acknowledgement labels", ANY, labels_differ, NULL},
    {"certificates", ANY, NULL, check_certificates},
    {"host", ANY, NULL, check_host},
    {"tunnel", ANY, NULL, check_tunnel},
    {"credentials", BY_TYPE, NULL, check_credentials},
    {"response diversion", ANY, check_diversion, NULL},
    {"scheme of the URI", BY_TYPE, check_scheme, NULL},
    {"number of clients", BY_TYPE, check_clients, NULL},
    {"sources", BY_TYPE, check_sources, NULL},
    {"targets", BY_TYPE, check_targets, NULL},
    {"templates", MAPPING, check_templates, NULL},
    {"extra fields", ANY, check_extra_fields, NULL},
    {"mapping definitions", MAPPING, check_definitions, NULL},
    {"mappers", MAPPING, check_mappers, NULL},
    {"token endpoint", BY_TYPE, check_token_endpoint, NULL},
    {"what only this type has", BY_TYPE, specifics, NULL},
    {"Kafka's brokers", BY_TYPE, NULL, kafka_hosts},
};

static bool applies(const struct check *k, const struct connection *c, const struct judge *j)
{
    return (k->kind != BY_TYPE || c->type != TYPE_COUNT) && (k->kind == MAPPING || !j->only_mapping);
}

void connection_validate(const struct connection *c, const struct judge *j, struct connection_problems *p)
{
    for (size_t i = 0; i < sizeof(checks) / sizeof(*checks); i++) {
        if (!applies(&checks[i], c, j))
            continue;
        trace("checking %s", checks[i].name);
        if (checks[i].ask)
            checks[i].ask(c, j, p);
        else
            checks[i].check(c, p);
    }
}
