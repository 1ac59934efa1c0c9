/* update.c: a change, made, logged and published. */
#include <inttypes.h>

#include "base/clock.h"
#include "json/patch.h"
#include "twin/answer.h"
#include "twin/doing.h"
#include "twin/metadata.h"
#include "twin/provision.h"
#include "twin/tags.h"

#include "base/banned.h"

enum { KEEP_BYTES = 256 * 1024 };

int doing_unavailable(struct doing *d)
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

/* The thing that a patch makes where there is none. */
static void put_merged_thing(struct buf *dst, const struct command *c, struct slice policy_id)
{
    struct buf thing = {0}, named = {0}, id = {0};
    struct change whole = {.kind = KIND_THING, .deed = DEED_MERGE, .value = c->value};
    change_apply(&thing, &whole, (struct json){JSON_ABSENT, NULL, 0});
    json_put_text(&id, c->id);
    json_put_with(&named, (struct json){JSON_OBJECT, buf_p(&thing), thing.len}, S("thingId"), buf_slice(&id));
    change_put_model(dst, KIND_THING, (struct json){JSON_OBJECT, buf_p(&named), named.len}, policy_id);
    buf_free(&thing);
    buf_free(&named);
    buf_free(&id);
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
    if (c->plan->deed == DEED_MERGE) {
        put_merged_thing(&d->t->model, c, policy_id);
        ch->deed = DEED_CREATE;
    } else {
        change_put_model(&d->t->model, c->plan->kind, c->value, policy_id);
    }
    ch->value = (struct json){JSON_OBJECT, buf_p(&d->t->model), d->t->model.len};
    buf_free(&own);
}

/* if-equal: with skip and skip-minimizing-merge what changes nothing is told so; with the latter a merge is only what it
 * changes, made in less. */
static int check_equal(struct doing *d, struct change *ch, struct buf *less)
{
    struct buf text = {0};
    struct json now = {JSON_OBJECT, buf_p(&d->t->text), d->t->text.len};
    struct slice wanted = command_header_text(d->c, S("if-equal"), &text);
    bool minimizes = slice_eq(wanted, S("skip-minimizing-merge")),
         skips = minimizes || slice_eq(wanted, S("skip"));
    buf_free(&text);
    if (!skips || ch->deed == DEED_DELETE || d->target.type == JSON_ABSENT)
        return 0;
    struct json to = ch->deed == DEED_MERGE ? place_get(now, ch->place, ch->dialect) : ch->value;
    if (to.type == JSON_ABSENT)
        return 0;
    if (!json_put_diff(less, d->target, to))
        return ditto_fail(&d->err, 304,
                          d->c->plan->kind == KIND_POLICY ? "policies:precondition.notmodified"
                                                          : "things:precondition.notmodified",
                          NULL, NULL, "What is there is what the command would put there.");
    if (minimizes && ch->deed == DEED_MERGE)
        ch->value =
            (struct json){buf_p(less)[0] == '{' ? JSON_OBJECT : ch->value.type, buf_p(less), less->len};
    return 0;
}

/* A patch must not change whose thing it is. */
static int check_merged(struct doing *d, struct json now)
{
    struct json said =
        d->c->place.len ? (struct json){JSON_ABSENT, NULL, 0} : json_get(d->c->value, S("thingId"));
    bool other = json_present(said) && !json_text_is(said, d->c->id);
    if (d->c->plan->kind != KIND_THING || (!other && json_text_is(json_get(now, S("thingId")), d->c->id)))
        return 0;
    return ditto_fail(&d->err, 400, "things:id.notsettable", "Leave it out.", "/value",
                      "The id in the value is not the one of the topic.");
}

/* With -e somebody must be able to change a policy afterwards, unless the header says that it does not matter. */
static int check_owner(struct doing *d, const struct change *ch, struct json now)
{
    if (!d->t->enforce || ch->kind != KIND_POLICY || change_ends(ch) || policy_has_owner(now) ||
        command_header_bool(d->c, S("allow-policy-lockout"), false))
        return 0;
    return ditto_fail(&d->err, 403,
                      ch->place.len ? "policies:entry.modificationinvalid"
                                    : "policies:policy.modificationinvalid",
                      "Leave a subject WRITE on 'policy:/'.", NULL,
                      "The Policy with ID '%.*s' could not be modified any more.", SLICE_ARG(d->c->id));
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
    struct json policy =
        doing_policy_for(d->t, e->kind, e->id, now.type == JSON_OBJECT ? now : entity_json(e));
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
        return doing_unavailable(d);
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

int doing_change(struct doing *d)
{
    struct twin *t = d->t;
    struct command *c = d->c;
    struct change ch = {
        .kind = c->plan->kind, .deed = c->plan->deed, .dialect = c->dialect, .place = c->place};
    struct buf patch = {0}, less = {0};
    if (t->journal.events.n + 2 > JOURNAL_UNPUBLISHED)
        return doing_unavailable(d);
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
        rc = check_owner(d, &ch, now);
    if (rc == 0)
        rc = check_equal(d, &ch, &less);
    if (rc == 0)
        rc = metadata_change(&t->metadata, c, metadata, &d->err);
    if (rc == 0)
        rc = provision_policy(t, c, d->entity, now, d->out, &d->err);
    if (rc == 0)
        rc = log_change(d, entities_need(&t->journal.entities, c->plan->kind, c->id), &ch, wall_ms());
    buf_free(&patch);
    buf_free(&less);
    if (rc < 0)
        return -1;
    int64_t status = json_is(d->target, JSON_ABSENT) ? 201 : 204;
    publish(d);
    doing_finish(d, buf_slice(&t->answer), (int)status, NULL);
    return 0;
}
