/* advice.h: what is allowed in a connection, but hardly meant. */
#ifndef CTL_ADVICE_H
#define CTL_ADVICE_H

#include "connection/connection.h"

/* Logs a warning for each such thing; path is what the connection was read from. */
void advise(const struct connection *c, const char *path);

#endif
