/* apply.h: making the store hold the connections that documents describe.
 *
 * First everything is judged; if a document is bad, or an id stands in two, nothing is done. Then what is there is compared
 * with what is wanted (diff.h) and the steps are taken one by one, each printed as a JSON object:
 *   {"action":"create"|"modify"|"delete","connectionId":…,"changed":[pointers, of modify],
 *    "status":… | "error":{…}}                                   with dry_run only an error that can be foreseen
 * What is as it should be is passed over in silence. */
#ifndef CTL_APPLY_H
#define CTL_APPLY_H

#include "ctl/ctl.h"
#include "ctl/document.h"

struct apply {
    bool dry_run; /* only say what would be done */
    bool prune;   /* delete connections that no document describes */
};

/* EXIT_DONE, or EXIT_NEGATIVE if a document is bad or the store refused a step, or would, or EXIT_PERMANENT, logged, if all connections
 * were to be pruned because there is no document. */
int apply_documents(struct ctl *ctl, const struct documents *d, struct apply how);

#endif
