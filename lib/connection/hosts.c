#include "connection/hosts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <regex.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/scan.h"
#include "base/banned.h"

/* IPv4 addresses are kept in their mapped form, so that one way of looking serves both. */
struct subnet {
    struct in6_addr address;
    unsigned bits;
};

struct hosts {
    char *allowed, *blocked; /* lists as given */
    bool on;                 /* something is blocked */
    const char *broken;      /* a setting that cannot be understood */
    bool has_regex;
    regex_t regex;
    size_t n_subnets, n_addresses;
    struct subnet *subnets;
    struct in6_addr *addresses; /* of the blocked host names */
};

enum { HOST_MAX = 255, IPV4_BITS = 32, IPV6_BITS = 128, MAPPED_BITS = IPV6_BITS - IPV4_BITS };

/* --- addresses --- */

static struct in6_addr mapped(struct in_addr v4)
{
    struct in6_addr a = IN6ADDR_ANY_INIT;
    a.s6_addr[10] = a.s6_addr[11] = 0xff;
    memcpy(&a.s6_addr[12], &v4, sizeof(v4));
    return a;
}

static bool address_of(const struct sockaddr *from, struct in6_addr *out)
{
    if (from->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, from, sizeof(in));
        *out = mapped(in.sin_addr);
        return true;
    }
    if (from->sa_family != AF_INET6)
        return false;
    struct sockaddr_in6 in6;
    memcpy(&in6, from, sizeof(in6));
    *out = in6.sin6_addr;
    return true;
}

static bool within(const struct in6_addr *a, const struct in6_addr *net, unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;
    if (memcmp(a->s6_addr, net->s6_addr, whole) != 0)
        return false;
    return !rest || (a->s6_addr[whole] ^ net->s6_addr[whole]) >> (8 - rest) == 0;
}

static bool parse_address(const char *z, struct in6_addr *out, bool *v4)
{
    struct in_addr in;
    *v4 = inet_pton(AF_INET, z, &in) == 1;
    if (*v4)
        *out = mapped(in);
    return *v4 || inet_pton(AF_INET6, z, out) == 1;
}

static bool copy_z(char *dst, size_t size, struct slice s)
{
    if (s.len >= size || (s.len && memchr(s.p, 0, s.len)))
        return false;
    if (s.len)
        memcpy(dst, s.p, s.len);
    dst[s.len] = '\0';
    return true;
}

static bool parse_subnet(struct slice s, struct subnet *out)
{
    char z[INET6_ADDRSTRLEN];
    uint64_t bits;
    bool v4;
    struct slice address = slice_cut(&s, '/');
    if (!copy_z(z, sizeof(z), address) || !parse_address(z, &out->address, &v4) || scan_u64(s, &bits) < 0)
        return false;
    if (bits > (v4 ? (unsigned)IPV4_BITS : (unsigned)IPV6_BITS))
        return false;
    out->bits = (unsigned)bits + (v4 ? (unsigned)MAPPED_BITS : 0);
    return true;
}

/* What Java calls loopback, site-local, multicast and wildcard. */
static const char *kind_refused(const struct in6_addr *a)
{
    static const struct {
        const char *net, *why;
    } kinds[] = {
        {"127.0.0.0/8", "its address is a loopback address"},
        {"::1/128", "its address is a loopback address"},
        {"10.0.0.0/8", "its address is private"},
        {"172.16.0.0/12", "its address is private"},
        {"192.168.0.0/16", "its address is private"},
        {"fec0::/10", "its address is private"},
        {"224.0.0.0/4", "its address is a multicast address"},
        {"ff00::/8", "its address is a multicast address"},
        {"0.0.0.0/32", "its address is unspecified"},
        {"::/128", "its address is unspecified"},
    };
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        struct subnet net;
        if (parse_subnet(slice_str(kinds[i].net), &net) && within(a, &net.address, net.bits))
            return kinds[i].why;
    }
    return NULL;
}

static const char *address_refused(const struct hosts *h, const struct in6_addr *a)
{
    const char *why = kind_refused(a);
    for (size_t i = 0; i < h->n_addresses && !why; i++) {
        if (memcmp(a, &h->addresses[i], sizeof(*a)) == 0)
            why = "it is blocked";
    }
    for (size_t i = 0; i < h->n_subnets && !why; i++) {
        if (within(a, &h->subnets[i].address, h->subnets[i].bits))
            why = "its address is in a blocked subnet";
    }
    return why;
}

/* --- settings --- */

static bool next_of(struct slice *list, struct slice *item)
{
    if (!list->p)
        return false;
    *item = slice_trim(slice_cut(list, ','));
    return true;
}

static struct addrinfo *look_up(struct slice host)
{
    char z[HOST_MAX + 1];
    struct addrinfo *found, hints = {.ai_socktype = SOCK_STREAM};
    return copy_z(z, sizeof(z), host) && getaddrinfo(z, NULL, &hints, &found) == 0 ? found : NULL;
}

static void block_host(struct hosts *h, struct slice host)
{
    struct addrinfo *all = look_up(host);
    if (!all)
        warn("cannot look up blocked host '%.*s'", SLICE_ARG(host));
    for (const struct addrinfo *i = all; i; i = i->ai_next) {
        struct in6_addr a;
        if (!address_of(i->ai_addr, &a))
            continue;
        h->addresses = xrealloc_array(h->addresses, h->n_addresses + 1, sizeof(*h->addresses));
        h->addresses[h->n_addresses++] = a;
    }
    if (all)
        freeaddrinfo(all);
}

