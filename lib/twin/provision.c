#include "twin/provision.h"

#include "base/clock.h"
#include "twin/answer.h"
#include "twin/enforce.h"
#include "twin/tags.h"

#include "base/banned.h"

/* --- policies ---------------------------------------------------------------------------------------------------------- */

static int not_creatable(struct ditto_error *err, const struct command *c, struct slice policy,
                         const char *why)
{
    return ditto_fail(err, 400, "things:thing.notcreatable", "Create the policy, or leave its ID out.", NULL,
                      "The Thing with ID '%.*s' could not be created with the Policy '%.*s': %s.",
                      SLICE_ARG(c->id), SLICE_ARG(policy), why);
}

/* Whom a command is done for may do everything, as in Ditto. */
static bool put_implicit(struct buf *dst, struct json subjects)
{
    static const char rights[] = "{\"grant\":[\"READ\",\"WRITE\"],\"revoke\":[]}";
    struct json_iter it = json_iter(subjects);
    if (subjects.type != JSON_ARRAY || !json_count(subjects))
        return false;
    buf_puts(dst, "\"entries\":{\"DEFAULT\":{\"subjects\":{");
    while (json_next(&it)) {
        json_put_item(dst);
        buf_put_slice(dst, json_slice(it.value));
        buf_puts(dst, ":{\"type\":\"generated\"}");
    }
    buf_printf(dst, "},\"resources\":{\"policy:/\":%s,\"thing:/\":%s,\"message:/\":%s}}}", rights, rights,
               rights);
    return true;
}

/* "{{ ref:things/ns:id/policyId }}": the policy of that thing */
static struct slice referenced(struct twin *t, struct slice text, struct buf *scratch)
{
    struct slice inside = slice_trim(text);
    if (!slice_starts(inside, S("{{")) || !slice_ends(inside, S("}}")))
        return text;
    inside = slice_trim(slice_of(inside.p + 2, inside.len - 4));
    if (!slice_starts(inside, S("ref:things/")) || !slice_ends(inside, S("/policyId")))
        return text;
    inside = slice_of(inside.p + 11, inside.len - 20);
    const struct entity *thing = entities_find(&t->journal.entities, KIND_THING, inside);
    struct slice id = json_text(json_get(entity_json(thing), S("policyId")), scratch);
    return id.p ? id : text;
}

static int put_copy(struct twin *t, const struct command *c, struct buf *dst, struct json from,
                    struct ditto_error *err)
{
    struct buf text = {0}, id = {0};
    struct slice name = referenced(t, json_text(from, &text), &id);
    const struct entity *policy = entities_find(&t->journal.entities, KIND_POLICY, name);
    struct json entries = json_get(entity_json(policy), S("entries"));
    int rc = 0;
    if (!entity_exists(policy))
        rc = not_creatable(err, c, name, "it does not exist, and cannot be copied");
    else if (entries.type == JSON_OBJECT)
        json_put_member(dst, S("entries"), json_slice(entries));
    buf_free(&text);
    buf_free(&id);
    return rc;
}

/* Logs a policy that comes with a thing. */
static int make(struct twin *t, const struct command *c, struct entity *policy, struct slice text,
                struct buf *out, struct ditto_error *err)
{
    struct command as = *c; /* the same command, as one of the policy */
    struct buf event = {0};
    static const uint64_t no_key[2];
    struct change ch = {.kind = KIND_POLICY,
                        .deed = DEED_CREATE,
                        .dialect = POINTER_RFC6901,
                        .place = S(""),
                        .value = {JSON_OBJECT, text.p, text.len}};
    struct event ev = {.row = row_of_type(S("policies.events:policyCreated")),
                       .revision = policy->now.revision + 1,
                       .time = wall_ms(),
                       .value = ch.value};
    as.plan = plan_of(S("policies.commands:createPolicy"));
    as.id = policy->id;
    answer_put_event(&event, &as, &ev);
    struct entry_of_change entry = {.change = &ch,
                                    .entity = policy,
                                    .time = ev.time,
                                    .event = buf_slice(&event),
                                    .text = text,
                                    .command = &as,
                                    .key = {no_key[0], no_key[1]}};
    int rc = text.len > t->max_policy ? ditto_fail(err, 413, "policies:policy.toolarge", "Make it smaller.",
                                                   NULL, "The policy is too large.")
             : journal_append(&t->journal, &entry)
                 ? 0
                 : ditto_fail(err, 503, "things:thing.unavailable", "Try again later.", NULL,
                              "The policy cannot be kept now.");
    struct buf payload = {0};
    struct json v;
    if (rc == 0 && journal_payload(&t->journal, t->journal.head, &payload) == 0 &&
        json_parse(buf_slice(&payload), &v, NULL) == 0)
        twin_put_event(t, out, t->journal.head, v, SLICE_NONE);
    buf_free(&payload);
    buf_free(&event);
    return rc;
}

