#include "twin/plan.h"

#include <stdio.h>

#include "base/banned.h"

enum { PLANS_MAX = 160 };

static struct plan plans[PLANS_MAX];
static size_t n_plans;

static bool is_command(const struct signal_row *row)
{
    return slice_starts(row_type(row), S("things.commands:")) ||
           slice_starts(row_type(row), S("policies.commands:"));
}

static bool find_deed(const struct signal_row *row, enum deed *deed)
{
    switch (row->form) {
    case FORM_CREATE: *deed = DEED_CREATE; return true;
    case FORM_MERGE: *deed = DEED_MERGE; return true;
    case FORM_QUERY: *deed = DEED_RETRIEVE; return true;
    case FORM_RETRIEVE_THINGS: *deed = DEED_RETRIEVE_MANY; return true;
    case FORM_MIGRATE: *deed = DEED_MIGRATE; return true;
    case FORM_COMMAND: *deed = row->action == ACTION_DELETE ? DEED_DELETE : DEED_MODIFY; return true;
    default: return false;
    }
}

static const struct signal_row *answer_of(const struct signal_row *row)
{
    char type[160];
    struct slice full = row_type(row), domain = slice_cut(&full, '.');
    struct slice rest = full;
    slice_cut(&rest, ':');
    int n = snprintf(type, sizeof type, "%.*s.responses:%.*s", SLICE_ARG(domain), SLICE_ARG(rest));
    return row_of_type(slice_of(type, (size_t)n));
}

static const struct signal_row *event_of(const struct plan *p, enum topic_action action)
{
    size_t n;
    const struct signal_row *rows = table_rows(&n);
    struct slice prefix = p->kind == KIND_POLICY ? S("policies.events:") : S("things.events:");
    if (p->deed == DEED_MERGE)
        return row_of_type(S("things.events:thingMerged"));
    for (size_t i = 0; i < n; i++)
        if (rows[i].action == action && rows[i].shape == p->command->shape &&
            slice_starts(row_type(&rows[i]), prefix))
            return &rows[i];
    return NULL;
}

static void add(const struct signal_row *row, enum deed deed)
{
    struct plan *p = &plans[n_plans];
    *p = (struct plan){.command = row, .answer = answer_of(row), .deed = deed};
    p->kind = slice_starts(row_type(row), S("policies.")) ? KIND_POLICY : KIND_THING;
    if (!p->answer || n_plans + 1 == PLANS_MAX)
        return;
    p->created = event_of(p, ACTION_CREATED);
    p->modified = event_of(p, ACTION_MODIFIED);
    p->deleted = event_of(p, ACTION_DELETED);
    n_plans++;
}

static void fill(void)
{
    size_t n;
    enum deed deed;
    const struct signal_row *rows = table_rows(&n);
    for (size_t i = 0; i < n; i++)
        if (is_command(&rows[i]) && find_deed(&rows[i], &deed))
            add(&rows[i], deed);
}

const struct plan *plan_of(struct slice type)
{
    if (!n_plans)
        fill();
    const struct signal_row *row = row_of_type(type);
    for (size_t i = 0; row && i < n_plans; i++)
        if (plans[i].command == row)
            return &plans[i];
    return NULL;
}

static const struct {
    const char *code, *name;
} parts[SHAPES] = {
    [SHAPE_POLICY_ID] = {"things:policyId.notfound", "policy id"},
    [SHAPE_DEFINITION] = {"things:definition.notfound", "definition"},
    [SHAPE_ATTRIBUTES] = {"things:attributes.notfound", "attributes"},
    [SHAPE_ATTRIBUTE] = {"things:attribute.notfound", "attribute"},
    [SHAPE_FEATURES] = {"things:features.notfound", "features"},
    [SHAPE_FEATURE] = {"things:feature.notfound", "feature"},
    [SHAPE_FEATURE_DEFINITION] = {"things:feature.definition.notfound", "definition of the feature"},
    [SHAPE_PROPERTIES] = {"things:feature.properties.notfound", "properties of the feature"},
    [SHAPE_PROPERTY] = {"things:feature.property.notfound", "property of the feature"},
    [SHAPE_DESIRED_PROPERTIES] = {"things:feature.desiredProperties.notfound",
                                  "desired properties of the feature"},
    [SHAPE_DESIRED_PROPERTY] = {"things:feature.desiredProperty.notfound", "desired property of the feature"},
    [SHAPE_ENTRIES] = {"policies:entry.notfound", "entries"},
    [SHAPE_ENTRY] = {"policies:entry.notfound", "entry"},
    [SHAPE_RESOURCES] = {"policies:resources.notfound", "resources of the entry"},
    [SHAPE_RESOURCE] = {"policies:resource.notfound", "resource of the entry"},
    [SHAPE_SUBJECTS] = {"policies:subjects.notfound", "subjects of the entry"},
    [SHAPE_SUBJECT] = {"policies:subject.notfound", "subject of the entry"},
    [SHAPE_IMPORTABLE] = {"policies:entry.notfound", "importable of the entry"},
    [SHAPE_ALLOWED_ADDITIONS] = {"policies:entry.notfound", "allowed additions of the entry"},
    [SHAPE_NAMESPACES] = {"policies:entry.notfound", "namespaces of the entry"},
    [SHAPE_REFERENCES] = {"policies:entry.notfound", "references of the entry"},
    [SHAPE_IMPORTS] = {"policies:imports.notfound", "imports"},
    [SHAPE_IMPORT] = {"policies:import.notfound", "import"},
    [SHAPE_IMPORT_ENTRIES] = {"policies:import.notfound", "entries of the import"},
    [SHAPE_TRANSITIVE_IMPORTS] = {"policies:import.notfound", "transitive imports of the import"},
};

const char *not_found_code(enum kind kind, enum shape s)
{
    if (parts[s].code)
        return parts[s].code;
    return kind == KIND_POLICY ? "policies:policy.notfound" : "things:thing.notfound";
}

const char *shape_name(enum shape s)
{
    return parts[s].name ? parts[s].name : "whole";
}
