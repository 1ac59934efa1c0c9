/* view.c: looking things up in what was gathered. */
#include "json/view.h"

#include "base/banned.h"

void json_view_fill(struct json_view *v, struct json value)
{
    struct json_iter it = json_iter(value);
    json_view_clear(v);
    v->object = value;
    if (value.type != JSON_OBJECT)
        return;
    v->escaped = memchr(value.p, '\\', value.len) != NULL;
    for (; json_next(&it); v->n++)
        if (v->n < VIEW_MEMBERS)
            v->v[v->n] = (struct json_member){it.key, it.value};
}

struct json json_view_get(const struct json_view *v, struct slice name)
{
    if (v->n > VIEW_MEMBERS)
        return json_get(v->object, name);
    for (size_t i = v->n; i-- > 0;)
        if (v->escaped ? json_key_is(v->v[i].key, name) : slice_eq(v->v[i].key, name))
            return v->v[i].value;
    return (struct json){JSON_ABSENT, NULL, 0};
}
