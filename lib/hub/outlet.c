#include "hub/outlet.h"

#include <stdlib.h>

#include "base/banned.h"

static bool enriches(const struct filter *f)
{
    return f->extra_fields.n > 0;
}

/* Keeps the order of those that are alike. */
static void add(struct outlet *o, struct filter *f)
{
    size_t at = o->n_filters++;
    o->filters = xrealloc_array(o->filters, o->n_filters, sizeof *o->filters);
    for (; at && enriches(f) && !enriches(&o->filters[at - 1]); at--)
        o->filters[at] = o->filters[at - 1];
    o->filters[at] = *f;
}

static int add_topic(struct outlet *o, struct slice topic, struct ditto_error *err)
{
    struct filter f;
    if (filter_compile(&f, topic, err) < 0)
        return -1;
    add(o, &f);
    return 0;
}

/* The topics have been judged with the connection: one that cannot be compiled is none of those that it has. */
static void add_topics(struct outlet *o, struct json topics)
{
    struct buf text = {0};
    struct ditto_error ignored;
    for (struct json_iter it = json_iter(topics); json_next(&it);) {
        ignored.status = 0;
        buf_cut(&text, 0);
        if (json_is(it.value, JSON_STRING))
            (void)add_topic(o, json_text(it.value, &text), &ignored);
    }
    buf_free(&text);
}

void outlet_of_target(struct outlet *o, const struct connection *c, size_t i)
{
    const struct target *t = &c->targets[i];
    struct json document = json_at(json_get(c->json, S("targets")), t->index);
    *o = (struct outlet){
        .labels = &t->issued_label, .n_labels = t->issued_label.p != NULL, .subjects = &t->subjects};
    add_topics(o, json_get(document, S("topics")));
    buf_puts(&o->context, "\"context\":{");
    json_put_member_text(&o->context, S("connection"), c->id);
    json_put_member_int(&o->context, S("target"), (int64_t)i);
    buf_puts(&o->asking, "\"subjects\":[");
    for (size_t k = 0; k < t->subjects.n; k++) {
        json_put_item(&o->asking);
        json_put_text(&o->asking, t->subjects.v[k]);
    }
    buf_putc(&o->asking, ']');
}

int outlet_of_topics(struct outlet *o, const struct slices *topics, const struct slices *labels,
                     struct ditto_error *err)
{
    *o = (struct outlet){.labels = labels->v, .n_labels = labels->n};
    for (size_t i = 0; i < topics->n; i++)
        if (add_topic(o, topics->v[i], err) < 0) {
            outlet_free(o);
            return -1;
        }
    buf_puts(&o->context, "\"context\":{");
    return 0;
}

void outlet_free(struct outlet *o)
{
    for (size_t i = 0; i < o->n_filters; i++)
        filter_free(&o->filters[i]);
    free(o->filters);
    buf_free(&o->context);
    buf_free(&o->asking);
    *o = (struct outlet){0};
}

bool outlet_may_read(const struct outlet *o, struct json readers)
{
    if (!o->subjects || !json_is(readers, JSON_ARRAY))
        return true;
    for (struct json_iter it = json_iter(readers); json_next(&it);)
        for (size_t i = 0; i < o->subjects->n; i++)
            if (json_text_is(it.value, o->subjects->v[i]))
                return true;
    return false;
}
