#include "connection/control.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "connection/hosts.h"
#include "connection/rules.h"

#include "base/banned.h"

/* --- PEM --- */

/* Texts are exactly one block, with blanks around it at most. */
static bool is_one_block(struct slice text, struct slice begin, struct slice end)
{
    text = slice_trim(text);
    struct slice inner = slice_skip(text, begin.len);
    if (!slice_starts(text, begin) || !slice_ends(inner, end))
        return false;
    inner.len -= end.len;
    return inner.len && !memmem(inner.p, inner.len, "-----", 5);
}

/* Reads certificates until none is left; texts around them do not count. */
static bool certificates_readable(BIO *in)
{
    size_t n = 0;
    for (X509 *x; (x = PEM_read_bio_X509(in, NULL, NULL, NULL)); n++)
        X509_free(x);
    unsigned long why = ERR_peek_last_error();
    bool at_end = ERR_GET_LIB(why) == ERR_LIB_PEM && ERR_GET_REASON(why) == PEM_R_NO_START_LINE;
    return n > 0 && at_end;
}

static bool key_readable(EVP_PKEY *key, bool rsa)
{
    bool fine = key && (!rsa || EVP_PKEY_is_a(key, "RSA"));
    EVP_PKEY_free(key);
    return fine;
}

/* Nobody is asked for a password: what is encrypted cannot be read. */
static int no_password(char *buf, int size, int writing, void *arg)
{
    (void)buf, (void)size, (void)writing, (void)arg;
    return -1;
}

static bool readable(BIO *in, struct slice text, enum pem kind)
{
    switch (kind) {
    case PEM_CERTIFICATES: return certificates_readable(in);
    case PEM_PRIVATE_KEY:
    case PEM_RSA_PRIVATE_KEY:
        return is_one_block(text, S("-----BEGIN PRIVATE KEY-----"), S("-----END PRIVATE KEY-----")) &&
               key_readable(PEM_read_bio_PrivateKey(in, NULL, no_password, NULL),
                            kind == PEM_RSA_PRIVATE_KEY);
    case PEM_RSA_PUBLIC_KEY:
        return is_one_block(text, S("-----BEGIN PUBLIC KEY-----"), S("-----END PUBLIC KEY-----")) &&
               key_readable(PEM_read_bio_PUBKEY(in, NULL, no_password, NULL), true);
    }
    return false;
}

static bool pem_readable(struct slice text, enum pem kind)
{
    BIO *in = BIO_new_mem_buf(text.p, (int)text.len); /* a document is far smaller than INT_MAX */
    bool fine = in && readable(in, text, kind);
    BIO_free(in);
    ERR_clear_error();
    return fine;
}

/* --- hosts --- */

static const char *host_refused(struct slice host)
{
    return hosts_refuse(hosts_of_environment(), host);
}

static const struct judge control_judge = {.pem = pem_readable, .host = host_refused};

int connection_judge(struct connection *c, struct slice json, struct connection_problems *p)
{
    return connection_examine_by(&control_judge, c, json, p);
}
