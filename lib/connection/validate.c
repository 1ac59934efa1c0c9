/* validate.c: the checks that a connection has to pass, in Ditto's order ("Connections", validation). */
#include "connection/rules.h"

#include "base/log.h"
#include "base/banned.h"

enum { MAX_SOURCES = 4, MAX_TARGETS = 4, MAX_MAPPERS = 10 };

struct where source_at(const struct source *s)
{
    return where_index(where_name(WHERE_ROOT, "sources"), s->index);
}

struct where target_at(const struct target *t)
{
    return where_index(where_name(WHERE_ROOT, "targets"), t->index);
}

void check_template(struct connection_problems *p, struct where at, struct slice template, unsigned allowed)
{
    struct slice bad;
    if (!template_ok(template, allowed, &bad))
        PROBLEM(p, at, CONFIG_INVALID, "Check the spelling and syntax of the placeholder.",
                "The placeholder '%.*s' could not be resolved.", SLICE_ARG(bad));
}

/* --- what holds for every connection, stored ones too --- */

static void some_end(const struct connection *c, struct connection_problems *p)
{
    if (c->n_sources + c->n_targets == 0)
        PROBLEM(p, WHERE_ROOT, CONFIG_INVALID, NULL, "A connection needs a source or a target.");
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
    if (mappers->n > MAX_MAPPERS)
        PROBLEM(p, where_name(end, "payloadMapping"), CONFIG_INVALID, NULL,
                "%zu payload mappings, at most %d are allowed.", mappers->n, MAX_MAPPERS);
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

/* --- security --- */

static void certificate(struct slice pem, struct slice label, struct where at, struct connection_problems *p)
{
    if (pem.p && !pem_valid(pem, label))
        PROBLEM(p, at, CONFIG_INVALID, NULL, "Not a valid PEM encoded %.*s.", SLICE_ARG(label));
}

static void certificates(const struct connection *c, struct connection_problems *p)
{
    struct where at = where_name(WHERE_ROOT, "credentials");
    certificate(c->client_cert, S("CERTIFICATE"), where_name(at, "cert"), p);
    certificate(c->client_key, S("PRIVATE KEY"), where_name(at, "key"), p);
    if (c->validate_certificates)
        certificate(c->ca, S("CERTIFICATE"), where_name(WHERE_ROOT, "ca"), p);
}

static void credentials_fit(const struct connection *c, struct connection_problems *p)
{
    enum credential k = credential_of(c->credentials);
    struct where at = where_name(WHERE_ROOT, "credentials");
    if (c->type == TYPE_COUNT || k == CREDENTIAL_NONE || k == CREDENTIAL_UNKNOWN)
        return;
    if (!(type_rules[c->type].credentials & 1u << k))
        PROBLEM(p, at, CONFIG_INVALID, NULL, "Credentials of type '%s' are not supported by %s connections.",
                credential_text(k), type_rules[c->type].label);
    if (k == CREDENTIAL_HMAC && c->uri.user.p)
        PROBLEM(p, where_name(WHERE_ROOT, "uri"), CONFIG_INVALID, NULL,
                "A URI with user information cannot be combined with HMAC credentials.");
}

/* --- what depends on the type --- */

static void scheme(const struct connection *c, struct connection_problems *p)
{
    const struct type_rules *t = &type_rules[c->type];
    struct slice s = c->uri.scheme;
    if (!t->scheme || !s.p)
        return;
    if (!slice_eq(s, slice_str(t->scheme)) && !slice_eq(s, slice_str(t->secure_scheme)))
        PROBLEM(p, where_name(WHERE_ROOT, "uri"), URI_INVALID, NULL,
                "The URI scheme '%.*s' is not valid for %s; accepted are %s and %s.", SLICE_ARG(s), t->label,
                t->scheme, t->secure_scheme);
    else if (c->ca.p && !c->uri.tls)
        PROBLEM(p, where_name(WHERE_ROOT, "ca"), URI_INVALID,
                "Use the secure scheme or remove the trusted certificates.",
                "Trusted certificates need a secure scheme (%s).", t->secure_scheme);
}

static void clients(const struct connection *c, struct connection_problems *p)
{
    const struct type_rules *t = &type_rules[c->type];
    if (t->max_clients && c->client_count > t->max_clients)
        PROBLEM(p, where_name(WHERE_ROOT, "clientCount"), CONFIG_INVALID, NULL,
                "The client count of %s connections must not exceed %u.", t->label, t->max_clients);
}

static void qos(int value, int max, bool required, const char *label, struct where at,
                struct connection_problems *p)
{
    if (required && value == QOS_ABSENT)
        PROBLEM(p, at, CONFIG_INVALID, NULL, "%s needs a 'qos'.", label);
    else if (max >= 0 && value != QOS_ABSENT && (value < 0 || value > max))
        PROBLEM(p, at, CONFIG_INVALID, NULL, "The 'qos' is not valid; allowed is 0 to %d.", max);
}

static void header_mapping(const struct pairs *mapping, struct where end, struct connection_problems *p)
{
    struct where at = where_name(end, "headerMapping");
    for (size_t i = 0; i < mapping->n; i++)
        check_template(p, where_key(at, mapping->v[i].name), mapping->v[i].value, PLACEHOLDERS_OF_MESSAGE);
}

static void enforcement(const struct type_rules *t, const struct source *s, struct connection_problems *p)
{
    struct where at = where_name(source_at(s), "enforcement");
    check_template(p, where_name(at, "input"), s->enforcement_input, t->enforcement_input);
    for (size_t i = 0; i < s->enforcement_filters.n; i++)
        check_template(p, where_index(where_name(at, "filters"), i), s->enforcement_filters.v[i],
                       t->enforcement_filters);
}

static void source(const struct type_rules *t, const struct source *s, struct connection_problems *p)
{
    struct where at = source_at(s);
    if (t->max_consumers && s->consumer_count > t->max_consumers)
        PROBLEM(p, where_name(at, "consumerCount"), CONFIG_INVALID, NULL,
                "The consumer count of %s sources must not exceed %u.", t->label, t->max_consumers);
    for (size_t i = 0; i < s->addresses.n && t->source_address; i++) {
        const char *wrong = t->source_address(s->addresses.v[i]);
        if (wrong)
            PROBLEM(p, where_index(where_name(at, "addresses"), i), CONFIG_INVALID, NULL,
                    "The address '%.*s' is not valid: %s.", SLICE_ARG(s->addresses.v[i]), wrong);
    }
    qos(s->qos, t->max_source_qos, t->qos_required, "A source of this type", where_name(at, "qos"), p);
    enforcement(t, s, p);
    header_mapping(&s->header_mapping, at, p);
    if (s->reply.present) {
        struct where reply = where_name(at, "replyTarget");
        header_mapping(&s->reply.header_mapping, reply, p);
        check_template(p, where_name(reply, "address"), s->reply.address, PLACEHOLDERS_OF_MESSAGE);
    }
}

static void target(const struct type_rules *t, const struct target *to, struct connection_problems *p)
{
    struct where at = target_at(to);
    const char *wrong = t->target_address && to->address.len ? t->target_address(to->address) : NULL;
    if (wrong)
        PROBLEM(p, where_name(at, "address"), CONFIG_INVALID, NULL, "The address '%.*s' is not valid: %s.",
                SLICE_ARG(to->address), wrong);
    qos(to->qos, t->max_target_qos, t->qos_required, "A target of this type", where_name(at, "qos"), p);
    check_template(p, where_name(at, "address"), to->address, PLACEHOLDERS_OF_MESSAGE);
    header_mapping(&to->header_mapping, at, p);
}

static void sources(const struct connection *c, struct connection_problems *p)
{
    const struct type_rules *t = &type_rules[c->type];
    if (t->no_sources && c->n_sources)
        PROBLEM(p, where_name(WHERE_ROOT, "sources"), CONFIG_INVALID, NULL, "%s connections have no sources.",
                t->label);
    for (size_t i = 0; i < c->n_sources; i++)
        source(t, &c->sources[i], p);
}

static void targets(const struct connection *c, struct connection_problems *p)
{
    for (size_t i = 0; i < c->n_targets; i++)
        target(&type_rules[c->type], &c->targets[i], p);
}

static void mapper_ids(const struct connection *c, const struct slices *ids, struct where end,
                       struct connection_problems *p)
{
    struct where at = where_name(end, "payloadMapping");
    for (size_t i = 0; i < ids->n; i++) {
        if (!mapper_known(c, ids->v[i]))
            PROBLEM(p, where_index(at, i), CONFIG_INVALID,
                    "Check that it is defined, that its engine exists and has the options that it needs.",
                    "The mapper %.*s could not be loaded.", SLICE_ARG(ids->v[i]));
    }
}

static void mappers(const struct connection *c, struct connection_problems *p)
{
    for (size_t i = 0; i < c->n_sources; i++)
        mapper_ids(c, &c->sources[i].payload_mapping, source_at(&c->sources[i]), p);
    for (size_t i = 0; i < c->n_targets; i++)
        mapper_ids(c, &c->targets[i].payload_mapping, target_at(&c->targets[i]), p);
}

static void specifics(const struct connection *c, struct connection_problems *p)
{
    if (type_rules[c->type].check)
        type_rules[c->type].check(c, p);
}

static const struct check {
    const char *name;
    rule *check;
    bool needs_type;
} checks[] = {
    {"a source or a target", some_end, false},
    {"authorization contexts", subjects, false},
    {"announcements", announcements, false},
    {"grammar of the URI", uri_grammar, false},
    {"number of sources and targets", counts, false},
    {"addresses", addresses, false},
    {"number of mappers", mapper_counts, false},
    {"acknowledgement labels", labels, false},
    {"distinct acknowledgement labels", labels_differ, false},
    {"certificates", certificates, false},
    {"credentials", credentials_fit, true},
    {"scheme of the URI", scheme, true},
    {"number of clients", clients, true},
    {"sources", sources, true},
    {"targets", targets, true},
    {"mappers", mappers, false},
    {"what only this type has", specifics, true},
};

void connection_validate(const struct connection *c, struct connection_problems *p)
{
    for (size_t i = 0; i < sizeof(checks) / sizeof(*checks); i++) {
        if (c->type == TYPE_COUNT && checks[i].needs_type)
            continue;
        trace("checking %s", checks[i].name);
        checks[i].check(c, p);
    }
}
