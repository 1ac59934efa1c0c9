/* control.h: judging a connection before it is stored, with all that only the control plane asks.
 *
 * Certificates and keys are parsed, which needs libcrypto; hosts are held against the operator's lists (hosts.h), which
 * blocks while names are looked up, unless no list is set. Programs of the data plane get what has passed here, and link
 * neither. */
#ifndef CONNECTION_CONTROL_H
#define CONNECTION_CONTROL_H

#include "connection/connection.h"

/* As connection_examine. */
int connection_judge(struct connection *c, struct slice json, struct connection_problems *p);

#endif
