/* gdbm_file.h: the log in one gdbm file, in the carve form (carve.h says why). Private to the gdbm backend, whose parts are
 * gdbm_file.c (the file), gdbm_open.c (what is done before the first record is written) and gdbm.c (everything after).
 *
 *   events.gdbm       "e/<position>" → record; "cut" → the record that says where the log begins
 *   events.clean      see mark.h
 *   events.snapshot   see snapshot.h
 *   events.durable    see durable.h
 *   events.lock       flock: one owner
 *   events.gdbm.new   being written, not yet in force; a left-over is ignored
 *   events.gdbm.bak   what a repaired events.gdbm was made from
 *
 * Without events.clean, and after any failed write, events.gdbm is suspect: gdbm never touches it again. Its records are
 * carved out into a fresh file, which takes its place by rename. While that is not possible (disk full) the records are
 * read from where they lie, and nothing can be committed. On a read-only disk nothing can be committed either, until it is
 * none any more.
 *
 * Functions return 0, or -1 with errno. Names beginning with gdbm_file_ would take the place of functions inside libgdbm. */
#ifndef STORE_GDBM_FILE_H
#define STORE_GDBM_FILE_H

#include <gdbm.h>
#include <sys/types.h>

#include "base/clock.h"
#include "store/carve.h"
#include "store/ledger.h"

#define EVENTS_FILE "events.gdbm"
#define FRESH_FILE  "events.gdbm.new"
#define BACKUP_FILE "events.gdbm.bak"
#define LOCK_FILE   "events.lock"
#define GDBM_IN_USE "it is in use by another process"

struct gdbm_log {
    struct event_log log;
    struct ledger ledger;
    enum log_mode mode;
    int dir, lock, durable;
    const char
        *file;    /* name of the log in dir; not EVENTS_FILE: a copy, read only and without the other files */
    GDBM_FILE db; /* NULL while events.gdbm is suspect */
    bool reading; /* the disk is read-only: db is not for writing, and the mark of a clean end still stands */
    struct carve carve; /* then: where the records lie */
    bool clean;
    size_t dropped, damaged;
    msec repair_at; /* when putting a fresh file in force may be tried again */
    int repair_errno;
    off_t reserved; /* bytes of the disk that are booked for events.gdbm */
    bool cannot_reserve;
    uint64_t replayed;
    struct gdbm_rewrite { /* a log that is to take the place of this one */
        GDBM_FILE db;     /* NULL: none */
        struct ledger ledger;
        size_t unsynced;
    } rewrite;
};

/* gdbm on a file of the folder; how and flags as for gdbm_open and open. NULL with errno (EWOULDBLOCK: somebody has it
 * open; EBADMSG: gdbm does not like it). */
GDBM_FILE events_open(const struct gdbm_log *g, const char *name, int how, int flags);
/* position 0: the cut */
int events_put(GDBM_FILE db, uint64_t position, struct slice record);
int events_get(GDBM_FILE db, uint64_t position, struct buf *dst);
/* From wherever it lies. */
int events_fetch(struct gdbm_log *g, uint64_t position, struct buf *dst);
int events_sync(GDBM_FILE db);
void events_close(struct gdbm_log *g);
/* Bytes of a file of the folder. -1 with errno. */
off_t events_size(const struct gdbm_log *g, const char *name);

/* events.gdbm read bare, into g->carve (what was in there is freed). -1 with *err. */
int events_carve(struct gdbm_log *g, struct log_error *err);
/* Everything in the log is on the disk. */
void events_durable(struct gdbm_log *g);
/* Puts a fresh file with the carved records in force and opens it; the carve is then freed, and there is no mark. After an
 * error all is as before, but for the mark. */
int events_rebuild(struct gdbm_log *g);

/* log_backend.rewrite_… */
int gdbm_rewrite_begin(struct event_log *log, uint64_t cut, uint64_t bases);
int gdbm_rewrite_put(struct event_log *log, const struct record *r);
int gdbm_rewrite_end(struct event_log *log);
void gdbm_rewrite_abandon(struct event_log *log);
/* Is there room for so many bytes of records in a fresh file? */
int events_room(const struct gdbm_log *g, off_t bytes);
/* events.gdbm.new becomes events.gdbm; keep: the old one stays as events.gdbm.bak. */
int events_take_place(const struct gdbm_log *g, bool keep);

/* Opens events.gdbm to be written, when it is in order; the mark is gone then. -1 with errno, as it was before. */
int events_start_writing(struct gdbm_log *g);

/* log_backend.open */
struct event_log *gdbm_log_open(const char *dir, enum log_mode mode, log_visit *visit, void *arg,
                                struct log_error *err);
void gdbm_log_free(struct gdbm_log *g);

#endif
