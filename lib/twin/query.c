/* query.c: what is asked for, as it may be seen. */
#include "protocol/selector.h"
#include "twin/answer.h"
#include "twin/doing.h"
#include "twin/metadata.h"
#include "twin/tags.h"

#include "base/banned.h"

enum { KEEP_BYTES = 256 * 1024 };

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
    tags_put_full(dst, e);
    struct json policy = doing_policy_of(t, e);
    if (e->kind != KIND_THING || policy.type != JSON_OBJECT || !selects(s, "/_policy"))
        return;
    buf_cut(dst, dst->len - 1);
    json_put_member(dst, S("_policy"), json_slice(policy));
    buf_putc(dst, '}');
}

static void drop_metadata(struct buf *thing)
{
    struct buf less = {0};
    json_put_with(&less, (struct json){JSON_OBJECT, buf_p(thing), thing->len}, S("_metadata"), SLICE_NONE);
    buf_free(thing);
    *thing = less;
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
            if (!rights_all(&d->rights, MAY_READ, S("")))
                drop_metadata(&whole);
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

/* What is said about parts that may not be read is not shown either. */
static struct slice visible_metadata(const struct doing *d)
{
    bool all = !d->t->enforce || rights_all(&d->rights, MAY_READ, d->c->place);
    return all ? d->entity->now.metadata : SLICE_NONE;
}

int doing_retrieve(struct doing *d, struct slice tag)
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
        metadata_get(&t->metadata, d->c, visible_metadata(d), &d->err) < 0)
        return -1;
    struct answer a = {.status = 200,
                       .value = {v.type, buf_p(&t->shown), t->shown.len},
                       .tag = tag,
                       .metadata = t->metadata.len ? buf_slice(&t->metadata) : SLICE_NONE};
    buf_reset(&t->answer, KEEP_BYTES);
    answer_put(&t->answer, d->c, &a);
    doing_finish(d, buf_slice(&t->answer), a.status, NULL);
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
        rights_collect(&d->rights, doing_policy_of(t, e), d->c->subjects, S("thing"));
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

int doing_retrieve_many(struct doing *d)
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
    doing_finish(d, buf_slice(&t->answer), a.status, NULL);
    return 0;
}
