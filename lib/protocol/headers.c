/* headers.c: what crosses the border, and in which form. */
#include "protocol/headers.h"

#include <stdlib.h>

#include "json/pointer.h"
#include "protocol/duration.h"
#include "protocol/ids.h"

#include "base/banned.h"

/* --- the table -------------------------------------------------------------------------------------------------- */

#define RULE(name, kind, in, out)                                                                            \
    {                                                                                                        \
        {name, sizeof name - 1}, HEADER_OF_##kind, in, out                                                   \
    }

/* In alphabetical order. The six that describe a message are typed there only and are plain strings elsewhere. */
static const struct header_rule rules[] = {
    RULE("accept", TEXT, true, false),
    RULE("allow-policy-lockout", BOOL, true, false),
    RULE("at-historical-revision", INT, true, false),
    RULE("at-historical-timestamp", TEXT, true, false),
    RULE("authorization", TEXT, true, false),
    RULE("channel", CHANNEL, true, true),
    RULE("condition", TEXT, true, false),
    RULE("content-type", TEXT, true, true),
    RULE("correlation-id", SOMETHING, true, true),
    RULE("declared-acks", STRINGS, true, false),
    RULE("delete-metadata", SELECTOR, true, false),
    RULE("ditto-ackgregator-address", SOMETHING, false, false),
    RULE("ditto-auth-context", OBJECT, false, false),
    RULE("ditto-connection-id", TEXT, false, true),
    RULE("ditto-dry-run", BOOL, false, false),
    RULE("ditto-entity-id", TEXT, false, false),
    RULE("ditto-event-journal-tags", STRINGS, false, false),
    RULE("ditto-expected-response-types", STRINGS, false, false),
    RULE("ditto-inbound-payload-mapper", TEXT, false, false),
    RULE("ditto-message-direction", TEXT, false, true),
    RULE("ditto-message-feature-id", TEXT, false, true),
    RULE("ditto-message-subject", TEXT, false, true),
    RULE("ditto-message-thing-id", TEXT, false, true),
    RULE("ditto-metadata", OBJECT, false, true),
    RULE("ditto-origin", TEXT, false, false),
    RULE("ditto-originator", TEXT, false, true),
    RULE("ditto-partial-access-paths", OBJECT, false, false),
    RULE("ditto-policy-view-fields-selector", TEXT, false, false),
    RULE("ditto-pre-defined-extra-fields", STRINGS, false, false),
    RULE("ditto-pre-defined-extra-fields-object", OBJECT, false, false),
    RULE("ditto-pre-defined-extra-fields-read-grant", OBJECT, false, false),
    RULE("ditto-read-revoked-subjects", STRINGS, false, false),
    RULE("ditto-read-subjects", STRINGS, false, false),
    RULE("ditto-reply-target", INT, false, false),
    RULE("ditto-retrieve-deleted", BOOL, false, false),
    RULE("ditto-sudo", BOOL, false, false),
    RULE("ditto-weak-ack", BOOL, false, true),
    RULE("divert-expected-response-types", SOMETHING, true, false),
    RULE("divert-response-to-connection", SOMETHING, true, false),
    RULE("diverted-response-from-connection", SOMETHING, true, true),
    RULE("dry-run", BOOL, true, true),
    RULE("entity-revision", INT, false, true),
    RULE("etag", ETAG, false, true),
    RULE("get-metadata", SELECTOR, true, false),
    RULE("historical-headers", OBJECT, false, true),
    RULE("if-equal", TEXT, true, false),
    RULE("if-match", ETAGS, true, false),
    RULE("if-none-match", ETAGS, true, false),
    RULE("live-channel-condition", TEXT, true, false),
    RULE("live-channel-condition-matched", BOOL, false, true),
    RULE("live-channel-timeout-strategy", TEXT, true, false),
    RULE("location", TEXT, true, true),
    RULE("merge-thing-patch-conditions", OBJECT, true, false),
    RULE("policy-view", TEXT, true, false),
    RULE("put-metadata", METADATA, true, false),
    RULE("reply-to", TEXT, true, true),
    RULE("requested-acks", LABELS, true, true),
    RULE("response-required", BOOL, true, true),
    RULE("status", TEXT, true, true),
    RULE("timeout", DURATION, true, true),
    RULE("timestamp", TEXT, true, true),
    RULE("traceparent", TEXT, true, true),
    RULE("tracestate", TEXT, true, true),
    RULE("www-authenticate", TEXT, false, true),
};
enum { N_RULES = sizeof rules / sizeof *rules, LONGEST = 41 };

