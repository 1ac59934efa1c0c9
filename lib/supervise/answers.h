/* answers.h: answers to the commands about live state (reference: Ditto's documentation, "Connections", the HTTP resources
 * status, metrics and logs of a connection). */
#ifndef SUPERVISE_ANSWERS_H
#define SUPERVISE_ANSWERS_H

#include "supervise/house.h"

/* Appends the response signal to a command signal; an errorResponse if it has another type, or the connection is not
 * known. Resets and enables what it says. */
void answer_put(struct buf *dst, const struct house *h, struct json command);

/* status.c: Ditto's retrieveConnectionStatus response. */
void status_put(struct buf *dst, const struct managed *m);

#endif
