/* mask.c: the document without its secrets, for everyone but the programs that need them. */
#include "connection/edit.h"
#include "connection/secrets.h"
#include "connection/uri.h"

#include "base/banned.h"

#define MASK S(CONNECTION_MASK)

static void put_masked(void *arg, struct buf *dst, enum secret kind, struct where at, struct json value)
{
    (void)arg, (void)at;
    struct buf decoded = {0};
    struct slice text = json_text(value, &decoded), password = uri_password(text);
    if (kind == SECRET_WHOLE)
        json_put_text(dst, MASK);
    else if (password.p)
        put_spliced(dst, text, password, MASK);
    else
        json_put_compact(dst, value);
    buf_wipe(&decoded);
}

void connection_put_masked(struct buf *dst, struct json doc)
{
    secrets_rewrite(dst, doc, put_masked, NULL);
}
