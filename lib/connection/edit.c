#include "connection/edit.h"
#include "connection/control.h"
#include "connection/secrets.h"
#include "connection/uri.h"

#include "base/scan.h"
#include "base/banned.h"

#define MASK S(CONNECTION_MASK)

/* Whoever gets a secret. A masked one is kept for the same recipient only, else it could be had by naming another. */
enum recipient { SERVER, TUNNEL, TOKENS, RECIPIENTS };

struct merge {
    struct json sent, previous; /* previous JSON_ABSENT: there is none */
    struct buf sent_masked, previous_masked;
    bool another[RECIPIENTS];
    size_t masks;
    struct ditto_error *err;
};

enum { MASKS_MAX = 256 }; /* each is looked for in the whole of previous */

/* --- recipients --- */

static bool same_text(struct json a, struct json b)
{
    struct buf x = {0}, y = {0};
    struct slice one = json_text(a, &x), other = json_text(b, &y);
    bool same = !one.p == !other.p && slice_eq(one, other);
    buf_wipe(&x);
    buf_wipe(&y);
    return same;
}

static bool is_secure(struct slice scheme)
{
    static const char *const secure[] = {"amqps", "ssl", "https", "ssh", NULL};
    for (size_t i = 0; secure[i]; i++) {
        if (slice_eq_nocase(scheme, slice_str(secure[i])))
            return true;
    }
    return false;
}

/* The same host, that is; but a password that went through TLS must not go without. */
static bool same_server(struct slice now, struct slice before)
{
    struct uri_parts x, y;
    return url_split(now, &x) == 0 && url_split(before, &y) == 0 && slice_eq_nocase(x.host, y.host) &&
           (is_secure(x.scheme) || !is_secure(y.scheme));
}

/* Do these URIs, with their secrets masked or not, name another server? */
static bool another_server(const struct merge *m, const char *pointer)
{
    struct buf x = {0}, y = {0};
    struct json now = json_pointer(m->sent, slice_str(pointer));
    struct json before = json_pointer(m->previous, slice_str(pointer));
    bool same = same_text(now, before) || same_server(json_text(now, &x), json_text(before, &y));
    buf_wipe(&x);
    buf_wipe(&y);
    return !same;
}

/* A tunnel decides where the server's name leads to. */
static bool another_tunnel(const struct merge *m)
{
    bool now = json_is(json_pointer(m->sent, S("/sshTunnel/enabled")), JSON_TRUE);
    bool before = json_is(json_pointer(m->previous, S("/sshTunnel/enabled")), JSON_TRUE);
    return now && (!before || m->another[TUNNEL]);
}

static void find_recipients(struct merge *m)
{
    struct slice brokers = S("/specificConfig/bootstrapServers");
    m->another[TUNNEL] = another_server(m, "/sshTunnel/uri");
    m->another[TOKENS] = another_server(m, "/credentials/tokenEndpoint");
    m->another[SERVER] = another_server(m, "/uri") || another_tunnel(m) ||
                         !same_text(json_pointer(m->sent, brokers), json_pointer(m->previous, brokers));
}

static enum recipient recipient_of(const struct merge *m, struct slice place)
{
    bool tokens = json_present(json_pointer(m->sent, S("/credentials/tokenEndpoint")));
    return slice_starts(place, S("/sshTunnel/"))               ? TUNNEL
           : tokens && slice_starts(place, S("/credentials/")) ? TOKENS
                                                               : SERVER;
}

/* --- what was there before --- */

/* The mask stays, so that the rest of the document is judged as it is. */
static void cannot_keep(struct merge *m, struct where at, const char *why)
{
    ditto_fail(m->err, 400, CONFIG_INVALID,
               "A masked value means that the previous one is kept: write the secret itself.", at.z, "%s",
               why);
}

/* Where is the end that this one was? Not always in its place, and a secret must not go to another address. Ends are masked:
 * addresses may hold secrets themselves. */
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

static struct json masked(const struct buf *text, struct slice member)
{
    return text->len ? json_get((struct json){JSON_OBJECT, buf_p(text), text->len}, member)
                     : (struct json){JSON_ABSENT, NULL, 0};
}

/* The index of the previous end, or -1. */
static int64_t same_end(const struct merge *m, struct slice ends, size_t index)
{
    struct json previous = masked(&m->previous_masked, ends);
    struct json end = json_at(masked(&m->sent_masked, ends), index);
    if (same_address(end, json_at(previous, index)))
        return (int64_t)index;
    struct json_iter it = json_iter(previous);
    for (int64_t i = 0; json_next(&it); i++) {
        if (same_address(end, it.value))
            return i;
    }
    return -1;
}

