/* security.c: certificates, keys, hosts and credentials. */
#include "connection/edit.h"
#include "connection/rules.h"
#include "connection/specific.h"
#include "connection/uri.h"

#include "base/banned.h"

/* A masked secret stands for one that has been judged. */
static bool masked(struct slice text)
{
    return slice_eq(text, S(CONNECTION_MASK));
}

static struct where credentials_at(const char *name)
{
    return where_name(where_name(WHERE_ROOT, "credentials"), name);
}

static struct where tunnel_at(const char *name)
{
    return where_name(where_name(WHERE_ROOT, "sshTunnel"), name);
}

/* --- certificates and keys --- */

static void pem(const struct judge *j, struct slice text, enum pem kind, struct where at,
                struct connection_problems *p)
{
    static const char *const wanted[] = {
        [PEM_CERTIFICATES] = "X.509 certificates in PEM",
        [PEM_PRIVATE_KEY] = "one unencrypted PKCS #8 key in PEM, \"BEGIN PRIVATE KEY\"",
        [PEM_RSA_PRIVATE_KEY] = "one unencrypted PKCS #8 RSA key in PEM, \"BEGIN PRIVATE KEY\"",
        [PEM_RSA_PUBLIC_KEY] = "one RSA key in PEM, \"BEGIN PUBLIC KEY\"",
    };
    if (!masked(text) && !j->pem(text, kind))
        PROBLEM(p, at, CONFIG_INVALID, NULL, "It cannot be read; expected are %s.", wanted[kind]);
}

/* Half of a pair is not looked at, as in Ditto. */
void check_certificates(const struct connection *c, const struct judge *j, struct connection_problems *p)
{
    if (c->client_key.p && c->client_cert.p) {
        pem(j, c->client_key, PEM_PRIVATE_KEY, credentials_at("key"), p);
        pem(j, c->client_cert, PEM_CERTIFICATES, credentials_at("cert"), p);
    }
    if (c->validate_certificates && c->ca.p)
        pem(j, c->ca, PEM_CERTIFICATES, where_name(WHERE_ROOT, "ca"), p);
}

/* --- hosts --- */

static void host(const struct judge *j, struct slice name, struct where at, struct connection_problems *p)
{
    const char *why = j->host && name.p ? j->host(name) : NULL;
    if (why)
        PROBLEM(p, at, CONFIG_INVALID, "Choose another host, or ask the operator to allow it.",
                "The host '%.*s' must not be connected to: %s.", SLICE_ARG(name), why);
}

/* The URI of a Hono connection is replaced by the operator's. */
void check_host(const struct connection *c, const struct judge *j, struct connection_problems *p)
{
    if (c->type != TYPE_HONO)
        host(j, c->uri.host, where_name(WHERE_ROOT, "uri"), p);
}

/* --- the tunnel --- */

static void tunnel_uri(const struct connection *c, const struct judge *j, struct connection_problems *p)
{
    struct uri_parts u;
    struct buf decoded = {0};
    struct slice text = json_text(json_get(c->ssh_tunnel, S("uri")), &decoded);
    if (url_split(text, &u) < 0 || !slice_eq(u.scheme, S("ssh")))
        PROBLEM(p, tunnel_at("uri"), CONFIG_INVALID, "It must have the form ssh://host:port.",
                "The URI of the SSH server is not valid.");
    else
        host(j, u.host, tunnel_at("uri"), p);
    buf_wipe(&decoded);
}

static void tunnel_text(struct json credentials, const char *name, struct connection_problems *p)
{
    if (json_text_is(json_get(credentials, slice_str(name)), S("")))
        PROBLEM(p, where_name(tunnel_at("credentials"), name), CONFIG_INVALID, NULL,
                "The %s of an SSH tunnel must not be empty.", name);
}

static void tunnel_key(struct json credentials, const char *name, enum pem kind, const struct judge *j,
                       struct connection_problems *p)
{
    struct buf decoded = {0};
    pem(j, json_text(json_get(credentials, slice_str(name)), &decoded), kind,
        where_name(tunnel_at("credentials"), name), p);
    buf_wipe(&decoded);
}

