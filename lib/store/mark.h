/* mark.h: the mark of a clean end: the file events.clean, there only while nobody has the log open and it was closed in
 * order. It says how much is in the log: {"position":P,"size":BYTES,"check":CRC}, with the CRC-32C of what stands before it in
 * eight hexadecimal digits. Functions return 0, or -1 with errno; dir is a descriptor. */
#ifndef STORE_MARK_H
#define STORE_MARK_H

#include <stdbool.h>
#include <stdint.h>

#define MARK_FILE "events.clean"

struct mark {
    int64_t position, size; /* of the newest record; of events.gdbm in bytes */
};

/* False if there is none, or not as it was written (then *m is zero). */
bool mark_read(int dir, struct mark *m);
/* Durable on return. */
int mark_write(int dir, const struct mark *m);
/* Durably gone on return; no error if it was not there. */
int mark_remove(int dir);

#endif
