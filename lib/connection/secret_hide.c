/* secret_hide.c: what is wrong with a document is told to everybody; what is secret in it is not. */
#include "connection/edit.h"
#include "connection/secrets.h"

#include "base/banned.h"

/* Shorter ones are common text, and nobody's secret by being seen. */
enum { SHOWN_MAX = 3 };

/* The place of a secret in what was cut at the end, too. */
static bool stands_at(struct slice text, struct slice secret)
{
    size_t n = text.len < secret.len ? text.len : secret.len;
    return n > SHOWN_MAX && memcmp(text.p, secret.p, n) == 0;
}

static void hide(char *text, size_t size, struct slice secret)
{
    struct buf out = {0};
    struct slice rest = slice_str(text);
    if (secret.len <= SHOWN_MAX || slice_eq(secret, S(CONNECTION_MASK)))
        return;
    while (rest.len) {
        bool found = stands_at(rest, secret);
        buf_put_slice(&out, found ? S(CONNECTION_MASK) : slice_of(rest.p, 1));
        rest = slice_skip(rest, found ? secret.len : 1);
    }
    size_t n = out.len < size ? out.len : size - 1;
    memcpy(text, buf_z(&out), n);
    text[n] = 0;
    buf_wipe(&out);
}

static void hide_in_all(struct connection_problems *p, struct slice secret)
{
    for (size_t i = 0; i < p->n; i++) {
        hide(p->v[i].message, sizeof p->v[i].message, secret);
        hide(p->v[i].description, sizeof p->v[i].description, secret);
    }
}

/* Whatever of the text is quoted: 'an expression of it'. */
static void hide_quotes(char *message, size_t size, struct slice text)
{
    char *start = strchr(message, '\'');
    while (start && start[1]) {
        char *end = strchr(start + 1, '\'');
        struct slice quoted = slice_of(start + 1, end ? (size_t)(end - start - 1) : strlen(start + 1));
        if (quoted.len && memmem(text.p, text.len, quoted.p, quoted.len)) {
            struct buf copy = {0};
            buf_put_slice(&copy, quoted);
            hide(start, size - (size_t)(start - message), buf_slice(&copy));
            buf_wipe(&copy);
            end = strchr(start + 1, '\'');
        }
        start = end ? strchr(end + 1, '\'') : NULL;
    }
}

static void hide_value(void *arg, struct buf *dst, enum secret kind, struct where at, struct json value)
{
    struct connection_problems *p = arg;
    struct buf decoded = {0};
    struct secret_parts parts = secret_parts(kind, json_text(value, &decoded));
    (void)dst;
    for (size_t k = 0; k < parts.n; k++) {
        hide_in_all(p, parts.v[k].text);
        for (size_t i = 0; i < p->n; i++) {
            if (strcmp(p->v[i].pointer, at.z) == 0)
                hide_quotes(p->v[i].message, sizeof p->v[i].message, parts.v[k].text);
        }
    }
    buf_wipe(&decoded);
}

void secrets_hide(struct connection_problems *p, struct json doc)
{
    if (p->n)
        secrets_visit(doc, hide_value, p);
}
