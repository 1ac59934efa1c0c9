/* execute.c: a command, carried out: in the order of Ditto's checks, which decides what a command gets that is wrong in several
 * ways: is it a repetition, may it, is the entity there, do its conditions hold, is the part there. */
#include <inttypes.h>

#include "protocol/selector.h"
#include "twin/answer.h"
#include "twin/enforce.h"
#include "twin/metadata.h"
#include "twin/provision.h"
#include "twin/tags.h"
#include "twin/twin.h"

#include "base/banned.h"

enum { KEEP_BYTES = 256 * 1024 };

/* One command on its way. */
struct doing {
    struct twin *t;
    struct command *c;
    struct buf *out;
    struct entity *entity; /* NULL: there never was one */
    struct rights rights;  /* with -e */
    struct json target;    /* what the place names now */
    uint64_t key[2];
    struct ditto_error err;
};

/* --- answers ------------------------------------------------------------------------------------------------------------ */

/* Who wants no answer gets a settlement. */
static void finish(struct doing *d, struct slice members, int status, const struct ditto_error *e)
{
    const struct command *c = d->c;
    if (command_header_bool(c, S("response-required"), true))
        twin_put_line(d->t, d->out, c->line.id, members, SLICE_NONE, c->protocol);
    else if (c->line.id.p && e)
        ditto_error_settle(d->out, c->line.id, e);
    else if (c->line.id.p)
        line_put_settlement(d->out, c->line.id, status);
}

static void fail(struct doing *d)
{
    buf_reset(&d->t->answer, KEEP_BYTES);
    answer_put_error(&d->t->answer, d->c, &d->err);
    d->t->stats.refused++;
    finish(d, buf_slice(&d->t->answer), d->err.status, &d->err);
}

static int not_found(struct doing *d)
{
    bool policy = d->c->plan->kind == KIND_POLICY;
    return ditto_fail(&d->err, 404, not_found_code(d->c->plan->kind, SHAPE_ROOT),
                      "Check if the ID is correct, and if you may access it.", NULL,
                      "The %s with ID '%.*s' could not be found.", policy ? "Policy" : "Thing",
                      SLICE_ARG(d->c->id));
}

static int part_not_found(struct doing *d, const char *code, const char *what)
{
    return ditto_fail(&d->err, 404, code, "Check if it is there, and if you may access it.", NULL,
                      "The %s '%.*s' of '%.*s' could not be found.", what, SLICE_ARG(d->c->place),
                      SLICE_ARG(d->c->id));
}

/* --- permissions ---------------------------------------------------------------------------------------------------------- */

/* The policy that counts for an entity whose JSON is v. */
static struct json policy_for(struct twin *t, enum kind kind, struct slice id, struct json v)
{
    struct buf text = {0};
    if (v.type != JSON_OBJECT || kind == KIND_POLICY)
        return v;
    struct slice name = json_text(json_get(v, S("policyId")), &text);
    const struct entity *policy = entities_find(&t->journal.entities, KIND_POLICY, name.p ? name : id);
    buf_free(&text);
    return entity_json(policy);
}

