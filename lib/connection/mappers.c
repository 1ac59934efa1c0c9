/* mappers.c: the engines of payload mapping that there are, and what a definition must give them. */
#include "connection/rules.h"

#include "base/banned.h"

#define CLASS_PREFIX S("org.eclipse.ditto.connectivity.service.mapping.")

/* class: Ditto's Java class below CLASS_PREFIX, a synonym in stored connections; option: the one that must be there */
static const struct engine {
    const char *alias, *class;
    bool needs_definition;
    const char *option;
} engines[] = {
    {"Ditto", "DittoMessageMapper", false, NULL},
    {"JQ", NULL, true, NULL},
    {"JavaScript", "javascript.JavaScriptMessageMapperRhino", true, NULL},
    {"Normalized", "NormalizedMessageMapper", false, NULL},
    {"RawMessage", "RawMessageMapper", false, NULL},
    {"CloudEvents", "CloudEventsMapper", false, NULL},
    {"ConnectionStatus", "ConnectionStatusMessageMapper", true, "thingId"},
    {"ImplicitThingCreation", "ImplicitThingCreationMessageMapper", true, "thing"},
    {"UpdateTwinWithLiveResponse", "UpdateTwinWithLiveResponseMessageMapper", false, NULL},
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

/* A definition that cannot be configured counts as not there. */
static bool defined(const struct connection *c, struct slice id)
{
    const struct mapping_definition *d = connection_definition(c, id);
    if (!d)
        return false;
    const struct engine *e = engine_by_alias(d->engine);
    if (!e)
        e = engine_by_class(d->engine);
    return e && (!e->option || json_present(json_get(d->options, slice_str(e->option))));
}

bool mapper_known(const struct connection *c, struct slice id)
{
    const struct engine *e = engine_by_alias(id);
    return defined(c, id) || (e && !e->needs_definition);
}