/* With -e: nobody may make a thing that he could not write. */
static int check_writable(struct twin *t, const struct command *c, struct json policy,
                          struct ditto_error *err)
{
    struct rights r;
    if (!t->enforce)
        return 0;
    rights_collect(&r, policy, c->subjects, S("thing"));
    bool may = rights_all(&r, MAY_WRITE, S(""));
    rights_free(&r);
    return may ? 0
               : ditto_fail(err, 403, "things:thing.notmodifiable",
                            "Ask for WRITE on 'thing:/' of its policy.", NULL,
                            "The Thing with ID '%.*s' may not be created.", SLICE_ARG(c->id));
}

int provision_policy(struct twin *t, const struct command *c, const struct entity *e, struct json thing,
                     struct buf *out, struct ditto_error *err)
{
    struct buf id = {0}, text = {0}, model = {0};
    struct json brought = command_member(c, "initialPolicy"),
                copied = command_member(c, "policyIdOrPlaceholder");
    if (c->plan->kind != KIND_THING || entity_exists(e) || !thing.p || c->plan->deed == DEED_DELETE)
        return 0;
    struct slice policy_id = json_text(json_get(thing, S("policyId")), &id);
    struct entity *policy = entities_find(&t->journal.entities, KIND_POLICY, policy_id);
    bool own = slice_eq(policy_id, c->id), wanted = false;
    int rc = 0;
    buf_putc(&text, '{');
    json_put_member_text(&text, S("policyId"), policy_id);
    buf_putc(&text, ',');
    if (json_is(brought, JSON_OBJECT)) {
        buf_put(&text, brought.p + 1, brought.len - 2);
        wanted = true;
    } else if (json_is(copied, JSON_STRING)) {
        buf_cut(&text, text.len - 1);
        rc = put_copy(t, c, &text, copied, err);
        wanted = true;
    } else if (!entity_exists(policy) && own) {
        wanted = put_implicit(&text, c->subjects);
    }
    if (text.len && buf_p(&text)[text.len - 1] == ',')
        buf_cut(&text, text.len - 1);
    buf_putc(&text, '}');
    struct json parsed = {JSON_ABSENT, NULL, 0};
    if (rc == 0 && wanted && json_parse(buf_slice(&text), &parsed, NULL) < 0)
        rc = not_creatable(err, c, policy_id, "it is no policy");
    struct buf quoted = {0};
    if (rc == 0 && wanted && entity_exists(policy))
        rc = not_creatable(err, c, policy_id, "it already exists");
    if (rc == 0 && wanted) {
        struct buf named = {0};
        json_put_text(&quoted, policy_id);
        json_put_with(&named, parsed, S("policyId"), buf_slice(&quoted));
        change_put_model(&model, KIND_POLICY, (struct json){JSON_OBJECT, buf_p(&named), named.len},
                         SLICE_NONE);
        buf_free(&named);
        rc = check_writable(t, c, (struct json){JSON_OBJECT, buf_p(&model), model.len}, err);
        if (rc == 0)
            rc = make(t, c, entities_need(&t->journal.entities, KIND_POLICY, policy_id), buf_slice(&model),
                      out, err);
    } else if (rc == 0 && t->enforce) {
        rc = entity_exists(policy) ? check_writable(t, c, entity_json(policy), err)
                                   : not_creatable(err, c, policy_id, "it does not exist");
    }
    buf_free(&quoted);
    buf_free(&id);
    buf_free(&text);
    buf_free(&model);
    return rc;
}

/* --- patches ----------------------------------------------------------------------------------------------------------- */

static int drop_part(struct buf *patch, struct slice key, struct json rql, const struct entity *e,
                     struct ditto_error *err)
{
    struct buf text = {0}, name = {0}, less = {0};
    struct ditto_error why = {0};
    struct pointer p;
    struct slice expression = json_text(rql, &text);
    int holds = expression.p ? condition_holds(expression, e, &why) : -1;
    if (holds < 0)
        ditto_fail(err, 400, "things:condition.invalid", why.message, NULL,
                   "The condition of the part '%.*s' is no RQL expression.", SLICE_ARG(key));
    if (holds == 0 && pointer_parse(&p, json_raw_text(key, &name), POINTER_DITTO)) {
        pointer_put_with(&less, (struct json){JSON_OBJECT, buf_p(patch), patch->len}, p, SLICE_NONE);
        buf_reset(patch, 65536);
        buf_put_slice(patch, buf_slice(&less));
    }
    buf_free(&text);
    buf_free(&name);
    buf_free(&less);
    return holds < 0 ? -1 : 0;
}

int provision_patch(const struct command *c, const struct entity *e, struct buf *dst, struct ditto_error *err)
{
    struct json v = command_header(c, S("merge-thing-patch-conditions"));
    struct buf text = {0};
    int rc = 0;
    if (c->plan->deed != DEED_MERGE || !json_present(v) || c->value.type != JSON_OBJECT)
        return 0;
    if (v.type == JSON_STRING && json_parse(json_text(v, &text), &v, NULL) < 0)
        v.type = JSON_ABSENT;
    if (v.type == JSON_OBJECT) {
        buf_put_slice(dst, json_slice(c->value));
        struct json_iter it = json_iter(v);
        while (rc == 0 && json_next(&it))
            rc = drop_part(dst, it.key, it.value, e, err);
    }
    buf_free(&text);
    return rc;
}
