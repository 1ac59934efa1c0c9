/* function_format.c: fn:format, which makes texts of JSON objects.
 *
 *   {name} {/a/pointer}   a value: of an array each element, of anything absent an empty text
 *   {#name}…{/name}       what stands between, for each element of an array; {.} is the element itself
 *   \{ \}                 braces
 *
 * Where several parts have several values, all combinations are made. Source: mapping reference 2.5. */
#include <stdlib.h>

#include "json/pointer.h"
#include "mapping/function.h"

#include "base/banned.h"

enum { SECTIONS_MAX = 16 /* within each other */ };

enum format_kind { FORMAT_TEXT, FORMAT_FIELD, FORMAT_SECTION };

struct format {
    size_t n;
    struct format_part {
        enum format_kind kind;
        struct slice text;     /* owned if it is of FORMAT_TEXT; else a name or a pointer */
        struct format *inside; /* of a section */
    } * parts;
};

/* --- reading ------------------------------------------------------------------------------------------------------ */

static struct format_part *add(struct format *f, enum format_kind kind, struct slice text)
{
    f->parts = xrealloc_array(f->parts, f->n + 1, sizeof *f->parts);
    f->parts[f->n] = (struct format_part){kind, text, NULL};
    return &f->parts[f->n++];
}

static void add_text(struct format *f, struct slice text)
{
    struct buf plain = {0};
    for (size_t i = 0; i < text.len; i++) {
        bool escape = text.p[i] == '\\' && i + 1 < text.len && (text.p[i + 1] == '{' || text.p[i + 1] == '}');
        buf_putc(&plain, text.p[i + escape]);
        i += escape;
    }
    if (plain.len)
        add(f, FORMAT_TEXT, slice_dup(buf_slice(&plain)));
    buf_free(&plain);
}

/* What stands between a brace at a place and the next closing one; SLICE_NONE if that is empty or there is none, or the brace is
 * escaped. */
static struct slice braced(struct slice text, size_t at)
{
    const char *from = text.p + at + 1, *end = text.p + text.len;
    const char *close = from < end ? memchr(from, '}', (size_t)(end - from)) : NULL;
    bool open = text.p[at] == '{' && (at == 0 || text.p[at - 1] != '\\');
    return open && close && close > from ? slice_of(from, (size_t)(close - from)) : SLICE_NONE;
}

/* "/name" without a second slash is the end of a section. */
static bool is_field(struct slice name)
{
    bool closing = name.len > 1 && name.p[0] == '/' && !memchr(name.p + 1, '/', name.len - 1);
    return name.p && name.p[0] != '#' && !closing;
}

static void add_fields(struct format *f, struct slice text)
{
    const char *last = text.len ? memrchr(text.p, '}', text.len) : NULL;
    size_t from = 0, end = last ? (size_t)(last - text.p) : 0;
    for (size_t i = 0; i < end; i++) {
        struct slice name = braced(text, i);
        if (!is_field(name))
            continue;
        add_text(f, slice_of(text.p + from, i - from));
        add(f, FORMAT_FIELD, name);
        from = i + name.len + 2;
        i = from - 1;
    }
    add_text(f, slice_of(text.p + from, text.len - from));
}

static const char *find(struct slice text, size_t from, struct slice needle)
{
    return from < text.len ? memmem(text.p + from, text.len - from, needle.p, needle.len) : NULL;
}

/* Where the section ends whose name is given as it stands ("#name"), sections of that name within it being passed over. */
static const char *section_end(struct slice text, size_t from, struct slice name)
{
    struct buf tags = {0};
    size_t depth = 1;
    const char *open, *close = NULL;
    buf_printf(&tags, "{%.*s}{%.*s}", SLICE_ARG(name), SLICE_ARG(name));
    struct slice opening = slice_of(buf_p(&tags), name.len + 2),
                 closing = slice_of(opening.p + name.len + 2, name.len + 2);
    buf_p(&tags)[name.len + 3] = '/';
    while (depth && (close = find(text, from, closing))) {
        open = find(text, from, opening);
        bool nested = open && open < close;
        depth += nested ? 1 : (size_t)-1;
        from = (size_t)((nested ? open : close) - text.p) + name.len + 2;
    }
    buf_free(&tags);
    return close;
}

static int read_format(struct format *f, struct slice text, unsigned depth);

static int read_section(struct format *f, struct slice inside, struct slice name, unsigned depth)
{
    struct format_part *p = add(f, FORMAT_SECTION, slice_skip(name, 1));
    p->inside = xcalloc(1, sizeof *p->inside);
    return depth == SECTIONS_MAX ? -1 : read_format(p->inside, inside, depth + 1);
}

static int read_format(struct format *f, struct slice text, unsigned depth)
{
    const char *last = text.len ? memrchr(text.p, '}', text.len) : NULL;
    size_t from = 0, last_close = last ? (size_t)(last - text.p) : 0;
    for (size_t i = 0; i < last_close; i++) {
        struct slice name = braced(text, i);
        if (name.len < 2 || name.p[0] != '#')
            continue;
        size_t start = i + name.len + 2;
        const char *end = section_end(text, start, name);
        if (!end)
            return -1;
        add_fields(f, slice_of(text.p + from, i - from));
        if (read_section(f, slice_of(text.p + start, (size_t)(end - text.p) - start), name, depth) < 0)
            return -1;
        from = (size_t)(end - text.p) + name.len + 2;
        i = from - 1;
    }
    add_fields(f, slice_of(text.p + from, text.len - from));
    return 0;
}

