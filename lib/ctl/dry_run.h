/* dry_run.h: mapping messages as a connection would, to see why they become what they become.
 *
 * ditto-map -x maps them; nothing is sent anywhere. It gets the connection with all secrets masked, since steps show what it
 * works with: a header whose value is a secret comes out as "*****". */
#ifndef CTL_DRY_RUN_H
#define CTL_DRY_RUN_H

#include <limits.h>

#include "ctl/ctl.h"

#define DRY_RUN_ANY ULONG_MAX

struct dry_run {
    bool in, out; /* neither: as the first line asks for (address: in, topic: out) */
    bool reply;   /* out: through the reply target of the source */
    unsigned long
        index; /* of the source or target; DRY_RUN_ANY: the only one, or the one with that address */
    bool raw;  /* print steps as they are */
};

/* Maps the lines of stdin by the connection, a path or an id (document_is_path), and prints the steps. EXIT_DONE;
 * EXIT_NEGATIVE if a message was refused, or there is no such (valid) connection, which is printed; else what ended ditto-map. */
int dry_run(struct ctl *ctl, const char *connection, struct dry_run how);

#endif
