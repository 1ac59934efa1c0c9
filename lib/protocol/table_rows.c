/* table_rows.c: the table. */
#include "protocol/table_rows.h"

#include "base/banned.h"

/* --- families --------------------------------------------------------------------------------------------------- */

#define FAMILY(name, groups, in, out, criterion, status, sign, path, tame)                                   \
    {                                                                                                        \
        name, groups, in, out, CRITERION_##criterion, STATUS_##status, SIGN_##sign, PATH_##path,             \
            ACTION_NONE, tame                                                                                \
    }

/* clang-format off: a table has one line a row */
const struct family table_families[FAMILIES] = {
    [THING_MODIFY] = FAMILY("ThingModifyCommand", THINGS, BOTH, BOTH, COMMANDS, WITHOUT, NONE, BY_ROW, false),
    [THING_MODIFY_RESPONSE] =
        FAMILY("ThingModifyCommandResponse", THINGS, BOTH, BOTH, COMMANDS, WITH, NONE, BY_ROW, false),
    [THING_QUERY] =
        FAMILY("ThingQueryCommand", THINGS, BOTH, BOTH, COMMANDS, WITHOUT, TAME_NAME, BY_ROW, false),
    [THING_QUERY_RESPONSE] =
        FAMILY("ThingQueryCommandResponse", THINGS, BOTH, BOTH, COMMANDS, WITH, TAME_NAME, BY_ROW, false),
    [RETRIEVE_THINGS] =
        FAMILY("RetrieveThingsCommand", THINGS, BOTH, BOTH, COMMANDS, WITHOUT, WILD_NAME, IGNORED, false),
    [RETRIEVE_THINGS_RESPONSE] = FAMILY("RetrieveThingsCommandResponse", THINGS, BOTH, BOTH, COMMANDS, WITH,
                                        WILD_NAME, IGNORED, false),
    [THING_MERGE] = FAMILY("ThingMergeCommand", THINGS, BOTH, BOTH, COMMANDS, WITHOUT, NONE, OF_THING, false),
    [THING_MERGE_RESPONSE] =
        FAMILY("ThingMergeCommandResponse", THINGS, BOTH, BOTH, COMMANDS, WITH, NONE, OF_THING, false),
    [THING_MIGRATE] =
        FAMILY("ThingDefinitionMigrateCommand", THINGS, BOTH, BOTH, COMMANDS, WITHOUT, NONE, IGNORED, true),
    [THING_MIGRATE_RESPONSE] = FAMILY("ThingDefinitionMigrateCommandResponse", THINGS, BOTH, BOTH, COMMANDS,
                                      WITH, NONE, IGNORED, false),
    [THING_EVENT] = FAMILY("ThingEvent", THINGS, BOTH, BOTH, EVENTS, ANY, NONE, BY_ROW, false),
    [THING_MERGED] = FAMILY("ThingMergedEvent", THINGS, BOTH, BOTH, EVENTS, ANY, NONE, OF_THING, false),
    [THING_MIGRATED] =
        FAMILY("ThingDefinitionMigratedEvent", THINGS, BOTH, BOTH, EVENTS, ANY, NONE, OF_THING, false),
    [THING_ERROR] = FAMILY("ThingErrorResponse", THINGS, BOTH, BOTH, ERRORS, WITH, NONE, IGNORED, false),
    [MESSAGE] =
        FAMILY("MessageCommand", THINGS, CH_LIVE, CH_LIVE, MESSAGES, WITHOUT, NONE, OF_MESSAGE, false),
    [MESSAGE_RESPONSE] =
        FAMILY("MessageCommandResponse", THINGS, CH_LIVE, CH_LIVE, MESSAGES, WITH, NONE, OF_MESSAGE, false),
    [ACK] = FAMILY("Acknowledgement", THINGS, BOTH, BOTH, ACKS, WITH, SUBJECT, IGNORED, false),
    [ACKS] = FAMILY("Acknowledgements", THINGS, BOTH, BOTH, ACKS, WITH, NO_SUBJECT, IGNORED, false),
    [SEARCH] = FAMILY("ThingSearchCommand", THINGS, BOTH, CH_TWIN, SEARCH, ANY, NONE, IGNORED, true),
    [SEARCH_EVENT] = FAMILY("SubscriptionEvent", THINGS, BOTH, CH_TWIN, SEARCH, ANY, NONE, IGNORED, true),
    [SEARCH_ERROR] =
        FAMILY("SearchErrorResponse", THINGS, 0, BOTH | CH_NONE, SEARCH, ANY, NONE, IGNORED, false),
    [POLICY_MODIFY] =
        FAMILY("PolicyModifyCommand", POLICIES, CH_NONE, CH_NONE, COMMANDS, WITHOUT, NONE, BY_ROW, false),
    [POLICY_MODIFY_RESPONSE] = FAMILY("PolicyModifyCommandResponse", POLICIES, CH_NONE, CH_NONE, COMMANDS,
                                      WITH, NONE, BY_ROW, false),
    [POLICY_QUERY] =
        FAMILY("PolicyQueryCommand", POLICIES, CH_NONE, CH_NONE, COMMANDS, WITHOUT, NONE, BY_ROW, false),
    [POLICY_QUERY_RESPONSE] =
        FAMILY("PolicyQueryCommandResponse", POLICIES, CH_NONE, CH_NONE, COMMANDS, WITH, NONE, BY_ROW, false),
    [CHECK] = FAMILY("CheckPermissionsCommand", POLICIES, CH_NONE, CH_NONE, COMMANDS, WITHOUT, NONE, IGNORED,
                     false),
    [CHECK_RESPONSE] = FAMILY("CheckPermissionsCommandResponse", POLICIES, CH_NONE, CH_NONE, COMMANDS, WITH,
                              NONE, IGNORED, false),
    [POLICY_EVENT] = {"PolicyEvent", POLICIES, CH_NONE, CH_NONE, CRITERION_EVENTS, STATUS_ANY, SIGN_NONE,
                      PATH_BY_ROW, ACTION_MERGED, false},
    [POLICY_ERROR] =
        FAMILY("PolicyErrorResponse", POLICIES, CH_NONE, CH_NONE, ERRORS, ANY, NONE, IGNORED, false),
    [POLICY_ANNOUNCEMENT] =
        FAMILY("PolicyAnnouncement", POLICIES, CH_NONE, CH_NONE, ANNOUNCEMENTS, ANY, NONE, IGNORED, false),
    [CONNECTION_ANNOUNCEMENT] = FAMILY("ConnectivityAnnouncement", CONNECTIONS, CH_NONE, CH_NONE,
                                       ANNOUNCEMENTS, ANY, NONE, IGNORED, false),
    [STREAM] = FAMILY("StreamingSubscriptionCommand", THINGS | POLICIES | CONNECTIONS, CH_TWIN | CH_NONE,
                      CH_TWIN | CH_NONE, STREAMING, ANY, NONE, IGNORED, true),
    [STREAM_EVENT] = FAMILY("StreamingSubscriptionEvent", THINGS | POLICIES | CONNECTIONS, CH_TWIN | CH_NONE,
                            CH_TWIN | CH_NONE, STREAMING, ANY, NONE, IGNORED, true),
    [UNSUPPORTED] = FAMILY("", 0, 0, 0, COMMANDS, ANY, NONE, IGNORED, false),
};

