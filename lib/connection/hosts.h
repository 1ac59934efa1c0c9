/* hosts.h: which hosts a connection may go to, as the operator of this machine says.
 *
 * Comma-separated lists, read once from the environment:
 *   CONNECTIVITY_CONNECTION_BLOCKED_HOSTNAMES   empty (the default): every host is allowed, nothing is looked up
 *   CONNECTIVITY_CONNECTION_ALLOWED_HOSTNAMES   hosts that pass whatever else is said; hono-endpoint by default
 *   CONNECTIVITY_CONNECTION_BLOCKED_SUBNETS     CIDR: 169.254.0.0/16, fd00::/8
 *   CONNECTIVITY_CONNECTION_BLOCKED_HOST_REGEX  hosts that match it as a whole (POSIX extended, \d is known too)
 * With a blocked host name, hosts are refused whose address is loopback, private, multicast, unspecified, in one of the
 * subnets, or that of a blocked host name; hosts, too, that cannot be looked up. A setting that cannot be understood refuses
 * all hosts. Source: Ditto, "Restrict connections by host"; connections reference 2.1. */
#ifndef CONNECTION_HOSTS_H
#define CONNECTION_HOSTS_H

#include <sys/socket.h>

#include "base/slice.h"

struct hosts;

const struct hosts *hosts_of_environment(void);
/* The same from texts; NULL counts as empty. */
struct hosts *hosts_new(const char *allowed, const char *blocked, const char *subnets, const char *regex);
void hosts_free(struct hosts *h);

/* Why the host must not be connected to (static text), or NULL. Blocks while it is looked up. IPv6 with or without brackets. */
const char *hosts_refuse(const struct hosts *h, struct slice host);
/* The same for the address that a connection to the host is about to go to, which may have changed since: does not block. */
const char *hosts_refuse_address(const struct hosts *h, struct slice host, const struct sockaddr *address);

#endif
