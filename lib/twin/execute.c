/* execute.c: a command, carried out: in the order of Ditto's checks, which decides what a command gets that is wrong in several
 * ways: is it a repetition, may it, is the entity there, do its conditions hold, is the part there. */
#include "twin/answer.h"
#include "twin/doing.h"
#include "twin/tags.h"

#include "base/banned.h"

enum { KEEP_BYTES = 256 * 1024 };

/* --- answers ------------------------------------------------------------------------------------------------------------ */

/* Who wants no answer gets a settlement. */
void doing_finish(struct doing *d, struct slice members, int status, const struct ditto_error *e)
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
    doing_finish(d, buf_slice(&d->t->answer), d->err.status, &d->err);
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
    doing_finish(d, slice_of(answer.p + 1, answer.len - 2), (int)status, NULL);
    d->t->stats.repeated++;
    buf_free(&payload);
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
    return entity_exists(d->entity) || makes_entity(d->c) ? 0 : doing_not_found(d);
}

/* After the tags: to create only what is absent, with if-none-match, is no conflict but a condition that does not hold. */
static int check_conflict(struct doing *d)
{
    if (!entity_exists(d->entity) || d->c->plan->deed != DEED_CREATE)
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
        return doing_part_not_found(d, code, "parent of");
    }
    bool needed = c->plan->deed == DEED_DELETE || c->plan->deed == DEED_RETRIEVE;
    if (needed && d->target.type == JSON_ABSENT)
        return doing_part_not_found(d, not_found_code(c->plan->kind, c->shape), shape_name(c->shape));
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
        return doing_retrieve_many(d);
    d->entity = entities_find(&t->journal.entities, c->plan->kind, c->id);
    if (doing_permitted(d) < 0 || check_entity(d) < 0)
        return -1;
    d->target = command_target(c, entity_json(d->entity));
    if (d->entity)
        tag_put(&tag, &d->entity->now, c->place, d->target);
    if (tags_check(c, buf_slice(&tag), &d->err) == 0 && check_conflict(d) == 0 &&
        condition_check(c, d->entity, &d->err) == 0 && check_part(d) == 0)
        rc = command_changes(c) ? (t->refusing ? doing_unavailable(d) : doing_change(d))
                                : doing_retrieve(d, buf_slice(&tag));
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
