/* rql_field.c: what properties name. */
#include <stdlib.h>

#include "json/pointer.h"
#include "protocol/rql_field.h"

#include "base/banned.h"

static const struct {
    const char *name;
    bool hidden; /* from exists and empty */
} simple_fields[] = {
    {"thingId", false},  {"policyId", false}, {"definition", false}, {"_namespace", true},
    {"_revision", true}, {"_created", true},  {"_modified", true},   {"_metadata", true},
};

static const struct {
    const char *prefix;
    enum rql_scope scope;
    const char *const *names; /* NULL: a time expression */
} placeholders[] = {
    {"topic", RQL_TOPIC,
     (const char *const[]){"full", "namespace", "entityName", "group", "channel", "criterion", "action",
                           "subject", "action-subject", NULL}},
    {"resource", RQL_RESOURCE, (const char *const[]){"type", "path", NULL}},
    {"entity", RQL_ENTITY, (const char *const[]){"id", "namespace", "name", NULL}},
    {"thing", RQL_THING, (const char *const[]){"id", "namespace", "name", NULL}},
    {"feature", RQL_FEATURE, (const char *const[]){"id", NULL}},
    {"time", RQL_TIME, NULL},
};

/* Appends to the texts, of which each property has a few, none much longer than itself. */
struct writer {
    struct rql_field *f;
    struct buf path;
    char *p;
};

static struct writer start(struct rql_field *f, struct slice property)
{
    size_t n = 2;
    for (size_t i = 0; i < property.len; i++)
        n += property.p[i] == '/';
    f->keys = xcalloc(n, sizeof *f->keys);
    f->texts = xmalloc(4 * property.len + sizeof "/_metadata/");
    return (struct writer){.f = f, .p = f->texts};
}

static struct slice write(struct writer *w, struct slice s)
{
    char *from = w->p;
    if (s.len)
        memcpy(from, s.p, s.len);
    w->p += s.len;
    return slice_of(from, s.len);
}

static void add_key(struct writer *w, struct slice token)
{
    struct buf decoded = {0};
    struct rql_key *key = &w->f->keys[w->f->n_keys++];
    key->text = write(w, pointer_key(token, POINTER_DITTO, &decoded));
    buf_free(&decoded);
    pointer_put_key(&w->path, key->text, POINTER_DITTO);
    key->end = w->path.len - 1;
}

/* Adds the tokens of a pointer that stands behind a "/"; all names nothing, if it is none. */
static void add_pointer(struct writer *w, struct slice text)
{
    struct pointer p;
    struct slice token;
    if (!pointer_parse(&p, text, POINTER_DITTO) || slice_starts(text, S("/")))
        w->f->type = FIELD_NOWHERE;
    while (pointer_next(&p, &token))
        add_key(w, token);
}

static void finish(struct writer *w)
{
    w->f->path = write(w, slice_skip(buf_slice(&w->path), 1));
    buf_free(&w->path);
}

/* /parent or /parent/rest */
static void set_pointer(struct writer *w, struct slice parent, struct slice rest)
{
    char *from = w->p;
    write(w, S("/"));
    write(w, parent);
    if (rest.len) {
        write(w, S("/"));
        write(w, rest);
    }
    w->f->pointer = slice_of(from, (size_t)(w->p - from));
}

static bool asks_existence(enum rql_op op)
{
    return op == RQL_EXISTS || op == RQL_EMPTY;
}

/* Cuts prefix and a "/" off the front. */
static bool cut_prefix(struct slice *s, struct slice prefix)
{
    bool there = slice_starts(*s, prefix) && s->len > prefix.len && s->p[prefix.len] == '/';
    if (there)
        *s = slice_skip(*s, prefix.len + 1);
    return there;
}

static bool is_simple(struct rql_field *f, struct slice property, enum rql_op op)
{
    for (size_t i = 0; i < sizeof simple_fields / sizeof *simple_fields; i++)
        if (slice_eq(property, slice_str(simple_fields[i].name))) {
            struct writer w = start(f, property);
            f->type = simple_fields[i].hidden && asks_existence(op) ? FIELD_HIDDEN : FIELD_PART;
            add_key(&w, property);
            finish(&w);
            return true;
        }
    return false;
}

static bool is_below(struct rql_field *f, struct slice property, struct slice parent,
                     enum rql_field_type type)
{
    struct slice rest = property;
    if (!cut_prefix(&rest, parent))
        return false;
    struct writer w = start(f, property);
    f->type = type;
    add_key(&w, parent);
    add_pointer(&w, rest);
    set_pointer(&w, parent, rest);
    finish(&w);
    return true;
}

/* features/F and its parts, of which a comparison can name the definition and what is below the others. */
static bool is_feature(struct rql_field *f, struct slice property, enum rql_op op)
{
    struct slice rest = property;
    if (!cut_prefix(&rest, S("features")))
        return false;
    struct slice id = slice_cut(&rest, '/');
    struct slice part = rest.p ? slice_cut(&rest, '/') : SLICE_NONE;
    bool definition = slice_eq(part, S("definition")) && rest.len == 0;
    bool properties = slice_eq(part, S("properties")) || slice_eq(part, S("desiredProperties"));
    if (id.len == 0 || (part.p && !definition && !properties) ||
        (!asks_existence(op) && !definition && rest.len == 0))
        return false;
    struct writer w = start(f, property);
    f->type = part.p ? FIELD_VALUE : FIELD_FEATURE;
    add_key(&w, S("features"));
    add_key(&w, id);
    if (part.p)
        add_key(&w, part);
    add_pointer(&w, rest);
    set_pointer(&w, slice_of(property.p, (size_t)(id.p + id.len - property.p)),
                properties && rest.len ? rest : part);
    finish(&w);
    return true;
}

static bool is_placeholder(struct rql_field *f, struct slice property, unsigned scope)
{
    struct slice name = property;
    struct slice prefix = slice_cut(&name, ':');
    for (size_t i = 0; name.p && i < sizeof placeholders / sizeof *placeholders; i++) {
        if (!(scope & placeholders[i].scope) || !slice_eq(prefix, slice_str(placeholders[i].prefix)))
            continue;
        f->type = FIELD_PLACEHOLDER;
        f->scope = placeholders[i].scope;
        f->name = name;
        if (!placeholders[i].names)
            return time_expression_parse(name, &f->time);
        for (const char *const *n = placeholders[i].names; *n; n++)
            if (slice_eq(name, slice_str(*n)))
                return true;
    }
    return false;
}

int rql_field_of(struct rql_field *f, const struct rql_node *n, unsigned scope, struct ditto_error *err)
{
    struct slice property = slice_skip(n->property, n->property.len && n->property.p[0] == '/');
    /* of metadata, exists and empty do not look through arrays */
    enum rql_field_type metadata = asks_existence(n->op) ? FIELD_PART : FIELD_VALUE;
    *f = (struct rql_field){0};
    if (is_feature(f, property, n->op) || is_below(f, property, S("attributes"), FIELD_VALUE) ||
        is_below(f, property, S("_metadata"), metadata) || is_simple(f, property, n->op) ||
        is_placeholder(f, property, scope))
        return 0;
    return ditto_fail(
        err, 400, "rql.expression.invalid",
        "A property is a field of a thing, attributes/…, features/…/properties/… or a placeholder.", NULL,
        "The filter has an unknown property '%.*s'.", SLICE_ARG(n->property));
}

void rql_field_free(struct rql_field *f)
{
    free(f->keys);
    free(f->texts);
    *f = (struct rql_field){0};
}