/* --- members of records ----------------------------------------------------------------------------------------- */

static const struct record_field subscription[] = {{"subscriptionId", RECORD_STRING, false, NULL},
                                                   {NULL, RECORD_ANY, false, NULL}};
static const struct record_field subscribe[] = {{"filter", RECORD_STRING, true, NULL},
                                                {"options", RECORD_STRING, true, NULL},
                                                {"namespaces", RECORD_STRINGS, true, "[]"},
                                                {NULL, RECORD_ANY, false, NULL}};
static const struct record_field request[] = {{"subscriptionId", RECORD_STRING, false, NULL},
                                              {"demand", RECORD_LONG, true, "0"},
                                              {NULL, RECORD_ANY, false, NULL}};
static const struct record_field next_items[] = {{"subscriptionId", RECORD_STRING, false, NULL},
                                                 {"items", RECORD_ARRAY, false, NULL},
                                                 {NULL, RECORD_ANY, false, NULL}};
static const struct record_field next_item[] = {{"subscriptionId", RECORD_STRING, false, NULL},
                                                {"item", RECORD_ANY, false, NULL},
                                                {NULL, RECORD_ANY, false, NULL}};
static const struct record_field failed[] = {{"subscriptionId", RECORD_STRING, false, NULL},
                                             {"error", RECORD_ERROR, false, NULL},
                                             {NULL, RECORD_ANY, false, NULL}};
static const struct record_field persisted[] = {
    {"fromHistoricalRevision", RECORD_LONG, true, "0"},
    {"toHistoricalRevision", RECORD_LONG, true, "9223372036854775807"},
    {"fromHistoricalTimestamp", RECORD_INSTANT, true, NULL},
    {"toHistoricalTimestamp", RECORD_INSTANT, true, NULL},
    {"filter", RECORD_STRING, true, NULL},
    {NULL, RECORD_ANY, false, NULL}};
static const struct record_field deletion[] = {{"deleteAt", RECORD_INSTANT, false, NULL},
                                               {"subjectIds", RECORD_SUBJECTS, false, NULL},
                                               {NULL, RECORD_ANY, false, NULL}};
static const struct record_field opened[] = {{"openedAt", RECORD_INSTANT, false, NULL},
                                             {NULL, RECORD_ANY, false, NULL}};
static const struct record_field closed[] = {{"closedAt", RECORD_INSTANT, false, NULL},
                                             {NULL, RECORD_ANY, false, NULL}};
static const struct record_field migration[] = {
    {"thingDefinitionUrl", RECORD_STRING, false, NULL},
    {"migrationPayload", RECORD_OBJECT, true, "{}"},
    {"initializeMissingPropertiesFromDefaults", RECORD_BOOL, true, "false"},
    {"patchConditions", RECORD_OBJECT, true, NULL},
    {NULL, RECORD_ANY, false, NULL}};
static const struct record_field migrated[] = {{"patch", RECORD_OBJECT, false, NULL},
                                               {"mergeStatus", RECORD_STRING, false, NULL},
                                               {NULL, RECORD_ANY, false, NULL}};

/* --- rows ------------------------------------------------------------------------------------------------------- */

#define ROW(fam, frm, act, shp, typ, mem, val, flg, w, wo, st)                                               \
    {                                                                                                        \
        .type = typ, .type_len = sizeof(typ) - 1, .family = &table_families[fam], .form = FORM_##frm,        \
        .action = ACTION_##act, .shape = SHAPE_##shp, .member = mem, .value = VALUE_##val, .flags = flg,     \
        .with = w, .without = wo, .status = st                                                               \
    }
#define RECORD(fam, frm, act, sub, typ, list, w)                                                             \
    {                                                                                                        \
        .type = typ, .type_len = sizeof(typ) - 1, .family = &table_families[fam], .form = FORM_##frm,        \
        .action = ACTION_##act, .subject = sub, .shape = SHAPE_ROOT, .fields = list, .with = w, .without = w \
    }
#define MESSAGE_ROW(fam, frm, shp, typ, flg, w)                                                              \
    {                                                                                                        \
        .type = typ, .type_len = sizeof(typ) - 1, .family = &table_families[fam], .form = FORM_##frm,        \
        .shape = SHAPE_##shp, .flags = flg, .with = w, .without = w                                          \
    }

/* commands and events of things and policies */
#define T_MODIFY(act, shp, name, mem, val)                                                                   \
    ROW(THING_MODIFY, COMMAND, act, shp, "things.commands:" name, mem, val, 0, 0, 0, 0)
