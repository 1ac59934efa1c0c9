#include "hub/visible.h"

#include "hub/route.h"
#include "protocol/access.h"

#include "base/banned.h"

#define HEADER S("ditto-partial-access-paths")

bool visible_judges(const struct line *l)
{
    return json_present(json_get(l->headers, HEADER));
}

/* The array in `"subjects":[…]`. */
static struct json subjects_of(const struct outlet *o)
{
    struct slice array = slice_skip(buf_slice(&o->asking), sizeof "\"subjects\":" - 1);
    return (struct json){JSON_ARRAY, array.p, array.len};
}

/* object: with the value that is left, or without one. */
static void put_reduced(struct buf *dst, struct json object, const struct line *l, struct slice value)
{
    struct buf with = {0};
    if (l->value.type == JSON_ABSENT) {
        buf_put_slice(dst, slice_skip(json_slice(object), 1));
        return;
    }
    json_put_with(&with, object, S("value"), value);
    buf_put_slice(dst, slice_skip(buf_slice(&with), 1));
    buf_free(&with);
}

bool visible_put(struct buf *dst, const struct line *l, struct json readers, const struct outlet *o)
{
    struct access access;
    struct buf object = {0}, value = {0}, path = {0};
    bool left;
    buf_putc(&object, '{');
    route_rest(l->raw, &object);
    if (!o->subjects || !json_is(readers, JSON_ARRAY)) {
        buf_put_slice(dst, slice_skip(buf_slice(&object), 1));
        buf_free(&object);
        return true;
    }
    access_judge(&access, json_get(l->headers, HEADER), readers, subjects_of(o));
    left = access_put_value(&value, &access, json_text(l->path, &path), l->value);
    if (left)
        put_reduced(dst, (struct json){JSON_OBJECT, buf_p(&object), object.len}, l,
                    value.len ? buf_slice(&value) : SLICE_NONE);
    access_free(&access);
    buf_free(&object);
    buf_free(&value);
    buf_free(&path);
    return left;
}
