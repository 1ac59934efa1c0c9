#include "connection/credentials.h"

#include <stdlib.h>

#include "base/base64.h"
#include "base/banned.h"

enum { REQUIRED_MAX = 5 };

static const struct shape {
    const char *type;
    const char *texts[REQUIRED_MAX];
    const char *object;
} shapes[] = {
    [CREDENTIAL_CLIENT_CERT] = {"client-cert", {NULL}, NULL},
    [CREDENTIAL_PLAIN] = {"plain", {"username", "password"}, NULL},
    [CREDENTIAL_PUBLIC_KEY] = {"public-key", {"username", "publicKey", "privateKey"}, NULL},
    [CREDENTIAL_HMAC] = {"hmac", {"algorithm"}, "parameters"},
    [CREDENTIAL_OAUTH_CLIENT] = {"oauth-client-credentials",
                                 {"tokenEndpoint", "clientId", "clientSecret", "requestedScopes"},
                                 NULL},
    [CREDENTIAL_OAUTH_PASSWORD] = {"oauth-password",
                                   {"tokenEndpoint", "clientId", "requestedScopes", "username", "password"},
                                   NULL},
};
_Static_assert(sizeof(shapes) / sizeof(*shapes) == CREDENTIAL_UNKNOWN, "a shape for each type");

const char *credential_text(enum credential k)
{
    return k > CREDENTIAL_NONE && k < CREDENTIAL_UNKNOWN ? shapes[k].type : "unknown";
}

enum credential credential_of(struct json credentials)
{
    struct json type = json_get(credentials, S("type"));
    if (credentials.type == JSON_ABSENT)
        return CREDENTIAL_NONE;
    for (enum credential k = CREDENTIAL_NONE + 1; k < CREDENTIAL_UNKNOWN; k++) {
        if (json_text_is(type, slice_str(shapes[k].type)))
            return k;
    }
    return CREDENTIAL_UNKNOWN;
}

static void read_required(struct reader *r, struct node n, const struct shape *shape)
{
    for (size_t i = 0; i < REQUIRED_MAX && shape->texts[i]; i++)
        read_text(r, n, shape->texts[i], REQUIRED);
    if (shape->object)
        read_object(r, n, shape->object, REQUIRED);
}

void read_credentials(struct reader *r, struct node n)
{
    if (n.v.type == JSON_ABSENT)
        return;
    struct slice type = read_text(r, n, "type", REQUIRED);
    enum credential k = credential_of(n.v);
    if (k != CREDENTIAL_UNKNOWN)
        read_required(r, n, &shapes[k]);
    else if (type.p)
        PROBLEM(
            r->problems, where_name(n.at, "type"), "json.invalid",
            "Known are client-cert, hmac, oauth-client-credentials, oauth-password, plain and public-key.",
            "Unknown type of credentials.");
}

void read_tunnel(struct reader *r, struct node n)
{
    if (n.v.type == JSON_ABSENT)
        return;
    read_bool(r, n, "enabled", REQUIRED, true);
    read_credentials(r, read_object(r, n, "credentials", REQUIRED));
    read_bool(r, n, "validateHost", REQUIRED, true);
    free(read_texts(r, n, "knownHosts", OTHERS_REFUSED).v);
    read_text(r, n, "uri", REQUIRED);
}

static bool der_valid(struct slice base64)
{
    struct buf packed = {0}, der = {0};
    for (size_t i = 0; i < base64.len; i++) {
        if ((unsigned char)base64.p[i] > ' ')
            buf_putc(&packed, base64.p[i]);
    }
    enum { DER_SEQUENCE = 0x30 };
    bool ok = base64_get(&der, buf_slice(&packed)) == 0 && der.len > 2 && buf_p(&der)[0] == DER_SEQUENCE;
    buf_wipe(&packed);
    buf_wipe(&der);
    return ok;
}

/* Cuts *rest behind the armour line "-----<what> <label>-----"; false if there is none. */
static bool find_armour(struct slice *rest, const char *what, struct slice label, struct slice *before)
{
    struct buf line = {0};
    buf_printf(&line, "-----%s %.*s-----", what, SLICE_ARG(label));
    const char *at = rest->len ? memmem(rest->p, rest->len, buf_p(&line), line.len) : NULL;
    if (at) {
        *before = slice_of(rest->p, (size_t)(at - rest->p));
        *rest = slice_skip(*rest, before->len + line.len);
    }
    buf_free(&line);
    return at != NULL;
}

bool pem_valid(struct slice text, struct slice label)
{
    struct slice body;
    size_t n = 0;
    for (; find_armour(&text, "BEGIN", label, &body); n++) {
        if (!find_armour(&text, "END", label, &body) || !der_valid(body))
            return false;
    }
    return n > 0;
}
