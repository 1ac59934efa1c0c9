/* tcp.h: a TCP connection that comes up without blocking: each address of a host in turn (RFC 6724's order, as
 * getaddrinfo gives it). The look-up itself blocks, as long as the resolver takes. */
#ifndef TRANSPORT_TCP_H
#define TRANSPORT_TCP_H

#include <netdb.h>

#include "base/slice.h"

struct tcp {
    struct addrinfo *list, *next; /* private */
    int fd;                       /* connecting, or connected; -1: none */
};

/* Looks the host up and starts to connect. 0 with t->fd to poll for POLLOUT, or -1 with *reason (static text or
 * strerror's). */
int tcp_start(struct tcp *t, struct slice host, unsigned port, const char **reason);
/* For an fd that poll called writable: 1 connected, 0 the next address is tried (t->fd is new), -1 with *reason. */
int tcp_continue(struct tcp *t, const char **reason);
/* Forgets the addresses; the fd stays the caller's. */
void tcp_done(struct tcp *t);

#endif
