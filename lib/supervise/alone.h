/* alone.h: one supervisor a house.
 *
 * Two would take each other's client ids for ever. Whoever holds both locks is the one: $CONN_RUN/supervise.lock (the
 * sockets) and $CONN_DIR/supervise.lock (the state, which several machines or sockets may share). Locks go with the
 * process, so a standby takes over at the moment when the active one is gone, however it went. */
#ifndef SUPERVISE_ALONE_H
#define SUPERVISE_ALONE_H

#include <stdbool.h>

/* Dies with 111 if another one is there, or waits until it is gone; a TERM or INT meanwhile ends the process with 0.
 * Before any loop: blocks. */
void be_alone(bool wait);

#endif