/* The previous value of what stands at this place now. */
static struct json before(struct merge *m, struct where at)
{
    static const struct json none = {JSON_ABSENT, NULL, 0};
    if (m->err->status || ++m->masks > MASKS_MAX)
        return none;
    struct slice rest = slice_str(at.z);
    uint64_t index;
    (void)slice_cut(&rest, '/');
    struct slice ends = slice_cut(&rest, '/');
    if (!slice_eq(ends, S("sources")) && !slice_eq(ends, S("targets")))
        return json_pointer(m->previous, slice_str(at.z));
    if (scan_u64(slice_cut(&rest, '/'), &index) < 0 || !rest.len)
        return none;
    int64_t was = same_end(m, ends, index);
    struct json end = was < 0 ? none : json_at(json_get(m->previous, ends), (size_t)was);
    return json_pointer(end, slice_of(rest.p - 1, rest.len + 1));
}

/* --- keeping it --- */

static bool may_keep(struct merge *m, struct where at, struct json previous)
{
    if (!json_present(previous))
        cannot_keep(m, at, "There is no previous value to keep.");
    else if (m->another[recipient_of(m, slice_str(at.z))])
        cannot_keep(m, at, "The previous value was not meant for this server.");
    else
        return true;
    return false;
}

static void keep_whole(struct merge *m, struct buf *dst, struct where at, struct json value)
{
    struct json previous = before(m, at);
    json_put_compact(dst, may_keep(m, at, previous) ? previous : value);
}

struct keeping {
    struct merge *m;
    struct where at;
    struct slice now, text;    /* the value, and what it was */
    struct secret_parts parts; /* of that */
    struct json previous;
};

/* What is secret in a URL belongs to its server and its user. */
static bool same_account(struct slice a, struct slice b)
{
    struct uri_parts x, y;
    struct slice user, previous, ignored;
    if (url_split(a, &x) < 0)
        return true;
    return same_server(a, b) && url_split(b, &y) == 0 &&
           uri_user(x.user_info, &user, &ignored) == uri_user(y.user_info, &previous, &ignored) &&
           slice_eq(user, previous);
}

static bool same_part(const struct keeping *k, size_t part, struct slice name)
{
    return part < k->parts.n && slice_eq(k->parts.v[part].name, name) && same_account(k->now, k->text);
}

static void keep_part(void *arg, struct buf *dst, size_t part, struct secret_part secret)
{
    struct keeping *k = arg;
    bool kept = slice_eq(secret.text, MASK) && may_keep(k->m, k->at, k->previous);
    if (kept && !same_part(k, part, secret.name)) {
        cannot_keep(k->m, k->at, "There is no previous value to keep.");
        kept = false;
    }
    buf_put_slice(dst, kept ? k->parts.v[part].text : secret.text);
}

static bool has_mask(enum secret kind, struct slice text)
{
    struct secret_parts parts = secret_parts(kind, text);
    for (size_t i = 0; i < parts.n; i++) {
        if (slice_eq(parts.v[i].text, MASK))
            return true;
    }
    return false;
}

static void keep_parts(struct merge *m, struct buf *dst, enum secret kind, struct where at, struct json value)
{
    struct buf old = {0}, new = {0};
    struct keeping k = {.m = m, .at = at, .previous = before(m, at)};
    k.now = json_text(value, &new);
    k.text = json_text(k.previous, &old);
    k.parts = secret_parts(kind, k.text);
    secret_put_parts(dst, kind, value, keep_part, &k);
    buf_wipe(&old);
    buf_wipe(&new);
}

static void put_merged(void *arg, struct buf *dst, enum secret kind, struct where at, struct json value)
{
    struct merge *m = arg;
    struct buf decoded = {0};
    struct slice text = json_text(value, &decoded);
    bool whole = kind == SECRET_WHOLE || kind == SECRET_TO_MAP;
    if (!has_mask(kind, text))
        json_put_compact(dst, value);
    else if (whole)
        keep_whole(m, dst, at, value);
    else
        keep_parts(m, dst, kind, at, value);
    buf_wipe(&decoded);
}

static void merge(struct merge *m, struct buf *dst)
{
    connection_put_masked(&m->sent_masked, m->sent);
    if (json_present(m->previous))
        connection_put_masked(&m->previous_masked, m->previous);
    find_recipients(m);
    secrets_rewrite(dst, m->sent, put_merged, m);
    buf_free(&m->sent_masked);
    buf_free(&m->previous_masked);
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
int connection_edit(struct buf *dst, struct json sent, struct json previous, bool any_type,
                    struct connection_problems *p)
{
    struct connection c;
    struct buf merged = {0};
    struct ditto_error masked = {0};
    struct merge m = {.sent = sent, .previous = previous, .err = &masked};
    merge(&m, &merged);
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

void connection_edit_status(struct buf *dst, struct json stored, bool open)
{
    json_put_with(dst, stored, S("connectionStatus"), open ? S("\"open\"") : S("\"closed\""));
}