/* The rules by length of their name: what a name is compared with is few. */
static unsigned char by_length[N_RULES], first_of[LONGEST + 2];

static void index_rules(void)
{
    unsigned n = 0;
    for (unsigned len = 0; len <= LONGEST; len++) {
        first_of[len] = (unsigned char)n;
        for (unsigned i = 0; i < N_RULES; i++)
            if (rules[i].name.len == len)
                by_length[n++] = (unsigned char)i;
    }
    first_of[LONGEST + 1] = (unsigned char)n;
}

static const struct header_rule *exact_rule(struct slice name)
{
    if (name.len > LONGEST || name.len == 0)
        return NULL;
    if (first_of[LONGEST + 1] == 0)
        index_rules();
    for (unsigned i = first_of[name.len]; i < first_of[name.len + 1]; i++) {
        const struct header_rule *r = &rules[by_length[i]];
        if (memcmp(r->name.p, name.p, name.len) == 0)
            return r;
    }
    return NULL;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static bool has_capital(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.p[i] >= 'A' && s.p[i] <= 'Z')
            return true;
    return false;
}

const struct header_rule *header_rule(struct slice name)
{
    char low[LONGEST];
    const struct header_rule *r = exact_rule(name);
    if (r || name.len > LONGEST || !has_capital(name))
        return r;
    for (size_t i = 0; i < name.len; i++)
        low[i] = lower(name.p[i]);
    return exact_rule(slice_of(low, name.len));
}

const struct header_rule *header_rules(size_t *n)
{
    *n = N_RULES;
    return rules;
}

/* --- texts ------------------------------------------------------------------------------------------------------ */

static bool is_duration(struct slice text)
{
    struct ditto_error ignored;
    struct duration d;
    ignored.status = 0;
    return duration_parse(text, &d, &ignored) == 0;
}

/* [W/]"…" without quotes and stars inside */
static bool is_etag(struct slice tag)
{
    tag = slice_skip(tag, slice_starts(tag, S("W/")) ? 2 : 0);
    if (tag.len < 2 || tag.p[0] != '"' || tag.p[tag.len - 1] != '"')
        return false;
    struct slice inner = slice_of(tag.p + 1, tag.len - 2);
    return !inner.len || (!memchr(inner.p, '"', inner.len) && !memchr(inner.p, '*', inner.len));
}

/* A comma at the end is tolerated. */
static bool are_etags(struct slice text)
{
    if (!slice_trim(text).len)
        return false;
    while (text.p && slice_trim(text).len) {
        struct slice tag = slice_trim(slice_cut(&text, ','));
        if (!slice_eq(tag, S("*")) && !is_etag(tag))
            return false;
    }
    return true;
}

static bool is_channel(struct slice text)
{
    text = slice_trim(text);
    char low[4];
    for (size_t i = 0; i < 4 && text.len == 4; i++)
        low[i] = lower(text.p[i]);
    return text.len == 4 && (memcmp(low, "twin", 4) == 0 || memcmp(low, "live", 4) == 0);
}

static bool parentheses_pair(struct slice text)
{
    size_t open = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.p[i] == '(')
            open++;
        else if (text.p[i] == ')' && open-- == 0)
            return false;
    }
    return open == 0;
}

