/* carve.h: the records of an event file, found in its raw bytes.
 *
 * A process that is killed between two writes of gdbm leaves an index that lies, and gdbm's own recovery then throws away
 * records that were synced long before. But gdbm writes the bytes of a record in one piece and never moves them, and a
 * record describes itself (record.h): so after an unclean stop nothing of the file is trusted but whole records.
 *
 * Ownership: struct carve owns fd and its list. Nothing here writes to the file, carve_void excepted. */
#ifndef STORE_CARVE_H
#define STORE_CARVE_H

#include "store/log.h"

struct carved {
    uint64_t position, offset;
    size_t len;
    enum record_kind kind;
};

enum { CARVE_DAMAGED_MAX = 64 };

struct carve {
    int fd;
    size_t n, cap;
    struct carved *v; /* once settled: the cut, if there is one, bases, events; each in order of position */
    uint64_t cut, bases; /* as the record of the cut says; 0: there is none */
    uint64_t durable;    /* every record up to here was confirmed to somebody */
    size_t dropped;      /* records behind the first gap, and unfinished ones: never confirmed */
    bool newer;          /* a record of a later format was seen */
    bool foreign;        /* it is something else: no records, and no gdbm file or one of somebody else */
    size_t n_short;      /* … of them, those that the end of the file cuts off */
    size_t n_damaged;    /* records that are not whole, the first CARVE_DAMAGED_MAX of them in damaged */
    struct carved damaged[CARVE_DAMAGED_MAX];
};

/* Scans the whole file. Takes fd over, in any case. 0, or -1 with *err (cannot be read; not an event file; of a newer
 * format). */
int carve_scan(struct carve *c, int fd, struct log_error *err);
/* Puts the records in order: the cut, bases, events. */
void carve_sort(struct carve *c);
/* The same, and drops what was written but never confirmed: whatever stands behind the first missing
 * event. must: a position that is known to be confirmed from elsewhere, or 0. 0, or -1 with *err naming the first
 * confirmed record that is missing. */
int carve_settle(struct carve *c, uint64_t must, struct log_error *err);
/* Newest position of a settled one. */
uint64_t carve_head(const struct carve *c);
/* Index of the event or base at a position, c->n if there is none. Settled ones only. */
size_t carve_find(const struct carve *c, uint64_t position);
/* Forgets records behind a position and spoils their magic in the file, so that no later scan finds them: they were
 * refused. 0, or -1 with errno. Needs no room on the disk. */
int carve_void(struct carve *c, uint64_t after);
/* Appends the bytes of the i-th record. 0, or -1 with errno. */
int carve_fetch(const struct carve *c, size_t i, struct buf *dst);
void carve_free(struct carve *c); /* fd is closed; *c is then an empty one with fd -1 */

#endif
