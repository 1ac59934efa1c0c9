/* secrets.h: the places of a connection document that hold secrets. Everybody who masks, seals, compares or keeps secrets
 * asks here.
 *
 *   uri, sshTunnel.uri, credentials.tokenEndpoint       the password in them, or a token in its place; values of a query
 *   credentials, sshTunnel.credentials, their parameters  every member that is not known to be harmless
 *   specificConfig                                      options whose name says so: transport.keyStorePassword
 *   options of mappingDefinitions, at any depth         the same: apiKey, token
 *   header mappings of sources, targets, reply targets  headers whose name says so: authorization, x-api-key; and values that
 *                                                       begin with the name of an authentication scheme
 *   addresses of sources, targets, reply targets        values of a query whose name says so: access_token, sig
 *   values of these four whose name says nothing        what is secret in a URL
 *
 * What consists of placeholders only is no secret, it names one at most. What stands in the path of a URL is taken for none. */
#ifndef CONNECTION_SECRETS_H
#define CONNECTION_SECRETS_H

#include "connection/problems.h"

enum secret {
    SECRET_NONE,
    SECRET_WHOLE,      /* the value is one */
    SECRET_IN_URI,     /* parts of it are */
    SECRET_TO_MAP,     /* the value is one, but who maps messages needs it */
    SECRET_IN_ADDRESS, /* parts of it are, and who maps messages needs them */
    SECRET_IN_HEADER,  /* the same: what stands behind the name of an authentication scheme */
};

/* Appends a compact copy of the document; put appends the value for each secret that is there, duplicates included. at is cut
 * where it is too long. */
typedef void put_secret(void *arg, struct buf *dst, enum secret kind, struct where at, struct json value);
void secrets_rewrite(struct buf *dst, struct json doc, put_secret *put, void *arg);

/* Calls visit for each secret, and for what has the place of one, but consists of placeholders. dst is of no use. */
void secrets_visit(struct json doc, put_secret *visit, void *arg);

/* The parts of a text that are secret, in their order; of a whole secret the one that is all of it. Of more than fit the last
 * one reaches to the end. */
enum { SECRET_PARTS_MAX = 16 };
struct secret_part {
    struct slice name; /* of the parameter that it is the value of, as it stands; else SLICE_NONE */
    struct slice text;
};
struct secret_parts {
    size_t n;
    struct secret_part v[SECRET_PARTS_MAX];
};
struct secret_parts secret_parts(enum secret kind, struct slice text);

/* Appends the value, which is what a put_secret got, with each part of its text replaced by what put appends; byte for byte
 * if that is no other text. part counts from 0. */
typedef void put_part(void *arg, struct buf *dst, size_t part, struct secret_part secret);
void secret_put_parts(struct buf *dst, enum secret kind, struct json value, put_part *put, void *arg);

/* Takes secrets of the document out of what the problems say. */
void secrets_hide(struct connection_problems *p, struct json doc);

/* Which kinds are needed by who maps messages? */
static inline bool secret_to_map(enum secret kind)
{
    return kind == SECRET_TO_MAP || kind == SECRET_IN_ADDRESS || kind == SECRET_IN_HEADER;
}

/* secret_names.c (private): does a name say that it is a secret? */
bool sounds_secret(struct slice name);
bool sounds_secret_in_query(struct slice name);
/* What stands behind the name of an authentication scheme; SLICE_NONE if there is no such name. */
struct slice credentials_in_header(struct slice value);
/* Has it text that is no placeholder? */
bool has_constant(struct slice template);

#endif
