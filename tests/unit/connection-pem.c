/* connection-pem: which certificates and keys can be read, of connections and of tunnels. They are made here. */
#include "connection/control.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "tap.h"

#include "base/banned.h"

enum { RSA_BITS = 2048, DAY_S = 86400 };

/* Everything that is made here, until the end. */
static struct buf kept[16];
static size_t n_kept;

static struct slice keep(struct slice s)
{
    struct buf *b = &kept[n_kept++];
    buf_put_slice(b, s);
    return buf_slice(b);
}

static struct slice taken(BIO *bio)
{
    char *p;
    long n = BIO_get_mem_data(bio, &p);
    struct slice s = keep(slice_of(p, (size_t)n));
    BIO_free(bio);
    return s;
}

static struct slice key_pem(EVP_PKEY *key, const EVP_CIPHER *cipher)
{
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PKCS8PrivateKey(bio, key, cipher, cipher ? "secret" : NULL, cipher ? 6 : 0, NULL, NULL);
    return taken(bio);
}

static struct slice traditional_pem(EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey_traditional(bio, key, NULL, NULL, 0, NULL, NULL);
    return taken(bio);
}

static struct slice public_pem(EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PUBKEY(bio, key);
    return taken(bio);
}

static struct slice cert_pem(EVP_PKEY *key)
{
    X509 *x = X509_new();
    X509_gmtime_adj(X509_getm_notBefore(x), 0);
    X509_gmtime_adj(X509_getm_notAfter(x), DAY_S);
    X509_set_pubkey(x, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)"test",
                               -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    X509_sign(x, key, EVP_sha256());
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(bio, x);
    X509_free(x);
    return taken(bio);
}

static struct slice joined(struct slice a, struct slice b)
{
    struct buf both = {0};
    buf_put_slice(&both, a);
    buf_put_slice(&both, b);
    struct slice s = keep(buf_slice(&both));
    buf_free(&both);
    return s;
}

/* Where the first problem is of a connection with these members more, all of which are configuration.invalid; "" if there
 * is none. */
static const char *fault(const struct buf *members)
{
    static struct ditto_error first;
    struct buf document = {0};
    struct connection c;
    struct connection_problems p;
    buf_printf(
        &document,
        "{\"id\":\"c\",\"connectionType\":\"amqp-10\",\"connectionStatus\":\"open\",\"uri\":\"amqps://h:1\","
        "\"targets\":[{\"address\":\"t\",\"authorizationContext\":[\"a\"]}],%.*s}",
        SLICE_ARG(buf_slice(members)));
    first = (struct ditto_error){0};
    if (connection_judge(&c, buf_slice(&document), &p) < 0)
        first = p.v[0];
    else
        connection_free(&c);
    connection_problems_free(&p);
    buf_free(&document);
    return strcmp(first.code, "connectivity:connection.configuration.invalid") == 0 ? first.pointer
                                                                                    : first.code;
}

static void check_client(const char *title, struct slice key, struct slice cert, const char *want)
{
    struct buf m = {0};
    buf_puts(&m, "\"credentials\":{\"type\":\"client-cert\"");
    if (key.p)
        json_put_member_text(&m, S("key"), key);
    if (cert.p)
        json_put_member_text(&m, S("cert"), cert);
    buf_putc(&m, '}');
    is_slice(slice_str(fault(&m)), slice_str(want), "client: %s", title);
    buf_free(&m);
}

static void check_ca(const char *title, struct slice ca, const char *more, const char *want)
{
    struct buf m = {0};
    buf_puts(&m, more);
    json_put_member_text(&m, S("ca"), ca);
    is_slice(slice_str(fault(&m)), slice_str(want), "ca: %s", title);
    buf_free(&m);
}

static void check_tunnel(const char *title, struct slice private, struct slice public, const char *want)
{
    struct buf m = {0};
    buf_puts(
        &m, "\"sshTunnel\":{\"enabled\":false,\"validateHost\":false,\"uri\":\"ssh://h:22\",\"credentials\":{"
            "\"type\":\"public-key\",\"username\":\"u\"");
    json_put_member_text(&m, S("privateKey"), private);
    json_put_member_text(&m, S("publicKey"), public);
    buf_puts(&m, "}}");
    is_slice(slice_str(fault(&m)), slice_str(want), "tunnel: %s", title);
    buf_free(&m);
}

int main(void)
{
    EVP_PKEY *rsa = EVP_RSA_gen(RSA_BITS), *ec = EVP_EC_gen("P-256");
    struct slice key = key_pem(rsa, NULL), ec_key = key_pem(ec, NULL),
                 locked = key_pem(rsa, EVP_aes_256_cbc());
    struct slice old = traditional_pem(rsa), public = public_pem(rsa), ec_public = public_pem(ec);
    struct slice cert = cert_pem(rsa), chain = joined(cert, cert), text = joined(S("some text\n"), cert);
    struct slice cut = slice_of(cert.p, cert.len / 2), two_keys = joined(key, key),
                 trailing = joined(cert, cut);

    check_client("RSA", key, cert, "");
    check_client("EC", ec_key, cert_pem(ec), "");
    check_client("a chain", key, chain, "");
    check_client("text around", key, text, "");
    check_client("masked", S("*****"), cert, "");
    check_client("no key: not looked at", SLICE_NONE, S("nonsense"), "");
    check_client("no certificate: not looked at", S("nonsense"), SLICE_NONE, "");
    check_client("PKCS #1", old, cert, "/credentials/key");
    check_client("encrypted", locked, cert, "/credentials/key");
    check_client("a public key", public, cert, "/credentials/key");
    check_client("two keys", two_keys, cert, "/credentials/key");
    check_client("nonsense in armour", S("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
                 cert, "/credentials/key");
    check_client("half a certificate", key, cut, "/credentials/cert");
    check_client("half a chain", key, trailing, "/credentials/cert");
    check_client("a key as certificate", key, key, "/credentials/cert");

    check_ca("one", cert, "", "");
    check_ca("several", chain, "", "");
    check_ca("nonsense", S("nonsense"), "", "/ca");
    check_ca("nonsense that nobody uses", S("nonsense"), "\"validateCertificates\":false", "");

    check_tunnel("RSA", key, public, "");
    check_tunnel("masked", S("*****"), public, "");
    check_tunnel("EC", ec_key, ec_public, "/sshTunnel/credentials/privateKey");
    check_tunnel("EC public key", key, ec_public, "/sshTunnel/credentials/publicKey");
    check_tunnel("PKCS #1", old, public, "/sshTunnel/credentials/privateKey");
    check_tunnel("a certificate", key, cert, "/sshTunnel/credentials/publicKey");
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(ec);
    while (n_kept)
        buf_free(&kept[--n_kept]);
    return done();
}
