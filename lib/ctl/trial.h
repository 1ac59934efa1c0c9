/* trial.h: testing connections, in files or as they are stored, without opening them for good.
 *
 * conn-supervise tries each part and says what became of it. A stored connection is tried under another id, as Ditto wants it;
 * the acknowledgement labels that begin with its id change with it. */
#ifndef CTL_TRIAL_H
#define CTL_TRIAL_H

#include "ctl/ctl.h"

/* operand: a path or an id (document_is_path). Prints a line for each part, where the supervisor tells about parts, then the
 * response or the error. EXIT_DONE, or EXIT_NEGATIVE if the test failed. */
int trial(struct ctl *ctl, const char *operand);

#endif
