#include "connection/secrets.h"

#include <strings.h>

#include "protocol/template.h"

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
    REPLY,
    MAPPING
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
    {ENDS, NULL, END, SECRET_NONE},
    {END, "headerMapping", MAPPING, SECRET_NONE},
    {END, "replyTarget", REPLY, SECRET_NONE},
    {REPLY, "headerMapping", MAPPING, SECRET_NONE},
    {MAPPING, NULL, ELSEWHERE, SECRET_HEADER},
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

static bool contains(struct slice s, const char *word)
{
    size_t n = strlen(word);
    for (size_t i = 0; i + n <= s.len; i++) {
        if (strncasecmp(s.p + i, word, n) == 0)
            return true;
    }
    return false;
}

static bool sounds_secret(struct slice name)
{
    static const char *const words[] = {
        "authorization", "password",    "passwd",     "secret",     "token",      "credential", "cookie",
        "api-key",       "apikey",      "api_key",    "access-key", "access_key", "accesskey",  "sharedkey",
        "shared-key",    "private-key", "privatekey", "passphrase", NULL};
    for (size_t i = 0; words[i]; i++) {
        if (contains(name, words[i]))
            return true;
    }
    return false;
}

/* Nothing but placeholders: it names a secret at most. */
static bool only_placeholders(struct json value)
{
    struct buf decoded = {0};
    struct slice rest = json_text(value, &decoded), literal, expression;
    bool only = rest.p != NULL;
    while (only && template_next(&rest, &literal, &expression))
        only = slice_trim(literal).len == 0;
    buf_wipe(&decoded);
    return only;
}

static enum secret secret_at(const struct step *step, struct slice name, struct json value)
{
    if (value.type == JSON_NULL)
        return SECRET_NONE;
    if (step->from == SPECIFIC || step->from == MAPPING)
        return sounds_secret(name) && !only_placeholders(value) ? step->secret : SECRET_NONE;
    return step->secret;
}

/* --- rewriting --- */

struct rewrite {
    struct buf *dst;
    put_secret *put;
    void *arg;
};

static void rewrite(struct rewrite *w, enum zone zone, struct where at, struct json v);

static void rewrite_member(struct rewrite *w, enum zone zone, struct slice name, struct where at,
                           struct json v)
{
    const struct step *step = step_from(zone, name);
    enum secret kind = secret_at(step, name, v);
    if (kind != SECRET_NONE)
        w->put(w->arg, w->dst, kind, at, v);
    else
        rewrite(w, step->to, at, v);
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
    if (v.type == JSON_OBJECT && zone != ELSEWHERE && zone != ENDS)
        rewrite_object(w, zone, at, v);
    else if (v.type == JSON_ARRAY && zone == ENDS)
        rewrite_array(w, zone, at, v);
    else
        json_put_compact(w->dst, v);
}

void secrets_rewrite(struct buf *dst, struct json doc, put_secret *put, void *arg)
{
    struct rewrite w = {dst, put, arg};
    rewrite(&w, DOCUMENT, WHERE_ROOT, doc);
}

void put_spliced(struct buf *dst, struct slice text, struct slice hole, struct slice with)
{
    size_t before = (size_t)(hole.p - text.p);
    struct buf b = {0};
    buf_put(&b, text.p, before);
    buf_put_slice(&b, with);
    buf_put_slice(&b, slice_skip(text, before + hole.len));
    json_put_text(dst, buf_slice(&b));
    buf_wipe(&b);
}
