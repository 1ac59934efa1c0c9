#include "mapping/option.h"

#include <stdlib.h>

#include "base/banned.h"

struct slice option_text(struct json options, struct slice name, struct buf *scratch)
{
    return header_text(json_get(options, name), scratch);
}

bool option_flag(struct json options, struct slice name, bool otherwise)
{
    struct buf scratch = {0};
    struct slice text = option_text(options, name, &scratch);
    bool flag = text.p ? header_is(text, S("true")) : otherwise;
    buf_free(&scratch);
    return flag;
}

void option_compile(struct option *o, struct slice text)
{
    o->text = xstrndup(text.p ? text.p : "", text.len);
    template_compile_anyway(&o->template, slice_of(o->text, text.len), PLACEHOLDERS_OF_OPTIONS);
}

void option_free(struct option *o)
{
    template_free(&o->template);
    free(o->text);
    o->text = NULL;
}

bool option_is_template(struct slice text)
{
    struct slice literal, expression;
    while (template_next(&text, &literal, &expression))
        if (expression.p)
            return true;
    return false;
}

/* --- headers ---------------------------------------------------------------------------------------------------- */

/* The place of a header, a new one at the end if it is not there. */
static struct option_header *place(struct option_headers *h, struct slice name)
{
    for (size_t i = 0; i < h->n; i++)
        if (slice_eq(slice_str(h->v[i].name), name))
            return &h->v[i];
    h->v = xrealloc_array(h->v, h->n + 1, sizeof *h->v);
    h->v[h->n] = (struct option_header){.name = xstrndup(name.p, name.len)};
    return &h->v[h->n++];
}

void option_headers_add(struct option_headers *h, struct json object)
{
    struct json_iter it = json_iter(object);
    while (json_next(&it)) {
        struct buf name = {0}, text = {0};
        struct option_header *o = place(h, json_raw_text(it.key, &name));
        if (o->value.text)
            option_free(&o->value);
        option_compile(&o->value, header_text(it.value, &text));
        buf_free(&name);
        buf_free(&text);
    }
}

void option_headers_free(struct option_headers *h)
{
    for (size_t i = 0; i < h->n; i++) {
        free(h->v[i].name);
        option_free(&h->v[i].value);
    }
    free(h->v);
    *h = (struct option_headers){.n = 0};
}

/* --- messages --------------------------------------------------------------------------------------------------- */

struct facts option_facts(const struct external *msg)
{
    return (struct facts){.placeholders = PLACEHOLDERS_OF_OPTIONS,
                          .headers = &msg->headers,
                          .exact_names = true,
                          .subjects = msg->subjects};
}

int option_refuse(const struct mapper *m, const char *name, const char *why, struct ditto_error *err)
{
    return ditto_fail(err, 400, "connectivity:message.mapper.config.invalid", why, NULL,
                      "The option <%s> of the mapper <%.*s> cannot be used.", name, SLICE_ARG(m->id));
}
