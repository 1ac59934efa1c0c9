#include "twin/change.h"

#include "json/patch.h"

#include "base/banned.h"

static const char *const thing_members[] = {"thingId",    "policyId", "definition",
                                            "attributes", "features", NULL};
static const char *const policy_members[] = {"policyId", "imports", "entries", NULL};

void change_put_model(struct buf *dst, enum kind kind, struct json v, struct slice policy_id)
{
    buf_putc(dst, '{');
    for (const char *const *name = kind == KIND_POLICY ? policy_members : thing_members; *name; name++) {
        struct json member = json_get(v, slice_str(*name));
        if (member.type != JSON_ABSENT)
            json_put_member(dst, slice_str(*name), json_slice(member));
        else if (policy_id.p && name == &thing_members[1])
            json_put_member_text(dst, S("policyId"), policy_id);
    }
    buf_putc(dst, '}');
}

static void put_at(struct buf *dst, const struct change *c, struct json before, struct slice raw)
{
    struct pointer p;
    if (pointer_parse(&p, c->place, c->dialect))
        pointer_put_with(dst, before, p, raw);
    else
        buf_put_slice(dst, json_slice(before)); /* places were parsed when they came */
}

static void put_patched(struct buf *dst, const struct change *c, struct json before)
{
    struct buf part = {0};
    if (c->value.type == JSON_NULL) {
        put_at(dst, c, before, SLICE_NONE);
        return;
    }
    json_put_patched(&part, place_get(before, c->place, c->dialect), c->value, PATCH_DITTO);
    if (c->place.len)
        put_at(dst, c, before, buf_slice(&part));
    else
        buf_put_slice(dst, buf_slice(&part));
    buf_free(&part);
}

/* What came anew stands at the end: it goes where Ditto has it. */
static void sort_members(struct buf *dst, size_t at, const struct change *c, struct json before)
{
    struct json v = {JSON_OBJECT, buf_p(dst) + at, dst->len - at};
    if (c->place.len && before.type == JSON_OBJECT && json_count(v) <= json_count(before))
        return;
    struct buf sorted = {0};
    change_put_model(&sorted, c->kind, v, SLICE_NONE);
    buf_cut(dst, at);
    buf_put_slice(dst, buf_slice(&sorted));
    buf_free(&sorted);
}

void change_apply(struct buf *dst, const struct change *c, struct json before)
{
    size_t at = dst->len;
    if (c->deed == DEED_MERGE)
        put_patched(dst, c, before);
    else if (c->deed == DEED_DELETE)
        put_at(dst, c, before, SLICE_NONE);
    else if (c->place.len)
        put_at(dst, c, before, json_slice(c->value));
    else
        buf_put_slice(dst, json_slice(c->value));
    sort_members(dst, at, c, before);
}

static const char *const words[] = {
    [DEED_CREATE] = "create", [DEED_MODIFY] = "modify",  [DEED_MERGE] = "merge",     [DEED_DELETE] = "delete",
    [DEED_RETRIEVE] = "",     [DEED_RETRIEVE_MANY] = "", [DEED_MIGRATE] = "migrate",
};

const char *deed_text(enum deed d)
{
    return words[d];
}

enum deed deed_of(struct slice text)
{
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (text.len && slice_eq(text, slice_str(words[i])))
            return (enum deed)i;
    return DEED_RETRIEVE;
}
