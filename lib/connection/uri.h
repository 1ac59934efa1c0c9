/* uri.h: connection URIs, scheme://[user:password@]host:port[/path] (private to lib/connection).
 *
 * Source: RFC 3986 with a server authority as Ditto's java.net.URI wants it: host names are labels of letters, digits
 * and '-', the last of several labels starts with a letter; IPv4; IPv6 in brackets. The port is needed, a query is not
 * allowed, a fragment is ignored. */
#ifndef CONNECTION_URI_H
#define CONNECTION_URI_H

#include "base/buf.h"

/* Pieces as they stand in the text. */
struct uri_parts {
    struct slice scheme, user_info /* SLICE_NONE */, host /* without brackets */, path;
    unsigned port;
};

/* 0, or -1 if the text is no such URI. */
int uri_split(struct slice text, struct uri_parts *out);
/* Splits at the first ':'; false, and both SLICE_NONE, if there is none. Both may be empty. */
bool uri_user(struct slice user_info, struct slice *user, struct slice *password);
/* Decodes %XX; '+' stays. The text must have passed uri_split. */
void uri_decode(struct buf *dst, struct slice text);
/* The bytes of the password within text, also of a text that is no good URI (best guess); SLICE_NONE if there is none. */
struct slice uri_password(struct slice text);

#endif
