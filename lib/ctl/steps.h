/* steps.h: the steps of a mapping, as ditto-map -x prints them, for a person to read. */
#ifndef CTL_STEPS_H
#define CTL_STEPS_H

#include "json/json.h"

/* Appends a step: a heading, and what belongs to it below, a member a line; payloads as they are, but control characters are
 * escaped. An empty line stands before each message but the first. False if the step says that the message came to nothing by
 * an error. */
bool steps_put(struct buf *dst, struct json step, bool first);
/* Does the step say so? */
bool steps_failed(struct json step);

#endif
