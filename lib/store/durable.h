/* durable.h: the file events.durable: up to which position the log was on the disk, told beside the log itself.
 *
 * A record says how much was durable before it was written; only this file says so of the last ones. So that what was
 * confirmed, and is damaged or cut off now, can be told from what was never finished when the power went.
 *
 * It is written after each commit, but not synced: it survives a kill, and a power cut only after a while. It may be late,
 * then, but it never says too much. One record (record.h) of kind RECORD_CUT with that position. */
#ifndef STORE_DURABLE_H
#define STORE_DURABLE_H

#include <stdint.h>

#define DURABLE_FILE "events.durable"

/* 0 if it is not there, or not whole. dir is a descriptor. */
uint64_t durable_read(int dir);
/* fd: of the file, -1 before the first call. A failure is no harm: what stands there is true as well. */
void durable_write(int dir, int *fd, uint64_t position);

#endif
