#include "twin/tags.h"

#include <inttypes.h>

#include "base/clock.h"
#include "protocol/rql_query.h"

#include "base/banned.h"

static uint64_t hash(struct slice s)
{
    uint64_t h = 0xcbf29ce484222325ULL;
    for (size_t i = 0; i < s.len; i++)
        h = (h ^ (unsigned char)s.p[i]) * 0x100000001b3ULL;
    return h;
}

void tag_put(struct buf *dst, const struct state *entity, struct slice place, struct json part)
{
    struct buf compact = {0};
    if (part.type == JSON_ABSENT)
        return;
    if (!place.len) {
        buf_printf(dst, "\"rev:%" PRId64 "\"", entity->revision);
        return;
    }
    json_put_compact(&compact, part);
    buf_printf(dst, "\"hash:%016" PRIx64 "\"", hash(buf_slice(&compact)));
    buf_free(&compact);
}

/* --- if-match, if-none-match --------------------------------------------------------------------------------------- */

static bool tag_matches(struct slice one, struct slice tag, bool weakly)
{
    if (slice_eq(one, S("*")))
        return true;
    if (weakly && slice_starts(one, S("W/")))
        one = slice_skip(one, 2);
    return slice_eq(one, tag);
}

/* A tag may hold a comma, so the list is cut where a tag ends. */
static struct slice next_tag(struct slice *list)
{
    *list = slice_trim(*list);
    size_t n = 0;
    bool quoted = false;
    while (n < list->len && (quoted || list->p[n] != ',')) {
        quoted ^= list->p[n] == '"';
        n++;
    }
    struct slice one = slice_trim(slice_of(list->p, n));
    *list = slice_skip(*list, n + 1);
    return one;
}

static bool list_matches(struct slice list, struct slice tag, bool weakly)
{
    while (tag.len && list.len)
        if (tag_matches(next_tag(&list), tag, weakly))
            return true;
    return false;
}

static const char *code(const struct command *c, const char *of_thing, const char *of_policy)
{
    return c->plan->kind == KIND_POLICY ? of_policy : of_thing;
}

static int precondition_failed(const struct command *c, const char *header, struct slice expected,
                               struct slice tag, struct ditto_error *err)
{
    return ditto_fail(err, 412, code(c, "things:precondition.failed", "policies:precondition.failed"),
                      "Retrieve it, and try again with what it is now.", NULL,
                      "The header '%s' has the value '%.*s', but the entity tag is '%.*s'.", header,
                      SLICE_ARG(expected), SLICE_ARG(tag));
}

int tags_check(const struct command *c, struct slice tag, struct ditto_error *err)
{
    struct buf one = {0}, two = {0};
    struct slice wanted = command_header_text(c, S("if-match"), &one),
                 unwanted = command_header_text(c, S("if-none-match"), &two);
    bool nothing = !tag.len && (c->plan->deed == DEED_DELETE || !command_changes(c));
    int rc = 0;
    if (!nothing && wanted.p && !list_matches(wanted, tag, false))
        rc = precondition_failed(c, "if-match", wanted, tag, err);
    else if (!nothing && unwanted.p && list_matches(unwanted, tag, true))
        rc = command_changes(c)
                 ? precondition_failed(c, "if-none-match", unwanted, tag, err)
                 : ditto_fail(err, 304,
                              code(c, "things:precondition.notmodified", "policies:precondition.notmodified"),
                              NULL, NULL,
                              "The header 'if-none-match' has the value '%.*s', which it still is.",
                              SLICE_ARG(unwanted));
    buf_free(&one);
    buf_free(&two);
    return rc;
}

/* --- condition ------------------------------------------------------------------------------------------------------ */

void tags_put_full(struct buf *dst, const struct entity *e)
{
    char iso[ISO_SIZE];
    struct slice rest = e->id, namespace = slice_cut(&rest, ':');
    buf_put(dst, e->now.text.p, e->now.text.len - 1); /* without its brace */
    json_put_member_text(dst, S("_namespace"), namespace);
    json_put_member_int(dst, S("_revision"), e->now.revision);
    json_put_member_text(dst, S("_created"), slice_str(clock_iso(iso, e->now.created)));
    json_put_member_text(dst, S("_modified"), slice_str(clock_iso(iso, e->now.modified)));
    if (e->now.metadata.p)
        json_put_member(dst, S("_metadata"), e->now.metadata);
    buf_putc(dst, '}');
}

int condition_holds(struct slice rql, const struct entity *e, struct ditto_error *err)
{
    struct rql_query q;
    struct rql_scratch scratch = {0};
    struct buf full = {0};
    if (rql_compile(&q, rql, RQL_OF_THING, err) < 0)
        return -1;
    if (entity_exists(e))
        tags_put_full(&full, e);
    else
        buf_puts(&full, "{}");
    struct rql_view v = {.base = {JSON_OBJECT, buf_p(&full), full.len}};
    int holds = rql_eval(&q, &v, &scratch) == RQL_YES;
    rql_scratch_free(&scratch);
    rql_query_free(&q);
    buf_free(&full);
    return holds;
}

int condition_check(const struct command *c, const struct entity *e, struct ditto_error *err)
{
    struct buf text = {0};
    struct ditto_error why = {0};
    struct slice rql = command_header_text(c, S("condition"), &text);
    int holds = rql.p && c->plan->kind == KIND_THING && entity_exists(e) ? condition_holds(rql, e, &why) : 1;
    if (holds < 0)
        ditto_fail(err, 400, "things:condition.invalid", why.message, NULL,
                   "The condition '%.*s' is no RQL expression.", SLICE_ARG(rql));
    else if (!holds)
        ditto_fail(err, 412, "things:condition.failed", "The thing is not what the condition wants.", NULL,
                   "The specified condition does not match the state of the requested thing.");
    buf_free(&text);
    return holds > 0 ? 0 : -1;
}
