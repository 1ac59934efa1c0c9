/* secrets.h: the places of a connection document that hold secrets.
 *
 *   uri, sshTunnel.uri, credentials.tokenEndpoint       the password in them, or a token in its place
 *   credentials, sshTunnel.credentials, their parameters  every member that is not known to be harmless
 *   specificConfig                                      options whose name says so: transport.keyStorePassword
 *   header mappings of sources, targets, reply targets  values that are no mere placeholder, of headers whose name says
 *                                                       so: authorization, x-api-key */
#ifndef CONNECTION_SECRETS_H
#define CONNECTION_SECRETS_H

#include "connection/problems.h"

enum secret {
    SECRET_NONE,
    SECRET_WHOLE,  /* the value is one */
    SECRET_IN_URI, /* a part of a URI is one */
    SECRET_HEADER, /* the value is one, but who maps messages needs it */
};

/* Appends a compact copy of the document; put appends the value for each secret that is there, duplicates included. at is cut
 * where it is too long. */
typedef void put_secret(void *arg, struct buf *dst, enum secret kind, struct where at, struct json value);
void secrets_rewrite(struct buf *dst, struct json doc, put_secret *put, void *arg);

/* Appends, as JSON, the text with the bytes of hole, which lies in it, replaced. */
void put_spliced(struct buf *dst, struct slice text, struct slice hole, struct slice with);

#endif
