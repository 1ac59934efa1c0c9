/* template.c: cutting templates into pieces, and judging them whole. */
#include "protocol/template.h"

#include "base/banned.h"

/* --- cutting --- */

static struct slice up_to(struct slice s, struct slice close)
{
    const char *end = s.len ? memmem(s.p, s.len, close.p, close.len) : NULL;
    return end ? slice_of(s.p, (size_t)(end - s.p)) : SLICE_NONE;
}

static struct slice trim_left(struct slice s)
{
    size_t n = 0;
    while (n < s.len && (unsigned char)s.p[n] <= ' ')
        n++;
    return slice_of(s.p + n, s.len - n);
}

bool template_next(struct slice *rest, struct slice *literal, struct slice *expression)
{
    *expression = SLICE_NONE;
    *literal = slice_of(rest->p, 0);
    if (!rest->len)
        return false;
    bool closed[2] = {true, true}; /* one that is not closed here is not closed later */
    for (; literal->len + 2 < rest->len; literal->len++) {
        struct slice from = slice_skip(*rest, literal->len);
        bool braces = slice_starts(from, S("{{")), legacy = slice_starts(from, S("${"));
        if ((braces || legacy) && closed[braces]) {
            *expression = up_to(slice_skip(from, 2), braces ? S("}}") : S("}"));
            closed[braces] = expression->p != NULL;
        }
        if (expression->p) {
            *rest = slice_skip(from, 2 + expression->len + (braces ? 2 : 1));
            *expression = trim_left(*expression);
            return true;
        }
    }
    *literal = *rest;
    *rest = slice_skip(*rest, rest->len);
    return true;
}

bool template_stage(struct slice *expression, struct slice *stage)
{
    const struct slice e = *expression;
    char quote = '\0';
    size_t n = 0;
    for (; n < e.len && (quote || e.p[n] != '|'); n++) {
        char c = e.p[n];
        if (quote && c == '\\' && n + 1 < e.len && e.p[n + 1] == quote)
            n++;
        else if (quote)
            quote = c == quote ? '\0' : quote;
        else if (c == '\'' || c == '"')
            quote = c;
    }
    *stage = slice_trim(slice_of(e.p, n));
    *expression = n < e.len ? slice_of(e.p + n + 1, e.len - n - 1) : SLICE_NONE;
    return !quote && n > 0;
}

/* --- judging --- */

static int unresolved(struct slice what, const char *why, struct ditto_error *err)
{
    return ditto_fail(err, 400, "placeholder:unresolved", why, NULL,
                      "The placeholder '%.*s' could not be resolved.", SLICE_ARG(what));
}

static int check_placeholder(struct slice text, unsigned allowed, struct ditto_error *err)
{
    struct slice name = text, prefix = slice_cut(&name, ':');
    const struct template_prefix *p = template_prefix(prefix);
    if (!name.p)
        return unresolved(text, "It must have the form prefix:name.", err);
    if (!p)
        return unresolved(text, "There is no such prefix.", err);
    if (!(p->kind & allowed))
        return unresolved(text, "Its prefix is not available at this place.", err);
    if (template_name(p, name) < 0)
        return unresolved(text, "Its prefix has no such name.", err);
    return 0;
}

static int check_stage(struct slice stage, bool first, unsigned allowed, struct ditto_error *err);

/* Parameters that are functions themselves get shorter and shorter. */
static int check_call(struct slice stage, unsigned allowed, struct ditto_error *err)
{
    struct template_call c;
    int rc = template_call(stage, &c, err);
    for (size_t i = 0; rc == 0 && i < c.n; i++) {
        if (c.parameters[i].placeholder)
            rc = check_stage(c.parameters[i].text, true, allowed, err);
    }
    return rc;
}

static int check_stage(struct slice stage, bool first, unsigned allowed, struct ditto_error *err)
{
    if (slice_starts(stage, S("fn:")))
        return check_call(stage, allowed, err);
    if (first)
        return check_placeholder(stage, allowed, err);
    if (template_is_bare_call(stage))
        return 0;
    return ditto_fail(err, 400, "placeholder:function.unknown", "After '|' stands a function, fn:name(…).",
                      NULL, "The function '%.*s' cannot be applied.", SLICE_ARG(stage));
}

static int check_expression(struct slice expression, unsigned allowed, struct ditto_error *err)
{
    struct slice rest = expression, stage;
    for (size_t i = 0; rest.p; i++) {
        if (!template_stage(&rest, &stage))
            return unresolved(slice_trim(expression), "A quote is left open, or there is nothing in it.",
                              err);
        if (i == TEMPLATE_STAGES_MAX)
            return ditto_fail(
                err, 400, "placeholder:function.too.complex", "At most 10 functions can be chained.", NULL,
                "The placeholder '%.*s' has too many functions.", SLICE_ARG(slice_trim(expression)));
        if (check_stage(stage, i == 0, allowed, err) < 0)
            return -1;
    }
    return 0;
}

int template_check(struct slice text, unsigned allowed, struct ditto_error *err)
{
    struct slice literal, expression;
    while (template_next(&text, &literal, &expression)) {
        if (expression.p && check_expression(expression, allowed, err) < 0)
            return -1;
    }
    return 0;
}

/* --- which ones --- */

static unsigned kind_of(struct slice text)
{
    const struct template_prefix *p = template_prefix(slice_cut(&text, ':'));
    return p && text.p ? p->kind : 0;
}

static unsigned placeholders_of_stage(struct slice stage)
{
    struct template_call c;
    struct ditto_error ignored = {0};
    unsigned set = 0;
    if (!slice_starts(stage, S("fn:")))
        return kind_of(stage);
    if (template_call(stage, &c, &ignored) == 0)
        for (size_t i = 0; i < c.n; i++)
            set |= c.parameters[i].placeholder ? placeholders_of_stage(c.parameters[i].text) : 0;
    return set;
}

unsigned template_placeholders(struct slice text)
{
    struct slice literal, expression, stage;
    unsigned set = 0;
    while (template_next(&text, &literal, &expression)) {
        while (expression.p && template_stage(&expression, &stage))
            set |= placeholders_of_stage(stage);
    }
    return set;
}