static void tunnel_credentials(const struct connection *c, const struct judge *j,
                               struct connection_problems *p)
{
    struct json credentials = json_get(c->ssh_tunnel, S("credentials"));
    enum credential k = credential_of(credentials);
    switch (k) {
    case CREDENTIAL_PLAIN:
        tunnel_text(credentials, "username", p);
        tunnel_text(credentials, "password", p);
        break;
    case CREDENTIAL_PUBLIC_KEY:
        tunnel_key(credentials, "privateKey", PEM_RSA_PRIVATE_KEY, j, p);
        tunnel_key(credentials, "publicKey", PEM_RSA_PUBLIC_KEY, j, p);
        break;
    default:
        PROBLEM(p, tunnel_at("credentials"), CONFIG_INVALID, "Use 'plain' or 'public-key'.",
                "Credentials of type '%s' cannot be used for an SSH tunnel.", credential_text(k));
    }
}

/* It is judged even if it is not enabled, as in Ditto. */
void check_tunnel(const struct connection *c, const struct judge *j, struct connection_problems *p)
{
    if (c->ssh_tunnel.type != JSON_OBJECT)
        return;
    if (c->type == TYPE_KAFKA)
        PROBLEM(p, where_name(WHERE_ROOT, "sshTunnel"), CONFIG_INVALID, NULL,
                "SSH tunnels are not supported by Kafka connections.");
    tunnel_uri(c, j, p);
    tunnel_credentials(c, j, p);
    bool validated = json_get(c->ssh_tunnel, S("validateHost")).type == JSON_TRUE;
    if (validated && !json_count(json_get(c->ssh_tunnel, S("knownHosts"))))
        PROBLEM(p, tunnel_at("knownHosts"), CONFIG_INVALID, NULL,
                "A fingerprint is needed if the host is to be validated.");
}

/* --- HMAC --- */

enum { PARAMETERS_MAX = 4 };

static const struct algorithm {
    const char *name;
    unsigned types; /* set of 1u << enum connection_type */
    const char *required[PARAMETERS_MAX];
    const char *base64; /* the one of them that is, or NULL */
} algorithms[] = {
    {"aws4-hmac-sha256", 1u << TYPE_HTTP_PUSH, {"region", "service", "accessKey", "secretKey"}, NULL},
    {"az-monitor-2016-04-01", 1u << TYPE_HTTP_PUSH, {"workspaceId", "sharedKey"}, "sharedKey"},
    {"az-sasl",
     1u << TYPE_HTTP_PUSH | 1u << TYPE_AMQP_10,
     {"sharedKeyName", "sharedKey", "endpoint"},
     "sharedKey"},
};

static const struct algorithm *algorithm_named(struct json name)
{
    for (size_t i = 0; i < sizeof(algorithms) / sizeof(*algorithms); i++) {
        if (json_text_is(name, slice_str(algorithms[i].name)))
            return &algorithms[i];
    }
    return NULL;
}

/* As Java's decoder has it: padding may be missing, and its bits may be anything. */
static bool is_base64(struct slice s)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (int i = 0; i < 2 && slice_ends(s, S("=")); i++)
        s.len--;
    for (size_t i = 0; i < s.len; i++) {
        if (!s.p[i] || !strchr(alphabet, s.p[i]))
            return false;
    }
    return s.len && s.len % 4 != 1;
}

static void parameter(struct json parameters, const char *name, bool base64, struct connection_problems *p)
{
    struct buf decoded = {0};
    struct where at = where_name(credentials_at("parameters"), name);
    struct slice text = json_text(json_get(parameters, slice_str(name)), &decoded);
    if (!text.len)
        PROBLEM(p, at, CONFIG_INVALID, NULL, "The algorithm needs the parameter '%s'.", name);
    else if (base64 && !masked(text) && !is_base64(text))
        PROBLEM(p, at, CONFIG_INVALID, NULL, "The parameter '%s' is not Base64.", name);
    buf_wipe(&decoded);
}

/* A name without a password counts, too. */
static bool has_user_info(const struct connection *c)
{
    struct uri_parts u;
    struct buf decoded = {0};
    bool has = uri_split(json_text(json_get(c->json, S("uri")), &decoded), &u) == 0 && u.user_info.len;
    buf_wipe(&decoded);
    return has;
}

static void hmac(const struct connection *c, struct connection_problems *p)
{
    struct json name = json_get(c->credentials, S("algorithm"));
    const struct algorithm *a = algorithm_named(name);
    struct json parameters = json_get(c->credentials, S("parameters"));
    if (has_user_info(c))
        PROBLEM(p, where_name(WHERE_ROOT, "uri"), CONFIG_INVALID, NULL,
                "HMAC credentials and user information in the URI exclude each other.");
    if (!a && json_is(name, JSON_STRING))
        PROBLEM(p, credentials_at("algorithm"), CONFIG_INVALID,
                "Supported are aws4-hmac-sha256, az-monitor-2016-04-01 and az-sasl.",
                "The HMAC algorithm is unknown.");
    else if (a && !(a->types & 1u << c->type))
        PROBLEM(p, credentials_at("algorithm"), CONFIG_INVALID, NULL,
                "The HMAC algorithm %s cannot be used by %s connections.", a->name,
                type_rules[c->type].label);
    for (size_t i = 0; a && i < PARAMETERS_MAX && a->required[i]; i++)
        parameter(parameters, a->required[i], a->base64 && strcmp(a->required[i], a->base64) == 0, p);
}

