/* mask.c: the document without its secrets, for everyone but the programs that need them. */
#include "connection/edit.h"
#include "connection/secrets.h"
#include "connection/uri.h"

#include "base/banned.h"

#define MASK S(CONNECTION_MASK)

static void put_uri(struct buf *dst, struct json value)
{
    struct buf decoded = {0};
    struct slice text = json_text(value, &decoded), secret = uri_secret(text);
    if (secret.p)
        put_spliced(dst, text, secret, MASK);
    else
        json_put_compact(dst, value);
    buf_wipe(&decoded);
}

/* with_headers: is a header's value to be masked, too? */
static void put_masked(void *with_headers, struct buf *dst, enum secret kind, struct where at,
                       struct json value)
{
    (void)at;
    if (kind == SECRET_IN_URI)
        put_uri(dst, value);
    else if (kind == SECRET_HEADER && !with_headers)
        json_put_compact(dst, value);
    else
        json_put_text(dst, MASK);
}

void connection_put_masked(struct buf *dst, struct json doc)
{
    static bool yes = true;
    secrets_rewrite(dst, doc, put_masked, &yes);
}

void connection_put_without_credentials(struct buf *dst, struct json doc)
{
    secrets_rewrite(dst, doc, put_masked, NULL);
}