static bool text_fits(enum header_kind kind, struct slice text)
{
    switch (kind) {
    case HEADER_OF_SOMETHING: return text.len > 0;
    case HEADER_OF_ETAG: return is_etag(text);
    case HEADER_OF_ETAGS: return are_etags(text);
    case HEADER_OF_CHANNEL: return is_channel(text);
    case HEADER_OF_DURATION: return is_duration(text);
    case HEADER_OF_SELECTOR: return parentheses_pair(text);
    default: return true;
    }
}

/* --- one header ------------------------------------------------------------------------------------------------- */

/* The way over a header object. */
struct pass {
    struct buf *dst;
    enum header_border border;
    unsigned without;
    bool strings; /* arrays may be comma lists */
    struct header_values *seen;
    struct ditto_error *err;
    struct buf text; /* of the value at hand, decoded */
    struct buf list; /* its elements, put together anew */
};

struct item {
    struct slice raw_name, name; /* as written, decoded */
    struct json value;
    bool replaced; /* another spelling of the name follows */
};

static int refuse(struct pass *p, const struct item *h, const char *code)
{
    return ditto_fail(p->err, 400, code, "See the documentation of that header for what it takes.", NULL,
                      "The value of the header '%.*s' is not valid.", SLICE_ARG(h->name));
}

static int refuse_value(struct pass *p, const struct item *h, enum header_kind kind)
{
    return refuse(p, h, kind == HEADER_OF_DURATION ? "timeout.invalid" : "header.invalid");
}

/* The text of the value: what a string says, else its JSON. */
static struct slice text_of(struct pass *p, struct json value)
{
    buf_cut(&p->text, 0);
    return value.type == JSON_STRING ? json_text(value, &p->text) : json_slice(value);
}

static void put_name(struct pass *p, const struct item *h)
{
    json_put_item(p->dst);
    buf_putc(p->dst, '"');
    buf_put_slice(p->dst, h->raw_name);
    buf_put(p->dst, "\":", 2);
    p->seen->size += h->raw_name.len;
}

static int put_raw(struct pass *p, const struct item *h, struct slice raw)
{
    put_name(p, h);
    buf_put_slice(p->dst, raw);
    p->seen->size += raw.len;
    return 0;
}

/* As a string. A string leaves as it was written. */
static int put_text(struct pass *p, const struct item *h)
{
    if (h->value.type == JSON_STRING) {
        p->seen->size -= 2; /* the quotes */
        return put_raw(p, h, json_slice(h->value));
    }
    buf_cut(&p->text, 0);
    json_put_compact(&p->text, h->value);
    put_name(p, h);
    p->seen->size += p->text.len;
    json_put_text(p->dst, buf_slice(&p->text));
    return 0;
}

/* The value, or the one that its string spells. */
static bool native(struct pass *p, struct json value, struct json *out)
{
    *out = value;
    if (value.type != JSON_STRING)
        return true;
    return json_parse(text_of(p, value), out, NULL) == 0;
}

static int put_bool(struct pass *p, const struct item *h, bool known)
{
    struct json v;
    bool fits = native(p, h->value, &v) && (v.type == JSON_TRUE || v.type == JSON_FALSE);
    if (!fits || (h->value.type == JSON_STRING && h->value.len != v.len + 2))
        return known ? refuse(p, h, "header.invalid") : refuse(p, h, "json.invalid");
    return put_raw(p, h, json_slice(v));
}

static int put_int(struct pass *p, const struct item *h, bool known)
{
    int64_t n;
    struct json v;
    if (!native(p, h->value, &v) || json_int(v, &n) < 0)
        return refuse(p, h, known ? "header.invalid" : "json.invalid");
    return put_raw(p, h, json_slice(v));
}

static int put_object(struct pass *p, const struct item *h, bool known)
{
    struct json v;
    if (!native(p, h->value, &v) || v.type != JSON_OBJECT)
        return refuse(p, h, known ? "header.invalid" : "json.invalid");
    buf_cut(&p->list, 0);
    json_put_compact(&p->list, v);
    return put_raw(p, h, buf_slice(&p->list));
}

