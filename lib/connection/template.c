#include "connection/template.h"

#include "base/banned.h"

enum { NAMES_MAX = 9, STAGES_MAX = 11 };

/* names: the ones there are; none: any that is not empty */
static const struct prefix {
    enum placeholder kind;
    const char *text;
    const char *names[NAMES_MAX + 1];
} prefixes[] = {
    {PLACEHOLDER_CONNECTION, "connection", {"id"}},
    {PLACEHOLDER_ENTITY, "entity", {"namespace", "name", "id"}},
    {PLACEHOLDER_FEATURE, "feature", {"id"}},
    {PLACEHOLDER_HEADER, "header", {NULL}},
    {PLACEHOLDER_POLICY, "policy", {"namespace", "name", "id"}},
    {PLACEHOLDER_REQUEST, "request", {"subjectId"}},
    {PLACEHOLDER_RESOURCE, "resource", {"type", "path"}},
    {PLACEHOLDER_SOURCE, "source", {"address"}},
    {PLACEHOLDER_THING, "thing", {"namespace", "name", "id"}},
    {PLACEHOLDER_THING_JSON, "thing-json", {NULL}},
    {PLACEHOLDER_TIME, "time", {NULL}},
    {PLACEHOLDER_TOPIC,
     "topic",
     {"full", "namespace", "entityName", "group", "channel", "criterion", "action", "subject",
      "action-subject"}},
};

static const char *const functions[] = {
    "filter",        "default", "substring-before", "substring-after", "lower",
    "upper",         "trim",    "url-encode",       "url-decode",      "base64-encode",
    "base64-decode", "delete",  "replace",          "split",           "join",
    "format",        NULL,
};

static bool is_one_of(struct slice s, const char *const *list)
{
    for (; *list; list++) {
        if (slice_eq(s, slice_str(*list)))
            return true;
    }
    return false;
}

static struct slice expression_after(struct slice s, const char *close, size_t close_len)
{
    const char *end = s.len ? memmem(s.p, s.len, close, close_len) : NULL;
    return end ? slice_of(s.p, (size_t)(end - s.p)) : SLICE_NONE;
}

bool template_next(struct slice *rest, struct slice *literal, struct slice *expr)
{
    *expr = SLICE_NONE;
    *literal = slice_of(rest->p, 0);
    if (!rest->len)
        return false;
    for (; literal->len + 2 < rest->len; literal->len++) {
        struct slice from = slice_skip(*rest, literal->len);
        bool braces = slice_starts(from, S("{{")), legacy = slice_starts(from, S("${"));
        if (braces)
            *expr = expression_after(slice_skip(from, 2), "}}", 2);
        else if (legacy)
            *expr = expression_after(slice_skip(from, 2), "}", 1);
        if (expr->p) {
            *rest = slice_skip(from, 2 + expr->len + (braces ? 2 : 1));
            return true;
        }
    }
    *literal = *rest;
    *rest = slice_skip(*rest, rest->len);
    return true;
}

/* Cuts the next stage off at a '|' outside quotes; false for an open quote. */
static bool cut_stage(struct slice *rest, struct slice *stage)
{
    char quote = 0;
    size_t n = 0;
    for (; n < rest->len && (quote || rest->p[n] != '|'); n++) {
        char c = rest->p[n];
        if (quote && c == '\\')
            n++;
        else if (quote && c == quote)
            quote = 0;
        else if (!quote && (c == '\'' || c == '"'))
            quote = c;
    }
    if (quote || n > rest->len)
        return false;
    *stage = slice_trim(slice_of(rest->p, n));
    *rest = n < rest->len ? slice_skip(*rest, n + 1) : SLICE_NONE;
    return true;
}

static bool function_ok(struct slice call)
{
    bool closed = slice_ends(call, S(")"));
    struct slice name = slice_cut(&call, '(');
    return closed && call.p && is_one_of(name, functions);
}

static bool name_ok(const struct prefix *p, struct slice name)
{
    if (p->kind == PLACEHOLDER_TIME)
        return slice_starts(name, S("now"));
    if (p->kind == PLACEHOLDER_THING_JSON &&
        is_one_of(name, (const char *const[]){"id", "namespace", "name", NULL}))
        return false;
    return p->names[0] ? is_one_of(name, p->names) : name.len > 0;
}

static bool placeholder_ok(struct slice stage, unsigned allowed)
{
    struct slice name = stage, prefix = slice_cut(&name, ':');
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++) {
        if ((prefixes[i].kind & allowed) && slice_eq(prefix, slice_str(prefixes[i].text)))
            return name.p && name_ok(&prefixes[i], name);
    }
    return false;
}

static bool expression_ok(struct slice expr, unsigned allowed)
{
    struct slice stage;
    for (size_t i = 0; expr.p; i++) {
        if (i == STAGES_MAX || !cut_stage(&expr, &stage))
            return false;
        bool function = slice_starts(stage, S("fn:"));
        if (function ? !function_ok(slice_skip(stage, 3)) : i > 0 || !placeholder_ok(stage, allowed))
            return false;
    }
    return true;
}

bool template_ok(struct slice template, unsigned allowed, struct slice *bad)
{
    struct slice literal, expr;
    while (template_next(&template, &literal, &expr)) {
        if (expr.p && !expression_ok(expr, allowed)) {
            *bad = slice_trim(expr);
            return false;
        }
    }
    return true;
}
