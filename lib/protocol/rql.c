/* rql.c: the grammar of RQL. */
#include <stdlib.h>

#include "protocol/rql.h"

#include "base/scan.h"
#include "json/json.h"

#include "base/banned.h"

static const char *const op_texts[] = {
    [RQL_AND] = "and",       [RQL_OR] = "or",       [RQL_NOT] = "not",     [RQL_EQ] = "eq",
    [RQL_NE] = "ne",         [RQL_GT] = "gt",       [RQL_GE] = "ge",       [RQL_LT] = "lt",
    [RQL_LE] = "le",         [RQL_LIKE] = "like",   [RQL_ILIKE] = "ilike", [RQL_IN] = "in",
    [RQL_EXISTS] = "exists", [RQL_EMPTY] = "empty",
};

const char *rql_op_text(enum rql_op op)
{
    return op_texts[op];
}

struct parser {
    const char *start, *p, *end;
    struct rql *q;
    size_t nodes_cap, literals_cap;
    char *text;      /* where the next decoded text goes: never more than was read */
    const char *why; /* what is wrong at p */
};

static bool fail(struct parser *s, const char *why)
{
    if (!s->why)
        s->why = why;
    return false;
}

static bool at(const struct parser *s, char c)
{
    return s->p < s->end && *s->p == c;
}

static bool take(struct parser *s, char c)
{
    bool there = at(s, c);
    s->p += there;
    return there;
}

static bool need(struct parser *s, char c, const char *why)
{
    return take(s, c) || fail(s, why);
}

static void skip_space(struct parser *s)
{
    while (s->p < s->end && memchr(" \n\r\t\f", *s->p, 5))
        s->p++;
}

/* --- texts ------------------------------------------------------------------------------------------------------ */

static bool is_hex4(const struct parser *s, const char *p)
{
    if (s->end - p < 4)
        return false;
    for (int i = 0; i < 4; i++)
        if (!memchr("0123456789abcdefABCDEF", p[i], 22))
            return false;
    return true;
}

/* An escape, p at the backslash; quote is the one that may be escaped. What is none is left where it stands. */
static bool take_escape(struct parser *s, char quote)
{
    const char *p = s->p + 1;
    if (p == s->end || *p == '\0')
        return false;
    if (*p == 'u')
        return is_hex4(s, p + 1) && (s->p += 6);
    if (*p != quote && !memchr("\\/bfnrt", *p, 7))
        return false;
    s->p += 2;
    return true;
}

/* Bytes of the escape at p; of both halves of a surrogate pair together. */
static size_t escape_len(const char *p, size_t len)
{
    bool high = p[1] == 'u' && (p[2] | 0x20) == 'd' && memchr("89abAB", p[3], 6);
    return p[1] != 'u' ? 2 : high && len >= 12 && p[6] == '\\' && p[7] == 'u' ? 12 : 6;
}

/* Decodes what was read from `from` on. Escapes are those of JSON but for the single quote. */
static struct slice decoded(struct parser *s, const char *from)
{
    struct slice raw = {from, (size_t)(s->p - from)};
    struct buf out = {0};
    char *text = s->text;
    while (raw.len) {
        const char *escape = memchr(raw.p, '\\', raw.len);
        size_t n = escape ? (size_t)(escape - raw.p) : raw.len;
        memcpy(s->text, raw.p, n);
        s->text += n;
        raw = slice_skip(raw, n);
        if (raw.len == 0)
            break;
        n = escape_len(raw.p, raw.len);
        buf_cut(&out, 0);
        struct slice bytes = raw.p[1] == '\'' ? S("'") : json_raw_text(slice_of(raw.p, n), &out);
        memcpy(s->text, bytes.p, bytes.len);
        s->text += bytes.len;
        raw = slice_skip(raw, n);
    }
    buf_free(&out);
    return slice_of(text, (size_t)(s->text - text));
}

/* Characters up to one of stops (or what is no escape). */
static struct slice take_text(struct parser *s, const char *stops, size_t n_stops, char quote)
{
    const char *from = s->p;
    while (s->p < s->end && !memchr(stops, *s->p, n_stops)) {
        if (*s->p != '\\')
            s->p++;
        else if (!take_escape(s, quote))
            break;
    }
    return decoded(s, from);
}

static struct slice take_property(struct parser *s)
{
    return take_text(s, ",)\"", 3, '"');
}

/* --- literals --------------------------------------------------------------------------------------------------- */