#define T_QUERY(shp, name, flg)                                                                              \
    ROW(THING_QUERY, QUERY, RETRIEVE, shp, "things.commands:" name, NULL, NONE, flg, 0, 0, 0)
#define T_EVENT(act, shp, name, mem, val)                                                                    \
    ROW(THING_EVENT, EVENT, act, shp, "things.events:" name, mem, val, 0, 0, 0, 0)
#define P_MODIFY(act, shp, name, mem, val)                                                                   \
    ROW(POLICY_MODIFY, COMMAND, act, shp, "policies.commands:" name, mem, val, 0, 0, 0, 0)
#define P_QUERY(shp, name, flg)                                                                              \
    ROW(POLICY_QUERY, QUERY, RETRIEVE, shp, "policies.commands:" name, NULL, NONE, flg, 0, 0, 0)
#define P_EVENT(act, shp, name, mem, val, f)                                                                 \
    ROW(POLICY_EVENT, EVENT, act, shp, "policies.events:" name, mem, val, f, 0, 0, 0)
/* answers, by the statuses they may have */
#define T_DONE(shp, name, st)                                                                                \
    ROW(THING_MODIFY_RESPONSE, RESPONSE, DELETE, shp, "things.responses:" name, NULL, NONE, 0, STATUS_204,   \
        STATUS_204, st)
#define T_MODIFIED(shp, name, mem, val)                                                                      \
    ROW(THING_MODIFY_RESPONSE, RESPONSE, MODIFY, shp, "things.responses:" name, mem, val, ROW_OPTIONAL,      \
        STATUS_201, STATUS_201 | STATUS_204, 0)
#define T_MODIFIED_OR_NULL(shp, name, mem, val)                                                              \
    ROW(THING_MODIFY_RESPONSE, RESPONSE, MODIFY, shp, "things.responses:" name, mem, val,                    \
        ROW_OPTIONAL | ROW_NULL, STATUS_201, STATUS_201 | STATUS_204, 0)
#define T_RETRIEVED(shp, name, mem, val)                                                                     \
    ROW(THING_QUERY_RESPONSE, RESPONSE, RETRIEVE, shp, "things.responses:" name, mem, val, 0, STATUS_200, 0, \
        0)
#define P_DONE(act, shp, name)                                                                               \
    ROW(POLICY_MODIFY_RESPONSE, RESPONSE, act, shp, "policies.responses:" name, NULL, NONE, ROW_SEGMENT,     \
        STATUS_204, STATUS_204, 0)
#define P_MODIFIED(shp, name, mem, val, w, wo)                                                               \
    ROW(POLICY_MODIFY_RESPONSE, RESPONSE, MODIFY, shp, "policies.responses:" name, mem, val,                 \
        ROW_OPTIONAL | ROW_SEGMENT, w, wo, 0)
#define P_RETRIEVED(shp, name, mem, val, wo)                                                                 \
    ROW(POLICY_QUERY_RESPONSE, RESPONSE, RETRIEVE, shp, "policies.responses:" name, mem, val, ROW_SEGMENT,   \
        STATUS_EVERY, wo, 200)

