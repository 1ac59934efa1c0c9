/* permit.c: with -e, may a command be done for its subjects?
 *
 * A query needs READ on something of what it asks for, a change WRITE on all that it changes: of a merge that is each leaf of
 * the patch. What a condition looks at must be readable, so that nobody learns from it what he may not see. */
#include "json/patch.h"
#include "protocol/rql_query.h"
#include "twin/doing.h"

#include "base/banned.h"

/* --- refusals ----------------------------------------------------------------------------------------------------------- */

int doing_not_found(struct doing *d)
{
    bool policy = d->c->plan->kind == KIND_POLICY;
    return ditto_fail(&d->err, 404, not_found_code(d->c->plan->kind, SHAPE_ROOT),
                      "Check if the ID is correct, and if you may access it.", NULL,
                      "The %s with ID '%.*s' could not be found.", policy ? "Policy" : "Thing",
                      SLICE_ARG(d->c->id));
}

int doing_part_not_found(struct doing *d, const char *code, const char *what)
{
    return ditto_fail(&d->err, 404, code, "Check if it is there, and if you may access it.", NULL,
                      "The %s '%.*s' of '%.*s' could not be found.", what, SLICE_ARG(d->c->place),
                      SLICE_ARG(d->c->id));
}

static const char *not_modifiable(const struct command *c)
{
    static const char *const codes[SHAPES] = {
        [SHAPE_POLICY_ID] = "things:policyId.notmodifiable",
        [SHAPE_DEFINITION] = "things:definition.notmodifiable",
        [SHAPE_ATTRIBUTES] = "things:attributes.notmodifiable",
        [SHAPE_ATTRIBUTE] = "things:attribute.notmodifiable",
        [SHAPE_FEATURES] = "things:features.notmodifiable",
        [SHAPE_FEATURE] = "things:feature.notmodifiable",
        [SHAPE_FEATURE_DEFINITION] = "things:feature.definition.notmodifiable",
        [SHAPE_PROPERTIES] = "things:feature.properties.notmodifiable",
        [SHAPE_PROPERTY] = "things:feature.property.notmodifiable",
        [SHAPE_DESIRED_PROPERTIES] = "things:feature.desiredProperties.notmodifiable",
        [SHAPE_DESIRED_PROPERTY] = "things:feature.desiredProperty.notmodifiable",
        [SHAPE_ENTRIES] = "policies:policy.notmodifiable",
        [SHAPE_ENTRY] = "policies:entry.notmodifiable",
        [SHAPE_RESOURCES] = "policies:resources.notmodifiable",
        [SHAPE_RESOURCE] = "policies:resource.notmodifiable",
        [SHAPE_SUBJECTS] = "policies:subjects.notmodifiable",
        [SHAPE_SUBJECT] = "policies:subject.notmodifiable",
        [SHAPE_IMPORTS] = "policies:imports.notmodifiable",
        [SHAPE_IMPORT] = "policies:import.notmodifiable",
    };
    if (codes[c->shape])
        return codes[c->shape];
    if (c->plan->kind == KIND_POLICY)
        return "policies:policy.notmodifiable";
    return c->plan->deed == DEED_DELETE ? "things:thing.notdeletable" : "things:thing.notmodifiable";
}

static int not_readable(struct doing *d)
{
    const struct command *c = d->c;
    if (!c->place.len)
        return doing_not_found(d);
    return doing_part_not_found(d, not_found_code(c->plan->kind, c->shape), shape_name(c->shape));
}

/* --- policies ----------------------------------------------------------------------------------------------------------- */

/* The policy that counts for an entity whose JSON is v. */
struct json doing_policy_for(struct twin *t, enum kind kind, struct slice id, struct json v)
{
    struct buf text = {0};
    if (v.type != JSON_OBJECT || kind == KIND_POLICY)
        return v;
    struct slice name = json_text(json_get(v, S("policyId")), &text);
    const struct entity *policy = entities_find(&t->journal.entities, KIND_POLICY, name.p ? name : id);
    buf_free(&text);
    return entity_json(policy);
}

