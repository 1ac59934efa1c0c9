#include "mapping/enforcement.h"

#include <stdlib.h>

#include "base/banned.h"

/* Ditto takes feature: in a filter, too, though it never has a value there. */
enum { FILTER_PLACEHOLDERS = PLACEHOLDERS_OF_ENFORCEMENT_FILTER | PLACEHOLDER_FEATURE };

int enforcement_compile(struct enforcement *e, const struct source *s, struct ditto_error *err)
{
    *e = (struct enforcement){.on = s->enforcement_input.p != NULL};
    if (!e->on)
        return 0;
    if (template_compile(&e->input, s->enforcement_input, PLACEHOLDERS_OF_ENFORCEMENT_INPUT, err) < 0)
        return -1;
    e->filters = xcalloc(s->enforcement_filters.n + 1, sizeof *e->filters);
    for (size_t i = 0; i < s->enforcement_filters.n; i++, e->n_filters++)
        if (template_compile(&e->filters[i], s->enforcement_filters.v[i], FILTER_PLACEHOLDERS, err) < 0)
            return -1;
    return 0;
}

void enforcement_free(struct enforcement *e)
{
    template_free(&e->input);
    for (size_t i = 0; i < e->n_filters; i++)
        template_free(&e->filters[i]);
    free(e->filters);
    *e = (struct enforcement){.on = false};
}

int enforcement_input(const struct enforcement *e, const struct facts *f, struct scratch *s, struct buf *dst,
                      struct ditto_error *err)
{
    struct slice text;
    if (template_require(&e->input, f, s, &text, err) < 0)
        return -1;
    buf_put_slice(dst, text);
    return 0;
}

static bool has(const struct values *v, struct slice text)
{
    for (size_t i = 0; i < v->n; i++)
        if (slice_eq(v->v[i], text))
            return true;
    return false;
}

int enforcement_check(const struct enforcement *e, struct slice input, const struct topic *t,
                      struct scratch *s, struct ditto_error *err)
{
    static const unsigned kinds[] = {PLACEHOLDER_THING, PLACEHOLDER_POLICY, PLACEHOLDER_ENTITY};
    enum { N_KINDS = sizeof kinds / sizeof *kinds };
    size_t n_unresolved = 0;
    struct entity entity;
    bool about_entity = entity_of_topic(t, &entity);
    for (size_t i = 0; about_entity && i < N_KINDS * e->n_filters; i++) {
        struct facts f = {.placeholders = kinds[i / e->n_filters], .entity = &entity};
        struct values v;
        switch (template_resolve_all(&e->filters[i % e->n_filters], &f, s, &v, err)) {
        case VALUE_FAILED: return -1;
        case VALUE_RESOLVED:
            if (has(&v, input))
                return 0;
            break;
        default: n_unresolved++;
        }
    }
    if (n_unresolved == N_KINDS)
        return template_unresolved(e->filters[0].text, err);
    return ditto_fail(err, 400, "connectivity:connection.id.enforcement.failed",
                      "The message may only be about an entity that the enforcement of its source allows.",
                      NULL, "The id <%.*s> does not match the enforcement of the source.", SLICE_ARG(input));
}
