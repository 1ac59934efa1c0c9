#include "transport/tls_stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "base/banned.h"

enum { HOST_SIZE = 256 };

/* --- start ------------------------------------------------------------------------------------------------------- */

static const char *last_error(void)
{
    const char *text = ERR_reason_error_string(ERR_peek_last_error());
    return text ? text : "an error without a name";
}

static int failed(struct tls_stream *s, const char *what)
{
    (void)snprintf(s->reason, sizeof s->reason, "TLS: %s: %s", what, last_error());
    ERR_clear_error();
    return -1;
}

static bool is_address(const char *host)
{
    unsigned char bytes[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

static int use_files(struct tls_stream *s, const struct tls *t)
{
    int trusted =
        t->ca ? SSL_CTX_load_verify_locations(s->ctx, t->ca, NULL) : SSL_CTX_set_default_verify_paths(s->ctx);
    if (trusted != 1)
        return failed(s, "the trusted certificates");
    if (t->cert && (SSL_CTX_use_certificate_chain_file(s->ctx, t->cert) != 1 ||
                    SSL_CTX_use_PrivateKey_file(s->ctx, t->key, SSL_FILETYPE_PEM) != 1))
        return failed(s, "the client's certificate");
    return 0;
}

/* RFC 6125 and RFC 5280: an address must be one of the certificate's addresses, a name one of its names. */
static int expect_host(struct tls_stream *s, const struct tls *t, const char *host)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(s->ssl);
    bool address = is_address(host);
    int ok = 1;
    if (!address)
        ok = SSL_set_tlsext_host_name(s->ssl, host) == 1;
    if (t->verify_host) {
        X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        ok = ok && (address ? X509_VERIFY_PARAM_set1_ip_asc(param, host)
                            : X509_VERIFY_PARAM_set1_host(param, host, 0)) == 1;
    }
    return ok ? 0 : failed(s, "the host's name");
}

int tls_stream_start(struct tls_stream *s, const struct tls *t, int fd, struct slice host)
{
    char name[HOST_SIZE];
    *s = (struct tls_stream){.ctx = SSL_CTX_new(TLS_client_method())};
    if (!s->ctx || SSL_CTX_set_min_proto_version(s->ctx, TLS1_2_VERSION) != 1)
        return failed(s, "a context");
    SSL_CTX_set_mode(s->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                 SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_verify(s->ctx, t->verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    if (use_files(s, t) < 0)
        return -1;
    (void)snprintf(name, sizeof name, "%.*s", SLICE_ARG(host));
    s->ssl = SSL_new(s->ctx);
    if (!s->ssl || SSL_set_fd(s->ssl, fd) != 1)
        return failed(s, "a session");
    SSL_set_connect_state(s->ssl);
    return expect_host(s, t, name);
}

bool tls_stream_on(const struct tls_stream *s)
{
    return s->ssl != NULL;
}

/* --- reading and writing ----------------------------------------------------------------------------------------- */

/* OpenSSL 3 counts a TCP end without TLS's own as an error. */
static bool ended_early(void)
{
    return ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
}

/* OpenSSL's sentence for what the peer's certificate lacks says more than the failure of the handshake. */
static ssize_t protocol_error(struct tls_stream *s)
{
    long verdict = SSL_get_verify_result(s->ssl);
    if (!SSL_is_init_finished(s->ssl) && ended_early())
        (void)snprintf(s->reason, sizeof s->reason,
                       "the peer closed the TCP connection (maybe it does not speak TLS)");
    else if (SSL_get_verify_mode(s->ssl) != SSL_VERIFY_NONE && verdict != X509_V_OK &&
             !SSL_is_init_finished(s->ssl))
        (void)snprintf(s->reason, sizeof s->reason, "the peer's certificate is not accepted: %s",
                       X509_verify_cert_error_string(verdict));
    else
        (void)snprintf(s->reason, sizeof s->reason, "TLS: %s", last_error());
    ERR_clear_error();
    errno = EPROTO;
    return -1;
}

static ssize_t judge(struct tls_stream *s, int r, bool reading)
{
    int e = errno, why = SSL_get_error(s->ssl, r);
    switch (why) {
    case SSL_ERROR_ZERO_RETURN: return 0;
    case SSL_ERROR_WANT_READ: s->write_wants_read = !reading; break;
    case SSL_ERROR_WANT_WRITE: s->read_wants_write = reading; break;
    case SSL_ERROR_SYSCALL:
        if (e == 0 && reading)
            return 0;
        errno = e ? e : EPIPE;
        return -1;
    default:
        /* AMQP has closing frames of its own */
        if (reading && SSL_is_init_finished(s->ssl) && ended_early()) {
            ERR_clear_error();
            return 0;
        }
        return protocol_error(s);
    }
    errno = EAGAIN;
    return -1;
}

static int at_most_int(size_t n)
{
    enum { MOST = 1 << 30 };
    return n < MOST ? (int)n : MOST;
}

ssize_t tls_stream_read(struct tls_stream *s, void *p, size_t n)
{
    s->read_wants_write = false;
    errno = 0;
    int r = SSL_read(s->ssl, p, at_most_int(n));
    return r > 0 ? r : judge(s, r, true);
}

ssize_t tls_stream_write(struct tls_stream *s, const void *p, size_t n)
{
    s->write_wants_read = false;
    errno = 0;
    int r = SSL_write(s->ssl, p, at_most_int(n));
    return r > 0 ? r : judge(s, r, false);
}

bool tls_stream_pending(const struct tls_stream *s)
{
    return s->ssl && SSL_pending(s->ssl) > 0;
}

void tls_stream_describe(const struct tls_stream *s, char *text, size_t size)
{
    (void)snprintf(text, size, "%s, %s", SSL_get_version(s->ssl), SSL_get_cipher_name(s->ssl));
}

void tls_stream_free(struct tls_stream *s)
{
    SSL_free(s->ssl);
    SSL_CTX_free(s->ctx);
    *s = (struct tls_stream){0};
}
