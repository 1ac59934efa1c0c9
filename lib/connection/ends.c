/* ends.c: sources, targets and what they say about messages. */
#include "connection/rules.h"

#include "base/banned.h"

/* Clients of a connection, consumers of an address: each costs processes or links, and one connection must not starve
 * the others. */
enum { PROCESSES_MAX = 64 };

struct where source_at(const struct source *s)
{
    return where_index(where_name(WHERE_ROOT, "sources"), s->index);
}

struct where target_at(const struct target *t)
{
    return where_index(where_name(WHERE_ROOT, "targets"), t->index);
}

/* More than anybody needs, and little enough that judging stays cheap. */
static bool too_many_expressions(struct slice template)
{
    enum { EXPRESSIONS_MAX = 64 };
    struct slice literal, expression;
    size_t n = 0;
    while (n <= EXPRESSIONS_MAX && template_next(&template, &literal, &expression))
        n += expression.p != NULL;
    return n > EXPRESSIONS_MAX;
}

void check_template(struct connection_problems *p, struct where at, struct slice template, unsigned allowed)
{
    struct ditto_error err = {0};
    if (too_many_expressions(template))
        PROBLEM(p, at, CONFIG_INVALID, NULL, "The template has too many expressions.");
    else if (template_check(template, allowed, &err) < 0)
        PROBLEM(p, at, CONFIG_INVALID, err.description, "%s", err.message);
}

/* --- what differs by type --- */

void check_clients(const struct connection *c, struct connection_problems *p)
{
    const struct type_rules *t = &type_rules[c->type];
    unsigned max = t->max_clients ? t->max_clients : PROCESSES_MAX;
    if (c->client_count > max)
        PROBLEM(p, where_name(WHERE_ROOT, "clientCount"), CONFIG_INVALID, NULL,
                "The client count of %s connections must not exceed %u.", t->label, max);
}

static void qos(int value, int max, bool required, const char *label, struct where at,
                struct connection_problems *p)
{
    if (required && value == QOS_ABSENT)
        PROBLEM(p, at, CONFIG_INVALID, NULL, "%s needs a 'qos'.", label);
    else if (max >= 0 && value != QOS_ABSENT && (value < 0 || value > max))
        PROBLEM(p, at, CONFIG_INVALID, NULL, "The 'qos' is not valid; allowed is 0 to %d.", max);
}

static void enforcement(const struct source *s, unsigned input, unsigned filters,
                        struct connection_problems *p)
{
    struct where at = where_name(source_at(s), "enforcement");
    check_template(p, where_name(at, "input"), s->enforcement_input, input);
    for (size_t i = 0; i < s->enforcement_filters.n; i++)
        check_template(p, where_index(where_name(at, "filters"), i), s->enforcement_filters.v[i], filters);
}

static void address(struct slice text, const char *(*wrong_with)(struct slice), struct where at,
                    struct connection_problems *p)
{
    const char *wrong = wrong_with && text.len ? wrong_with(text) : NULL; /* an empty one has been reported */
    if (wrong)
        PROBLEM(p, at, CONFIG_INVALID, NULL, "The address '%.*s' is not valid: %s.", SLICE_ARG(text), wrong);
}

static void source(const struct type_rules *t, const struct source *s, struct connection_problems *p)
{
    struct where at = source_at(s);
    unsigned max = t->max_consumers ? t->max_consumers : PROCESSES_MAX;
    if (s->consumer_count > max)
        PROBLEM(p, where_name(at, "consumerCount"), CONFIG_INVALID, NULL,
                "The consumer count of %s sources must not exceed %u.", t->label, max);
    for (size_t i = 0; i < s->addresses.n; i++)
        address(s->addresses.v[i], t->source_address, where_index(where_name(at, "addresses"), i), p);
    qos(s->qos, t->max_source_qos, t->qos_required, "A source of this type", where_name(at, "qos"), p);
    enforcement(s, t->enforcement_input, t->enforcement_filters, p);
}

void check_sources(const struct connection *c, struct connection_problems *p)
{
    const struct type_rules *t = &type_rules[c->type];
    if (t->no_sources && c->n_sources)
        PROBLEM(p, where_name(WHERE_ROOT, "sources"), CONFIG_INVALID, NULL, "%s connections have no sources.",
                t->label);
    for (size_t i = 0; i < c->n_sources; i++)
        source(t, &c->sources[i], p);
}

void check_targets(const struct connection *c, struct connection_problems *p)
{
    const struct type_rules *t = &type_rules[c->type];
    for (size_t i = 0; i < c->n_targets; i++) {
        const struct target *to = &c->targets[i];
        address(to->address, t->target_address, where_name(target_at(to), "address"), p);
        qos(to->qos, t->max_target_qos, t->qos_required, "A target of this type",
            where_name(target_at(to), "qos"), p);
    }
}

/* --- what every type shares --- */

static void header_mapping(const struct pairs *mapping, struct where end, struct connection_problems *p)
{
    struct where at = where_name(end, "headerMapping");
    for (size_t i = 0; i < mapping->n; i++)
        check_template(p, where_key(at, mapping->v[i].name), mapping->v[i].value, PLACEHOLDERS_OF_MESSAGE);
}

/* It is an expression without its braces. */
static void ack_filter(const struct source *s, struct connection_problems *p)
{
    struct buf template = {0};
    if (!s->ack_filter.len)
        return;
    buf_printf(&template, "{{%.*s}}", SLICE_ARG(s->ack_filter));
    check_template(p, where_name(where_name(source_at(s), "acknowledgementRequests"), "filter"),
                   buf_slice(&template), PLACEHOLDERS_OF_MESSAGE);
    buf_free(&template);
}

static void source_templates(const struct source *s, struct connection_problems *p)
{
    struct where at = source_at(s), reply = where_name(at, "replyTarget");
    enforcement(s, PLACEHOLDERS_OF_ENFORCEMENT_INPUT,
                PLACEHOLDERS_OF_ENFORCEMENT_FILTER | PLACEHOLDER_FEATURE, p);
    header_mapping(&s->header_mapping, at, p);
    ack_filter(s, p);
    if (!s->reply.present)
        return;
    header_mapping(&s->reply.header_mapping, reply, p);
    check_template(p, where_name(reply, "address"), s->reply.address, PLACEHOLDERS_OF_MESSAGE);
}

void check_templates(const struct connection *c, struct connection_problems *p)
{
    for (size_t i = 0; i < c->n_sources; i++)
        source_templates(&c->sources[i], p);
    for (size_t i = 0; i < c->n_targets; i++) {
        struct where at = target_at(&c->targets[i]);
        check_template(p, where_name(at, "address"), c->targets[i].address, PLACEHOLDERS_OF_MESSAGE);
        header_mapping(&c->targets[i].header_mapping, at, p);
    }
}
