/* function_split.c: fn:split. The separator is a regular expression, but only texts that hold it literally are split: so says
 * Ditto, and so "." splits into nothing and "|" between all characters. */
#include <regex.h>
#include <stdlib.h>

#include "mapping/function.h"

#include "base/banned.h"

enum { SEPARATOR_MAX_BYTES = 200 };

static bool is_plain(struct slice separator)
{
    for (size_t i = 0; i < separator.len; i++)
        if (strchr(".$|()[{^?*+\\", separator.p[i]))
            return false;
    return true;
}

/* A character that is no line break, in a library that sees bytes. */
#define ANY "([\x01-\x09\x0b\x0c\x0e-\x7f]|[\xc2-\xf4][\x80-\xbf]+)"

/* As the C library has it. False for what means something else there, or would unroll to a lot. */
static bool put_pattern(struct buf *dst, struct slice separator)
{
    bool brackets = false;
    for (size_t i = 0; i < separator.len; i++) {
        char c = separator.p[i], next = i + 1 < separator.len ? separator.p[i + 1] : '\0';
        brackets = c == '[' || (brackets && c != ']');
        if (c == '{' || c == '\0' || (c == '\\' && next >= '0' && next <= '9'))
            return false;
        if (c == '\\' && next == 'd')
            i++, buf_puts(dst, brackets ? "0-9" : "[0-9]");
        else if (c == '.' && !brackets)
            buf_puts(dst, ANY);
        else
            buf_putc(dst, c);
    }
    return separator.len <= SEPARATOR_MAX_BYTES;
}

static bool compile(struct slice separator, regex_t *re)
{
    struct buf pattern = {0};
    bool good = put_pattern(&pattern, separator) && regcomp(re, buf_z(&pattern), REG_EXTENDED) == 0;
    buf_free(&pattern);
    return good;
}

int split_prepare(struct call *c, struct ditto_error *err)
{
    struct slice separator = c->parameters[0].text;
    if (is_plain(separator))
        return 0;
    regex_t *re = xcalloc(1, sizeof *re);
    if (compile(separator, re)) {
        c->own = re;
        return 0;
    }
    free(re);
    return ditto_fail(err, 400, "placeholder:function.signature.invalid",
                      "The separator is a regular expression, and this is none.", NULL,
                      "The function fn:split('%.*s') cannot be applied.", SLICE_ARG(separator));
}

void split_release(struct call *c)
{
    regfree(c->own);
    free(c->own);
}

/* --- splitting ------------------------------------------------------------------------------------------------------ */

struct cut {
    size_t from, to; /* of the separator */
};

/* The next separator at or after a place. z is text as a C string. */
static bool find(const struct call *c, const char *z, struct slice text, size_t at, struct cut *cut)
{
    struct slice separator = c->parameters[0].text;
    if (!c->own) {
        const char *hit = separator.len   ? memmem(text.p + at, text.len - at, separator.p, separator.len)
                          : at < text.len ? text.p + at
                                          : NULL;
        if (hit)
            *cut = (struct cut){(size_t)(hit - text.p), (size_t)(hit - text.p) + separator.len};
        return hit;
    }
    regmatch_t m;
    if (at > text.len || regexec(c->own, z + at, 1, &m, at ? REG_NOTBOL : 0) != 0)
        return false;
    *cut = (struct cut){at + (size_t)m.rm_so, at + (size_t)m.rm_eo};
    return true;
}

static size_t after_char(struct slice text, size_t at)
{
    for (at++; at < text.len && ((unsigned char)text.p[at] & 0xc0) == 0x80;)
        at++;
    return at;
}

static int add(const struct application *a, struct values *v, struct slice text, size_t from, size_t to)
{
    return values_add(v, slice_of(text.p + from, to - from), a->scratch, a->err);
}

/* An empty match splits too, but not at the very beginning. */
static int split(const struct application *a, const char *z, struct slice text, struct values *v)
{
    struct cut cut;
    size_t start = 0, at = 0;
    while (find(a->call, z, text, at, &cut)) {
        bool empty = cut.from == cut.to;
        at = empty ? after_char(text, cut.to) : cut.to;
        if (empty && (cut.from == 0 || cut.from >= text.len))
            continue;
        if (add(a, v, text, start, cut.from) < 0)
            return -1;
        start = cut.to;
    }
    return add(a, v, text, start, text.len);
}

/* Empty texts at the end do not count, if anything was split. */
static int split_one(const struct application *a, struct slice text, struct values *v)
{
    struct values parts = {.n = 0};
    struct buf *work = &a->scratch->work;
    buf_cut(work, 0);
    buf_put_slice(work, text);
    if (split(a, buf_z(work), text, &parts) < 0)
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
