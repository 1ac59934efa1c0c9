/* programs.h: which program serves connections of a type, in a direction.
 *
 * The one table of the transports that are built: the store refuses to open what it does not list, the supervisor starts what
 * it names. A new transport is a new entry. Ownership: none; names are constants. */
#ifndef CONNECTION_PROGRAMS_H
#define CONNECTION_PROGRAMS_H

#include "connection/connection.h"

/* The program that consumes for sources of this type (it publishes to targets and reply targets); NULL: not built. */
const char *program_in(enum connection_type type);
const char *program_out(enum connection_type type);
/* Is there a program for each direction that the connection needs? 0, or -1 with *err:
 * connectivity:connection.configuration.invalid (400) at /connectionType. */
int programs_check(const struct connection *c, struct ditto_error *err);

#endif
