#include "connection/uri.h"

#include <arpa/inet.h>

#include "base/scan.h"
#include "base/banned.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_alnum(char c)
{
    return is_digit(c) || is_alpha(c);
}

static int hex_value(char c)
{
    return is_digit(c)            ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Unreserved, escaped, non-ASCII, or one of extra. */
static bool chars_ok(struct slice s, const char *extra)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c == '%') {
            if (i + 2 >= s.len || hex_value(s.p[i + 1]) < 0 || hex_value(s.p[i + 2]) < 0)
                return false;
            i += 2;
        } else if (c < 0x80 && !is_alnum((char)c) && (!c || (!strchr("-_.!~*'()", c) && !strchr(extra, c)))) {
            return false;
        }
    }
    return true;
}

static bool scheme_ok(struct slice s)
{
    if (!s.len || !is_alpha(s.p[0]))
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (!is_alnum(s.p[i]) && (!s.p[i] || !strchr("+-.", s.p[i])))
            return false;
    }
    return true;
}

static bool ip_ok(int family, struct slice s)
{
    char z[INET6_ADDRSTRLEN + 1];
    unsigned char address[sizeof(struct in6_addr)];
    if (s.len >= sizeof(z) || memchr(s.p, 0, s.len))
        return false;
    memcpy(z, s.p, s.len);
    z[s.len] = 0;
    return inet_pton(family, z, address) == 1;
}

static bool label_ok(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!is_alnum(s.p[i]) && s.p[i] != '-')
            return false;
    }
    return s.len && s.p[0] != '-' && s.p[s.len - 1] != '-';
}

static bool name_ok(struct slice s)
{
    struct slice label = SLICE_NONE;
    size_t labels = 0;
    if (slice_ends(s, S(".")))
        s.len--;
    do {
        label = slice_cut(&s, '.');
        labels++;
        if (!label_ok(label))
            return false;
    } while (s.p);
    return labels == 1 || is_alpha(label.p[0]);
}

/* Takes the host from the front of *rest. */
static int take_host(struct slice *rest, struct slice *host)
{
    if (slice_starts(*rest, S("["))) {
        *rest = slice_skip(*rest, 1);
        *host = slice_cut(rest, ']');
        return rest->p && ip_ok(AF_INET6, *host) ? 0 : -1;
    }
    const char *colon = rest->len ? memchr(rest->p, ':', rest->len) : NULL;
    *host = slice_of(rest->p, colon ? (size_t)(colon - rest->p) : rest->len);
    *rest = slice_skip(*rest, host->len);
    return name_ok(*host) || ip_ok(AF_INET, *host) ? 0 : -1;
}

enum form { CONNECTION_URI, ANY_URL };

static int scan_port(struct slice s, enum form form, unsigned *port)
{
    uint64_t n;
    if (!s.len && form == ANY_URL)
        return 0;
    if (!slice_starts(s, S(":")) || scan_u64(slice_skip(s, 1), &n) < 0 || n == 0 || n > 65535)
        return -1;
    *port = (unsigned)n;
    return 0;
}

static struct slice authority_of(struct slice rest)
{
    size_t n = 0;
    while (n < rest.len && !memchr("/?#", rest.p[n], 3))
        n++;
    return slice_of(rest.p, n);
}

static int split_authority(struct slice a, enum form form, struct uri_parts *out)
{
    const char *at = a.len ? memchr(a.p, '@', a.len) : NULL;
    if (at) {
        out->user_info = slice_of(a.p, (size_t)(at - a.p));
        a = slice_skip(a, out->user_info.len + 1);
    }
    if (!chars_ok(out->user_info, ";:&=+$,") || take_host(&a, &out->host) < 0)
        return -1;
    return scan_port(a, form, &out->port);
}

static int split(struct slice text, enum form form, struct uri_parts *out)
{
    *out = (struct uri_parts){0};
    struct slice rest = text;
    out->scheme = slice_cut(&rest, ':');
    if (!scheme_ok(out->scheme) || !slice_starts(rest, S("//")))
        return -1;
    rest = slice_skip(rest, 2);
    struct slice authority = authority_of(rest);
    if (split_authority(authority, form, out) < 0)
        return -1;
    struct slice fragment = slice_skip(rest, authority.len), path = slice_cut(&fragment, '#');
    struct slice query = form == ANY_URL ? path : SLICE_NONE;
    out->path = form == ANY_URL ? slice_cut(&query, '?') : path;
    bool good =
        chars_ok(out->path, "/;:@&=+$,") && chars_ok(query, "/;:@&=+$,?") && chars_ok(fragment, "/;:@&=+$,?");
    return good ? 0 : -1;
}

int uri_split(struct slice text, struct uri_parts *out)
{
    return split(text, CONNECTION_URI, out);
}

int url_split(struct slice text, struct uri_parts *out)
{
    return split(text, ANY_URL, out);
}

bool uri_user(struct slice user_info, struct slice *user, struct slice *password)
{
    *user = slice_cut(&user_info, ':');
    *password = user_info;
    if (password->p)
        return true;
    *user = SLICE_NONE;
    return false;
}

void uri_decode(struct buf *dst, struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.p[i] == '%') {
            buf_putc(dst, (char)(hex_value(text.p[i + 1]) * 16 + hex_value(text.p[i + 2])));
            i += 2;
        } else {
            buf_putc(dst, text.p[i]);
        }
    }
}

/* From the first "://" to the last '@': more than a good URI would call user info, so that nothing is given away. */
static struct slice guessed_user_info(struct slice text)
{
    const char *start = text.len ? memmem(text.p, text.len, "://", 3) : NULL;
    const char *end = text.len ? memrchr(text.p, '@', text.len) : NULL;
    start = start ? start + 3 : text.p;
    return end && end > start ? slice_of(start, (size_t)(end - start)) : SLICE_NONE;
}

struct slice uri_secret(struct slice text)
{
    struct uri_parts parts;
    struct slice user, password;
    struct slice info = url_split(text, &parts) == 0 ? parts.user_info : guessed_user_info(text);
    return uri_user(info, &user, &password) ? password : info;
}
