/* control.h: lines of a script: control lines and messages (amqp-peer.c says what they look like). */
#ifndef AMQP_PEER_CONTROL_H
#define AMQP_PEER_CONTROL_H

#include "base/slice.h"

/* Obeys one line. 0, or -1 with *reason (static text). */
int control_line(struct slice line, const char **reason);

#endif
