#include "connection/labels.h"

#include "base/banned.h"

enum { LABEL_MIN = 3, LABEL_MAX = 165 };

static bool id_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == ':';
}

static bool id_chars(struct slice s, size_t min, size_t max)
{
    if (s.len < min || s.len > max)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (!id_char(s.p[i]))
            return false;
    }
    return true;
}

static struct slice skip_blanks(struct slice s)
{
    while (slice_starts(s, S(" ")))
        s = slice_skip(s, 1);
    return s;
}

static struct slice take_word(struct slice *s)
{
    size_t n = 0;
    while (n < s->len && s->p[n] >= 'a' && s->p[n] <= 'z')
        n++;
    struct slice word = slice_of(s->p, n);
    *s = slice_skip(*s, n);
    return word;
}

/* Takes "{{ name:name }}:" from the front; name is what stands inside, SLICE_NONE without a placeholder. */
static bool take_placeholder(struct slice *s, struct slice *name)
{
    *name = SLICE_NONE;
    if (!slice_starts(*s, S("{{")))
        return true;
    *s = skip_blanks(slice_skip(*s, 2));
    struct slice prefix = take_word(s);
    if (!prefix.len || !slice_starts(*s, S(":")))
        return false;
    *s = slice_skip(*s, 1);
    struct slice last = take_word(s);
    *name = slice_of(prefix.p, prefix.len + 1 + last.len);
    *s = skip_blanks(*s);
    if (!last.len || !slice_starts(*s, S("}}:")))
        return false;
    *s = slice_skip(*s, 3);
    return true;
}

static struct slice with_id(struct connection *c, struct slice rest)
{
    struct buf b = {0};
    buf_put_slice(&b, c->id);
    buf_putc(&b, ':');
    buf_put_slice(&b, rest);
    return arena_keep(c, b);
}

/* What goes over the wire has to have the length, so {{connection:id}} counts as what it stands for. */
static struct slice resolved(struct connection *c, struct slice label)
{
    struct slice rest = label, placeholder;
    if (!take_placeholder(&rest, &placeholder))
        return SLICE_NONE;
    bool own = slice_eq(placeholder, S("connection:id")) && rest.len;
    if (own)
        rest = with_id(c, rest);
    if (!id_chars(rest, LABEL_MIN, LABEL_MAX))
        return SLICE_NONE;
    return own ? rest : label;
}

static struct slice checked(struct reader *r, struct where at, struct slice label)
{
    struct slice s = label.p ? resolved(r->c, label) : SLICE_NONE;
    if (label.p && !s.p)
        PROBLEM(r->problems, at, LABEL_INVALID, NULL, "'%.*s' is no valid acknowledgement label.",
                SLICE_ARG(label));
    return s;
}

struct slice read_label(struct reader *r, struct node n, const char *name)
{
    return checked(r, where_name(n.at, name), read_text(r, n, name, OPTIONAL));
}

struct slices read_labels(struct reader *r, struct node n, const char *name)
{
    struct slices labels = read_texts(r, n, name, OTHERS_REFUSED);
    struct where at = where_name(n.at, name);
    for (size_t i = 0; i < labels.n; i++)
        labels.v[i] = checked(r, where_index(at, i), labels.v[i]);
    return labels;
}