/* A comma list as an array. */
static void split_list(struct buf *dst, struct slice text)
{
    buf_putc(dst, '[');
    while (text.p && slice_trim(text).len) {
        json_put_item(dst);
        json_put_text(dst, slice_trim(slice_cut(&text, ',')));
    }
    buf_putc(dst, ']');
}

/* The array that the value is or spells. */
static bool array_of(struct pass *p, const struct item *h, struct json *out)
{
    if (native(p, h->value, out) && out->type == JSON_ARRAY)
        return true;
    if (!p->strings || h->value.type != JSON_STRING)
        return false;
    buf_cut(&p->list, 0);
    split_list(&p->list, text_of(p, h->value));
    return json_parse(buf_slice(&p->list), out, NULL) == 0;
}

static bool elements_fit(struct json array, enum header_kind kind)
{
    struct buf text = {0};
    struct json_iter it = json_iter(array);
    bool fit = true;
    while (fit && json_next(&it)) {
        struct ditto_error ignored;
        ignored.status = 0;
        fit = it.value.type == JSON_STRING &&
              (kind != HEADER_OF_LABELS || ack_label_check(json_text(it.value, &text), &ignored) == 0);
    }
    buf_free(&text);
    return fit;
}

static bool is_builtin(struct json label)
{
    struct buf text = {0};
    bool builtin = ack_label_builtin(json_text(label, &text));
    buf_free(&text);
    return builtin;
}

/* Labels that Ditto answers itself do not concern anybody outside; a list that had nothing else is not shown. */
static int put_labels_out(struct pass *p, const struct item *h, struct json array)
{
    struct buf kept = {0};
    struct json_iter it = json_iter(array);
    size_t n = 0, all = 0;
    buf_putc(&kept, '[');
    for (; json_next(&it); all++) {
        if (is_builtin(it.value))
            continue;
        json_put_item(&kept);
        buf_put_slice(&kept, json_slice(it.value));
        n++;
    }
    buf_putc(&kept, ']');
    int r = n || !all ? put_raw(p, h, buf_slice(&kept)) : 0;
    buf_free(&kept);
    return r;
}

static int put_array(struct pass *p, const struct item *h, enum header_kind kind, bool known)
{
    struct json array;
    if (known && h->value.type == JSON_STRING && h->value.len == 2 && kind == HEADER_OF_LABELS && !p->strings)
        return refuse(p, h, "json.format.invalid");
    if (!array_of(p, h, &array))
        return refuse(p, h, known ? "header.invalid" : "json.invalid");
    if (known && !elements_fit(array, kind))
        return refuse(p, h, "header.invalid");
    if (kind == HEADER_OF_LABELS && p->border == BORDER_OUT)
        return put_labels_out(p, h, array);
    return put_raw(p, h, json_slice(array));
}

/* --- put-metadata ----------------------------------------------------------------------------------------------- */

struct metadata {
    struct buf key; /* pointer, printed */
    struct slice value;
};

/* Keys that stand for every leaf come first. */
static int metadata_order(const void *a, const void *b)
{
    struct slice x = buf_slice(&((const struct metadata *)a)->key),
                 y = buf_slice(&((const struct metadata *)b)->key);
    bool wild_x = slice_starts(x, S("/*/")), wild_y = slice_starts(y, S("/*/"));
    return wild_x != wild_y ? wild_y - wild_x : slice_cmp(x, y);
}

static bool read_metadata(struct json entry, struct metadata *m)
{
    struct buf text = {0};
    struct pointer p;
    struct slice token;
    struct json value = json_get(entry, S("value"));
    bool good = value.type != JSON_ABSENT &&
                pointer_parse(&p, json_text(json_get(entry, S("key")), &text), POINTER_DITTO) && p.rest.p;
    m->value = json_slice(value);
    while (good && pointer_next(&p, &token))
        pointer_put_key(&m->key, pointer_key(token, POINTER_DITTO, &text), POINTER_DITTO);
    buf_free(&text);
    return good;
}

