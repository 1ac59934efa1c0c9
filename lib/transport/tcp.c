#include "transport/tcp.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/banned.h"

/* Starts on the next address; 0, or -1 with *reason when there is none left that answers. */
static int try_next(struct tcp *t, const char **reason)
{
    while (t->next) {
        const struct addrinfo *a = t->next;
        int one = 1;
        t->next = a->ai_next;
        t->fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (t->fd < 0) {
            *reason = strerror(errno);
            continue;
        }
        setsockopt(t->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        if (connect(t->fd, a->ai_addr, a->ai_addrlen) == 0 || errno == EINPROGRESS)
            return 0;
        *reason = strerror(errno);
        close(t->fd);
        t->fd = -1;
    }
    return -1;
}

int tcp_start(struct tcp *t, struct slice host, unsigned port, const char **reason)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV};
    char name[256], service[8];
    int rc;
    *t = (struct tcp){.fd = -1};
    *reason = "the host name is too long";
    if (host.len >= sizeof name)
        return -1;
    snprintf(name, sizeof name, "%.*s", SLICE_ARG(host));
    snprintf(service, sizeof service, "%u", port);
    rc = getaddrinfo(name, service, &hints, &t->list);
    if (rc != 0) {
        *reason = gai_strerror(rc);
        return -1;
    }
    t->next = t->list;
    return try_next(t, reason);
}

int tcp_continue(struct tcp *t, const char **reason)
{
    int e = 0;
    socklen_t size = sizeof e;
    getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &e, &size);
    if (e == 0)
        return 1;
    *reason = strerror(e);
    close(t->fd);
    t->fd = -1;
    return try_next(t, reason);
}

void tcp_done(struct tcp *t)
{
    if (t->list)
        freeaddrinfo(t->list);
    t->list = t->next = NULL;
}
