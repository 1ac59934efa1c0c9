/* mask.c: the document without its secrets, for everyone but the programs that need them. */
#include "connection/edit.h"
#include "connection/secrets.h"

#include "base/banned.h"

#define MASK S(CONNECTION_MASK)

static void put_mask(void *unused, struct buf *dst, size_t part, struct secret_part secret)
{
    (void)unused, (void)part, (void)secret;
    buf_put_slice(dst, MASK);
}

/* all: is what is needed to map messages to be masked, too? */
static void put_masked(void *all, struct buf *dst, enum secret kind, struct where at, struct json value)
{
    (void)at;
    bool whole = kind == SECRET_WHOLE || kind == SECRET_TO_MAP;
    if (!all && secret_to_map(kind))
        json_put_compact(dst, value);
    else if (whole)
        json_put_text(dst, MASK);
    else
        secret_put_parts(dst, kind, value, put_mask, NULL);
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

void connection_put_shown_address(struct buf *dst, struct slice address)
{
    struct secret_parts parts = secret_parts(SECRET_IN_ADDRESS, address);
    size_t done = 0;
    for (size_t i = 0; i < parts.n; i++) {
        size_t at = (size_t)(parts.v[i].text.p - address.p);
        buf_put(dst, address.p + done, at - done);
        buf_put_slice(dst, MASK);
        done = at + parts.v[i].text.len;
    }
    buf_put_slice(dst, slice_skip(address, done));
}
