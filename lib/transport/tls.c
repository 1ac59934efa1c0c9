#include "transport/tls.h"

#include <errno.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/io.h"

#include "base/banned.h"

enum { PEM_MAX_BYTES = 4 * 1024 * 1024 };
enum { CA, CERT, KEY };

struct tls_files tls_files;

/* Our own memfds have no name that means something to a reader. */
static bool is_memfd(const struct tls *t, const char *path)
{
    for (int i = 0; i < 3; i++)
        if (path == t->memfd[i])
            return true;
    return false;
}

static int failed(struct tls *t, const char *what, const char *path, const char *why)
{
    t->permanent = is_memfd(t, path);
    (void)snprintf(t->reason, sizeof t->reason, "cannot use %s '%s': %s", what,
                   t->permanent ? "of the connection" : path, why);
    return -1;
}

/* --- where each comes from --------------------------------------------------------------------------------------- */

static bool is_true(const struct connection *c, struct slice key, bool otherwise)
{
    struct slice text = connection_specific(c, key);
    return text.p ? slice_eq(text, S("true")) : otherwise;
}

/* A path of specificConfig as a C string of t's; NULL if there is none. */
static const char *configured(struct tls *t, int which, const struct connection *c, struct slice key)
{
    struct slice path = connection_specific(c, key);
    if (!path.len)
        return NULL;
    t->files[which] = xstrndup(path.p, path.len);
    return t->files[which];
}

static const char *in_memory(struct tls *t, int which, struct slice pem)
{
    static const char *const names[] = {"ca", "certificate", "key"};
    if (!pem.len)
        return NULL;
    t->fds[which] = io_memfd(names[which], pem);
    (void)snprintf(t->memfd[which], TLS_PATH, "/proc/self/fd/%d", t->fds[which]);
    return t->memfd[which];
}

static void choose_ca(struct tls *t, const struct connection *c)
{
    t->ca = tls_files.ca;
    if (!t->ca)
        t->ca = configured(t, CA, c, S("transport.trustStoreLocation"));
    if (!t->ca)
        t->ca = in_memory(t, CA, c->ca);
}

static void choose_identity(struct tls *t, const struct connection *c)
{
    t->cert = tls_files.cert;
    t->key = tls_files.key ? tls_files.key : t->cert;
    if (t->cert)
        return;
    t->cert = t->key = configured(t, CERT, c, S("transport.keyStoreLocation"));
    if (t->cert)
        return;
    t->cert = in_memory(t, CERT, c->client_cert);
    t->key = in_memory(t, KEY, c->client_key);
}

bool tls_has_identity(const struct connection *c)
{
    return tls_files.cert || c->client_cert.len ||
           connection_specific(c, S("transport.keyStoreLocation")).len;
}

/* --- checks ------------------------------------------------------------------------------------------------------ */

static BIO *open_pem(struct tls *t, const char *what, const char *path)
{
    struct buf text = {0};
    BIO *bio = NULL;
    if (io_read_file(path, PEM_MAX_BYTES, &text) < 0)
        failed(t, what, path, strerror(errno));
    else if ((bio = BIO_new(BIO_s_mem())))
        (void)BIO_write(bio, buf_slice(&text).p, (int)text.len);
    else
        failed(t, what, path, "no memory");
    buf_wipe(&text);
    return bio;
}

static X509 *read_certificate(struct tls *t, const char *what, const char *path)
{
    BIO *bio = open_pem(t, what, path);
    X509 *cert = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    if (bio && !cert)
        failed(t, what, path, "it holds no certificate in PEM");
    BIO_free(bio);
    return cert;
}

/* An encrypted key shall fail, not ask. */
static int no_password(char *text, int size, int writing, void *arg)
{
    (void)text, (void)size, (void)writing, (void)arg;
    return -1;
}

static int check_key(struct tls *t, X509 *cert)
{
    static const char what[] = "the client's key";
    BIO *bio = open_pem(t, what, t->key);
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;
    int r = 0;
    if (bio && !key)
        r = failed(t, what, t->key, "it holds no unencrypted private key in PEM");
    else if (!key || X509_check_private_key(cert, key) != 1)
        r = bio ? failed(t, what, t->key, "it does not belong to the client's certificate") : -1;
    EVP_PKEY_free(key);
    BIO_free(bio);
    return r;
}

static int check_identity(struct tls *t)
{
    if (!t->cert)
        return 0;
    if (!t->key)
        return failed(t, "the client's certificate", t->cert, "there is no key");
    X509 *cert = read_certificate(t, "the client's certificate", t->cert);
    int r = cert ? check_key(t, cert) : -1;
    X509_free(cert);
    return r;
}

static int check_ca(struct tls *t)
{
    if (!t->ca)
        return 0;
    X509 *cert = read_certificate(t, "trusted certificates", t->ca);
    X509_free(cert);
    return cert ? 0 : -1;
}

int tls_open(struct tls *t, const struct connection *c)
{
    *t = (struct tls){.fds = {-1, -1, -1}};
    t->verify =
        c->validate_certificates && !tls_files.insecure && !is_true(c, S("transport.trustAll"), false);
    t->verify_host = t->verify && is_true(c, S("transport.verifyHost"), true);
    choose_ca(t, c);
    choose_identity(t, c);
    return check_ca(t) < 0 || check_identity(t) < 0 ? -1 : 0;
}

void tls_close(struct tls *t)
{
    for (int i = 0; i < 3; i++)
        if (t->fds[i] >= 0)
            (void)close(t->fds[i]);
    free(t->files[CA]);
    free(t->files[CERT]);
    *t = (struct tls){.fds = {-1, -1, -1}};
}
