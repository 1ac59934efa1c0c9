/* salvage.h: what is wrong with an event file, and what can be made of it.
 *
 * A file is read bare, as after a kill (carve.h). What is found to be wrong is said as JSON objects, one a line:
 *
 *   {"problem":"foreign"}                                      the file is something else
 *   {"problem":"damaged","position":17,"offset":8192}          a confirmed record whose checksum is wrong
 *   {"problem":"missing","from":17,"to":18}                    confirmed records that are not there
 *   {"problem":"bases","want":12,"there":11}                   snapshots at the beginning that are not there
 *   {"problem":"revision","connection":"c","from":4,"to":4}    what a connection lost by that
 *   {"problem":"lost","connection":"c"}                        all that is known of it is not enough
 *
 * Unfinished records at the end, which nobody was told of, are no problem. */
#ifndef STORE_SALVAGE_H
#define STORE_SALVAGE_H

#include "store/carve.h"
#include "store/snapshot.h"
#include "store/state.h"

struct salvage {
    struct carve carve; /* in order */
    const struct snapshot
        *snapshot;      /* knows the state up to its position; NULL: it is not needed, or there is none */
    struct state state; /* at the newest position, as far as it is known */
    uint64_t confirmed, position; /* newest confirmed one; newest one that belongs to the log */
    uint64_t cut; /* up to here only the state is of use, as something is missing: 0 if nothing is */
    size_t problems, events, unfinished;
    struct buf *out; /* gets the lines */
};

/* Takes fd over. must: a position that is known to be confirmed, or 0; with one an empty file, or
 * one that is something else, is a log that lost everything.
 * snapshot: of that log, borrowed; NULL for none. 0, or -1 with *err (no event file, of a newer format, cannot be read). To be
 * freed after 0. */
int salvage_read(struct salvage *s, int fd, uint64_t must, const struct snapshot *snapshot, struct buf *out,
                 struct log_error *err);
/* Makes what can be made of it the log, which must be empty: up to the newest gap a base of each connection, then every
 * event. 0, or -1 with errno. */
int salvage_write(struct salvage *s, struct event_log *log);
void salvage_free(struct salvage *s);

#endif