static void put_metadata_list(struct pass *p, const struct item *h, struct metadata *v, size_t n)
{
    struct buf list = {0};
    qsort(v, n, sizeof *v, metadata_order);
    buf_putc(&list, '[');
    for (size_t i = 0; i < n; i++) {
        json_put_item(&list);
        buf_putc(&list, '{');
        json_put_member_text(&list, S("key"), buf_slice(&v[i].key));
        json_put_member(&list, S("value"), v[i].value);
        buf_putc(&list, '}');
    }
    buf_putc(&list, ']');
    put_raw(p, h, buf_slice(&list));
    buf_free(&list);
}

/* What is no object counts as no entry, and no entries as no header. */
static int put_metadata(struct pass *p, const struct item *h)
{
    struct json array;
    size_t n = 0;
    bool good = true;
    if (h->value.type == JSON_STRING && h->value.len == 2)
        return 0;
    if (!native(p, h->value, &array) || array.type != JSON_ARRAY)
        return refuse(p, h, "header.invalid");
    struct metadata *v = xcalloc(json_count(array), sizeof *v);
    struct json_iter it = json_iter(array);
    while (good && json_next(&it))
        if (it.value.type == JSON_OBJECT)
            good = read_metadata(it.value, &v[n++]);
    if (good && n)
        put_metadata_list(p, h, v, n);
    for (size_t i = 0; i < n; i++)
        buf_free(&v[i].key);
    free(v);
    return good ? 0 : refuse(p, h, "header.invalid");
}

/* --- all headers ------------------------------------------------------------------------------------------------ */

/* Notes what somebody may want to know; true if the caller writes this one himself. */
static bool note(struct pass *p, const struct header_rule *rule, struct json value)
{
    switch (rule->name.len) {
    case 6: return slice_eq(rule->name, S("status")) && p->without & WITHOUT_MESSAGE;
    case 7:
        if (!slice_eq(rule->name, S("channel")))
            return false;
        p->seen->channel = value;
        return p->without & WITHOUT_CHANNEL;
    case 12:
        if (!slice_eq(rule->name, S("content-type")))
            return false;
        p->seen->content_type = value;
        return p->without & WITHOUT_CONTENT_TYPE;
    case 14:
        if (slice_eq(rule->name, S("correlation-id")))
            p->seen->correlation_id = value;
        return slice_eq(rule->name, S("requested-acks")) && p->without & WITHOUT_REQUESTED_ACKS;
    case 15:
        if (slice_eq(rule->name, S("ditto-entity-id"))) {
            p->seen->entity_id = value;
            return p->without & WITHOUT_ENTITY_ID;
        }
        return slice_eq(rule->name, S("entity-revision")) && p->without & WITHOUT_ENTITY_REVISION;
    case 17:
        if (!slice_eq(rule->name, S("response-required")))
            return false;
        p->seen->response_required = value;
        return p->without & WITHOUT_RESPONSE_REQUIRED;
    default: return p->without & WITHOUT_MESSAGE && slice_starts(rule->name, S("ditto-message-"));
    }
}

/* known: the name is spelled in lower case, so the value is judged. */
static int put_value(struct pass *p, const struct item *h, enum header_kind kind, bool known)
{
    switch (kind) {
    case HEADER_OF_TEXT: return put_text(p, h);
    case HEADER_OF_BOOL: return put_bool(p, h, known);
    case HEADER_OF_INT: return put_int(p, h, known);
    case HEADER_OF_OBJECT: return put_object(p, h, known);
    case HEADER_OF_STRINGS:
    case HEADER_OF_LABELS: return put_array(p, h, kind, known);
    case HEADER_OF_METADATA: return put_metadata(p, h);
    default: break;
    }
    if (known && !text_fits(kind, text_of(p, h->value)))
        return refuse_value(p, h, kind);
    return put_text(p, h);
}

