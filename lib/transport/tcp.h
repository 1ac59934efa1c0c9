/* tcp.h: TCP connections that come up without blocking: each address of a host in turn (RFC 6724's order, as
 * getaddrinfo gives it). The look-up itself blocks, as long as the resolver takes; it happens before anything flows.
 *
 * Ownership: struct tcp owns the addresses until tcp_done; fd is the caller's. */
#ifndef TRANSPORT_TCP_H
#define TRANSPORT_TCP_H

#include <netdb.h>

#include "base/slice.h"

struct tcp_settings {
    bool no_delay, keepalive;
    int send_bytes, receive_bytes; /* 0: the system's */
    int traffic_class;             /* 0: none */
    int linger_s;                  /* -1: none */
    struct slice local_host;       /* an address in digits; SLICE_NONE: any */
    unsigned local_port;           /* 0: any */
};

struct tcp {
    struct addrinfo *list, *next; /* private */
    int fd;                       /* connecting, or connected; -1: none */
    /* NULL, or borrowed until the connection is up: for connections that tcp_start makes; to be set after tcp_lookup */
    const struct tcp_settings *settings;
};

/* Looks the host up. 0, or -1 with *reason (static text or strerror's, here and below). */
int tcp_lookup(struct tcp *t, struct slice host, unsigned port, const char **reason);
/* Starts to connect to the next address: 0 with t->fd to poll for POLLOUT, or -1 with *reason: none is left. */
int tcp_start(struct tcp *t, const char **reason);
/* For an fd that poll called writable: 1 connected, 0 the next address is tried (t->fd is new), -1 with *reason. */
int tcp_continue(struct tcp *t, const char **reason);
/* For a library that connects by itself: the next address in digits. False: none is left. */
enum { TCP_DIGITS = 64 };
bool tcp_digits(struct tcp *t, char digits[TCP_DIGITS]);
/* Forgets the addresses. */
void tcp_done(struct tcp *t);

#endif
