#include "connection/edit.h"
#include "connection/control.h"
#include "connection/secrets.h"
#include "connection/uri.h"

#include "base/scan.h"
#include "base/banned.h"

#define MASK S(CONNECTION_MASK)

struct merge {
    struct json sent, previous; /* previous JSON_ABSENT: there is none */
    size_t masks;
    struct ditto_error *err;
};

enum { MASKS_MAX = 256 }; /* each is looked for in the whole of previous */

/* The mask stays, so that the rest of the document is judged as it is. */
static void nothing_to_keep(struct merge *m, struct buf *dst, struct where at, struct json value)
{
    json_put_compact(dst, value);
    ditto_fail(m->err, 400, CONFIG_INVALID, "A masked value means that the previous one is kept.", at.z,
               "There is no previous value to keep.");
}

/* Where is the end that this one was? Not always in its place, and a secret must not go to another address. */
static bool same_address(struct json a, struct json b)
{
    struct json x = json_get(a, S("address")), y = json_get(b, S("address"));
    if (x.type == JSON_ABSENT)
        x = json_get(a, S("addresses")), y = json_get(b, S("addresses"));
    struct buf one = {0}, other = {0};
    json_put_compact(&one, x);
    json_put_compact(&other, y);
    bool same = x.type != JSON_ABSENT && y.type == x.type && slice_eq(buf_slice(&one), buf_slice(&other));
    buf_free(&one);
    buf_free(&other);
    return same;
}

static struct json same_end(struct json sent, struct json previous, size_t index)
{
    struct json end = json_at(sent, index), before = json_at(previous, index);
    struct json_iter it = json_iter(previous);
    while (!same_address(end, before)) {
        if (!json_next(&it))
            return (struct json){JSON_ABSENT, NULL, 0};
        before = it.value;
    }
    return before;
}

/* The previous value of what stands at this place now. */
static struct json before(struct merge *m, struct where at)
{
    if (m->err->status || ++m->masks > MASKS_MAX)
        return (struct json){JSON_ABSENT, NULL, 0};
    struct slice rest = slice_str(at.z);
    uint64_t index;
    (void)slice_cut(&rest, '/');
    struct slice ends = slice_cut(&rest, '/');
    if (!slice_eq(ends, S("sources")) && !slice_eq(ends, S("targets")))
        return json_pointer(m->previous, slice_str(at.z));
    if (scan_u64(slice_cut(&rest, '/'), &index) < 0 || !rest.len)
        return (struct json){JSON_ABSENT, NULL, 0};
    struct json end = same_end(json_get(m->sent, ends), json_get(m->previous, ends), index);
    return json_pointer(end, slice_of(rest.p - 1, rest.len + 1));
}

static void keep_whole(struct merge *m, struct buf *dst, struct where at, struct json value)
{
    struct json kept = before(m, at);
    if (json_present(kept))
        json_put_compact(dst, kept);
    else
        nothing_to_keep(m, dst, at, value);
}

static void keep_password(struct merge *m, struct buf *dst, struct where at, struct json value)
{
    struct buf old = {0}, new = {0};
    struct slice text = json_text(value, &new);
    struct slice kept = uri_secret(json_text(before(m, at), &old));
    if (kept.p)
        put_spliced(dst, text, uri_secret(text), kept);
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
    if (kind != SECRET_IN_URI && slice_eq(text, MASK))
        keep_whole(m, dst, at, value);
    else if (kind == SECRET_IN_URI && slice_eq(uri_secret(text), MASK))
        keep_password(m, dst, at, value);
    else
        json_put_compact(dst, value);
    buf_wipe(&decoded);
}

static void check_type(struct json sent, struct json previous, struct connection_problems *p)
{
    struct buf a = {0}, b = {0};
    struct slice now = json_text(json_get(sent, S("connectionType")), &a);
    struct slice before = json_text(json_get(previous, S("connectionType")), &b);
    if (before.p && now.p && !slice_eq(now, before))
        PROBLEM(p, where_name(WHERE_ROOT, "connectionType"), CONFIG_INVALID,
                "Delete the connection and create it anew.",
                "The type of a connection cannot be changed from '%.*s' to '%.*s'.", SLICE_ARG(before),
                SLICE_ARG(now));
    buf_free(&a);
    buf_free(&b);
}

/* What the document itself says wrong ranks before its type, and that before a mask that cannot be lifted. */
int connection_edit_all(struct buf *dst, struct json sent, struct json previous, bool any_type,
                        struct connection_problems *p)
{
    struct connection c;
    struct buf merged = {0};
    struct ditto_error masked = {0};
    struct merge m = {.sent = sent, .previous = previous, .err = &masked};
    secrets_rewrite(&merged, sent, put_merged, &m);
    bool valid = connection_judge(&c, buf_slice(&merged), p) == 0;
    if (!any_type)
        check_type(sent, previous, p);
    if (masked.status) {
        struct where at = WHERE_ROOT;
        memcpy(at.z, masked.pointer, sizeof(at.z));
        *problem_slot(p, at) = masked;
    }
    if (valid && !p->n)
        connection_put_effective(dst, &c);
    if (valid)
        connection_free(&c);
    buf_wipe(&merged);
    return p->n ? -1 : 0;
}

int connection_edit(struct buf *dst, struct json sent, struct json previous, struct ditto_error *err)
{
    struct connection_problems problems;
    int rc = connection_edit_all(dst, sent, previous, false, &problems);
    if (rc < 0)
        *err = problems.v[0];
    connection_problems_free(&problems);
    return rc;
}

void connection_edit_status(struct buf *dst, struct json stored, bool open)
{
    json_put_with(dst, stored, S("connectionStatus"), open ? S("\"open\"") : S("\"closed\""));
}