struct json doing_policy_of(struct twin *t, const struct entity *e)
{
    return e ? doing_policy_for(t, e->kind, e->id, entity_json(e)) : (struct json){JSON_ABSENT, NULL, 0};
}

/* --- rights --------------------------------------------------------------------------------------------------------------- */

/* Each leaf of a patch that stands at the path; a pattern removes whatever it matches. */
static bool may_merge(struct doing *d, struct buf *path, struct json patch)
{
    struct json_iter it = json_iter(patch);
    struct buf text = {0};
    bool may = true;
    if (patch.type != JSON_OBJECT || !json_count(patch))
        return rights_all(&d->rights, MAY_WRITE, buf_slice(path));
    while (may && json_next(&it)) {
        size_t at = path->len;
        buf_reset(&text, 4096);
        struct slice key = json_raw_text(it.key, &text);
        if (it.value.type == JSON_NULL && patch_pattern(key).p) {
            may = rights_all(&d->rights, MAY_WRITE, buf_slice(path));
            continue;
        }
        pointer_put_key(path, key, d->c->dialect);
        may = may_merge(d, path, it.value);
        buf_cut(path, at);
    }
    buf_free(&text);
    return may;
}

static bool may_change(struct doing *d)
{
    struct buf path = {0};
    if (d->c->plan->deed != DEED_MERGE)
        return rights_all(&d->rights, MAY_WRITE, d->c->place);
    buf_put_slice(&path, d->c->place);
    bool may = may_merge(d, &path, d->c->value);
    buf_free(&path);
    return may;
}

static bool may_look_at(const struct rights *r, const struct rql_field *f)
{
    struct slice path = f->path;
    bool somewhere = f->type == FIELD_VALUE || f->type == FIELD_PART || f->type == FIELD_FEATURE;
    if (slice_starts(path, S("_metadata/")))
        path = slice_skip(path, 10);
    return !somewhere || path.p[0] == '_' || slice_eq(path, S("thingId")) || rights_all(r, MAY_READ, path);
}

/* What is no condition is told later. */
static int check_condition(struct doing *d)
{
    struct buf text = {0};
    struct rql_query q;
    struct ditto_error why;
    bool may = true;
    struct slice rql = command_header_text(d->c, S("condition"), &text);
    if (rql.p && d->c->plan->kind == KIND_THING && rql_compile(&q, rql, RQL_OF_THING, &why) == 0) {
        for (size_t i = 0; i < q.tree.n_nodes; i++)
            may = may && (!q.tree.nodes[i].property.p || may_look_at(&d->rights, &q.fields[i]));
        rql_query_free(&q);
    }
    buf_free(&text);
    return may ? 0
               : ditto_fail(&d->err, 412, "things:condition.failed", "Ask for READ on what it looks at.",
                            NULL, "The condition looks at what may not be read.");
}

int doing_permitted(struct doing *d)
{
    const struct command *c = d->c;
    struct slice type = c->plan->kind == KIND_POLICY ? S("policy") : S("thing");
    if (!d->t->enforce || !entity_exists(d->entity))
        return 0;
    rights_collect(&d->rights, doing_policy_of(d->t, d->entity), c->subjects, type);
    if (!command_changes(c))
        return rights_some(&d->rights, MAY_READ, c->place) ? check_condition(d) : not_readable(d);
    if (may_change(d))
        return check_condition(d);
    if (!rights_some(&d->rights, MAY_READ, S("")) && !rights_some(&d->rights, MAY_WRITE, S("")))
        return doing_not_found(d);
    return ditto_fail(&d->err, 403, not_modifiable(c), "Ask for WRITE on it.", NULL,
                      "The %s '%.*s' of '%.*s' may not be modified.", shape_name(c->shape),
                      SLICE_ARG(c->place), SLICE_ARG(c->id));
}