static void block_hosts(struct hosts *h)
{
    struct slice list = slice_str(h->blocked), item;
    while (next_of(&list, &item)) {
        if (!item.len)
            continue;
        h->on = true;
        block_host(h, item);
    }
}

static void block_subnets(struct hosts *h, const char *text)
{
    struct slice list = slice_str(text), item;
    while (next_of(&list, &item)) {
        if (!item.len)
            continue;
        h->subnets = xrealloc_array(h->subnets, h->n_subnets + 1, sizeof(*h->subnets));
        if (parse_subnet(item, &h->subnets[h->n_subnets]))
            h->n_subnets++;
        else
            h->broken = "the operator's list of blocked subnets cannot be understood";
    }
}

/* Java's \d and (?:…) in POSIX's terms; the rest of what people write in such a setting is the same in both. */
static void put_posix(struct buf *dst, const char *java)
{
    buf_puts(dst, "^(");
    for (const char *p = java; *p; p++) {
        if (p[0] == '\\' && p[1] == 'd')
            buf_puts(dst, "[0-9]"), p++;
        else if (p[0] == '\\' && p[1])
            buf_putc(dst, *p++), buf_putc(dst, *p);
        else if (strncmp(p, "(?:", 3) == 0)
            buf_putc(dst, '('), p += 2;
        else
            buf_putc(dst, *p);
    }
    buf_puts(dst, ")$");
}

static void block_regex(struct hosts *h, const char *text)
{
    struct buf posix = {0};
    if (!text || !*text)
        return;
    put_posix(&posix, text);
    h->has_regex = regcomp(&h->regex, buf_z(&posix), REG_EXTENDED | REG_NOSUB) == 0;
    if (!h->has_regex)
        h->broken = "the operator's expression for blocked hosts cannot be understood";
    buf_free(&posix);
}

struct hosts *hosts_new(const char *allowed, const char *blocked, const char *subnets, const char *regex)
{
    struct hosts *h = xcalloc(1, sizeof(*h));
    h->allowed = xstrndup(allowed ? allowed : "", allowed ? strlen(allowed) : 0);
    h->blocked = xstrndup(blocked ? blocked : "", blocked ? strlen(blocked) : 0);
    block_hosts(h);
    if (!h->on)
        return h;
    block_subnets(h, subnets ? subnets : "");
    block_regex(h, regex);
    return h;
}

void hosts_free(struct hosts *h)
{
    if (h->has_regex)
        regfree(&h->regex);
    free(h->allowed);
    free(h->blocked);
    free(h->subnets);
    free(h->addresses);
    free(h);
}

const struct hosts *hosts_of_environment(void)
{
    static struct hosts *h;
    const char *allowed = getenv("CONNECTIVITY_CONNECTION_ALLOWED_HOSTNAMES");
    if (!h)
        h = hosts_new(allowed ? allowed : "hono-endpoint",
                      getenv("CONNECTIVITY_CONNECTION_BLOCKED_HOSTNAMES"),
                      getenv("CONNECTIVITY_CONNECTION_BLOCKED_SUBNETS"),
                      getenv("CONNECTIVITY_CONNECTION_BLOCKED_HOST_REGEX"));
    return h;
}

/* --- hosts --- */

static struct slice without_brackets(struct slice host)
{
    bool has = slice_starts(host, S("[")) && slice_ends(host, S("]"));
    return has ? slice_of(host.p + 1, host.len - 2) : host;
}

static bool allowed(const struct hosts *h, struct slice host)
{
    struct slice list = slice_str(h->allowed), item;
    while (next_of(&list, &item)) {
        if (item.len && slice_eq(without_brackets(item), host))
            return true;
    }
    return false;
}

static bool matches(const struct hosts *h, struct slice host)
{
    char z[HOST_MAX + 1];
    return h->has_regex && copy_z(z, sizeof(z), host) && regexec(&h->regex, z, 0, NULL, 0) == 0;
}

static const char *look_up_refused(const struct hosts *h, struct slice host)
{
    const char *why = NULL;
    struct addrinfo *all = look_up(host);
    if (!all)
        return "it cannot be looked up";
    for (const struct addrinfo *i = all; i && !why; i = i->ai_next) {
        struct in6_addr a;
        why = address_of(i->ai_addr, &a) ? address_refused(h, &a) : NULL;
    }
    freeaddrinfo(all);
    return why;
}

const char *hosts_refuse(const struct hosts *h, struct slice host)
{
    host = without_brackets(host);
    if (!h->on || allowed(h, host))
        return NULL;
    if (h->broken)
        return h->broken;
    return matches(h, host) ? "it matches what the operator blocks" : look_up_refused(h, host);
}

const char *hosts_refuse_address(const struct hosts *h, struct slice host, const struct sockaddr *address)
{
    struct in6_addr a;
    host = without_brackets(host);
    if (!h->on || allowed(h, host))
        return NULL;
    if (h->broken)
        return h->broken;
    return address_of(address, &a) ? address_refused(h, &a) : NULL;
}
