/* headers.c: what crosses the border, and in which form. */
#include "protocol/headers.h"

#include <stdlib.h>

#include "json/pointer.h"
#include "protocol/acks.h"
#include "protocol/duration.h"
#include "protocol/ids.h"

#include "base/banned.h"

/* --- the table -------------------------------------------------------------------------------------------------- */

#define RULE(name, kind, in, out) WRITTEN(name, kind, in, out, 0)
#define WRITTEN(name, kind, in, out, without)                                                                \
    {                                                                                                        \
        {name, sizeof name - 1}, HEADER_OF_##kind, in, out, without                                          \
    }

/* In alphabetical order. The six that describe a message are typed there only and are plain strings elsewhere. */
static const struct header_rule rules[] = {
    RULE("accept", TEXT, true, false),
    RULE("allow-policy-lockout", BOOL, true, false),
    RULE("at-historical-revision", INT, true, false),
    RULE("at-historical-timestamp", TEXT, true, false),
    RULE("authorization", TEXT, true, false),
    WRITTEN("channel", CHANNEL, true, true, WITHOUT_CHANNEL),
    RULE("condition", TEXT, true, false),
    WRITTEN("content-type", TEXT, true, true, WITHOUT_CONTENT_TYPE),
    RULE("correlation-id", SOMETHING, true, true),
    RULE("declared-acks", STRINGS, true, false),
    RULE("delete-metadata", SELECTOR, true, false),
    RULE("ditto-ackgregator-address", SOMETHING, false, false),
    RULE("ditto-auth-context", OBJECT, false, false),
    RULE("ditto-connection-id", TEXT, false, true),
    RULE("ditto-dry-run", BOOL, false, false),
    WRITTEN("ditto-entity-id", TEXT, false, false, WITHOUT_ENTITY_ID),
    RULE("ditto-event-journal-tags", STRINGS, false, false),
    RULE("ditto-expected-response-types", STRINGS, false, false),
    RULE("ditto-inbound-payload-mapper", TEXT, false, false),
    WRITTEN("ditto-message-direction", TEXT, false, true, WITHOUT_MESSAGE),
    WRITTEN("ditto-message-feature-id", TEXT, false, true, WITHOUT_MESSAGE),
    WRITTEN("ditto-message-subject", TEXT, false, true, WITHOUT_MESSAGE),
    WRITTEN("ditto-message-thing-id", TEXT, false, true, WITHOUT_MESSAGE),
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
    WRITTEN("entity-revision", INT, false, true, WITHOUT_ENTITY_REVISION),
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
    WRITTEN("requested-acks", LABELS, true, true, WITHOUT_REQUESTED_ACKS),
    WRITTEN("response-required", BOOL, true, true, WITHOUT_RESPONSE_REQUIRED),
    WRITTEN("status", TEXT, true, true, WITHOUT_MESSAGE),
    RULE("timeout", DURATION, true, true),
    RULE("timestamp", TEXT, true, true),
    RULE("traceparent", TEXT, true, true),
    RULE("tracestate", TEXT, true, true),
    RULE("www-authenticate", TEXT, false, true),
};
enum { N_RULES = sizeof rules / sizeof *rules, LONGEST = 41, SLOTS = 256 };

/* Where each name is: by a hash of its length and ends. */
static unsigned char slots[SLOTS]; /* rule + 1, 0: none */

static unsigned slot_of(struct slice name)
{
    return ((unsigned)name.len * 8 + (unsigned char)name.p[0] * 5 + (unsigned char)name.p[name.len - 1] * 3) %
           SLOTS;
}

static void index_rules(void)
{
    for (unsigned i = 0; i < N_RULES; i++) {
        unsigned at = slot_of(rules[i].name);
        while (slots[at])
            at = (at + 1) % SLOTS;
        slots[at] = (unsigned char)(i + 1);
    }
}