static bool digit(const struct parser *s, const char *p)
{
    return p < s->end && *p >= '0' && *p <= '9';
}

static const char *skip_digits(const struct parser *s, const char *p)
{
    while (digit(s, p))
        p++;
    return p;
}

/* A number without its plus sign. */
static bool take_number(struct parser *s, struct rql_literal *out)
{
    const char *from = s->p + at(s, '+'), *digits = s->p + (at(s, '+') || at(s, '-'));
    const char *p = digit(s, digits) && *digits == '0' ? digits + 1 : skip_digits(s, digits);
    if (p == digits)
        return false;
    bool is_double = p < s->end && *p == '.' && digit(s, p + 1);
    if (is_double)
        p = skip_digits(s, p + 1);
    out->type = is_double ? RQL_DOUBLE : RQL_LONG;
    int64_t n;
    struct slice text = {from, (size_t)(p - from)};
    if (!is_double && (slice_eq(text, S("-0")) || scan_i64(text, &n) < 0))
        return fail(s, "a number that fits 64 bits is expected");
    s->p = p;
    memcpy(s->text, text.p, text.len);
    out->text = slice_of(s->text, text.len);
    s->text += text.len;
    return true;
}

static bool take_string(struct parser *s, struct rql_literal *out)
{
    char quote = *s->p++;
    out->type = RQL_STRING;
    out->text = take_text(s, &quote, 1, quote);
    return need(s, quote, "the end of a string, or an escape, is expected");
}

static bool take_word(struct parser *s, const char *word)
{
    size_t n = strlen(word);
    if ((size_t)(s->end - s->p) < n || memcmp(s->p, word, n) != 0)
        return false;
    s->p += n;
    return true;
}

/* "time:" and a name, as written. */
static bool take_placeholder(struct parser *s, struct rql_literal *out)
{
    const char *from = s->p;
    if (!take_word(s, "time:"))
        return false;
    char *text = s->text;
    (void)take_property(s);
    s->text = text;
    size_t n = (size_t)(s->p - from);
    if (n == 5 || memchr(from, '\n', n) || memchr(from, '\r', n))
        return fail(s, "a name is expected after 'time:'");
    memcpy(s->text, from, n);
    *out = (struct rql_literal){RQL_PLACEHOLDER, slice_of(s->text, n)};
    s->text += n;
    return true;
}

static bool take_constant(struct parser *s, struct rql_literal *out)
{
    out->type = take_word(s, "true")    ? RQL_TRUE
                : take_word(s, "false") ? RQL_FALSE
                : take_word(s, "null")  ? RQL_NULL
                                        : RQL_PLACEHOLDER;
    return out->type != RQL_PLACEHOLDER;
}

static bool take_literal(struct parser *s)
{
    struct rql *q = s->q;
    if (q->n_literals == s->literals_cap) {
        s->literals_cap = s->literals_cap ? 2 * s->literals_cap : 8;
        q->literals = xrealloc_array(q->literals, s->literals_cap, sizeof *q->literals);
    }
    struct rql_literal *l = &q->literals[q->n_literals];
    *l = (struct rql_literal){.text = SLICE_NONE};
    bool taken = at(s, '"') || at(s, '\'')
                     ? take_string(s, l)
                     : take_number(s, l) || take_placeholder(s, l) || take_constant(s, l);
    if (!taken)
        return fail(s, "a number, a string, 'time:…', true, false or null is expected");
    q->n_literals++;
    skip_space(s);
    return true;
}

/* --- expressions ------------------------------------------------------------------------------------------------ */

static bool take_expr(struct parser *s, unsigned depth);

/* The name of an operator and its "(". */
static bool take_op(struct parser *s, enum rql_op *op)
{
    size_t n = 0;
    while (s->p + n < s->end && s->p[n] >= 'a' && s->p[n] <= 'z')
        n++;
    for (size_t i = 0; i < sizeof op_texts / sizeof *op_texts; i++)
        if (slice_eq(slice_of(s->p, n), slice_str(op_texts[i]))) {
            *op = (enum rql_op)i;
            s->p += n;
            return need(s, '(', "'(' is expected");
        }
    return fail(s, "an operator is expected");
}

static bool take_children(struct parser *s, enum rql_op op, unsigned depth)
{
    if (depth == RQL_DEPTH_MAX)
        return fail(s, "it is nested too deeply");
    if (!take_expr(s, depth + 1))
        return false;
    while (op != RQL_NOT && take(s, ',')) {
        skip_space(s);
        if (!take_expr(s, depth + 1))
            return false;
    }
    return true;
}