static int put_header(struct pass *p, const struct item *h)
{
    const struct header_rule *rule = exact_rule(h->name);
    bool known = rule != NULL;
    if (!rule && has_capital(h->name))
        rule = header_rule(h->name);
    if (!rule)
        return put_text(p, h);
    bool written = note(p, rule, h->value);
    bool crosses = p->border == BORDER_NONE || (p->border == BORDER_IN ? rule->in : rule->out);
    size_t before = p->dst->len, size = p->seen->size;
    if (crosses && !written)
        return put_value(p, h, rule->kind, known);
    int r = known ? put_value(p, h, rule->kind, true) : 0; /* judged all the same */
    buf_cut(p->dst, before);
    p->seen->size = size;
    return r;
}

static bool same_name(struct slice a, struct slice b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.p[i]) != lower(b.p[i]))
            return false;
    return true;
}

static int item_order(const void *a, const void *b)
{
    const struct item *x = *(const struct item *const *)a, *y = *(const struct item *const *)b;
    size_t n = x->name.len < y->name.len ? x->name.len : y->name.len;
    for (size_t i = 0; i < n; i++) {
        int c = (unsigned char)lower(x->name.p[i]) - (unsigned char)lower(y->name.p[i]);
        if (c)
            return c;
    }
    if (x->name.len != y->name.len)
        return x->name.len < y->name.len ? -1 : 1;
    return x < y ? -1 : 1;
}

enum { FEW = 16 };

/* Marks every item that a later spelling of its name replaces. */
static void mark_replaced(struct item *v, size_t n)
{
    if (n <= FEW) {
        for (size_t i = 1; i < n; i++)
            for (size_t k = 0; k < i; k++)
                v[k].replaced |= same_name(v[k].name, v[i].name);
        return;
    }
    struct item **order = xcalloc(n, sizeof(struct item *));
    for (size_t i = 0; i < n; i++)
        order[i] = &v[i];
    qsort(order, n, sizeof(struct item *), item_order);
    for (size_t i = 1; i < n; i++)
        order[i - 1]->replaced = same_name(order[i - 1]->name, order[i]->name);
    free(order);
}

/* The members that are not null; *v is few, or allocated. */
static size_t collect(struct json headers, struct item *few, struct item **v, struct buf *names)
{
    size_t n = 0, cap = FEW;
    struct json_iter it = json_iter(headers);
    *v = few;
    while (json_next(&it)) {
        if (it.value.type == JSON_NULL)
            continue;
        if (n == cap) {
            struct item *more = xcalloc(cap *= 2, sizeof *more);
            memcpy(more, *v, n * sizeof *more);
            if (*v != few)
                free(*v);
            *v = more;
        }
        struct slice name = it.key;
        if (memchr(it.key.p, '\\', it.key.len)) {
            if (!names->cap) /* what is handed out must not move, and decoded is never longer */
                buf_room(names, headers.len);
            name = json_raw_text(it.key, names);
        }
        (*v)[n++] = (struct item){it.key, name, it.value, false};
    }
    return n;
}

static int put_all(struct pass *p, struct json headers)
{
    struct item few[FEW], *v;
    struct buf names = {0};
    int r = 0;
    if (headers.type != JSON_OBJECT)
        return 0;
    size_t n = collect(headers, few, &v, &names);
    mark_replaced(v, n);
    for (size_t i = 0; i < n && r == 0; i++)
        if (!v[i].replaced)
            r = put_header(p, &v[i]);
    if (v != few)
        free(v);
    buf_free(&names);
    return r;
}

int headers_put(struct buf *dst, struct json headers, enum header_border border, unsigned without,
                struct header_values *seen, struct ditto_error *err)
{
    struct header_values own;
    struct pass p = {
        .dst = dst, .border = border, .without = without, .seen = seen ? seen : &own, .err = err};
    *p.seen = (struct header_values){0};
    int r = put_all(&p, headers);
    buf_free(&p.text);
    buf_free(&p.list);
    return r;
}

int headers_put_strings(struct buf *dst, struct json headers, struct ditto_error *err)
{
    struct header_values seen = {0};
    struct pass p = {.dst = dst, .border = BORDER_IN, .strings = true, .seen = &seen, .err = err};
    int r = put_all(&p, headers);
    buf_free(&p.text);
    buf_free(&p.list);
    return r;
}
