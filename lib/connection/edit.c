#include "connection/edit.h"
#include "connection/secrets.h"
#include "connection/uri.h"

#include "base/banned.h"

#define MASK S(CONNECTION_MASK)

struct merge {
    struct json previous; /* JSON_ABSENT: there is none */
    struct ditto_error *err;
};

/* The mask stays, so that the rest of the document is judged as it is. */
static void nothing_to_keep(struct merge *m, struct buf *dst, struct where at, struct json value)
{
    json_put_compact(dst, value);
    ditto_fail(m->err, 400, CONFIG_INVALID, "A masked value means that the previous one is kept.", at.z,
               "There is no previous value to keep.");
}

static void keep_whole(struct merge *m, struct buf *dst, struct where at, struct json value)
{
    struct json before = json_pointer(m->previous, slice_str(at.z));
    if (json_present(before))
        json_put_compact(dst, before);
    else
        nothing_to_keep(m, dst, at, value);
}

static void keep_password(struct merge *m, struct buf *dst, struct where at, struct json value)
{
    struct buf old = {0}, new = {0};
    struct slice text = json_text(value, &new);
    struct slice before = uri_password(json_text(json_pointer(m->previous, slice_str(at.z)), &old));
    if (before.p)
        put_spliced(dst, text, uri_password(text), before);
    else
        nothing_to_keep(m, dst, at, value);
    buf_wipe(&old);
    buf_wipe(&new);
}

static void put_merged(void *arg, struct buf *dst, enum secret kind, struct where at, struct json value)
{
    struct merge *m = arg;
    struct buf decoded = {0};
    struct slice text = json_text(value, &decoded);
    if (kind == SECRET_WHOLE && slice_eq(text, MASK))
        keep_whole(m, dst, at, value);
    else if (kind == SECRET_IN_URI && slice_eq(uri_password(text), MASK))
        keep_password(m, dst, at, value);
    else
        json_put_compact(dst, value);
    buf_wipe(&decoded);
}

static int check_type(struct json sent, struct json previous, struct ditto_error *err)
{
    struct buf a = {0}, b = {0};
    struct slice now = json_text(json_get(sent, S("connectionType")), &a);
    struct slice before = json_text(json_get(previous, S("connectionType")), &b);
    int rc = 0;
    if (before.p && !slice_eq(now, before))
        rc =
            ditto_fail(err, 400, CONFIG_INVALID, "Delete the connection and create it anew.",
                       "/connectionType", "The type of a connection cannot be changed from '%.*s' to '%.*s'.",
                       SLICE_ARG(before), SLICE_ARG(now));
    buf_free(&a);
    buf_free(&b);
    return rc;
}

int connection_edit(struct buf *dst, struct json sent, struct json previous, struct ditto_error *err)
{
    struct connection c;
    struct buf merged = {0};
    struct ditto_error masked = {0};
    struct merge m = {previous, &masked};
    secrets_rewrite(&merged, sent, put_merged, &m);
    /* What the document itself says wrong ranks before a mask that cannot be lifted. */
    int rc = connection_parse(&c, buf_slice(&merged), err);
    buf_wipe(&merged);
    if (rc < 0)
        return -1;
    rc = check_type(c.json, previous, err);
    if (rc == 0 && masked.status) {
        *err = masked;
        rc = -1;
    }
    if (rc == 0)
        connection_put_effective(dst, &c);
    connection_free(&c);
    return rc;
}

void connection_edit_status(struct buf *dst, struct json stored, bool open)
{
    json_put_with(dst, stored, S("connectionStatus"), open ? S("\"open\"") : S("\"closed\""));
}
