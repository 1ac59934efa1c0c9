#include "hub/selection.h"

#include "mapping/placeholder.h"

#include "base/banned.h"

static bool has_placeholder(struct slice pointer)
{
    for (size_t i = 1; i < pointer.len; i++)
        if (pointer.p[i] == '{' && pointer.p[i - 1] == '{')
            return true;
    return false;
}

static bool any_placeholder(const struct selector *s)
{
    for (size_t i = 0; i < s->n; i++)
        if (has_placeholder(s->pointers[i]))
            return true;
    return false;
}

static void put_pointer(struct buf *dst, struct slice pointer)
{
    if (dst->len)
        buf_putc(dst, ',');
    buf_put_slice(dst, pointer);
}

static void put_resolved(struct buf *dst, struct slice pointer, const struct facts *f,
                         struct scratch *scratch)
{
    struct template template;
    struct values values = {.n = 0};
    struct ditto_error ignored = {0};
    if (template_compile(&template, pointer, PLACEHOLDERS_OF_MESSAGE, &ignored) < 0)
        return;
    if (template_resolve_all(&template, f, scratch, &values, &ignored) == VALUE_RESOLVED)
        for (size_t i = 0; i < values.n; i++)
            put_pointer(dst, values.v[i]);
    template_free(&template);
}

static void resolve(struct buf *dst, const struct selector *s, const struct line *l, const struct topic *t)
{
    struct headers headers = {.n = 0};
    struct scratch scratch = {.used = 0};
    struct entity entity;
    headers_index(&headers, l->headers);
    struct facts facts = {.placeholders = PLACEHOLDERS_OF_MESSAGE,
                          .headers = &headers,
                          .entity = entity_of_topic(t, &entity) ? &entity : NULL,
                          .topic = t,
                          .message = l,
                          .message_topic = t};
    for (size_t i = 0; i < s->n; i++) {
        if (has_placeholder(s->pointers[i]))
            put_resolved(dst, s->pointers[i], &facts, &scratch);
        else
            put_pointer(dst, s->pointers[i]);
    }
    headers_free(&headers);
    scratch_free(&scratch);
}

void selection_put(struct buf *dst, const struct selector *s, struct json thing, const struct line *l,
                   const struct topic *t)
{
    struct buf text = {0};
    struct selector resolved;
    struct ditto_error ignored = {0};
    if (!json_is(thing, JSON_OBJECT)) {
        buf_puts(dst, "{}");
    } else if (!any_placeholder(s)) {
        selector_apply(dst, s, thing, true);
    } else {
        resolve(&text, s, l, t);
        if (text.len && selector_parse_protocol(&resolved, buf_slice(&text), &ignored) == 0) {
            selector_apply(dst, &resolved, thing, true);
            selector_free(&resolved);
        } else {
            buf_puts(dst, "{}");
        }
    }
    buf_free(&text);
}