static void format_free(struct format *f)
{
    for (size_t i = 0; i < f->n; i++) {
        if (f->parts[i].kind == FORMAT_TEXT)
            free((void *)(uintptr_t)f->parts[i].text.p);
        if (f->parts[i].inside)
            format_free(f->parts[i].inside);
    }
    free(f->parts);
    free(f);
}

void format_release(struct call *c)
{
    format_free(c->own);
}

int format_prepare(struct call *c, struct ditto_error *err)
{
    c->own = xcalloc(1, sizeof(struct format));
    if (read_format(c->own, c->parameters[0].text, 0) == 0)
        return 0;
    return ditto_fail(err, 400, "placeholder:function.signature.invalid",
                      "A section is not closed, or sections are nested too deeply.", NULL,
                      "The function fn:format() cannot be applied.");
}

/* --- applying ----------------------------------------------------------------------------------------------------- */

struct element {
    struct json object; /* JSON_ABSENT: it is none */
    struct json self;   /* an element that is no object; else JSON_ABSENT */
};

static struct json value_at(const struct element *e, struct slice name)
{
    struct pointer p;
    if (e->self.type != JSON_ABSENT)
        return slice_eq(name, S(".")) ? e->self : (struct json){JSON_ABSENT, NULL, 0};
    return pointer_parse(&p, name, POINTER_DITTO) ? pointer_get(e->object, p)
                                                  : (struct json){JSON_ABSENT, NULL, 0};
}

static int add_value(const struct application *a, struct json v, struct values *to)
{
    return values_add(to, json_present(v) ? scratch_text(a->scratch, v) : S(""), a->scratch, a->err);
}

/* An element stands for itself, even if it is null. */
static int add_element(const struct application *a, struct json v, struct values *to)
{
    return values_add(to, scratch_text(a->scratch, v), a->scratch, a->err);
}

static int put_field(const struct application *a, const struct element *e, struct slice name,
                     struct values *to)
{
    struct json v = value_at(e, name);
    if (e->self.type != JSON_ABSENT && v.type != JSON_ABSENT)
        return add_element(a, v, to);
    if (v.type != JSON_ARRAY || json_count(v) == 0)
        return add_value(a, v.type == JSON_ARRAY ? (struct json){JSON_ABSENT, NULL, 0} : v, to);
    struct json_iter it = json_iter(v);
    while (json_next(&it))
        if (add_element(a, it.value, to) < 0)
            return -1;
    return 0;
}

static int put_format(const struct application *a, const struct format *f, const struct element *e,
                      struct values *to);

static int put_inside(const struct application *a, const struct format *f, struct json v, struct values *to)
{
    struct element e = {.object = v};
    if (v.type != JSON_OBJECT)
        e = (struct element){.self = v};
    return put_format(a, f, &e, to);
}

static int put_section(const struct application *a, const struct format_part *p, const struct element *e,
                       struct values *to)
{
    struct json v = value_at(e, p->text);
    if (e->self.type != JSON_ABSENT || !json_present(v) || (v.type == JSON_ARRAY && json_count(v) == 0))
        return values_add(to, S(""), a->scratch, a->err);
    if (v.type != JSON_ARRAY)
        return put_inside(a, p->inside, v, to);
    struct json_iter it = json_iter(v);
    while (json_next(&it))
        if (put_inside(a, p->inside, it.value, to) < 0)
            return -1;
    return 0;
}

static int put_part(const struct application *a, const struct format_part *p, const struct element *e,
                    struct values *to)
{
    switch (p->kind) {
    case FORMAT_TEXT: return values_add(to, p->text, a->scratch, a->err);
    case FORMAT_FIELD: return put_field(a, e, p->text, to);
    default: return put_section(a, p, e, to);
    }
}

static int put_format(const struct application *a, const struct format *f, const struct element *e,
                      struct values *to)
{
    struct values all = {.n = 0};
    if (values_add(&all, S(""), a->scratch, a->err) < 0)
        return -1;
    for (size_t i = 0; i < f->n; i++) {
        struct values part = {.n = 0};
        if (put_part(a, &f->parts[i], e, &part) < 0 || values_multiply(&all, &part, a->scratch, a->err) < 0)
            return -1;
    }
    for (size_t i = 0; i < all.n; i++)
        if (values_add(to, all.v[i], a->scratch, a->err) < 0)
            return -1;
    return 0;
}

/* What is no object is passed over; without any object there is one empty text, as in Ditto, even of what was deleted. */
int format_apply(const struct application *a, struct values *v)
{
    struct values all = {.n = 0};
    for (size_t i = 0; i < v->n; i++) {
        struct element e = {.self = {JSON_ABSENT, NULL, 0}};
        if (json_parse(v->v[i], &e.object, NULL) < 0 ||
            (e.object.type != JSON_OBJECT && e.object.type != JSON_NULL))
            continue;
        if (put_format(a, a->call->own, &e, &all) < 0)
            return -1;
    }
    if (!all.n && v->state != VALUE_UNRESOLVED && values_add(&all, S(""), a->scratch, a->err) < 0)
        return -1;
    *v = all;
    return 0;
}
