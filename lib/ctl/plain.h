/* plain.h: answers about live state as text for people, at most 80 columns wide. */
#ifndef CTL_PLAIN_H
#define CTL_PLAIN_H

#include "json/json.h"

/* Appends the answer to retrieveConnectionStatus, …Metrics or …Logs, a signal; of any other command one line. */
void plain_put(struct buf *dst, struct json signal);

#endif
