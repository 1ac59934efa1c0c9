/* snapshot.h: the file events.snapshot: the state that the log added up to when it was closed, so that the next start has
 * only the events after it to replay. It can be removed at any time.
 *
 *   record RECORD_CUT        position: of the newest event; revision: how many snapshots follow; {"newest":CRC}
 *   record RECORD_SNAPSHOT   … one for each connection, deleted ones included
 *
 * It belongs to a log whose record at that position has that checksum (CRC-32C of all its bytes). Functions return 0, or -1
 * with errno; dir is a descriptor. */
#ifndef STORE_SNAPSHOT_H
#define STORE_SNAPSHOT_H

#include "store/ledger.h"

#define SNAPSHOT_FILE "events.snapshot"

struct snapshot {
    struct buf bytes;
    uint64_t position;
    int64_t newest;
};

/* Replaces the file, durably. */
int snapshot_write(int dir, const struct ledger *l, uint64_t position, uint32_t newest, log_state *state,
                   void *arg);
/* False if there is none, or none that is whole, which is warned of; *s is then empty. To be freed after true. */
bool snapshot_read(int dir, struct snapshot *s);
/* Shows all of it. False if the visitor did not want it. */
bool snapshot_show(const struct snapshot *s, log_visit *visit, void *arg);
void snapshot_free(struct snapshot *s); /* *s is then empty */

#endif