static struct json policy_of(struct twin *t, const struct entity *e)
{
    return e ? policy_for(t, e->kind, e->id, entity_json(e)) : (struct json){JSON_ABSENT, NULL, 0};
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

static int check_rights(struct doing *d)
{
    const struct command *c = d->c;
    struct slice type = c->plan->kind == KIND_POLICY ? S("policy") : S("thing");
    if (!d->t->enforce || !entity_exists(d->entity))
        return 0;
    rights_collect(&d->rights, policy_of(d->t, d->entity), c->subjects, type);
    if (!command_changes(c))
        return rights_some(&d->rights, MAY_READ, c->place) ? 0 : not_found(d);
    if (rights_all(&d->rights, MAY_WRITE, c->place))
        return 0;
    if (!rights_some(&d->rights, MAY_READ, S("")) && !rights_some(&d->rights, MAY_WRITE, S("")))
        return not_found(d);
    return ditto_fail(&d->err, 403, not_modifiable(c), "Ask for WRITE on it.", NULL,
                      "The %s '%.*s' of '%.*s' may not be modified.", shape_name(c->shape),
                      SLICE_ARG(c->place), SLICE_ARG(c->id));
}

/* --- queries --------------------------------------------------------------------------------------------------------------- */

static bool selects(const struct selector *s, const char *pointer)
{
    for (size_t i = 0; i < s->n; i++)
        if (slice_starts(s->pointers[i], slice_str(pointer)))
            return true;
    return false;
}

/* With a selection a thing shows what it hides otherwise: _revision, _policy, … */
static void put_selectable(struct twin *t, struct buf *dst, const struct entity *e, const struct selector *s)
{
    size_t at = dst->len;
    tags_put_full(dst, e);
    struct json policy = policy_of(t, e);
    if (e->kind != KIND_THING || policy.type != JSON_OBJECT || !selects(s, "/_policy"))
        return;
    buf_cut(dst, dst->len - 1);
    json_put_member(dst, S("_policy"), json_slice(policy));
    buf_putc(dst, '}');
    (void)at;
}

/* What a query shows of v, which stands at the place. */
static int put_selected(struct doing *d, struct buf *dst, const struct entity *e, struct slice place,
                        struct json v)
{
    struct selector s;
    struct buf whole = {0};
    if (!d->c->fields.p) {
        buf_put_slice(dst, json_slice(v));
        return 0;
    }
    if (selector_parse_protocol(&s, d->c->fields, &d->err) < 0)
        return -1;
    if (!place.len) {
        put_selectable(d->t, &whole, e, &s);
        if (d->t->enforce) {
            struct buf view = {0};
            rights_put_view(&view, &d->rights, S(""), (struct json){JSON_OBJECT, buf_p(&whole), whole.len});
            buf_free(&whole);
            whole = view;
        }
        v = (struct json){JSON_OBJECT, buf_p(&whole), whole.len};
    }
    selector_apply(dst, &s, v, place.len == 0);
    buf_free(&whole);
    selector_free(&s);
    return 0;
}

static int retrieve(struct doing *d, struct slice tag)
{
    struct twin *t = d->t;
    struct json v = d->target;
    buf_reset(&t->shown, KEEP_BYTES);
    buf_reset(&t->text, KEEP_BYTES);
    buf_reset(&t->metadata, KEEP_BYTES);
    if (t->enforce) {
        rights_put_view(&t->text, &d->rights, d->c->place, v);
        v = (struct json){v.type, buf_p(&t->text), t->text.len};
    }
    if (put_selected(d, &t->shown, d->entity, d->c->place, v) < 0 ||
        metadata_get(&t->metadata, d->c, d->entity->now.metadata, &d->err) < 0)
        return -1;
    struct answer a = {.status = 200,
                       .value = {v.type, buf_p(&t->shown), t->shown.len},
                       .tag = tag,
                       .metadata = t->metadata.len ? buf_slice(&t->metadata) : SLICE_NONE};
    buf_reset(&t->answer, KEEP_BYTES);
    answer_put(&t->answer, d->c, &a);
    finish(d, buf_slice(&t->answer), a.status, NULL);
    return 0;
}

/* Those that are there and may be read, in the order of the question. */
static int put_thing_of_many(struct doing *d, struct json id)
{
    struct buf text = {0}, view = {0};
    struct twin *t = d->t;
    struct entity *e = entities_find(&t->journal.entities, KIND_THING, json_text(id, &text));
    struct json v = entity_json(e);
    int rc = 0;
    if (v.type == JSON_OBJECT && t->enforce) {
        rights_free(&d->rights);
        rights_collect(&d->rights, policy_of(t, e), d->c->subjects, S("thing"));
        if (rights_some(&d->rights, MAY_READ, S("")))
            rights_put_view(&view, &d->rights, S(""), v);
        v = (struct json){view.len ? JSON_OBJECT : JSON_ABSENT, buf_p(&view), view.len};
    }
    if (v.type == JSON_OBJECT) {
        json_put_item(&t->shown);
        rc = put_selected(d, &t->shown, e, S(""), v);
    }
    buf_free(&text);
    buf_free(&view);
    return rc;
}

static int retrieve_many(struct doing *d)
{
    struct twin *t = d->t;
    struct json_iter it = json_iter(command_member(d->c, "thingIds"));
    buf_reset(&t->shown, KEEP_BYTES);
    buf_putc(&t->shown, '[');
    while (json_next(&it))
        if (put_thing_of_many(d, it.value) < 0)
            return -1;
    buf_putc(&t->shown, ']');
    struct answer a = {.status = 200, .value = {JSON_ARRAY, buf_p(&t->shown), t->shown.len}};
    buf_reset(&t->answer, KEEP_BYTES);
    answer_put(&t->answer, d->c, &a);
    finish(d, buf_slice(&t->answer), a.status, NULL);
    return 0;
}

/* --- repetitions -------------------------------------------------------------------------------------------------------------- */

/* The command was carried out before: its event leaves again unless all had it, and its answer is what it was. */
static int repeat(struct doing *d, uint64_t position)
{
    struct buf payload = {0};
    struct json v;
    int64_t status = 200;
    if (journal_payload(&d->t->journal, position, &payload) < 0 ||
        json_parse(buf_slice(&payload), &v, NULL) < 0) {
        buf_free(&payload);
        return ditto_fail(&d->err, 503, "things:thing.unavailable", NULL, NULL,
                          "The answer that was given before cannot be read.");
    }
    struct json answer = json_get(v, S("answer"));
    if (!journal_accepted(&d->t->journal, position))
        twin_put_event(d->t, d->out, position, v, d->c->line.id);
    (void)json_int(json_pointer(answer, S("/signal/status")), &status);
    finish(d, slice_of(answer.p + 1, answer.len - 2), (int)status, NULL);
    d->t->stats.repeated++;
    buf_free(&payload);
    return 0;
}

/* --- changes ----------------------------------------------------------------------------------------------------------------- */

static int unavailable(struct doing *d)
{
    bool policy = d->c->plan->kind == KIND_POLICY;
    return ditto_fail(&d->err, 503, policy ? "policies:policy.unavailable" : "things:thing.unavailable",
                      "Try again later.", NULL, "The change of '%.*s' cannot be kept now.",
                      SLICE_ARG(d->c->id));
}

static int too_large(struct doing *d, size_t size, size_t max)
{
    bool policy = d->c->plan->kind == KIND_POLICY;
    if (size <= max)
        return 0;
    return ditto_fail(&d->err, 413, policy ? "policies:policy.toolarge" : "things:thing.toolarge",
                      "Make it smaller.", NULL, "'%.*s' would have %zu bytes, of %zu at most.",
                      SLICE_ARG(d->c->id), size, max);
}

/* What the command puts at its place: of a whole entity what belongs into one. */
static void find_value(struct doing *d, struct change *ch)
{
    const struct command *c = d->c;
    struct buf own = {0};
    ch->value = c->value;
    if (c->plan->deed == DEED_DELETE || c->place.len)
        return;
    if (c->plan->deed == DEED_MERGE && entity_exists(d->entity))
        return;
    struct slice policy_id = c->plan->kind == KIND_POLICY ? SLICE_NONE : c->id;
    if (entity_exists(d->entity) && c->plan->kind == KIND_THING)
        policy_id = json_text(json_get(entity_json(d->entity), S("policyId")), &own);
    buf_reset(&d->t->model, KEEP_BYTES);
    if (c->plan->deed == DEED_MERGE) { /* a thing that the patch makes */
        struct buf patched = {0};
        struct json none = {JSON_ABSENT, NULL, 0};
        json_put_with(&patched, c->value, S("thingId"), SLICE_NONE);
        struct change whole = {
            .kind = KIND_THING, .deed = DEED_MERGE, .value = {JSON_OBJECT, buf_p(&patched), patched.len}};
        struct buf thing = {0}, quoted = {0};
        change_apply(&thing, &whole, none);
        json_put_text(&quoted, c->id);
        buf_reset(&patched, KEEP_BYTES);
        json_put_with(&patched, (struct json){JSON_OBJECT, buf_p(&thing), thing.len}, S("thingId"),
                      buf_slice(&quoted));
        change_put_model(&d->t->model, KIND_THING, (struct json){JSON_OBJECT, buf_p(&patched), patched.len},
                         policy_id);
        buf_free(&patched);
        buf_free(&thing);
        buf_free(&quoted);
        ch->deed = DEED_CREATE;
    } else {
        change_put_model(&d->t->model, c->plan->kind, c->value, policy_id);
    }
    ch->value = (struct json){JSON_OBJECT, buf_p(&d->t->model), d->t->model.len};
    buf_free(&own);
}

/* if-equal: skip */
static int check_equal(struct doing *d, const struct change *ch)
{
    struct buf text = {0}, a = {0}, b = {0};
    struct slice wanted = command_header_text(d->c, S("if-equal"), &text);
    int rc = 0;
    if (slice_starts(wanted, S("skip")) && ch->deed != DEED_DELETE && d->target.type != JSON_ABSENT) {
        json_put_compact(&a, d->target);
        if (ch->deed == DEED_MERGE)
            json_put_compact(&b, place_get((struct json){JSON_OBJECT, buf_p(&d->t->text), d->t->text.len},
                                           ch->place, ch->dialect));
        else
            json_put_compact(&b, ch->value);
        if (slice_eq(buf_slice(&a), buf_slice(&b)))
            rc = ditto_fail(&d->err, 304,
                            d->c->plan->kind == KIND_POLICY ? "policies:precondition.notmodified"
                                                            : "things:precondition.notmodified",
                            NULL, NULL, "What is there is what the command would put there.");
    }
    buf_free(&text);
    buf_free(&a);
    buf_free(&b);
    return rc;
}

/* A patch must not change whose thing it is. */
static int check_merged(struct doing *d, struct json now)
{
    if (d->c->plan->kind != KIND_THING || json_text_is(json_get(now, S("thingId")), d->c->id))
        return 0;
    return ditto_fail(&d->err, 400, "things:id.notsettable", "Leave it out.", "/value",
                      "The id in the value is not the one of the topic.");
}

static const struct signal_row *event_row(const struct doing *d)
{
    const struct plan *p = d->c->plan;
    if (p->deed == DEED_DELETE)
        return p->deleted;
    if (p->deed == DEED_MERGE && !entity_exists(d->entity))
        return row_of_type(S("things.events:thingCreated"));
    bool fresh = d->target.type == JSON_ABSENT;
    return fresh && p->created ? p->created : p->modified;
}

/* 201 with what was made, else 204. */
static void put_answer(struct doing *d, const struct change *ch, const struct state *now, struct json entity)
{
    struct twin *t = d->t;
    struct buf tag = {0};
    const struct signal_row *row = d->c->plan->answer;
    bool made = d->target.type == JSON_ABSENT && ch->deed != DEED_DELETE &&
                (row->with & STATUS_201 || row->form == FORM_CREATE) && d->c->plan->deed != DEED_MERGE;
    struct answer a = {.status = made ? 201 : 204,
                       .value = made ? ch->value : (struct json){JSON_ABSENT, NULL, 0}};
    if (ch->deed != DEED_DELETE)
        tag_put(&tag, now, ch->place, place_get(entity, ch->place, ch->dialect));
    a.tag = buf_slice(&tag);
    buf_reset(&t->answer, KEEP_BYTES);
    answer_put(&t->answer, d->c, &a);
    buf_free(&tag);
}

/* Who may see the event, as the policy is before a deletion and after anything else. */
static struct slice find_readers(struct doing *d, const struct entity *e, struct json now)
{
    struct slice type = d->c->plan->kind == KIND_POLICY ? S("policy") : S("thing");
    struct json policy = policy_for(d->t, e->kind, e->id, now.type == JSON_OBJECT ? now : entity_json(e));
    buf_reset(&d->t->readers, KEEP_BYTES);
    if (!d->t->enforce)
        return SLICE_NONE;
    rights_put_readers(&d->t->readers, policy, type, d->c->place);
    return buf_slice(&d->t->readers);
}

static int log_change(struct doing *d, struct entity *e, const struct change *ch, int64_t time)
{
    struct twin *t = d->t;
    struct state now = e->now;
    now.revision++;
    struct json entity = {ch->deed == DEED_DELETE && !ch->place.len ? JSON_ABSENT : JSON_OBJECT,
                          buf_p(&t->text), t->text.len};
    struct event ev = {.row = event_row(d), .revision = now.revision, .time = time, .value = ch->value};
    if (ch->deed == DEED_DELETE)
        ev.value.type = JSON_ABSENT;
    put_answer(d, ch, &now, entity);
    buf_reset(&t->event, KEEP_BYTES);
    if (ev.row)
        answer_put_event(&t->event, d->c, &ev);
    struct entry_of_change entry = {.change = ch,
                                    .entity = e,
                                    .time = time,
                                    .event = ev.row ? buf_slice(&t->event) : SLICE_NONE,
                                    .answer = buf_slice(&t->answer),
                                    .text = entity.type == JSON_ABSENT ? SLICE_NONE : buf_slice(&t->text),
                                    .metadata = t->metadata.len ? buf_slice(&t->metadata) : SLICE_NONE,
                                    .readers = find_readers(d, e, entity),
                                    .command = d->c,
                                    .key = {d->key[0], d->key[1]}};
    if (!journal_append(&t->journal, &entry))
        return unavailable(d);
    t->stats.changes++;
    return 0;
}

/* The event as the log has it, then the answer. */
static void publish(struct doing *d)
{
    struct buf payload = {0};
    struct json v;
    struct journal *j = &d->t->journal;
    if (journal_payload(j, j->head, &payload) == 0 && json_parse(buf_slice(&payload), &v, NULL) == 0)
        twin_put_event(d->t, d->out, j->head, v, d->c->line.id);
    buf_free(&payload);
}

static int change(struct doing *d)
{
    struct twin *t = d->t;
    struct command *c = d->c;
    struct change ch = {
        .kind = c->plan->kind, .deed = c->plan->deed, .dialect = c->dialect, .place = c->place};
    struct buf patch = {0};
    if (t->journal.events.n + 2 > JOURNAL_UNPUBLISHED)
        return unavailable(d);
    find_value(d, &ch);
    int rc = provision_patch(c, d->entity, &patch, &d->err);
    if (patch.len)
        ch.value = (struct json){JSON_OBJECT, buf_p(&patch), patch.len};
    buf_reset(&t->text, KEEP_BYTES);
    buf_reset(&t->metadata, KEEP_BYTES);
    if (rc == 0 && !change_ends(&ch))
        change_apply(&t->text, &ch, entity_json(d->entity));
    struct json now = {JSON_OBJECT, buf_p(&t->text), t->text.len};
    struct slice metadata = d->entity ? d->entity->now.metadata : SLICE_NONE;
    if (rc == 0)
        rc = too_large(d, t->text.len, c->plan->kind == KIND_POLICY ? t->max_policy : t->max_thing);
    if (rc == 0 && !change_ends(&ch))
        rc = check_merged(d, now);
    if (rc == 0)
        rc = check_equal(d, &ch);
    if (rc == 0)
        rc = metadata_change(&t->metadata, c, metadata, &d->err);
    if (rc == 0)
        rc = provision_policy(t, c, d->entity, now, d->out, &d->err);
    if (rc == 0)
        rc = log_change(d, entities_need(&t->journal.entities, c->plan->kind, c->id), &ch, wall_ms());
    buf_free(&patch);
    if (rc < 0)
        return -1;
    int64_t status = json_is(d->target, JSON_ABSENT) ? 201 : 204;
    publish(d);
    finish(d, buf_slice(&t->answer), (int)status, NULL);
    return 0;
}

/* --- in order -------------------------------------------------------------------------------------------------------------------- */

static bool makes_entity(const struct command *c)
{
    return c->place.len == 0 &&
           (c->plan->deed == DEED_CREATE || c->plan->deed == DEED_MODIFY || c->plan->deed == DEED_MERGE);
}

static int check_live(struct doing *d)
{
    if (!command_changes(d->c) || !json_present(command_header(d->c, S("live-channel-condition"))))
        return 0;
    return ditto_fail(&d->err, 405, "things:live.channelcondition.notallowed", "Send it with queries only.",
                      NULL, "A command that modifies cannot have a live channel condition.");
}

static int check_history(struct doing *d)
{
    if (command_changes(d->c) || !(json_present(command_header(d->c, S("at-historical-revision"))) ||
                                   json_present(command_header(d->c, S("at-historical-timestamp")))))
        return 0;
    return ditto_fail(&d->err, 404,
                      d->c->plan->kind == KIND_POLICY ? "policies:policy.history.notfound"
                                                      : "things:thing.history.notfound",
                      "Ask for it as it is now.", NULL, "What '%.*s' was is not kept.", SLICE_ARG(d->c->id));
}

static int check_entity(struct doing *d)
{
    bool there = entity_exists(d->entity);
    if (!there && !makes_entity(d->c))
        return not_found(d);
    if (!there || d->c->plan->deed != DEED_CREATE)
        return 0;
    bool policy = d->c->plan->kind == KIND_POLICY;
    return ditto_fail(&d->err, 409, policy ? "policies:policy.conflict" : "things:thing.conflict",
                      "Choose another ID, or modify it.", NULL, "The %s with ID '%.*s' already exists.",
                      policy ? "Policy" : "Thing", SLICE_ARG(d->c->id));
}

static int check_part(struct doing *d)
{
    const struct command *c = d->c;
    char code[64];
    struct json parent = c->parent.p ? place_get(entity_json(d->entity), c->parent, c->dialect)
                                     : (struct json){JSON_NULL, NULL, 0};
    if (parent.type == JSON_ABSENT || (c->parent.p && parent.type == JSON_NULL)) {
        memcpy(code, c->parent_code.p, c->parent_code.len);
        code[c->parent_code.len] = '\0';
        return part_not_found(d, code, "parent of");
    }
    bool needed = c->plan->deed == DEED_DELETE || c->plan->deed == DEED_RETRIEVE;
    if (needed && d->target.type == JSON_ABSENT)
        return part_not_found(d, not_found_code(c->plan->kind, c->shape), shape_name(c->shape));
    return 0;
}

static int execute(struct doing *d)
{
    struct command *c = d->c;
    struct twin *t = d->t;
    struct buf tag = {0};
    int rc = -1;
    if (check_live(d) < 0 || check_history(d) < 0)
        return -1;
    if (c->plan->deed == DEED_RETRIEVE_MANY)
        return retrieve_many(d);
    d->entity = entities_find(&t->journal.entities, c->plan->kind, c->id);
    if (check_rights(d) < 0 || check_entity(d) < 0)
        return -1;
    d->target = command_target(c, entity_json(d->entity));
    if (d->entity)
        tag_put(&tag, &d->entity->now, c->place, d->target);
    if (tags_check(c, buf_slice(&tag), &d->err) == 0 && condition_check(c, d->entity, &d->err) == 0 &&
        check_part(d) == 0)
        rc = command_changes(c) ? (t->refusing ? unavailable(d) : change(d)) : retrieve(d, buf_slice(&tag));
    buf_free(&tag);
    return rc;
}

void twin_execute(struct twin *t, struct buf *out)
{
    struct doing d = {.t = t, .c = &t->command, .out = out};
    uint64_t before = 0;
    size_t at = out->len;
    if (command_changes(d.c)) {
        journal_key(d.key, d.c);
        before = journal_find(&t->journal, d.c, d.key);
    }
    if ((before ? repeat(&d, before) : execute(&d)) < 0) {
        buf_cut(out, at);
        fail(&d);
    }
    rights_free(&d.rights);
}
