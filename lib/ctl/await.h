/* await.h: waiting until a connection is open. */
#ifndef CTL_AWAIT_H
#define CTL_AWAIT_H

#include "ctl/ctl.h"

/* Asks for the status until it is open, and prints the last answer. EXIT_DONE, EXIT_NEGATIVE if it cannot become open,
 * EXIT_TIMEOUT. */
int await_open(struct ctl *ctl, const char *id, unsigned long seconds);

#endif
