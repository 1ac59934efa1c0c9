/* credentials.h: credentials by type, of the connection and of its SSH tunnel (private to lib/connection). */
#ifndef CONNECTION_CREDENTIALS_H
#define CONNECTION_CREDENTIALS_H

#include "connection/reader.h"

enum credential {
    CREDENTIAL_NONE,
    CREDENTIAL_CLIENT_CERT,
    CREDENTIAL_PLAIN,
    CREDENTIAL_PUBLIC_KEY,
    CREDENTIAL_HMAC,
    CREDENTIAL_OAUTH_CLIENT,
    CREDENTIAL_OAUTH_PASSWORD,
    CREDENTIAL_UNKNOWN,
};

/* Type and required members. */
void read_credentials(struct reader *r, struct node credentials);
void read_tunnel(struct reader *r, struct node tunnel);
enum credential credential_of(struct json credentials); /* NONE: JSON_ABSENT */
const char *credential_text(enum credential k);
/* One or more PEM blocks "BEGIN <label>" … "END <label>" whose base64 holds DER; text around them is allowed. */
bool pem_valid(struct slice text, struct slice label);

#endif
