/* diversion.c: responses that go to another connection ("Connectivity response diversion"). */
#include "connection/reader.h"
#include "connection/rules.h"
#include "connection/specific.h"

#include "base/banned.h"

#define DIVERT_TO    S("divert-response-to-connection")
#define DIVERT_TYPES S("divert-expected-response-types")
#define AUTHORIZED   "authorized-connections-as-sources"

struct where specific_at(const char *key)
{
    return where_name(where_name(WHERE_ROOT, "specificConfig"), key);
}

static struct where mapping_at(const struct source *s, struct slice name)
{
    return where_key(where_name(source_at(s), "headerMapping"), name);
}

static bool is_response_type(struct slice s)
{
    return slice_eq(s, S("response")) || slice_eq(s, S("error")) || slice_eq(s, S("nack"));
}

static void response_types(const struct source *s, struct connection_problems *p)
{
    struct slice rest = pairs_get(&s->header_mapping, DIVERT_TYPES), item;
    while (list_next(&rest, &item)) {
        item = slice_trim(item);
        if (item.len && !is_response_type(item))
            PROBLEM(p, mapping_at(s, DIVERT_TYPES), CONFIG_INVALID,
                    "Valid types are response, error and nack.", "The response type '%.*s' is not valid.",
                    SLICE_ARG(item));
    }
}

static void diverted_to(const struct connection *c, const struct source *s, struct connection_problems *p)
{
    struct slice id = pairs_get(&s->header_mapping, DIVERT_TO);
    if (!id.p)
        return;
    if (!connection_id_valid(id))
        PROBLEM(p, mapping_at(s, DIVERT_TO), CONFIG_INVALID,
                "It must be a connection's id, without placeholders.", "'%.*s' is no valid connection ID.",
                SLICE_ARG(id));
    else if (slice_eq(id, c->id))
        PROBLEM(p, mapping_at(s, DIVERT_TO), CONFIG_INVALID,
                "Leave it out: a connection gets its responses anyway.",
                "A connection cannot divert responses to itself.");
}

static void no_topics(const struct connection *c, struct connection_problems *p)
{
    for (size_t i = 0; i < c->n_targets; i++) {
        if (c->targets[i].n_topics)
            PROBLEM(p, where_name(target_at(&c->targets[i]), "topics"), CONFIG_INVALID, NULL,
                    "A target for diverted responses must not have topics.");
    }
}

static void authorized(const struct connection *c, struct connection_problems *p)
{
    struct slice rest = slice_trim(connection_specific(c, S(AUTHORIZED))), id;
    while (rest.len && list_next(&rest, &id)) {
        id = slice_trim(id);
        if (!connection_id_valid(id))
            PROBLEM(p, specific_at(AUTHORIZED), ID_INVALID,
                    "An id has 1 to 100 letters, digits and characters of '-_:'.",
                    "Connection ID '%.*s' is not valid.", SLICE_ARG(id));
    }
}

void check_diversion(const struct connection *c, struct connection_problems *p)
{
    for (size_t i = 0; i < c->n_sources && specific_flag(c, "is-diversion-source"); i++)
        response_types(&c->sources[i], p);
    for (size_t i = 0; i < c->n_sources; i++)
        diverted_to(c, &c->sources[i], p);
    if (!specific_flag(c, "is-diversion-target"))
        return;
    no_topics(c, p);
    authorized(c, p);
}
