/* join.h: becoming a member of the hub: connect, say hello, read the one-line answer (HACKING.md, "The hub's socket").
 *
 * The answer is read without a byte of what follows it, since the socket is then handed on to a ring. */
#ifndef SUPERVISE_JOIN_H
#define SUPERVISE_JOIN_H

#include "base/buf.h"
#include "protocol/error.h"

/* {"hello":1,"role":…,"client":…,"connection":…}\n; connection: masked JSON, or SLICE_NONE. */
void join_put_hello(struct buf *dst, const char *role, unsigned client, struct slice connection);
/* For a descriptor that poll called readable: 1 admitted, 0 the answer is not there yet, -1 refused or gone: *err says
 * why (503 connectivity:connection.unavailable if the hub went away). */
int join_answer(int fd, struct ditto_error *err);

#endif
