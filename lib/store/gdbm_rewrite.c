/* A fresh events.gdbm beside the one that is in use, and how it takes its place. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/log.h"
#include "store/gdbm_file.h"
#include "store/snapshot.h"

#include "base/banned.h"

enum { UNSYNCED_BYTES = 8 * 1024 * 1024 }; /* so that the last sync does not last */

static struct gdbm_log *of(const struct event_log *log)
{
    return (struct gdbm_log *)(void *)log; /* log is its first member */
}

static int failed(struct gdbm_log *g)
{
    int why = errno;
    gdbm_rewrite_abandon(&g->log);
    errno = why;
    return -1;
}

static int enter(struct gdbm_rewrite *w, const struct record *r)
{
    struct log_error err;
    if (ledger_add(&w->ledger, r, &err) == 0)
        return 0;
    errno = EINVAL;
    return -1;
}

/* durable is left out: all of it will be, before it is in force. */
static int put(struct gdbm_rewrite *w, const struct record *r, uint64_t key)
{
    struct buf bytes = {0};
    record_put(&bytes, r);
    int rc = enter(w, r);
    if (rc == 0)
        rc = events_put(w->db, key, buf_slice(&bytes));
    w->unsynced += bytes.len;
    buf_wipe(&bytes);
    if (rc != 0 || w->unsynced < UNSYNCED_BYTES)
        return rc;
    w->unsynced = 0;
    return events_sync(w->db);
}

int gdbm_rewrite_begin(struct event_log *log, uint64_t cut, uint64_t bases)
{
    struct gdbm_log *g = of(log);
    struct record r = ledger_cut(cut, bases);
    off_t size = events_size(g, EVENTS_FILE);
    gdbm_rewrite_abandon(log);
    errno = g->mode == LOG_CHECK ? EROFS : EIO;
    if (!g->db || size < 0 || events_room(g, size) != 0)
        return -1;
    g->rewrite.db = events_open(g, FRESH_FILE, GDBM_NEWDB, O_RDWR | O_CREAT | O_EXCL);
    if (!g->rewrite.db)
        return -1;
    return !cut || put(&g->rewrite, &r, 0) == 0 ? 0 : failed(g);
}

int gdbm_rewrite_put(struct event_log *log, const struct record *r)
{
    struct gdbm_log *g = of(log);
    errno = ECANCELED;
    if (!g->rewrite.db)
        return -1;
    return put(&g->rewrite, r, r->position) == 0 ? 0 : failed(g);
}

static int settle(struct gdbm_log *g)
{
    struct log_error err;
    errno = EINVAL;
    if ((g->ledger.head && g->rewrite.ledger.head != g->ledger.head) || g->ledger.n_staged ||
        ledger_settle(&g->rewrite.ledger, &err) != 0)
        return -1;
    return events_sync(g->rewrite.db) == 0 ? events_take_place(g, false) : -1;
}

int gdbm_rewrite_end(struct event_log *log)
{
    struct gdbm_log *g = of(log);
    errno = ECANCELED;
    if (!g->rewrite.db)
        return -1;
    if (settle(g) != 0)
        return failed(g);
    events_close(g);
    ledger_free(&g->ledger);
    g->db = g->rewrite.db;
    g->ledger = g->rewrite.ledger;
    g->reserved = 0;
    g->rewrite = (struct gdbm_rewrite){0};
    events_durable(g);
    /* what was cut off, or had another key, ends with them; the snapshot last, as it makes the next start do this again */
    (void)unlinkat(g->dir, BACKUP_FILE, 0);
    (void)unlinkat(g->dir, SNAPSHOT_FILE, 0);
    return 0;
}

void gdbm_rewrite_abandon(struct event_log *log)
{
    struct gdbm_log *g = of(log);
    if (!g->rewrite.db)
        return;
    (void)gdbm_close(g->rewrite.db);
    (void)unlinkat(g->dir, FRESH_FILE, 0);
    ledger_free(&g->rewrite.ledger);
    g->rewrite = (struct gdbm_rewrite){0};
}
