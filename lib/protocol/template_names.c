/* template_names.c: which prefixes, names and functions there are. */
#include "protocol/time_expression.h"
#include "protocol/template.h"

#include "base/banned.h"

static const char *const id_names[] = {"id", "namespace", "name", NULL};
static const char *const feature_names[] = {"id", NULL};
static const char *const topic_names[] = {"full",      "namespace", "entityName", "group",          "channel",
                                          "criterion", "action",    "subject",    "action-subject", NULL};
static const char *const resource_names[] = {"type", "path", NULL};
static const char *const request_names[] = {"subjectId", NULL};
static const char *const source_names[] = {"address", NULL};
static const char *const connection_names[] = {"id", NULL};

static const struct template_prefix prefixes[] = {
    {PLACEHOLDER_HEADER, "header", NULL},
    {PLACEHOLDER_THING, "thing", id_names},
    {PLACEHOLDER_ENTITY, "entity", id_names},
    {PLACEHOLDER_POLICY, "policy", id_names},
    {PLACEHOLDER_FEATURE, "feature", feature_names},
    {PLACEHOLDER_THING_JSON, "thing-json", NULL},
    {PLACEHOLDER_TOPIC, "topic", topic_names},
    {PLACEHOLDER_RESOURCE, "resource", resource_names},
    {PLACEHOLDER_TIME, "time", NULL},
    {PLACEHOLDER_REQUEST, "request", request_names},
    {PLACEHOLDER_SOURCE, "source", source_names},
    {PLACEHOLDER_CONNECTION, "connection", connection_names},
    {PLACEHOLDER_JWT, "jwt", NULL},
};

const struct template_prefix *template_prefix(struct slice text)
{
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++) {
        if (slice_eq(text, slice_str(prefixes[i].text)))
            return &prefixes[i];
    }
    return NULL;
}

static int name_in(const char *const *names, struct slice name)
{
    for (int i = 0; names[i]; i++) {
        if (slice_eq(name, slice_str(names[i])))
            return i;
    }
    return -1;
}

int template_name(const struct template_prefix *p, struct slice name)
{
    struct time_expression ignored;
    if (p->names)
        return name_in(p->names, name);
    switch (p->kind) {
    case PLACEHOLDER_TIME: return time_expression_parse(name, &ignored) ? 0 : -1;
    case PLACEHOLDER_THING_JSON: return name.len && name_in(id_names, name) < 0 ? 0 : -1;
    default: return name.len ? 0 : -1;
    }
}

static const struct template_function functions[] = {
    {"filter", 2, 3, true},
    {"default", 1, 1, true},
    {"substring-before", 1, 1, false},
    {"substring-after", 1, 1, false},
    {"lower", 0, 0, false},
    {"upper", 0, 0, false},
    {"trim", 0, 0, false},
    {"url-encode", 0, 0, false},
    {"url-decode", 0, 0, false},
    {"base64-encode", 0, 0, false},
    {"base64-decode", 0, 0, false},
    {"delete", 0, 0, false},
    {"replace", 2, 3, true},
    {"split", 1, 1, false},
    {"join", 1, 1, false},
    {"format", 1, 1, false},
};

static const struct template_function *function_named(struct slice name)
{
    for (size_t i = 0; i < sizeof(functions) / sizeof(*functions); i++) {
        if (slice_eq(name, slice_str(functions[i].text)))
            return &functions[i];
    }
    return NULL;
}

/* --- parameters --- */

static struct slice trim_left(struct slice s)
{
    while (s.len && (unsigned char)s.p[0] <= ' ')
        s = slice_skip(s, 1);
    return s;
}

/* Takes a quoted text off the front: true if one stands there. */
static bool take_quoted(struct slice *rest, struct slice *text)
{
    char quote = rest->len ? rest->p[0] : '\0';
    if (quote != '\'' && quote != '"')
        return false;
    for (size_t i = 1; i < rest->len; i++) {
        if (rest->p[i] == '\\' && i + 1 < rest->len && rest->p[i + 1] == quote) {
            i++;
        } else if (rest->p[i] == quote) {
            *text = slice_of(rest->p + 1, i - 1);
            *rest = trim_left(slice_skip(*rest, i + 1));
            return true;
        }
    }
    return false;
}

static bool is_word(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'))
            return false;
    }
    return s.len > 0;
}

enum { CALL_MAX_BYTES = 500 }; /* of a function that is a parameter, which may have such a parameter itself */

static size_t blank_in(struct slice s)
{
    size_t n = 0;
    while (n < s.len && (unsigned char)s.p[n] > ' ')
        n++;
    return n;
}

/* What follows a blank is passed over, as in Ditto, unless it has a parenthesis. */
static bool take_placeholder(struct slice *rest, struct slice *text)
{
    const char *comma = rest->len ? memchr(rest->p, ',', rest->len) : NULL;
    size_t n = comma ? (size_t)(comma - rest->p) : rest->len;
    size_t end = blank_in(slice_of(rest->p, n));
    bool closed = memchr(rest->p + end, ')', n - end);
    *text = slice_of(rest->p, end);
    *rest = slice_skip(*rest, n);
    struct slice name = *text, prefix = slice_cut(&name, ':');
    bool too_deep = text->len > CALL_MAX_BYTES && slice_eq(prefix, S("fn"));
    return is_word(prefix) && name.len && !closed && !too_deep;
}

/* What stands between the parentheses. */
static bool take_parameters(struct slice rest, struct template_call *c)
{
    rest = trim_left(rest);
    if (!rest.len)
        return true;
    for (;;) {
        struct slice text;
        if (c->n == TEMPLATE_PARAMETERS_MAX)
            return false;
        bool quoted = take_quoted(&rest, &text);
        if (!quoted && !(c->function->placeholders && take_placeholder(&rest, &text)))
            return false;
        c->parameters[c->n].placeholder = !quoted;
        c->parameters[c->n++].text = text;
        if (!rest.len)
            return true;
        if (rest.p[0] != ',')
            return false;
        rest = trim_left(slice_skip(rest, 1));
    }
}

static int refuse(struct slice stage, const char *code, struct ditto_error *err)
{
    return ditto_fail(err, 400, code,
                      "Check the names and parameters of functions against the documentation.", NULL,
                      "The function '%.*s' cannot be applied.", SLICE_ARG(stage));
}

bool template_is_bare_call(struct slice stage)
{
    struct slice rest = stage, name = slice_cut(&rest, '(');
    return rest.p && function_named(name);
}

int template_call(struct slice stage, struct template_call *out, struct ditto_error *err)
{
    struct slice rest = slice_skip(stage, S("fn:").len), name = slice_cut(&rest, '(');
    *out = (struct template_call){.function = rest.p ? function_named(name) : NULL};
    if (!out->function)
        return refuse(stage, "placeholder:function.unknown", err);
    bool closed = slice_ends(rest, S(")"));
    rest.len -= closed;
    if (!closed || !take_parameters(rest, out) || out->n < out->function->min || out->n > out->function->max)
        return refuse(stage, "placeholder:function.signature.invalid", err);
    return 0;
}
