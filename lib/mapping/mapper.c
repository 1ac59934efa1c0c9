#include "mapping/mapper.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

static const struct engine *const engines[] = {
    &mapper_ditto,       &mapper_jq,           &mapper_javascript,
    &mapper_normalized,  &mapper_raw_message,  &mapper_implicit_thing_creation,
    &mapper_update_twin, &mapper_cloud_events, &mapper_connection_status,
};

static const struct engine *find_engine(struct slice name)
{
    for (size_t i = 0; i < sizeof engines / sizeof *engines; i++)
        if (slice_eq(name, slice_str(engines[i]->alias)) ||
            (engines[i]->class_name && slice_eq(name, slice_str(engines[i]->class_name))))
            return engines[i];
    return NULL;
}

int mapper_makes_nothing(const struct mapper *m, const struct external *msg, struct incoming *to,
                         struct ditto_error *err)
{
    (void)m, (void)msg, (void)to, (void)err;
    return 0;
}

int mapper_publishes_nothing(const struct mapper *m, struct slice envelope, struct json correlation_id,
                             struct outgoing *to, struct ditto_error *err)
{
    (void)m, (void)envelope, (void)correlation_id, (void)to, (void)err;
    return 0;
}

static int refuse(const struct mapper *m, struct ditto_error *err, const char *why)
{
    return ditto_fail(err, 400, "connectivity:connection.configuration.invalid", why, NULL,
                      "The mapper <%.*s> could not be loaded.", SLICE_ARG(m->id));
}

/* What is wrong with one fails messages, not the start, as in Ditto. */
static void add_conditions(struct mapper *m, struct json conditions)
{
    struct json_iter it = json_iter(conditions);
    m->conditions = xcalloc(json_count(conditions) + 1, sizeof *m->conditions);
    while (json_next(&it)) {
        struct condition *c = &m->conditions[m->n_conditions++];
        struct buf text = {0}, scratch = {0};
        c->name = it.key;
        buf_puts(&text, "{{ fn:default('true') | ");
        buf_put_slice(&text, header_text(it.value, &scratch));
        buf_puts(&text, " }}");
        c->text = xstrndup(buf_p(&text), text.len);
        template_compile_anyway(&c->template, slice_str(c->text), PLACEHOLDERS_OF_MESSAGE);
        buf_free(&text);
        buf_free(&scratch);
    }
}

enum turn mapper_turn(const struct mapper *m, const struct facts *f, struct scratch *s,
                      struct ditto_error *err)
{
    enum turn turn = TURN_MAPS;
    for (size_t i = 0; i < m->n_conditions; i++) {
        struct slice value;
        switch (template_resolve(&m->conditions[i].template, f, s, &value, err)) {
        case VALUE_RESOLVED: break;
        case VALUE_FAILED: return TURN_FAILS;
        default: turn = TURN_DROPS;
        }
    }
    return turn;
}

static void block(struct mapper *m, struct slice list)
{
    m->blocked_text = xstrndup(list.p, list.len);
    list.p = m->blocked_text;
    while (list.p) {
        struct slice type = slice_trim(slice_cut(&list, ','));
        if (!type.len)
            continue;
        m->blocked = xrealloc_array(m->blocked, m->n_blocked + 1, sizeof *m->blocked);
        m->blocked[m->n_blocked++] = type;
    }
}

static void configure_blocked(struct mapper *m, struct json options)
{
    struct buf scratch = {0};
    struct slice list = header_text(json_get(options, S("content-type-blocklist")), &scratch);
    if (!list.p && m->engine->blocked)
        list = slice_str(m->engine->blocked);
    if (list.p)
        block(m, list);
    buf_free(&scratch);
}

void mapper_script(struct mapper *m, struct slice text, enum way way, enum language language,
                   struct scripts *scripts)
{
    scripts->v = xrealloc_array(scripts->v, scripts->n + 1, sizeof *scripts->v);
    scripts->v[scripts->n] = (struct script){m->id, way, language, slice_dup(text)};
    m->script = (int)scripts->n++;
    m->language = language;
}

void scripts_free(struct scripts *s)
{
    for (size_t i = 0; i < s->n; i++)
        free((void *)s->v[i].text.p);
    free(s->v);
    *s = (struct scripts){0};
}

int mapper_compile(struct mapper *m, const struct connection *c, const struct mapping_definition *d,
                   struct slice id, enum way way, struct scripts *scripts, struct ditto_error *err)
{
    struct json options = d ? d->options : (struct json){JSON_ABSENT, NULL, 0};
    *m = (struct mapper){
        .id = id, .connection = c, .engine = find_engine(d ? d->engine : id), .script = NO_SCRIPT};
    if (!m->engine)
        return refuse(m, err, d ? "Its mapping engine is not known." : "There is no mapper of that name.");
    if (m->engine->needs_definition && !d)
        return refuse(m, err, "It needs a mapping definition.");
    if (d)
        add_conditions(m, way == WAY_IN ? d->incoming_conditions : d->outgoing_conditions);
    configure_blocked(m, options);
    return m->engine->configure ? m->engine->configure(m, options, way, scripts, err) : 0;
}

void mapper_free(struct mapper *m)
{
    if (m->own)
        m->engine->release(m);
    for (size_t i = 0; i < m->n_conditions; i++) {
        template_free(&m->conditions[i].template);
        free(m->conditions[i].text);
    }
    free(m->conditions);
    free(m->blocked_text);
    free(m->blocked);
    *m = (struct mapper){.script = NO_SCRIPT};
}

bool mapper_blocks(const struct mapper *m, struct slice content_type)
{
    for (size_t i = 0; content_type.p && i < m->n_blocked; i++)
        if (slice_eq(content_type, m->blocked[i]))
            return true;
    return false;
}

int mapper_fail(const struct mapper *m, struct ditto_error *err, const char *why, ...)
{
    char text[sizeof err->description];
    va_list ap;
    va_start(ap, why);
    (void)vsnprintf(text, sizeof text, why, ap);
    va_end(ap);
    return ditto_fail(err, 400, "connectivity:message.mapping.failed", text, NULL,
                      "The message could not be mapped by the mapper <%.*s>.", SLICE_ARG(m->id));
}
