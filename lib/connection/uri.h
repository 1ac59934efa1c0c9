/* uri.h: connection URIs, scheme://[user:password@]host:port[/path], and other URLs of a connection (private to
 * lib/connection).
 *
 * Source: RFC 3986 with a server authority as Ditto's java.net.URI wants it: host names are labels of letters, digits
 * and '-', the last of several labels starts with a letter; IPv4; IPv6 in brackets. A fragment is ignored. */
#ifndef CONNECTION_URI_H
#define CONNECTION_URI_H

#include "base/buf.h"

/* Pieces as they stand in the text. */
struct uri_parts {
    struct slice scheme, user_info /* SLICE_NONE */, host /* without brackets */, path;
    unsigned port; /* 0: none */
};

/* 0, or -1 if the text is no such URI: the port is needed, a query is not allowed. */
int uri_split(struct slice text, struct uri_parts *out);
/* The same for URLs of other servers, where the port may be left out and a query is allowed, but not looked at. */
int url_split(struct slice text, struct uri_parts *out);
/* Splits at the first ':'; false, and both SLICE_NONE, if there is none. Both may be empty. */
bool uri_user(struct slice user_info, struct slice *user, struct slice *password);
/* Decodes %XX; '+' stays. The text must have passed uri_split. */
void uri_decode(struct buf *dst, struct slice text);
/* The bytes within text that are a secret: the password, or all user information if it has no ':', as tokens are given. Also
 * of a text that is no good URI (best guess). SLICE_NONE if there are none. */
struct slice uri_secret(struct slice text);

#endif
