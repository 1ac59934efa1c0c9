/* mappers.c: the engines of payload mapping that there are, and what a definition must give them. */
#include "connection/rules.h"
#include "protocol/ids.h"

#include "base/banned.h"

#define CLASS_PREFIX S("org.eclipse.ditto.connectivity.service.mapping.")

typedef void options_check(const struct mapping_definition *d, struct connection_problems *p);
static options_check check_status, check_creation, check_scripts, check_programs;

/* class: Ditto's Java class below CLASS_PREFIX, a synonym in stored connections; option: pointer to the one that must be there */
static const struct engine {
    const char *alias, *class;
    bool needs_definition;
    const char *option;
    options_check *check;
} engines[] = {
    {"Ditto", "DittoMessageMapper", false, NULL, NULL},
    {"JQ", NULL, true, NULL, check_programs},
    {"JavaScript", "javascript.JavaScriptMessageMapperRhino", true, NULL, check_scripts},
    {"Normalized", "NormalizedMessageMapper", false, NULL, NULL},
    {"RawMessage", "RawMessageMapper", false, NULL, NULL},
    {"CloudEvents", "CloudEventsMapper", false, NULL, NULL},
    {"ConnectionStatus", "ConnectionStatusMessageMapper", true, "/thingId", check_status},
    {"ImplicitThingCreation", "ImplicitThingCreationMessageMapper", true, "/thing/thingId", check_creation},
    {"UpdateTwinWithLiveResponse", "UpdateTwinWithLiveResponseMessageMapper", false, NULL, NULL},
};

static const struct engine *engine_by_alias(struct slice alias)
{
    for (size_t i = 0; i < sizeof(engines) / sizeof(*engines); i++) {
        if (slice_eq(alias, slice_str(engines[i].alias)))
            return &engines[i];
    }
    return NULL;
}

static const struct engine *engine_by_class(struct slice name)
{
    if (!slice_starts(name, CLASS_PREFIX))
        return NULL;
    name = slice_skip(name, CLASS_PREFIX.len);
    for (size_t i = 0; i < sizeof(engines) / sizeof(*engines); i++) {
        if (engines[i].class && slice_eq(name, slice_str(engines[i].class)))
            return &engines[i];
    }
    return NULL;
}

static const struct engine *engine_of(const struct mapping_definition *d)
{
    const struct engine *e = engine_by_alias(d->engine);
    return e ? e : engine_by_class(d->engine);
}

/* --- options --- */

static struct where option_at(const struct mapping_definition *d, const char *path)
{
    struct where at = where_key(where_name(WHERE_ROOT, "mappingDefinitions"), d->id);
    struct slice rest = slice_str(path);
    at = where_name(at, "options");
    while (rest.p)
        at = where_key(at, slice_cut(&rest, '/'));
    return at;
}

/* A thing's id that is no template is known before any message. */
static void literal_thing_id(const struct mapping_definition *d, struct json value, const char *path,
                             struct connection_problems *p)
{
    struct buf decoded = {0};
    struct ditto_error err = {0};
    struct slice id = json_text(value, &decoded);
    bool literal = id.p && !memmem(id.p, id.len, "{{", 2) && !memmem(id.p, id.len, "${", 2);
    if (literal && entity_id_parse(id, ENTITY_THING, NULL, &err) < 0)
        PROBLEM(p, option_at(d, path), CONFIG_INVALID, err.description, "%s", err.message);
    buf_free(&decoded);
}

static void check_status(const struct mapping_definition *d, struct connection_problems *p)
{
    literal_thing_id(d, json_get(d->options, S("thingId")), "thingId", p);
}

static void check_creation(const struct mapping_definition *d, struct connection_problems *p)
{
    literal_thing_id(d, json_get(json_get(d->options, S("thing")), S("thingId")), "thing/thingId", p);
}

static void script_size(const struct mapping_definition *d, const char *name, struct connection_problems *p)
{
    enum { SCRIPT_MAX = 50000 }; /* UTF-16 units, though Ditto's setting says bytes */
    struct buf decoded = {0};
    struct slice script = json_text(json_get(d->options, slice_str(name)), &decoded);
    if (script.p && utf16_length(script) > SCRIPT_MAX)
        PROBLEM(p, option_at(d, name), CONFIG_INVALID, NULL, "The script is longer than %d characters.",
                SCRIPT_MAX);
    buf_free(&decoded);
}

/* Our own engine counts bytes. */
static void program_size(const struct mapping_definition *d, const char *name, struct connection_problems *p)
{
    enum { PROGRAM_MAX_BYTES = 50000 };
    struct buf decoded = {0};
    struct slice program = json_text(json_get(d->options, slice_str(name)), &decoded);
    if (program.len > PROGRAM_MAX_BYTES)
        PROBLEM(p, option_at(d, name), CONFIG_INVALID, NULL, "The program is longer than %d bytes.",
                PROGRAM_MAX_BYTES);
    buf_free(&decoded);
}

static void check_programs(const struct mapping_definition *d, struct connection_problems *p)
{
    program_size(d, "incoming", p);
    program_size(d, "outgoing", p);
}

static void check_scripts(const struct mapping_definition *d, struct connection_problems *p)
{
    script_size(d, "incomingScript", p);
    script_size(d, "outgoingScript", p);
}

/* What is wrong with options fails the connection even if nobody uses the definition, as in Ditto. */
void check_definitions(const struct connection *c, struct connection_problems *p)
{
    for (size_t i = 0; i < c->n_definitions; i++) {
        const struct engine *e = engine_of(&c->definitions[i]);
        if (e && e->check)
            e->check(&c->definitions[i], p);
    }
}

/* --- who can be loaded --- */

/* A definition that lacks an option counts as not there. */
static bool defined(const struct connection *c, struct slice id)
{
    const struct mapping_definition *d = connection_definition(c, id);
    const struct engine *e = d ? engine_of(d) : NULL;
    return e && (!e->option || json_present(json_pointer(d->options, slice_str(e->option))));
}

static bool mapper_known(const struct connection *c, struct slice id)
{
    const struct engine *e = engine_by_alias(id);
    return defined(c, id) || (e && !e->needs_definition);
}

static void mapper_ids(const struct connection *c, const struct slices *ids, struct where end,
                       struct connection_problems *p)
{
    struct where at = where_name(end, "payloadMapping");
    for (size_t i = 0; i < ids->n && i <= MAPPERS_MAX; i++) {
        if (!mapper_known(c, ids->v[i]))
            PROBLEM(p, where_index(at, i), CONFIG_INVALID,
                    "Check that it is defined, that its engine exists and has the options that it needs.",
                    "The mapper %.*s could not be loaded.", SLICE_ARG(ids->v[i]));
    }
}

void check_mappers(const struct connection *c, struct connection_problems *p)
{
    for (size_t i = 0; i < c->n_sources; i++)
        mapper_ids(c, &c->sources[i].payload_mapping, source_at(&c->sources[i]), p);
    for (size_t i = 0; i < c->n_targets; i++)
        mapper_ids(c, &c->targets[i].payload_mapping, target_at(&c->targets[i]), p);
}
