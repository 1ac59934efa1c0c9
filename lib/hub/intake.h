/* intake.h: what members write, by role: a hello first, then messages, settlements or expectations.
 *
 * A line that is wrong costs that line, or its settlement; a wrong hello costs the member. */
#ifndef HUB_INTAKE_H
#define HUB_INTAKE_H

#include "hub/hub.h"

/* Takes the complete lines that were read from m, until none is left, m is to be read no more (member_readable), or it
 * has left: at the end of its input it does. */
void intake(struct member *m);
/* The hello did not come in time. */
void intake_late(struct timer *t);
/* The id of a line that cannot be read, or need not be: our programs write it first. SLICE_NONE if it is not there. */
struct slice intake_head_id(struct slice line);

#endif
