/* history.h: times of the past (private to lib/store and its programs). */
#ifndef STORE_HISTORY_H
#define STORE_HISTORY_H

#include <stdint.h>

#include "base/slice.h"

/* Wall milliseconds of an ISO 8601 instant as a person writes it (protocol/instant.h). 0, or -1 if it is none. */
int history_instant(struct slice text, int64_t *ms);

#endif
