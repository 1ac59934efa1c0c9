/* tls.h: what a connection says about TLS, as the protocol libraries want it: paths of PEM files and two switches.
 *
 * Certificates and keys come, the first of these that is there, from files of the command line (tls_files), from files of
 * specificConfig (transport.trustStoreLocation, transport.keyStoreLocation: PEM, the key store holding certificate and
 * key), or from the connection's JSON (ca, credentials of type client-cert), which goes into memfds, so that no key is
 * ever written to a disk. Everything is read anew by each tls_open, so each connect uses what a file holds by then.
 *
 * Source: Ditto, "Connections", "Certificates": with a ca only that is trusted, without one the system's store; the host's
 * name is checked; validateCertificates=false checks nothing. transport.trustAll and transport.verifyHost are Qpid
 * JMS's ("Client configuration").
 *
 * Ownership: struct tls owns the memfds; its paths are valid until tls_close. */
#ifndef TRANSPORT_TLS_H
#define TRANSPORT_TLS_H

#include "connection/connection.h"

/* Of the command line; NULL: not given. */
extern struct tls_files {
    const char *ca, *cert, *key; /* key NULL: it stands in cert */
    bool insecure;
} tls_files;

/* The rows of a program's option table. */
/* clang-format off */
#define TLS_OPTS                                                                                             \
    {'A', "FILE", "trust these certificates (PEM) and no others", OPT_STRING, &tls_files.ca, 0, 0},          \
    {'I', "FILE", "the client's certificate (PEM), with its key or without", OPT_STRING, &tls_files.cert, 0, 0}, \
    {'K', "FILE", "the key (PEM) of -I", OPT_STRING, &tls_files.key, 0, 0},                                  \
    {'i', NULL, "do not verify the peer's certificate", OPT_FLAG, &tls_files.insecure, 0, 0}
/* clang-format on */

enum { TLS_PATH = 32, TLS_REASON = 320 };

struct tls {
    bool verify;            /* the chain of the peer's certificate */
    bool verify_host;       /* and that it is made out to the URI's host; false if verify is */
    const char *ca;         /* NULL: the system's store */
    const char *cert, *key; /* NULL: no client certificate; may be the same file */
    int fds[3];             /* private */
    char memfd[3][TLS_PATH];
    char *files[2];
    char reason[TLS_REASON];
    bool permanent; /* the fault is in the connection itself, not in a file, which may be on its way */
};

/* Does the connection want a client certificate? */
bool tls_has_identity(const struct connection *c);
/* Reads and checks everything: 0, or -1 with t->reason: a file that cannot be read, holds no PEM, a key that is encrypted
 * or belongs to another certificate. tls_close is to be called in either case. */
int tls_open(struct tls *t, const struct connection *c);
void tls_close(struct tls *t);

#endif