static bool take_comparison(struct parser *s, size_t node, enum rql_op op)
{
    size_t first = s->q->n_literals;
    s->q->nodes[node].property = take_property(s);
    s->q->nodes[node].literal = first;
    if (op != RQL_EXISTS && op != RQL_EMPTY) {
        do {
            if (!need(s, ',', "',' is expected") || !take_literal(s))
                return false;
        } while (op == RQL_IN && at(s, ','));
    }
    s->q->nodes[node].n_literals = s->q->n_literals - first;
    return true;
}

static size_t add_node(struct parser *s, enum rql_op op)
{
    struct rql *q = s->q;
    if (q->n_nodes == s->nodes_cap) {
        s->nodes_cap = s->nodes_cap ? 2 * s->nodes_cap : 8;
        q->nodes = xrealloc_array(q->nodes, s->nodes_cap, sizeof *q->nodes);
    }
    q->nodes[q->n_nodes] = (struct rql_node){.op = op, .property = SLICE_NONE};
    return q->n_nodes++;
}

static bool take_expr(struct parser *s, unsigned depth)
{
    enum rql_op op;
    if (!take_op(s, &op))
        return false;
    size_t node = add_node(s, op);
    if (!(op <= RQL_NOT ? take_children(s, op, depth) : take_comparison(s, node, op)))
        return false;
    s->q->nodes[node].end = s->q->n_nodes;
    return need(s, ')', "')' is expected");
}

int rql_parse(struct rql *q, struct slice text, struct ditto_error *err)
{
    *q = (struct rql){.texts = xmalloc(text.len + 1)};
    struct parser s = {.start = text.p, .p = text.p, .end = text.p + text.len, .q = q, .text = q->texts};
    skip_space(&s);
    if (take_expr(&s, 0) && (s.p == s.end || fail(&s, "nothing more is expected")))
        return 0;
    rql_free(q);
    return ditto_fail(err, 400, "rql.expression.invalid", NULL, NULL,
                      "The filter is no valid RQL: %s at byte %zu.", s.why, (size_t)(s.p - s.start));
}

void rql_free(struct rql *q)
{
    free(q->nodes);
    free(q->literals);
    free(q->texts);
    *q = (struct rql){0};
}

/* --- the tree --------------------------------------------------------------------------------------------------- */

static void put_literal(struct buf *dst, const struct rql_literal *l)
{
    switch (l->type) {
    case RQL_NULL: buf_puts(dst, "null"); break;
    case RQL_FALSE: buf_puts(dst, "false"); break;
    case RQL_TRUE: buf_puts(dst, "true"); break;
    case RQL_LONG:
    case RQL_DOUBLE: buf_put_slice(dst, l->text); break;
    case RQL_STRING: json_put_text(dst, l->text); break;
    case RQL_PLACEHOLDER:
        buf_puts(dst, "{\"placeholder\":");
        json_put_text(dst, l->text);
        buf_putc(dst, '}');
        break;
    }
}

static void put_literals(struct buf *dst, const struct rql *q, const struct rql_node *n)
{
    const struct rql_literal *l = q->literals + n->literal;
    if (n->op != RQL_IN) {
        json_put_key(dst, S("value"));
        put_literal(dst, l);
        return;
    }
    json_put_key(dst, S("values"));
    buf_putc(dst, '[');
    for (size_t i = 0; i < n->n_literals; i++) {
        json_put_item(dst);
        put_literal(dst, l + i);
    }
    buf_putc(dst, ']');
}

static void put_node(struct buf *dst, const struct rql *q, size_t i)
{
    const struct rql_node *n = &q->nodes[i];
    buf_putc(dst, '{');
    json_put_member_text(dst, S("op"), slice_str(op_texts[n->op]));
    if (n->op <= RQL_NOT) {
        json_put_key(dst, S("children"));
        buf_putc(dst, '[');
        for (size_t child = i + 1; child < n->end; child = q->nodes[child].end) {
            json_put_item(dst);
            put_node(dst, q, child);
        }
        buf_putc(dst, ']');
    } else {
        json_put_member_text(dst, S("property"), n->property);
        if (n->n_literals)
            put_literals(dst, q, n);
    }
    buf_putc(dst, '}');
}

void rql_put(struct buf *dst, const struct rql *q)
{
    put_node(dst, q, 0);
}