static const struct header_rule *exact_rule(struct slice name)
{
    static bool indexed;
    if (name.len > LONGEST || name.len == 0)
        return NULL;
    if (!indexed)
        index_rules();
    indexed = true;
    for (unsigned at = slot_of(name); slots[at]; at = (at + 1) % SLOTS)
        if (slice_eq(rules[slots[at] - 1].name, name))
            return &rules[slots[at] - 1];
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

/* Mostly it is some seconds; what else there is, others know. */
static bool is_duration(struct slice text)
{
    struct ditto_error ignored;
    size_t n = 0;
    while (n < text.len && n < 9 && text.p[n] >= '0' && text.p[n] <= '9')
        n++;
    if (n && n + 1 == text.len && text.p[n] == 's')
        return true;
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
    bool plain;   /* nothing is written with escapes */
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
    if (value.type != JSON_STRING)
        return json_slice(value);
    if (p->plain)
        return json_raw(value);
    buf_cut(&p->text, 0);
    return json_text(value, &p->text);
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

/* As it was written: mostly all of it in one piece. */
static int put_own(struct pass *p, const struct item *h)
{
    const char *behind = h->raw_name.p + h->raw_name.len + 2;
    if (h->value.p != behind)
        return put_raw(p, h, json_slice(h->value));
    json_put_item(p->dst);
    buf_put(p->dst, h->raw_name.p - 1, h->raw_name.len + 3 + h->value.len);
    p->seen->size += h->raw_name.len + h->value.len;
    return 0;
}

/* As a string. A string leaves as it was written. */
static int put_text(struct pass *p, const struct item *h)
{
    if (h->value.type == JSON_STRING) {
        p->seen->size -= 2; /* the quotes */
        return put_own(p, h);
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
    if (h->value.type == JSON_TRUE || h->value.type == JSON_FALSE)
        return put_own(p, h);
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

static bool element_fits(struct pass *p, struct json v, enum header_kind kind)
{
    struct ditto_error ignored;
    ignored.status = 0;
    return v.type == JSON_STRING &&
           (kind != HEADER_OF_LABELS || ack_label_check(text_of(p, v), &ignored) == 0);
}

static bool elements_fit(struct pass *p, struct json array, enum header_kind kind)
{
    struct json_iter it = json_iter(array);
    while (json_next(&it))
        if (!element_fits(p, it.value, kind))
            return false;
    return true;
}

static int put_labels_out(struct pass *p, const struct item *h, struct json array)
{
    size_t before = p->dst->len, size = p->seen->size;
    put_name(p, h);
    size_t at = p->dst->len;
    bool shown = acks_put_shown(p->dst, array, SLICE_NONE);
    p->seen->size += p->dst->len - at;
    if (!shown) {
        buf_cut(p->dst, before);
        p->seen->size = size;
    }
    return 0;
}

static int put_array(struct pass *p, const struct item *h, enum header_kind kind, bool known)
{
    struct json array;
    if (known && h->value.type == JSON_STRING && h->value.len == 2 && kind == HEADER_OF_LABELS && !p->strings)
        return refuse(p, h, "json.format.invalid");
    if (!array_of(p, h, &array))
        return refuse(p, h, known ? "header.invalid" : "json.invalid");
    if (known && !elements_fit(p, array, kind))
        return refuse(p, h, "header.invalid");
    if (kind == HEADER_OF_LABELS && p->border == BORDER_OUT)
        return put_labels_out(p, h, array);
    if (!memchr(array.p, '\n', array.len))
        return put_raw(p, h, json_slice(array));
    struct buf compact = {0}; /* a string may spell an array over several lines */
    json_put_compact(&compact, array);
    int r = put_raw(p, h, buf_slice(&compact));
    buf_free(&compact);
    return r;
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
    if (rule->without & WITHOUT_CONTENT_TYPE)
        p->seen->content_type = value;
    if (rule->without & WITHOUT_RESPONSE_REQUIRED)
        p->seen->response_required = value;
    return rule->without & p->without;
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
    if (crosses && !written) {
        bool any = rule->kind == HEADER_OF_TEXT || (rule->kind == HEADER_OF_SOMETHING && h->value.len > 2);
        return any && h->value.type == JSON_STRING ? put_text(p, h) : put_value(p, h, rule->kind, known);
    }
    size_t before = p->dst->len, size = p->seen->size;
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
        if (a.p[i] != b.p[i] && lower(a.p[i]) != lower(b.p[i]))
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

/* Marks every item that a later spelling of its name replaces. */
static void mark_replaced(struct item *v, size_t n)
{
    struct item **order = xcalloc(n, sizeof(struct item *));
    for (size_t i = 0; i < n; i++)
        order[i] = &v[i];
    qsort(order, n, sizeof(struct item *), item_order);
    for (size_t i = 1; i < n; i++)
        order[i - 1]->replaced = same_name(order[i - 1]->name, order[i]->name);
    free(order);
}

/* The name of a header, decoded. What is handed out must not move, and decoded is never longer. */
static struct slice name_of(struct slice raw, struct json headers, struct buf *names)
{
    if (!memchr(raw.p, '\\', raw.len))
        return raw;
    if (!names->cap)
        buf_room(names, headers.len);
    return json_raw_text(raw, names);
}

/* The members that are not null. */
static size_t gather(struct json headers, struct item *v, struct buf *names)
{
    size_t n = 0;
    struct json_iter it = json_iter(headers);
    while (json_next(&it))
        if (it.value.type != JSON_NULL)
            v[n++] = (struct item){it.key, name_of(it.key, headers, names), it.value, false};
    return n;
}

/* Does another spelling of its name follow? */
static bool is_replaced(const struct json_member *m, const struct json_member *end)
{
    for (const struct json_member *later = m + 1; later < end; later++)
        if (later->key.len == m->key.len && later->value.type != JSON_NULL && same_name(later->key, m->key))
            return true;
    return false;
}

/* Are all names different? A quick look may say no where they are. */
static bool all_differ(const struct json_member *m, const struct json_member *end)
{
    uint64_t seen = 0;
    for (; m < end; m++) {
        unsigned last = m->key.len ? m->key.p[m->key.len - 1] | 0x20 : 0;
        uint64_t bit = UINT64_C(1) << ((m->key.len * 7 + last) % 64);
        if (seen & bit)
            return false;
        seen |= bit;
    }
    return true;
}

/* Few headers, all of them gathered, none with escapes: the usual. */
static int put_few(struct pass *p, const struct json_view *headers)
{
    const struct json_member *end = headers->v + headers->n;
    bool differ = all_differ(headers->v, end);
    for (const struct json_member *m = headers->v; m < end; m++) {
        struct item h = {m->key, m->key, m->value, false};
        if (m->value.type != JSON_NULL && (differ || !is_replaced(m, end)) && put_header(p, &h) < 0)
            return -1;
    }
    return 0;
}

static int put_many(struct pass *p, const struct json_view *headers)
{
    struct item *v = xcalloc(headers->n, sizeof *v);
    struct buf names = {0};
    size_t n = gather(headers->object, v, &names);
    int r = 0;
    mark_replaced(v, n);
    for (size_t i = 0; i < n && r == 0; i++)
        if (!v[i].replaced)
            r = put_header(p, &v[i]);
    free(v);
    buf_free(&names);
    return r;
}

static int put_pass(struct pass *p, const struct json_view *headers)
{
    *p->seen = (struct header_values){0};
    p->plain = !headers->escaped;
    int r = p->plain && headers->n <= VIEW_MEMBERS ? put_few(p, headers) : put_many(p, headers);
    buf_free(&p->text);
    buf_free(&p->list);
    return r;
}

int headers_put_view(struct buf *dst, const struct json_view *headers, enum header_border border,
                     unsigned without, struct header_values *seen, struct ditto_error *err)
{
    struct header_values own;
    struct pass p = {
        .dst = dst, .border = border, .without = without, .seen = seen ? seen : &own, .err = err};
    return put_pass(&p, headers);
}

int headers_put(struct buf *dst, struct json headers, enum header_border border, unsigned without,
                struct header_values *seen, struct ditto_error *err)
{
    struct json_view view;
    json_view_fill(&view, headers);
    return headers_put_view(dst, &view, border, without, seen, err);
}

int headers_put_strings(struct buf *dst, struct json headers, struct ditto_error *err)
{
    struct json_view view;
    struct header_values seen;
    struct pass p = {.dst = dst, .border = BORDER_IN, .strings = true, .seen = &seen, .err = err};
    json_view_fill(&view, headers);
    return put_pass(&p, &view);
}
