#include "mapping/enforcement.h"

#include <stdlib.h>

#include "base/banned.h"

int enforcement_compile(struct enforcement *e, const struct source *s, struct ditto_error *err)
{
    *e = (struct enforcement){.on = s->enforcement_input.p != NULL};
    if (!e->on)
        return 0;
    if (template_compile(&e->input, s->enforcement_input, SCOPE_ENFORCEMENT_INPUT, err) < 0)
        return -1;
    e->filters = xcalloc(s->enforcement_filters.n + 1, sizeof *e->filters);
    for (size_t i = 0; i < s->enforcement_filters.n; i++, e->n_filters++)
        if (template_compile(&e->filters[i], s->enforcement_filters.v[i], SCOPE_ENFORCEMENT_FILTER, err) < 0)
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

static int unresolved(const struct template *t, struct ditto_error *err)
{
    return ditto_fail(err, 400, "placeholder:unresolved", NULL, NULL,
                      "The placeholder <%.*s> could not be resolved.", SLICE_ARG(t->text));
}

int enforcement_input(const struct enforcement *e, const struct facts *f, struct scratch *s, struct buf *dst,
                      struct ditto_error *err)
{
    struct slice text;
    if (template_resolve(&e->input, f, s, &text) != VALUE_RESOLVED)
        return unresolved(&e->input, err);
    buf_put_slice(dst, text);
    return 0;
}

static bool is_about_entity(const struct topic *t)
{
    return t->group != GROUP_CONNECTIONS && !slice_eq(t->name, S("_")) && !slice_eq(t->namespace, S("_"));
}

int enforcement_check(const struct enforcement *e, struct slice input, const struct topic *t,
                      struct scratch *s, struct ditto_error *err)
{
    static const unsigned kinds[] = {PREFIX_THING, PREFIX_POLICY, PREFIX_ENTITY};
    enum { N_KINDS = sizeof kinds / sizeof *kinds };
    size_t n_unresolved = 0;
    for (size_t i = 0; is_about_entity(t) && i < N_KINDS * e->n_filters; i++) {
        struct facts f = {.prefixes = kinds[i / e->n_filters], .topic = t};
        struct slice text;
        if (template_resolve(&e->filters[i % e->n_filters], &f, s, &text) != VALUE_RESOLVED)
            n_unresolved++;
        else if (slice_eq(text, input))
            return 0;
    }
    if (n_unresolved == N_KINDS)
        return unresolved(&e->filters[0], err);
    return ditto_fail(err, 400, "connectivity:connection.id.enforcement.failed",
                      "The message may only be about an entity that the enforcement of its source allows.",
                      NULL, "The id <%.*s> does not match the enforcement of the source.", SLICE_ARG(input));
}
