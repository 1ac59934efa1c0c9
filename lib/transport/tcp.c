#include "transport/tcp.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/banned.h"

int tcp_lookup(struct tcp *t, struct slice host, unsigned port, const char **reason)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    char name[256], service[8];
    int rc;
    *t = (struct tcp){.fd = -1};
    *reason = "the host name is too long";
    if (host.len >= sizeof name)
        return -1;
    (void)snprintf(name, sizeof name, "%.*s", SLICE_ARG(host));
    (void)snprintf(service, sizeof service, "%u", port);
    rc = getaddrinfo(name, service, &hints, &t->list);
    if (rc != 0) {
        *reason = rc == EAI_SYSTEM ? strerror(errno) : gai_strerror(rc);
        return -1;
    }
    t->next = t->list;
    return 0;
}

static void set(int fd, int level, int option, int value)
{
    (void)setsockopt(fd, level, option, &value, sizeof value);
}

static void apply(int fd, const struct tcp_settings *s)
{
    struct linger linger = {1, s->linger_s};
    set(fd, IPPROTO_TCP, TCP_NODELAY, s->no_delay);
    set(fd, SOL_SOCKET, SO_KEEPALIVE, s->keepalive);
    if (s->send_bytes)
        set(fd, SOL_SOCKET, SO_SNDBUF, s->send_bytes);
    if (s->receive_bytes)
        set(fd, SOL_SOCKET, SO_RCVBUF, s->receive_bytes);
    if (s->traffic_class) /* only the one of its family takes it */
        set(fd, IPPROTO_IP, IP_TOS, s->traffic_class), set(fd, IPPROTO_IPV6, IPV6_TCLASS, s->traffic_class);
    if (s->linger_s >= 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}

/* From an address, a port, or both. */
static int bind_local(int fd, int family, const struct tcp_settings *s)
{
    struct addrinfo hints = {.ai_family = family,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
    struct addrinfo *at;
    char host[64], port[8];
    if (!s->local_host.len && !s->local_port)
        return 0;
    (void)snprintf(host, sizeof host, "%.*s", SLICE_ARG(s->local_host));
    (void)snprintf(port, sizeof port, "%u", s->local_port);
    errno = EADDRNOTAVAIL;
    if (getaddrinfo(s->local_host.len ? host : NULL, port, &hints, &at) != 0)
        return -1;
    set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    int r = bind(fd, at->ai_addr, at->ai_addrlen);
    freeaddrinfo(at);
    return r;
}

/* True if the connection is under way or there. */
static bool try(struct tcp *t, const struct addrinfo *a)
{
    static const struct tcp_settings usual = {.no_delay = true, .linger_s = -1};
    const struct tcp_settings *s = t->settings ? t->settings : &usual;
    t->fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (t->fd < 0)
        return false;
    apply(t->fd, s);
    if (bind_local(t->fd, a->ai_family, s) == 0 &&
        (connect(t->fd, a->ai_addr, a->ai_addrlen) == 0 || errno == EINPROGRESS))
        return true;
    int e = errno;
    (void)close(t->fd);
    t->fd = -1;
    errno = e;
    return false;
}

int tcp_start(struct tcp *t, const char **reason)
{
    while (t->next) {
        const struct addrinfo *a = t->next;
        t->next = a->ai_next;
        if (try(t, a))
            return 0;
        *reason = strerror(errno);
    }
    return -1;
}

int tcp_continue(struct tcp *t, const char **reason)
{
    int e = 0;
    socklen_t size = sizeof e;
    (void)getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &e, &size);
    if (e == 0)
        return 1;
    *reason = strerror(e);
    (void)close(t->fd);
    t->fd = -1;
    return tcp_start(t, reason);
}

bool tcp_digits(struct tcp *t, char digits[TCP_DIGITS])
{
    while (t->next) {
        const struct addrinfo *a = t->next;
        t->next = a->ai_next;
        if (getnameinfo(a->ai_addr, a->ai_addrlen, digits, TCP_DIGITS, NULL, 0, NI_NUMERICHOST) == 0)
            return true;
    }
    return false;
}

void tcp_done(struct tcp *t)
{
    if (t->list)
        freeaddrinfo(t->list);
    t->list = t->next = NULL;
}
