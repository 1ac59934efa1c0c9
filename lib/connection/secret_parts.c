/* secret_parts.c: what of a URI or an address is secret. */
#include "connection/secrets.h"
#include "connection/uri.h"

#include "base/banned.h"

static void add(struct secret_parts *p, struct slice name, struct slice part, struct slice whole)
{
    if (p->n < SECRET_PARTS_MAX) {
        p->v[p->n++] = (struct secret_part){name, part};
    } else {
        struct slice *last = &p->v[SECRET_PARTS_MAX - 1].text;
        last->len = (size_t)(whole.p + whole.len - last->p);
    }
}

/* Up to what separates parameters, which may stand within placeholders. */
static struct slice take_parameter(struct slice *rest)
{
    size_t n = 0;
    bool within = false;
    for (; n < rest->len && (within || !memchr("?&;#", rest->p[n], 4)); n++) {
        struct slice here = slice_skip(*rest, n);
        within = slice_starts(here, S("{{")) || (within && !slice_starts(here, S("}}")));
    }
    struct slice parameter = slice_of(rest->p, n);
    *rest = slice_skip(*rest, n < rest->len ? n + 1 : n);
    return parameter;
}

static void add_query(struct secret_parts *p, struct slice rest, struct slice whole)
{
    (void)take_parameter(&rest);
    while (rest.len) {
        struct slice value = take_parameter(&rest), name = slice_cut(&value, '=');
        if (value.len && sounds_secret_in_query(name) && has_constant(value))
            add(p, name, value, whole);
    }
}

struct secret_parts secret_parts(enum secret kind, struct slice text)
{
    struct secret_parts p = {0};
    struct uri_parts ignored;
    if (!text.p || kind == SECRET_NONE)
        return p;
    if (kind == SECRET_WHOLE || kind == SECRET_TO_MAP) {
        add(&p, SLICE_NONE, text, text);
        return p;
    }
    if (kind == SECRET_IN_HEADER) {
        add(&p, SLICE_NONE, credentials_in_header(text), text);
        return p;
    }
    struct slice password = SLICE_NONE, rest = text;
    if (kind == SECRET_IN_URI || url_split(text, &ignored) == 0)
        password = uri_secret(text);
    if (password.p) {
        add(&p, SLICE_NONE, password, text);
        rest = slice_skip(text, (size_t)(password.p - text.p) + password.len);
    }
    add_query(&p, rest, text);
    return p;
}

void secret_put_parts(struct buf *dst, enum secret kind, struct json value, put_part *put, void *arg)
{
    struct buf decoded = {0}, whole = {0};
    struct slice text = json_text(value, &decoded);
    struct secret_parts parts = secret_parts(kind, text);
    size_t done = 0;
    for (size_t i = 0; i < parts.n; i++) {
        size_t at = (size_t)(parts.v[i].text.p - text.p);
        buf_put(&whole, text.p + done, at - done);
        put(arg, &whole, i, parts.v[i]);
        done = at + parts.v[i].text.len;
    }
    buf_put_slice(&whole, slice_skip(text, done));
    if (slice_eq(buf_slice(&whole), text))
        json_put_compact(dst, value);
    else
        json_put_text(dst, buf_slice(&whole));
    buf_wipe(&decoded);
    buf_wipe(&whole);
}
