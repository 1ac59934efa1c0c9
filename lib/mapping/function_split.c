/* function_split.c: fn:split. The separator is a regular expression, but only texts that hold it literally are split: so says
 * Ditto, and so "." splits into nothing and "|" between all characters. One that can repeat is not applied: it would hardly ever
 * find itself in a text, and cost too much when it does. */
#include "mapping/function.h"

#include "base/banned.h"

/* --- separators --------------------------------------------------------------------------------------------------- */

static bool is_one_of(const char *set, char c)
{
    return c != '\0' && strchr(set, c);
}

static bool is_alphanumeric(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_plain(struct slice separator)
{
    for (size_t i = 0; i < separator.len; i++)
        if (is_one_of(".|^$\\", separator.p[i]))
            return false;
    return true;
}

static bool is_usable(struct slice separator)
{
    for (size_t i = 0; i < separator.len; i++) {
        char c = separator.p[i], next = i + 1 < separator.len ? separator.p[i + 1] : 'Z';
        if (is_one_of("()[{*+?", c) || (c == '\\' && is_alphanumeric(next) && !is_one_of("dDsSwW", next)))
            return false;
        i += c == '\\';
    }
    return true;
}

static size_t char_end(struct slice text, size_t at)
{
    for (at++; at < text.len && ((unsigned char)text.p[at] & 0xc0) == 0x80;)
        at++;
    return at;
}

static bool is_line_break(struct slice c)
{
    return slice_eq(c, S("\n")) || slice_eq(c, S("\r")) || slice_eq(c, S("\xc2\x85")) ||
           slice_eq(c, S("\xe2\x80\xa8")) || slice_eq(c, S("\xe2\x80\xa9"));
}

/* Is it of the kind that \d, \s, \w or their opposites stand for? */
static bool is_kind(char kind, struct slice c)
{
    char first = c.p[0];
    bool is;
    switch (kind | 0x20) {
    case 'd': is = first >= '0' && first <= '9'; break;
    case 's': is = is_one_of(" \t\n\v\f\r", first); break;
    default: is = is_alphanumeric(first) || first == '_';
    }
    return is == (kind >= 'a');
}

/* Takes the first element off the pattern; -1 or where its match at a place ends. */
static ptrdiff_t match_element(struct slice *pattern, struct slice text, size_t at)
{
    char c = pattern->p[0], escaped = c == '\\' ? pattern->p[1] : '\0';
    *pattern = slice_skip(*pattern, escaped ? 2 : 1);
    if (c == '^' || c == '$')
        return at == (c == '^' ? 0 : text.len) ? (ptrdiff_t)at : -1;
    if (at == text.len)
        return -1;
    size_t end = char_end(text, at);
    struct slice character = slice_of(text.p + at, end - at);
    if (c == '.')
        return is_line_break(character) ? -1 : (ptrdiff_t)end;
    if (is_alphanumeric(escaped))
        return is_kind(escaped, character) ? (ptrdiff_t)end : -1;
    return text.p[at] == (escaped ? escaped : c) ? (ptrdiff_t)at + 1 : -1;
}

/* Where a match of one of the alternatives ends, the first one that fits; -1 if none does. */
static ptrdiff_t match(struct slice pattern, struct slice text, size_t at)
{
    ptrdiff_t end = (ptrdiff_t)at;
    while (pattern.len && (pattern.p[0] != '|' || end < 0)) {
        if (pattern.p[0] == '|') {
            pattern = slice_skip(pattern, 1);
            end = (ptrdiff_t)at;
        } else if (end < 0) {
            pattern = slice_skip(pattern, pattern.p[0] == '\\' ? 2 : 1);
        } else {
            end = match_element(&pattern, text, (size_t)end);
        }
    }
    return end;
}

struct cut {
    size_t from, to; /* of the separator */
};

/* The next separator at or after a place. */
static bool find(struct slice separator, bool plain, struct slice text, size_t at, struct cut *cut)
{
    if (plain && separator.len) {
        const char *hit =
            at < text.len ? memmem(text.p + at, text.len - at, separator.p, separator.len) : NULL;
        cut->from = hit ? (size_t)(hit - text.p) : text.len;
        cut->to = cut->from + separator.len;
        return hit;
    }
    for (; at <= text.len; at = char_end(text, at)) {
        ptrdiff_t end = match(separator, text, at);
        *cut = (struct cut){at, (size_t)end};
        if (end >= 0)
            return true;
    }
    return false;
}

/* --- splitting ------------------------------------------------------------------------------------------------------ */

/* An empty match splits too, but not at the very beginning. */
static int split(const struct application *a, struct slice text, struct values *v)
{
    struct slice separator = a->call->parameters[0].text;
    bool plain = is_plain(separator);
    struct cut cut;
    size_t start = 0, at = 0;
    while (find(separator, plain, text, at, &cut)) {
        bool empty = cut.from == cut.to;
        at = empty ? char_end(text, cut.to) : cut.to;
        if (empty && (cut.from == 0 || cut.from == text.len))
            continue;
        if (values_add(v, slice_of(text.p + start, cut.from - start), a->scratch, a->err) < 0)
            return -1;
        start = cut.to;
    }
    return values_add(v, slice_of(text.p + start, text.len - start), a->scratch, a->err);
}

/* Empty texts at the end do not count, if anything was split. */
static int split_one(const struct application *a, struct slice text, struct values *v)
{
    struct values parts = {.n = 0};
    if (!is_usable(a->call->parameters[0].text))
        return application_fail(a, "The separator is a regular expression with ( ) [ { * + or ?.");
    if (split(a, text, &parts) < 0)
        return -1;
    while (parts.n && !parts.v[parts.n - 1].len && text.len)
        parts.n--;
    for (size_t i = 0; i < parts.n; i++)
        if (values_add(v, parts.v[i], a->scratch, a->err) < 0)
            return -1;
    return 0;
}

/* Forgets that something was deleted, as in Ditto. */
int split_apply(const struct application *a, struct values *v)
{
    struct slice separator = a->call->parameters[0].text;
    struct values all = {.n = 0};
    for (size_t i = 0; i < v->n; i++) {
        struct slice text = v->v[i];
        bool holds = !separator.len || (text.len && memmem(text.p, text.len, separator.p, separator.len));
        int r = holds ? split_one(a, text, &all) : values_add(&all, text, a->scratch, a->err);
        if (r < 0)
            return -1;
    }
    *v = all;
    return 0;
}