const struct signal_row table_all_rows[] = {
    /* things: commands */
    ROW(THING_MODIFY, CREATE, CREATE, ROOT, "things.commands:createThing", "thing", THING, 0, 0, 0, 0),
    T_MODIFY(MODIFY, ROOT, "modifyThing", "thing", THING),
    T_MODIFY(DELETE, ROOT, "deleteThing", NULL, NONE),
    T_MODIFY(MODIFY, POLICY_ID, "modifyPolicyId", "policyId", POLICY_ID),
    T_MODIFY(MODIFY, DEFINITION, "modifyDefinition", "definition", DEFINITION),
    T_MODIFY(DELETE, DEFINITION, "deleteDefinition", NULL, NONE),
    T_MODIFY(MODIFY, ATTRIBUTES, "modifyAttributes", "attributes", ATTRIBUTES),
    T_MODIFY(DELETE, ATTRIBUTES, "deleteAttributes", NULL, NONE),
    T_MODIFY(MODIFY, ATTRIBUTE, "modifyAttribute", "value", KEYED),
    T_MODIFY(DELETE, ATTRIBUTE, "deleteAttribute", NULL, NONE),
    T_MODIFY(MODIFY, FEATURES, "modifyFeatures", "features", FEATURES),
    T_MODIFY(DELETE, FEATURES, "deleteFeatures", NULL, NONE),
    T_MODIFY(MODIFY, FEATURE, "modifyFeature", "feature", FEATURE),
    T_MODIFY(DELETE, FEATURE, "deleteFeature", NULL, NONE),
    T_MODIFY(MODIFY, FEATURE_DEFINITION, "modifyFeatureDefinition", "definition", FEATURE_DEFINITION),
    T_MODIFY(DELETE, FEATURE_DEFINITION, "deleteFeatureDefinition", NULL, NONE),
    T_MODIFY(MODIFY, PROPERTIES, "modifyFeatureProperties", "properties", PROPERTIES),
    T_MODIFY(DELETE, PROPERTIES, "deleteFeatureProperties", NULL, NONE),
    T_MODIFY(MODIFY, PROPERTY, "modifyFeatureProperty", "value", KEYED),
    T_MODIFY(DELETE, PROPERTY, "deleteFeatureProperty", NULL, NONE),
    T_MODIFY(MODIFY, DESIRED_PROPERTIES, "modifyFeatureDesiredProperties", "desiredProperties", PROPERTIES),
    T_MODIFY(DELETE, DESIRED_PROPERTIES, "deleteFeatureDesiredProperties", NULL, NONE),
    T_MODIFY(MODIFY, DESIRED_PROPERTY, "modifyFeatureDesiredProperty", "desiredValue", KEYED),
    T_MODIFY(DELETE, DESIRED_PROPERTY, "deleteFeatureDesiredProperty", NULL, NONE),
    T_QUERY(ROOT, "retrieveThing", ROW_FIELDS),
    T_QUERY(POLICY_ID, "retrievePolicyId", 0),
    T_QUERY(DEFINITION, "retrieveDefinition", 0),
    T_QUERY(ATTRIBUTES, "retrieveAttributes", ROW_FIELDS),
    T_QUERY(ATTRIBUTE, "retrieveAttribute", 0),
    T_QUERY(FEATURES, "retrieveFeatures", ROW_FIELDS),
    T_QUERY(FEATURE, "retrieveFeature", ROW_FIELDS),
    T_QUERY(FEATURE_DEFINITION, "retrieveFeatureDefinition", 0),
    T_QUERY(PROPERTIES, "retrieveFeatureProperties", ROW_FIELDS),
    T_QUERY(PROPERTY, "retrieveFeatureProperty", 0),
    T_QUERY(DESIRED_PROPERTIES, "retrieveFeatureDesiredProperties", ROW_FIELDS),
    T_QUERY(DESIRED_PROPERTY, "retrieveFeatureDesiredProperty", 0),
    ROW(RETRIEVE_THINGS, RETRIEVE_THINGS, RETRIEVE, ROOT, "things.commands:retrieveThings", "thingIds", ANY,
        ROW_FIELDS, 0, 0, 0),
    ROW(THING_MERGE, MERGE, MERGE, ROOT, "things.commands:mergeThing", "value", ANY, 0, 0, 0, 0),
    RECORD(THING_MIGRATE, MIGRATE, MIGRATE, NULL, "things.commands:migrateThingDefinition", migration, 0),

    /* things: answers */
    ROW(THING_MODIFY_RESPONSE, CREATE, CREATE, ROOT, "things.responses:createThing", "thing", THING, 0,
        STATUS_201, 0, 0),
    T_MODIFIED(ROOT, "modifyThing", "thing", THING),
    T_DONE(ROOT, "deleteThing", 0),
    T_MODIFIED(POLICY_ID, "modifyPolicyId", "policyId", POLICY_ID),
    T_MODIFIED(DEFINITION, "modifyDefinition", "definition", DEFINITION),
    T_DONE(DEFINITION, "deleteDefinition", 0),
    T_MODIFIED_OR_NULL(ATTRIBUTES, "modifyAttributes", "attributes", ATTRIBUTES),
    T_DONE(ATTRIBUTES, "deleteAttributes", 0),
    T_MODIFIED(ATTRIBUTE, "modifyAttribute", "value", ANY),
    T_DONE(ATTRIBUTE, "deleteAttribute", 0),
    T_MODIFIED_OR_NULL(FEATURES, "modifyFeatures", "features", FEATURES),
    T_DONE(FEATURES, "deleteFeatures", 0),
    T_MODIFIED_OR_NULL(FEATURE, "modifyFeature", "feature", FEATURE),
    T_DONE(FEATURE, "deleteFeature", 0),
    T_MODIFIED(FEATURE_DEFINITION, "modifyFeatureDefinition", "definition", FEATURE_DEFINITION),
    T_DONE(FEATURE_DEFINITION, "deleteFeatureDefinition", 0),
    T_MODIFIED(PROPERTIES, "modifyFeatureProperties", "properties", PROPERTIES),
    ROW(THING_MODIFY_RESPONSE, RESPONSE, DELETE, PROPERTIES, "things.responses:deleteFeatureProperties", NULL,
        NONE, 0, STATUS_EVERY, STATUS_EVERY, 204),
    T_MODIFIED(PROPERTY, "modifyFeatureProperty", "value", ANY),
    T_DONE(PROPERTY, "deleteFeatureProperty", 0),
    T_MODIFIED(DESIRED_PROPERTIES, "modifyFeatureDesiredProperties", "desiredProperties", PROPERTIES),
    T_DONE(DESIRED_PROPERTIES, "deleteFeatureDesiredProperties", 0),
    T_MODIFIED(DESIRED_PROPERTY, "modifyFeatureDesiredProperty", "desiredValue", ANY),
    T_DONE(DESIRED_PROPERTY, "deleteFeatureDesiredProperty", 0),
    T_RETRIEVED(ROOT, "retrieveThing", "thingPlainJson", PLAIN_THING),
    T_RETRIEVED(POLICY_ID, "retrievePolicyId", "policyId", POLICY_ID),
    T_RETRIEVED(DEFINITION, "retrieveDefinition", "definition", DEFINITION),
    T_RETRIEVED(ATTRIBUTES, "retrieveAttributes", "attributes", ATTRIBUTES),
    T_RETRIEVED(ATTRIBUTE, "retrieveAttribute", "value", ANY),
    T_RETRIEVED(FEATURES, "retrieveFeatures", "features", FEATURES),
    T_RETRIEVED(FEATURE, "retrieveFeature", "feature", FEATURE),
    T_RETRIEVED(FEATURE_DEFINITION, "retrieveFeatureDefinition", "definition", FEATURE_DEFINITION),
    T_RETRIEVED(PROPERTIES, "retrieveFeatureProperties", "properties", PROPERTIES),
    T_RETRIEVED(PROPERTY, "retrieveFeatureProperty", "value", ANY),
    T_RETRIEVED(DESIRED_PROPERTIES, "retrieveFeatureDesiredProperties", "desiredProperties", PROPERTIES),
    T_RETRIEVED(DESIRED_PROPERTY, "retrieveFeatureDesiredProperty", "desiredValue", ANY),
    ROW(RETRIEVE_THINGS_RESPONSE, THINGS, RETRIEVE, ROOT, "things.responses:retrieveThings",
        "thingsPlainJson", ANY, 0, STATUS_200, 0, 0),
    ROW(THING_MERGE_RESPONSE, MERGED, MERGE, ROOT, "things.responses:mergeThing", NULL, NONE, 0, STATUS_204,
        STATUS_204, 0),
    RECORD(THING_MIGRATE_RESPONSE, MIGRATE_RESPONSE, MIGRATE, NULL, "things.responses:migrateThingDefinition",
           migrated, STATUS_EVERY),
    ROW(THING_ERROR, ERROR, NONE, ROOT, "things.responses:errorResponse", "payload", ANY, 0, STATUS_EVERY, 0,
        0),

    /* things: events */
    T_EVENT(CREATED, ROOT, "thingCreated", "thing", THING),
    T_EVENT(MODIFIED, ROOT, "thingModified", "thing", THING),
    T_EVENT(DELETED, ROOT, "thingDeleted", NULL, NONE),
    T_EVENT(MODIFIED, POLICY_ID, "policyIdModified", "policyId", POLICY_ID),
    T_EVENT(CREATED, DEFINITION, "definitionCreated", "definition", DEFINITION),
    T_EVENT(MODIFIED, DEFINITION, "definitionModified", "definition", DEFINITION),
    T_EVENT(DELETED, DEFINITION, "definitionDeleted", NULL, NONE),
    T_EVENT(CREATED, ATTRIBUTES, "attributesCreated", "attributes", ATTRIBUTES),
    T_EVENT(MODIFIED, ATTRIBUTES, "attributesModified", "attributes", ATTRIBUTES),
    T_EVENT(DELETED, ATTRIBUTES, "attributesDeleted", NULL, NONE),
    T_EVENT(CREATED, ATTRIBUTE, "attributeCreated", "value", ANY),
    T_EVENT(MODIFIED, ATTRIBUTE, "attributeModified", "value", ANY),
    T_EVENT(DELETED, ATTRIBUTE, "attributeDeleted", NULL, NONE),
    T_EVENT(CREATED, FEATURES, "featuresCreated", "features", FEATURES),
    T_EVENT(MODIFIED, FEATURES, "featuresModified", "features", FEATURES),
    T_EVENT(DELETED, FEATURES, "featuresDeleted", NULL, NONE),
    T_EVENT(CREATED, FEATURE, "featureCreated", "feature", FEATURE),
    T_EVENT(MODIFIED, FEATURE, "featureModified", "feature", FEATURE),
    T_EVENT(DELETED, FEATURE, "featureDeleted", NULL, NONE),
    T_EVENT(CREATED, FEATURE_DEFINITION, "featureDefinitionCreated", "definition", FEATURE_DEFINITION),
    T_EVENT(MODIFIED, FEATURE_DEFINITION, "featureDefinitionModified", "definition", FEATURE_DEFINITION),
    T_EVENT(DELETED, FEATURE_DEFINITION, "featureDefinitionDeleted", NULL, NONE),
    T_EVENT(CREATED, PROPERTIES, "featurePropertiesCreated", "properties", PROPERTIES),
    T_EVENT(MODIFIED, PROPERTIES, "featurePropertiesModified", "properties", PROPERTIES),
    T_EVENT(DELETED, PROPERTIES, "featurePropertiesDeleted", NULL, NONE),
    T_EVENT(CREATED, PROPERTY, "featurePropertyCreated", "value", ANY),
    T_EVENT(MODIFIED, PROPERTY, "featurePropertyModified", "value", ANY),
    T_EVENT(DELETED, PROPERTY, "featurePropertyDeleted", NULL, NONE),
    T_EVENT(CREATED, DESIRED_PROPERTIES, "featureDesiredPropertiesCreated", "desiredProperties", PROPERTIES),
    T_EVENT(MODIFIED, DESIRED_PROPERTIES, "featureDesiredPropertiesModified", "desiredProperties",
            PROPERTIES),
    T_EVENT(DELETED, DESIRED_PROPERTIES, "featureDesiredPropertiesDeleted", NULL, NONE),
    T_EVENT(CREATED, DESIRED_PROPERTY, "featureDesiredPropertyCreated", "desiredValue", ANY),
    T_EVENT(MODIFIED, DESIRED_PROPERTY, "featureDesiredPropertyModified", "desiredValue", ANY),
    T_EVENT(DELETED, DESIRED_PROPERTY, "featureDesiredPropertyDeleted", NULL, NONE),
    ROW(THING_MERGED, MERGED, MERGED, ROOT, "things.events:thingMerged", "value", ANY, 0, 0, 0, 0),
    ROW(THING_MIGRATED, EVENT, MIGRATED, ROOT, "things.events:ThingDefinitionMigrated", "thing", THING, 0, 0,
        0, 0),

    /* messages */
    MESSAGE_ROW(MESSAGE, MESSAGE, INBOX, "messages.commands:thingMessage", 0, 0),
    MESSAGE_ROW(MESSAGE, MESSAGE, FEATURE_INBOX, "messages.commands:featureMessage", 0, 0),
    MESSAGE_ROW(MESSAGE, MESSAGE, INBOX, "messages.commands:claimMessage", 0, 0),
    MESSAGE_ROW(MESSAGE_RESPONSE, MESSAGE_RESPONSE, INBOX, "messages.responses:thingResponseMessage", 0,
                STATUS_EVERY),
    MESSAGE_ROW(MESSAGE_RESPONSE, MESSAGE_RESPONSE, FEATURE_INBOX,
                "messages.responses:featureResponseMessage", 0, STATUS_EVERY),
    MESSAGE_ROW(MESSAGE_RESPONSE, MESSAGE_RESPONSE, INBOX, "messages.responses:claimResponseMessage", 0,
                STATUS_EVERY),
    MESSAGE_ROW(MESSAGE_RESPONSE, MESSAGE_RESPONSE, INBOX, "messages.responses:acceptedResponseMessage",
                ROW_OUT_ONLY, STATUS_EVERY),

    /* acknowledgements */
    ROW(ACK, ACK, NONE, ROOT, "acknowledgement", "payload", ANY, ROW_OPTIONAL, STATUS_EVERY, STATUS_EVERY, 0),
    ROW(ACKS, ACKS, NONE, ROOT, "acknowledgements", "acknowledgements", ANY, 0, STATUS_EVERY, 0, 0),

    /* search */
    RECORD(SEARCH, SEARCH, SUBSCRIBE, NULL, "thing-search.commands:subscribe", subscribe, 0),
    RECORD(SEARCH, SEARCH, REQUEST, NULL, "thing-search.commands:request", request, 0),
    RECORD(SEARCH, SEARCH, CANCEL, NULL, "thing-search.commands:cancel", subscription, 0),
    RECORD(SEARCH_EVENT, SEARCH_EVENT, CREATED, NULL, "thing-search.subscription.events:created",
           subscription, 0),
    RECORD(SEARCH_EVENT, SEARCH_EVENT, NEXT, NULL, "thing-search.subscription.events:next", next_items, 0),
    RECORD(SEARCH_EVENT, SEARCH_EVENT, COMPLETE, NULL, "thing-search.subscription.events:complete",
           subscription, 0),
    RECORD(SEARCH_EVENT, SEARCH_EVENT, FAILED, NULL, "thing-search.subscription.events:failed", failed, 0),
    ROW(SEARCH_ERROR, ERROR, ERROR, ROOT, "thing-search.responses:errorResponse", "payload", ANY,
        ROW_OUT_ONLY, 0, 0, 0),

    /* policies: commands */
    ROW(POLICY_MODIFY, CREATE, CREATE, ROOT, "policies.commands:createPolicy", "policy", POLICY, 0, 0, 0, 0),
    P_MODIFY(MODIFY, ROOT, "modifyPolicy", "policy", POLICY),
    P_MODIFY(DELETE, ROOT, "deletePolicy", NULL, NONE),
    P_MODIFY(MODIFY, ENTRIES, "modifyPolicyEntries", "policyEntries", ENTRIES),
    P_MODIFY(MODIFY, ENTRY, "modifyPolicyEntry", "policyEntry", ENTRY),
    P_MODIFY(DELETE, ENTRY, "deletePolicyEntry", NULL, NONE),
    P_MODIFY(MODIFY, RESOURCES, "modifyResources", "resources", RESOURCES),
    P_MODIFY(MODIFY, RESOURCE, "modifyResource", "resource", RESOURCE),
    P_MODIFY(DELETE, RESOURCE, "deleteResource", NULL, NONE),
    P_MODIFY(MODIFY, SUBJECTS, "modifySubjects", "subjects", SUBJECTS),
    P_MODIFY(MODIFY, SUBJECT, "modifySubject", "subject", SUBJECT),
    P_MODIFY(DELETE, SUBJECT, "deleteSubject", NULL, NONE),
    P_MODIFY(MODIFY, IMPORTABLE, "modifyPolicyEntryImportable", "importable", IMPORTABLE),
    P_MODIFY(MODIFY, ALLOWED_ADDITIONS, "modifyPolicyEntryAllowedAdditions", "allowedAdditions", ADDITIONS),
    P_MODIFY(DELETE, ALLOWED_ADDITIONS, "deletePolicyEntryAllowedAdditions", NULL, NONE),
    P_MODIFY(MODIFY, NAMESPACES, "modifyPolicyEntryNamespaces", "namespaces", STRINGS),
    P_MODIFY(MODIFY, REFERENCES, "modifyPolicyEntryReferences", "references", REFERENCES),
    P_MODIFY(DELETE, REFERENCES, "deletePolicyEntryReferences", NULL, NONE),
    P_MODIFY(MODIFY, IMPORTS, "modifyPolicyImports", "policyImports", IMPORTS),
    P_MODIFY(DELETE, IMPORTS, "deletePolicyImports", NULL, NONE),
    P_MODIFY(MODIFY, IMPORT, "modifyPolicyImport", "policyImport", IMPORT),
    P_MODIFY(DELETE, IMPORT, "deletePolicyImport", NULL, NONE),
    P_MODIFY(MODIFY, IMPORT_ENTRIES, "modifyPolicyImportEntries", "entries", STRINGS),
    P_MODIFY(MODIFY, TRANSITIVE_IMPORTS, "modifyPolicyImportTransitiveImports", "transitiveImports", STRINGS),
    P_QUERY(ROOT, "retrievePolicy", ROW_FIELDS),
    P_QUERY(ENTRIES, "retrievePolicyEntries", 0),
    P_QUERY(ENTRY, "retrievePolicyEntry", 0),
    P_QUERY(RESOURCES, "retrieveResources", 0),
    P_QUERY(RESOURCE, "retrieveResource", 0),
    P_QUERY(SUBJECTS, "retrieveSubjects", 0),
    P_QUERY(SUBJECT, "retrieveSubject", 0),
    P_QUERY(IMPORTABLE, "retrievePolicyEntryImportable", 0),
    P_QUERY(ALLOWED_ADDITIONS, "retrievePolicyEntryAllowedAdditions", 0),
    P_QUERY(NAMESPACES, "retrievePolicyEntryNamespaces", 0),
    P_QUERY(REFERENCES, "retrievePolicyEntryReferences", 0),
    P_QUERY(IMPORTS, "retrievePolicyImports", 0),
    P_QUERY(IMPORT, "retrievePolicyImport", 0),
    P_QUERY(IMPORT_ENTRIES, "retrievePolicyImportEntries", 0),
    P_QUERY(TRANSITIVE_IMPORTS, "retrievePolicyImportTransitiveImports", 0),
    ROW(CHECK, CHECK, CHECK_PERMISSIONS, ROOT, "policies.commands:checkPermissions", "permissionChecks",
        OBJECT, 0, 0, 0, 0),

    /* policies: answers */
    ROW(POLICY_MODIFY_RESPONSE, RESPONSE, CREATE, ROOT, "policies.responses:createPolicy", "policy", POLICY,
        ROW_OPTIONAL, STATUS_201, STATUS_201, 0),
    P_MODIFIED(ROOT, "modifyPolicy", "policy", POLICY, STATUS_201, STATUS_204),
    P_DONE(DELETE, ROOT, "deletePolicy"),
    P_DONE(MODIFY, ENTRIES, "modifyPolicyEntries"),
    P_MODIFIED(ENTRY, "modifyPolicyEntry", "policyEntry", ENTRY, STATUS_201, STATUS_204),
    P_DONE(DELETE, ENTRY, "deletePolicyEntry"),
    P_DONE(MODIFY, RESOURCES, "modifyResources"),
    P_MODIFIED(RESOURCE, "modifyResource", "resource", RESOURCE, STATUS_201, STATUS_204),
    P_DONE(DELETE, RESOURCE, "deleteResource"),
    P_DONE(MODIFY, SUBJECTS, "modifySubjects"),
    P_MODIFIED(SUBJECT, "modifySubject", "subject", SUBJECT, STATUS_201, STATUS_204),
    P_DONE(DELETE, SUBJECT, "deleteSubject"),
    P_DONE(MODIFY, IMPORTABLE, "modifyPolicyEntryImportable"),
    P_DONE(MODIFY, ALLOWED_ADDITIONS, "modifyPolicyEntryAllowedAdditions"),
    P_DONE(DELETE, ALLOWED_ADDITIONS, "deletePolicyEntryAllowedAdditions"),
    P_DONE(MODIFY, NAMESPACES, "modifyPolicyEntryNamespaces"),
    P_MODIFIED(REFERENCES, "modifyPolicyEntryReferences", "references", REFERENCES, STATUS_201 | STATUS_204,
               STATUS_201 | STATUS_204),
    P_DONE(DELETE, REFERENCES, "deletePolicyEntryReferences"),
    P_MODIFIED(IMPORTS, "modifyPolicyImports", "policyImports", IMPORTS, STATUS_201 | STATUS_204,
               STATUS_201 | STATUS_204),
    P_DONE(DELETE, IMPORTS, "deletePolicyImports"),
    ROW(POLICY_MODIFY_RESPONSE, RESPONSE, MODIFY, IMPORT, "policies.responses:modifyPolicyImport",
        "policyImport", IMPORT, ROW_OPTIONAL | ROW_PATH_OF_VALUE, STATUS_201 | STATUS_204,
        STATUS_201 | STATUS_204, 0),
    ROW(POLICY_MODIFY_RESPONSE, RESPONSE, DELETE, IMPORT, "policies.responses:deletePolicyImport", NULL, NONE,
        0, STATUS_EVERY, STATUS_EVERY, 0),
    P_DONE(MODIFY, IMPORT_ENTRIES, "modifyPolicyImportEntries"),
    P_DONE(MODIFY, TRANSITIVE_IMPORTS, "modifyPolicyImportTransitiveImports"),
    P_RETRIEVED(ROOT, "retrievePolicy", "policy", PLAIN_POLICY, 0),
    P_RETRIEVED(ENTRIES, "retrievePolicyEntries", "policyEntries", ENTRIES, 0),
    P_RETRIEVED(ENTRY, "retrievePolicyEntry", "policyEntry", ENTRY, 0),
    P_RETRIEVED(RESOURCES, "retrieveResources", "resources", RESOURCES, 0),
    P_RETRIEVED(RESOURCE, "retrieveResource", "resource", RESOURCE, 0),
    P_RETRIEVED(SUBJECTS, "retrieveSubjects", "subjects", SUBJECTS, 0),
    P_RETRIEVED(SUBJECT, "retrieveSubject", "subject", SUBJECT, 0),
    P_RETRIEVED(IMPORTABLE, "retrievePolicyEntryImportable", "importable", IMPORTABLE, STATUS_EVERY),
    P_RETRIEVED(ALLOWED_ADDITIONS, "retrievePolicyEntryAllowedAdditions", "allowedAdditions", ADDITIONS,
                STATUS_EVERY),
    P_RETRIEVED(NAMESPACES, "retrievePolicyEntryNamespaces", "namespaces", STRINGS, STATUS_EVERY),
    P_RETRIEVED(REFERENCES, "retrievePolicyEntryReferences", "references", REFERENCES, STATUS_EVERY),
    P_RETRIEVED(IMPORTS, "retrievePolicyImports", "policyImports", IMPORTS, 0),
    P_RETRIEVED(IMPORT, "retrievePolicyImport", "policyImport", IMPORT, 0),
    P_RETRIEVED(IMPORT_ENTRIES, "retrievePolicyImportEntries", "entries", STRINGS, STATUS_EVERY),
    P_RETRIEVED(TRANSITIVE_IMPORTS, "retrievePolicyImportTransitiveImports", "transitiveImports", STRINGS,
                STATUS_EVERY),
    ROW(CHECK_RESPONSE, CHECK_RESPONSE, CHECK_PERMISSIONS, ROOT,
        "policies.responses:checkPermissionsResponse", "permissionResults", OBJECT, 0, STATUS_EVERY,
        STATUS_EVERY, 200),
    ROW(POLICY_ERROR, ERROR, NONE, ROOT, "policies.responses:errorResponse", "payload", ANY, 0, STATUS_EVERY,
        0, 0),

    /* policies: events */
    P_EVENT(CREATED, ROOT, "policyCreated", "policy", POLICY, 0),
    P_EVENT(MODIFIED, ROOT, "policyModified", "policy", POLICY, 0),
    P_EVENT(DELETED, ROOT, "policyDeleted", NULL, NONE, 0),
    P_EVENT(MODIFIED, ENTRIES, "policyEntriesModified", "policyEntries", ENTRIES, 0),
    P_EVENT(CREATED, ENTRY, "policyEntryCreated", "policyEntry", ENTRY, 0),
    P_EVENT(MODIFIED, ENTRY, "policyEntryModified", "policyEntry", ENTRY, 0),
    P_EVENT(DELETED, ENTRY, "policyEntryDeleted", NULL, NONE, 0),
    P_EVENT(MODIFIED, RESOURCES, "resourcesModified", "resources", RESOURCES, 0),
    P_EVENT(CREATED, RESOURCE, "resourceCreated", "resource", RESOURCE, ROW_TYPELESS),
    P_EVENT(MODIFIED, RESOURCE, "resourceModified", "resource", RESOURCE, ROW_TYPELESS),
    P_EVENT(DELETED, RESOURCE, "resourceDeleted", NULL, NONE, 0),
    P_EVENT(MODIFIED, SUBJECTS, "subjectsModified", "subjects", SUBJECTS, 0),
    P_EVENT(CREATED, SUBJECT, "subjectCreated", "subject", SUBJECT, 0),
    P_EVENT(MODIFIED, SUBJECT, "subjectModified", "subject", SUBJECT, 0),
    P_EVENT(DELETED, SUBJECT, "subjectDeleted", NULL, NONE, 0),
    P_EVENT(MODIFIED, ROOT, "subjectsModifiedPartially", "modifiedSubjects", OBJECT, ROW_OUT_ONLY),
    P_EVENT(DELETED, ROOT, "subjectsDeletedPartially", "deletedSubjectIds", OBJECT, ROW_OUT_ONLY),
    P_EVENT(MODIFIED, IMPORTABLE, "policyEntryImportableModified", "importable", IMPORTABLE, 0),
    P_EVENT(MODIFIED, ALLOWED_ADDITIONS, "policyEntryAllowedAdditionsModified", "allowedAdditions", ADDITIONS,
            0),
    P_EVENT(DELETED, ALLOWED_ADDITIONS, "policyEntryAllowedAdditionsDeleted", NULL, NONE, 0),
    P_EVENT(MODIFIED, NAMESPACES, "policyEntryNamespacesModified", "namespaces", STRINGS, 0),
    P_EVENT(MODIFIED, REFERENCES, "policyEntryReferencesModified", "references", REFERENCES, 0),
    P_EVENT(DELETED, REFERENCES, "policyEntryReferencesDeleted", NULL, NONE, 0),
    P_EVENT(MODIFIED, IMPORTS, "policyImportsModified", "policyImports", IMPORTS, ROW_OUT_ONLY),
    P_EVENT(DELETED, IMPORTS, "policyImportsDeleted", NULL, NONE, 0),
    P_EVENT(CREATED, IMPORT, "policyImportCreated", "policyImport", IMPORT, ROW_OUT_ONLY),
    P_EVENT(MODIFIED, IMPORT, "policyImportModified", "policyImport", IMPORT, ROW_OUT_ONLY),
    P_EVENT(DELETED, IMPORT, "policyImportDeleted", NULL, NONE, ROW_OUT_ONLY),
    P_EVENT(MODIFIED, IMPORT_ENTRIES, "policyImportEntriesModified", "entries", STRINGS, 0),
    P_EVENT(MODIFIED, TRANSITIVE_IMPORTS, "policyImportTransitiveImportsModified", "transitiveImports",
            STRINGS, 0),

    /* announcements */
    RECORD(POLICY_ANNOUNCEMENT, ANNOUNCEMENT, NONE, "subjectDeletion",
           "policies.announcements:subjectDeletion", deletion, 0),
    RECORD(CONNECTION_ANNOUNCEMENT, ANNOUNCEMENT, NONE, "opened", "connectivity.announcements:opened", opened,
           0),
    RECORD(CONNECTION_ANNOUNCEMENT, ANNOUNCEMENT, NONE, "closed", "connectivity.announcements:closed", closed,
           0),

    /* streaming of what is persisted */
    RECORD(STREAM, STREAM, SUBSCRIBE_PERSISTED, NULL,
           "streaming.subscription.commands:subscribeForPersistedEvents", persisted, 0),
    RECORD(STREAM, STREAM, REQUEST, NULL, "streaming.subscription.commands:request", request, 0),
    RECORD(STREAM, STREAM, CANCEL, NULL, "streaming.subscription.commands:cancel", subscription, 0),
    RECORD(STREAM_EVENT, STREAM_EVENT, CREATED, NULL, "streaming.subscription.events:created", subscription,
           0),
    RECORD(STREAM_EVENT, STREAM_EVENT, NEXT, NULL, "streaming.subscription.events:next", next_item, 0),
    RECORD(STREAM_EVENT, STREAM_EVENT, COMPLETE, NULL, "streaming.subscription.events:complete", subscription,
           0),
    RECORD(STREAM_EVENT, STREAM_EVENT, FAILED, NULL, "streaming.subscription.events:failed", failed, 0),

/* known to Ditto, and to no envelope */
#define NO_ENVELOPE(typ, mem, val)                                                                           \
    ROW(UNSUPPORTED, UNSUPPORTED, NONE, UNKNOWN, typ, mem, val, ROW_OUT_ONLY, 0, 0, 0)
    NO_ENVELOPE("policies.commands:activateTokenIntegration", NULL, NONE),
    NO_ENVELOPE("policies.commands:deactivateTokenIntegration", NULL, NONE),
    NO_ENVELOPE("policies.commands:topLevelAction", NULL, NONE),
    NO_ENVELOPE("policies.responses:activateTokenIntegration", "subjectIds", STRINGS),
    NO_ENVELOPE("policies.responses:deactivateTokenIntegration", "subjectIds", STRINGS),
    NO_ENVELOPE("policies.responses:topLevelAction", NULL, NONE),
    NO_ENVELOPE("things.commands:retrieveWotThingDescription", NULL, NONE),
    NO_ENVELOPE("things.responses:retrieveWotThingDescription", "wotThingDescription", OBJECT),
    NO_ENVELOPE("thing-search.commands:countThings", NULL, NONE),
    NO_ENVELOPE("thing-search.commands:queryThings", NULL, NONE),
};
/* clang-format on */
const unsigned table_n_rows = sizeof table_all_rows / sizeof *table_all_rows;
_Static_assert(2 * (sizeof table_all_rows / sizeof *table_all_rows) < TABLE_TYPE_SLOTS,
               "the index of types is at most half full");
