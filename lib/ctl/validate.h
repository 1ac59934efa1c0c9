/* validate.h: judging a connection in a file, without a store. */
#ifndef CTL_VALIDATE_H
#define CTL_VALIDATE_H

#include "connection/connection.h"
#include "ctl/ctl.h"

struct validate {
    bool effective; /* print the effective document of what is valid, masked */
    bool legacy;    /* it comes from Ditto's journal (legacy.h) */
};

/* Prints what is wrong, a problem a line; logs what is hardly meant (advice.h). EXIT_DONE or EXIT_NEGATIVE. */
int validate_file(struct ctl *ctl, const char *path, struct validate how);
/* Appends the effective document of a file, with secrets. 0, or -1 with the problems printed. */
int effective_of_file(struct ctl *ctl, const char *path, struct buf *dst);

#endif
