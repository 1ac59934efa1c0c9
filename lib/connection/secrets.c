#include "connection/secrets.h"

#include "connection/uri.h"

#include "base/banned.h"

/* Where a value stands, as far as secrets are concerned. */
enum zone {
    ELSEWHERE,
    DOCUMENT,
    CREDENTIALS,
    PARAMETERS,
    TUNNEL,
    SPECIFIC,
    ENDS, /* sources or targets */
    END,
    ADDRESSES,
    REPLY,
    MAPPING,
    DEFINITIONS,
    DEFINITION,
    OPTIONS,        /* of a mapper, at any depth */
    SECRET_OPTIONS, /* below a name that says so */
};

/* What a member leads to. The first row that fits counts; without one it is of no concern. */
static const struct step {
    enum zone from;
    const char *name; /* NULL: any */
    enum zone to;
    enum secret secret;
} steps[] = {
    {DOCUMENT, "uri", ELSEWHERE, SECRET_IN_URI},
    {DOCUMENT, "credentials", CREDENTIALS, SECRET_NONE},
    {DOCUMENT, "sshTunnel", TUNNEL, SECRET_NONE},
    {DOCUMENT, "specificConfig", SPECIFIC, SECRET_NONE},
    {DOCUMENT, "sources", ENDS, SECRET_NONE},
    {DOCUMENT, "targets", ENDS, SECRET_NONE},
    {TUNNEL, "uri", ELSEWHERE, SECRET_IN_URI},
    {TUNNEL, "credentials", CREDENTIALS, SECRET_NONE},
    {CREDENTIALS, "tokenEndpoint", ELSEWHERE, SECRET_IN_URI},
    {CREDENTIALS, "parameters", PARAMETERS, SECRET_NONE},
    {CREDENTIALS, "type", ELSEWHERE, SECRET_NONE},
    {CREDENTIALS, "username", ELSEWHERE, SECRET_NONE},
    {CREDENTIALS, "publicKey", ELSEWHERE, SECRET_NONE},
    {CREDENTIALS, "cert", ELSEWHERE, SECRET_NONE},
    {CREDENTIALS, "algorithm", ELSEWHERE, SECRET_NONE},
    {CREDENTIALS, "clientId", ELSEWHERE, SECRET_NONE},
    {CREDENTIALS, "requestedScopes", ELSEWHERE, SECRET_NONE},
    {CREDENTIALS, "audience", ELSEWHERE, SECRET_NONE},
    {CREDENTIALS, NULL, ELSEWHERE, SECRET_WHOLE},
    {PARAMETERS, "region", ELSEWHERE, SECRET_NONE},
    {PARAMETERS, "service", ELSEWHERE, SECRET_NONE},
    {PARAMETERS, "doubleEncode", ELSEWHERE, SECRET_NONE},
    {PARAMETERS, "canonicalHeaders", ELSEWHERE, SECRET_NONE},
    {PARAMETERS, "xAmzContentSha256", ELSEWHERE, SECRET_NONE},
    {PARAMETERS, "workspaceId", ELSEWHERE, SECRET_NONE},
    {PARAMETERS, "sharedKeyName", ELSEWHERE, SECRET_NONE},
    {PARAMETERS, "endpoint", ELSEWHERE, SECRET_NONE},
    {PARAMETERS, "ttl", ELSEWHERE, SECRET_NONE},
    {PARAMETERS, NULL, ELSEWHERE, SECRET_WHOLE},
    {SPECIFIC, NULL, ELSEWHERE, SECRET_WHOLE},
    {DOCUMENT, "mappingDefinitions", DEFINITIONS, SECRET_NONE},
    {DOCUMENT, "mappingContext", DEFINITION, SECRET_NONE},
    {DEFINITIONS, NULL, DEFINITION, SECRET_NONE},
    {DEFINITION, "options", OPTIONS, SECRET_NONE},
    {OPTIONS, NULL, OPTIONS, SECRET_TO_MAP},
    {SECRET_OPTIONS, NULL, SECRET_OPTIONS, SECRET_TO_MAP},
    {ENDS, NULL, END, SECRET_NONE},
    {END, "address", ELSEWHERE, SECRET_IN_ADDRESS},
    {END, "addresses", ADDRESSES, SECRET_NONE},
    {ADDRESSES, NULL, ELSEWHERE, SECRET_IN_ADDRESS},
    {END, "headerMapping", MAPPING, SECRET_NONE},
    {END, "replyTarget", REPLY, SECRET_NONE},
    {REPLY, "address", ELSEWHERE, SECRET_IN_ADDRESS},
    {REPLY, "headerMapping", MAPPING, SECRET_NONE},
    {MAPPING, NULL, ELSEWHERE, SECRET_TO_MAP},
};

static const struct step *step_from(enum zone from, struct slice name)
{
    static const struct step none = {ELSEWHERE, NULL, ELSEWHERE, SECRET_NONE};
    for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
        if (steps[i].from == from && (!steps[i].name || slice_eq(name, slice_str(steps[i].name))))
            return &steps[i];
    }
    return &none;
}

