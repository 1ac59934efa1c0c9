#include "store/gdbm_file.h"
#include "store/durable.h"
#include "store/mark.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"

#include "base/banned.h"

enum { KEY_SIZE = 24, PROBE_BYTES = 64 * 1024 };

/* errno for what gdbm says. */
static int gdbm_failed(GDBM_FILE db)
{
    int sys = gdbm_last_syserr(db);
    errno = sys ? sys : EIO;
    return -1;
}

static datum key_of(char text[KEY_SIZE], uint64_t position)
{
    int n = position ? snprintf(text, KEY_SIZE, "e/%012" PRIu64, position) : snprintf(text, KEY_SIZE, "cut");
    return (datum){text, n};
}

/* gdbm does not report every failed write of its index; it then says that it needs recovery. */
int events_put(GDBM_FILE db, uint64_t position, struct slice record)
{
    char key[KEY_SIZE];
    datum value = {(char *)record.p, (int)record.len};
    int rc = gdbm_store(db, key_of(key, position), value, GDBM_INSERT);
    if (rc > 0) {
        errno = EEXIST;
        return -1;
    }
    return rc == 0 && !gdbm_needs_recovery(db) ? 0 : gdbm_failed(db);
}

int events_get(GDBM_FILE db, uint64_t position, struct buf *dst)
{
    char key[KEY_SIZE];
    datum value = gdbm_fetch(db, key_of(key, position));
    if (!value.dptr) {
        errno = EBADMSG;
        return -1;
    }
    buf_put(dst, value.dptr, (size_t)value.dsize);
    free(value.dptr);
    return 0;
}

int events_fetch(struct gdbm_log *g, uint64_t position, struct buf *dst)
{
    size_t i;
    if (g->db)
        return events_get(g->db, position, dst);
    if ((i = carve_find(&g->carve, position)) < g->carve.n)
        return carve_fetch(&g->carve, i, dst);
    errno = EIO;
    return -1;
}

int events_sync(GDBM_FILE db)
{
    return gdbm_sync(db) == 0 && !gdbm_needs_recovery(db) ? 0 : gdbm_failed(db);
}

void events_durable(struct gdbm_log *g)
{
    durable_write(g->dir, &g->durable, g->ledger.head);
}

off_t events_size(const struct gdbm_log *g, const char *name)
{
    struct stat st;
    return fstatat(g->dir, name, &st, 0) == 0 ? st.st_size : -1;
}

GDBM_FILE events_open(const struct gdbm_log *g, const char *name, int how, int flags)
{
    int fd = openat(g->dir, name, flags | O_CLOEXEC, 0600);
    if (fd < 0)
        return NULL;
    GDBM_FILE db = gdbm_fd_open(fd, name, 0, how | GDBM_NOMMAP | GDBM_CLOEXEC, NULL);
    if (db)
        return db;
    int why = gdbm_check_syserr(gdbm_errno) ? errno : EBADMSG;
    if (gdbm_errno == GDBM_CANT_BE_READER || gdbm_errno == GDBM_CANT_BE_WRITER)
        why = EWOULDBLOCK;
    (void)close(fd);
    errno = why;
    return NULL;
}

int events_start_writing(struct gdbm_log *g)
{
    if (mark_remove(g->dir) != 0)
        return -1;
    events_close(g);
    g->reading = false;
    g->db = events_open(g, EVENTS_FILE, GDBM_WRITER, O_RDWR);
    return g->db ? 0 : -1;
}

void events_close(struct gdbm_log *g)
{
    if (g->db)
        (void)gdbm_close(g->db);
    g->db = NULL;
}

/* --- without gdbm ----------------------------------------------------------------------------------------------- */

static int open_bare(const struct gdbm_log *g)
{
    int fd = g->mode == LOG_WRITE ? openat(g->dir, g->file, O_RDWR | O_CLOEXEC) : -1;
    return fd >= 0 ? fd : openat(g->dir, g->file, O_RDONLY | O_CLOEXEC);
}

int events_carve(struct gdbm_log *g, struct log_error *err)
{
    carve_free(&g->carve);
    int fd = open_bare(g);
    if (fd < 0)
        return log_fail(err, EXIT_TEMPORARY, "%s", strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return carve_scan(&g->carve, fd, err);
    (void)close(fd);
    return log_fail(err, EXIT_TEMPORARY, GDBM_IN_USE);
}

/* --- a fresh file from carved records --------------------------------------------------------------------------- */

static int copy_carved(struct gdbm_log *g, GDBM_FILE fresh)
{
    struct buf bytes = {0};
    int rc = 0;
    for (size_t i = 0; i < g->carve.n && rc == 0; i++) {
        buf_reset(&bytes, RECORD_MAX);
        rc = carve_fetch(&g->carve, i, &bytes);
        if (rc == 0)
            rc = events_put(fresh, g->carve.v[i].kind == RECORD_CUT ? 0 : g->carve.v[i].position,
                            buf_slice(&bytes));
    }
    buf_free(&bytes);
    return rc == 0 ? events_sync(fresh) : -1;
}

/* Asked before a fresh file is begun, because gdbm loses memory when it cannot write the beginning of a new file, and
 * because copying in vain takes long. */
int events_room(const struct gdbm_log *g, off_t bytes)
{
    static const char zeros[PROBE_BYTES];
    off_t need = PROBE_BYTES + bytes + bytes / 8;
    int fd = openat(g->dir, FRESH_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    int rc = fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, need), why = errno;
    if (rc != 0 && why != ENOSPC)
        rc = io_write_all(fd, zeros, sizeof zeros), why = errno;
    (void)close(fd);
    (void)unlinkat(g->dir, FRESH_FILE, 0);
    errno = why;
    return rc;
}

/* The old file gets a second name before it loses its first, so that there is an events.gdbm at every moment. */
int events_take_place(const struct gdbm_log *g, bool keep)
{
    if (keep && events_size(g, EVENTS_FILE) >= 0) {
        (void)unlinkat(g->dir, BACKUP_FILE, 0);
        if (linkat(g->dir, EVENTS_FILE, g->dir, BACKUP_FILE, 0) != 0)
            warn_sys("cannot keep '%s' as '%s'", EVENTS_FILE, BACKUP_FILE);
    }
    return renameat(g->dir, FRESH_FILE, g->dir, EVENTS_FILE) == 0 && fsync(g->dir) == 0 ? 0 : -1;
}

static off_t carved_bytes(const struct carve *c)
{
    off_t sum = 0;
    for (size_t i = 0; i < c->n; i++)
        sum += (off_t)c->v[i].len;
    return sum;
}

int events_rebuild(struct gdbm_log *g)
{
    if (mark_remove(g->dir) != 0 || events_room(g, carved_bytes(&g->carve)) != 0)
        return -1;
    GDBM_FILE fresh = events_open(g, FRESH_FILE, GDBM_NEWDB, O_RDWR | O_CREAT | O_EXCL);
    if (!fresh)
        return -1;
    if (copy_carved(g, fresh) == 0 && events_take_place(g, true) == 0) {
        carve_free(&g->carve);
        g->db = fresh;
        g->reserved = 0;
        return 0;
    }
    int why = errno;
    (void)gdbm_close(fresh);
    (void)unlinkat(g->dir, FRESH_FILE, 0);
    errno = why;
    return -1;
}
