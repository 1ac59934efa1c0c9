/* tls_stream.h: TLS on a socket that does not block (private to lib/transport; for libraries that bring none of their own
 * that would do).
 *
 * Why not libqpid-proton's pn_ssl: it compares the host's name with DNS names only, so that no certificate fits an IP
 * address, and says "certificate verify failed" whatever is wrong (0.37).
 *
 * Ownership: the stream owns its SSL objects, the socket is the caller's. A zeroed stream is none: tls_stream_on tells. */
#ifndef TRANSPORT_TLS_STREAM_H
#define TRANSPORT_TLS_STREAM_H

#include <sys/types.h>

#include "transport/tls.h"

struct tls_stream {
    struct ssl_ctx_st *ctx;
    struct ssl_st *ssl;
    bool read_wants_write, write_wants_read; /* the last call of each kind */
    char reason[TLS_REASON];
};

/* Begins on a connected socket; the handshake is done by the first reads and writes. host: that of the URI, a name or an
 * address in digits. 0, or -1 with s->reason. */
int tls_stream_start(struct tls_stream *s, const struct tls *t, int fd, struct slice host);
bool tls_stream_on(const struct tls_stream *s);
/* Like recv and send: bytes, 0 at the end (reading), or -1: errno EAGAIN, or EPROTO with s->reason, or another. */
ssize_t tls_stream_read(struct tls_stream *s, void *p, size_t n);
ssize_t tls_stream_write(struct tls_stream *s, const void *p, size_t n);
/* Bytes that were read from the socket already: no poll tells of them. */
bool tls_stream_pending(const struct tls_stream *s);
/* "TLSv1.3, TLS_AES_256_GCM_SHA384", once the handshake is done. */
void tls_stream_describe(const struct tls_stream *s, char *text, size_t size);
void tls_stream_free(struct tls_stream *s);

#endif