/* --- OAuth --- */

/* RFC 6749 section 3.3: tokens with one blank between each two. */
static bool scopes_ok(struct slice s)
{
    while (s.p) {
        struct slice token = slice_cut(&s, ' ');
        for (size_t i = 0; i < token.len; i++) {
            if (token.p[i] < 0x21 || token.p[i] > 0x7e || token.p[i] == '"' || token.p[i] == '\\')
                return false;
        }
        if (!token.len)
            return false;
    }
    return true;
}

static bool is_web(struct slice scheme)
{
    return slice_eq(scheme, S("https")) || slice_eq(scheme, S("http"));
}

static void oauth(const struct connection *c, const struct judge *j, struct connection_problems *p)
{
    struct uri_parts u;
    struct buf url = {0}, scopes = {0};
    struct slice endpoint = json_text(json_get(c->credentials, S("tokenEndpoint")), &url);
    struct slice requested = json_text(json_get(c->credentials, S("requestedScopes")), &scopes);
    if (endpoint.p && (url_split(endpoint, &u) < 0 || !is_web(u.scheme)))
        PROBLEM(p, credentials_at("tokenEndpoint"), CONFIG_INVALID, "Provide a valid URL as token endpoint.",
                "The token endpoint is no URL.");
    else if (endpoint.p)
        host(j, u.host, credentials_at("tokenEndpoint"), p);
    if (requested.p && !scopes_ok(requested))
        PROBLEM(p, credentials_at("requestedScopes"), CONFIG_INVALID,
                "Provide scopes separated by one blank each (RFC 6749, section 3.3).",
                "The requested scopes are not well formed.");
    buf_wipe(&url);
    buf_wipe(&scopes);
}

/* The secret must not travel in plain text; of passwords Ditto does not say so. */
void check_token_endpoint(const struct connection *c, struct connection_problems *p)
{
    struct uri_parts u;
    struct buf url = {0};
    struct slice endpoint = json_text(json_get(c->credentials, S("tokenEndpoint")), &url);
    if (credential_of(c->credentials) == CREDENTIAL_OAUTH_CLIENT && url_split(endpoint, &u) == 0 &&
        !slice_eq(u.scheme, S("https")))
        PROBLEM(p, credentials_at("tokenEndpoint"), CONFIG_INVALID, NULL,
                "The token endpoint must be https.");
    buf_wipe(&url);
}

/* --- which credentials go with which type --- */

void check_credentials(const struct connection *c, const struct judge *j, struct connection_problems *p)
{
    enum credential k = credential_of(c->credentials);
    if (k != CREDENTIAL_HMAC && k != CREDENTIAL_OAUTH_CLIENT && k != CREDENTIAL_OAUTH_PASSWORD)
        return;
    if (!(type_rules[c->type].credentials & 1u << k))
        PROBLEM(p, where_name(WHERE_ROOT, "credentials"), CONFIG_INVALID, NULL,
                "Credentials of type '%s' are not supported by %s connections.", credential_text(k),
                type_rules[c->type].label);
    else if (k == CREDENTIAL_HMAC)
        hmac(c, p);
    else
        oauth(c, j, p);
}

/* --- the URI's scheme --- */

void check_scheme(const struct connection *c, struct connection_problems *p)
{
    const struct type_rules *t = &type_rules[c->type];
    struct slice s = c->uri.scheme;
    if (!t->scheme || !s.p)
        return;
    if (!slice_eq(s, slice_str(t->scheme)) && !slice_eq(s, slice_str(t->secure_scheme)))
        PROBLEM(p, where_name(WHERE_ROOT, "uri"), URI_INVALID, NULL,
                "The URI scheme '%.*s' is not valid for %s; accepted are %s and %s.", SLICE_ARG(s), t->label,
                t->scheme, t->secure_scheme);
    else if (c->ca.p && !c->uri.tls)
        PROBLEM(p, where_name(WHERE_ROOT, "ca"), URI_INVALID,
                "Use the secure scheme or remove the trusted certificates.",
                "Trusted certificates need a secure scheme (%s).", t->secure_scheme);
}