static bool is_list(struct json v)
{
    return v.type == JSON_OBJECT || v.type == JSON_ARRAY;
}

static bool is_flag(struct json v)
{
    return v.type == JSON_NULL || v.type == JSON_TRUE || v.type == JSON_FALSE;
}

/* Only the name, or the value, of these says that they are secret. */
static bool goes_by_name(enum zone z)
{
    return z == SPECIFIC || z == MAPPING || z == OPTIONS || z == SECRET_OPTIONS;
}

/* mere: placeholders count, too. */
static enum secret kind_of_text(const struct step *step, bool named, bool mere, struct slice text)
{
    struct uri_parts ignored;
    if (named)
        return mere || has_constant(text) ? step->secret : SECRET_NONE;
    if (step->from == MAPPING && credentials_in_header(text).p)
        return SECRET_IN_HEADER;
    return url_split(text, &ignored) < 0  ? SECRET_NONE
           : step->secret == SECRET_WHOLE ? SECRET_IN_URI
                                          : SECRET_IN_ADDRESS;
}

static enum secret kind_by_name(const struct step *step, bool named, bool mere, struct json value)
{
    bool deep = step->from == OPTIONS || step->from == SECRET_OPTIONS;
    if (deep && (is_list(value) || is_flag(value)))
        return SECRET_NONE;
    if (value.type != JSON_STRING)
        return named ? step->secret : SECRET_NONE;
    struct buf decoded = {0};
    enum secret kind = kind_of_text(step, named, mere, json_text(value, &decoded));
    buf_wipe(&decoded);
    return kind;
}

static bool is_named(const struct step *step, struct slice name)
{
    return step->from == SECRET_OPTIONS || (goes_by_name(step->from) && sounds_secret(name));
}

static enum secret secret_at(const struct step *step, struct slice name, bool mere, struct json value)
{
    if (value.type == JSON_NULL || step->secret == SECRET_NONE)
        return SECRET_NONE;
    return goes_by_name(step->from) ? kind_by_name(step, is_named(step, name), mere, value) : step->secret;
}

static enum zone zone_below(const struct step *step, struct slice name)
{
    return step->from == OPTIONS && is_named(step, name) ? SECRET_OPTIONS : step->to;
}

/* --- rewriting --- */

struct rewrite {
    struct buf *dst;
    put_secret *put;
    void *arg;
    bool mere; /* also where a secret could stand, but mere placeholders do */
};

static void rewrite(struct rewrite *w, enum zone zone, struct where at, struct json v);

static void rewrite_member(struct rewrite *w, enum zone zone, struct slice name, struct where at,
                           struct json v)
{
    const struct step *step = step_from(zone, name);
    enum secret kind = secret_at(step, name, w->mere, v);
    if (kind != SECRET_NONE)
        w->put(w->arg, w->dst, kind, at, v);
    else
        rewrite(w, zone_below(step, name), at, v);
}

static void rewrite_object(struct rewrite *w, enum zone zone, struct where at, struct json v)
{
    struct buf decoded = {0};
    struct json_iter it = json_iter(v);
    buf_putc(w->dst, '{');
    while (json_next(&it)) {
        struct slice name = json_raw_text(it.key, &decoded);
        json_put_item(w->dst);
        buf_putc(w->dst, '"');
        buf_put_slice(w->dst, it.key);
        buf_puts(w->dst, "\":");
        rewrite_member(w, zone, name, where_key(at, name), it.value);
        buf_reset(&decoded, 0);
    }
    buf_putc(w->dst, '}');
    buf_free(&decoded);
}

static void rewrite_array(struct rewrite *w, enum zone zone, struct where at, struct json v)
{
    struct json_iter it = json_iter(v);
    buf_putc(w->dst, '[');
    for (size_t i = 0; json_next(&it); i++) {
        json_put_item(w->dst);
        rewrite_member(w, zone, S(""), where_index(at, i), it.value);
    }
    buf_putc(w->dst, ']');
}

static void rewrite(struct rewrite *w, enum zone zone, struct where at, struct json v)
{
    bool deep = zone == OPTIONS || zone == SECRET_OPTIONS, listed = zone == ENDS || zone == ADDRESSES;
    if (v.type == JSON_OBJECT && zone != ELSEWHERE && !listed)
        rewrite_object(w, zone, at, v);
    else if (v.type == JSON_ARRAY && (listed || deep))
        rewrite_array(w, zone, at, v);
    else
        json_put_compact(w->dst, v);
}

void secrets_rewrite(struct buf *dst, struct json doc, put_secret *put, void *arg)
{
    struct rewrite w = {dst, put, arg, false};
    rewrite(&w, DOCUMENT, WHERE_ROOT, doc);
}

void secrets_visit(struct json doc, put_secret *visit, void *arg)
{
    struct buf ignored = {0};
    struct rewrite w = {&ignored, visit, arg, true};
    rewrite(&w, DOCUMENT, WHERE_ROOT, doc);
    buf_wipe(&ignored);
}
