/* Opening: find out what can be trusted, take it in, and leave a file that gdbm may write to. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/log.h"
#include "store/gdbm_file.h"
#include "store/mark.h"

#include "base/banned.h"

struct intake {
    struct gdbm_log *g;
    log_visit *visit;
    void *arg;
    struct log_error *err;
};

/* One record that is in the file: into the ledger, then shown. */
static int take_in(struct intake *in, struct slice bytes, uint64_t position)
{
    struct record r;
    size_t len;
    if (record_read(bytes, &r, &len) != RECORD_WHOLE || r.position != position)
        return log_fail(in->err, EXIT_PERMANENT, "record %" PRIu64 " is damaged", position);
    if (ledger_add(&in->g->ledger, &r, in->err) != 0)
        return -1;
    if (in->visit)
        (void)in->visit(in->arg, &r);
    return 0;
}

/* What a clean end left, through gdbm's index. -1 at the first thing that is not as it should be: what was taken in up
 * to there is good. */
static int take_indexed(struct intake *in, uint64_t position)
{
    struct buf bytes = {0};
    gdbm_count_t count;
    int rc = gdbm_count(in->g->db, &count) == 0 && count == position ? 0 : -1;
    for (uint64_t p = 1; rc == 0 && p <= position; p++) {
        buf_reset(&bytes, RECORD_MAX);
        rc = events_get(in->g->db, p, &bytes) == 0 ? take_in(in, buf_slice(&bytes), p) : -1;
    }
    buf_free(&bytes);
    return rc;
}

/* What the bare bytes say; records that were taken in before are not shown again. */
static int take_carved(struct intake *in)
{
    struct carve *c = &in->g->carve;
    struct buf bytes = {0};
    int rc = 0;
    for (size_t i = in->g->ledger.head; i < c->n && rc == 0; i++) {
        buf_reset(&bytes, RECORD_MAX);
        if (carve_fetch(c, i, &bytes) != 0)
            rc = log_fail(in->err, EXIT_TEMPORARY, "%s", strerror(errno));
        else
            rc = take_in(in, buf_slice(&bytes), c->v[i].position);
    }
    buf_free(&bytes);
    return rc;
}

/* Only whoever gets both locks looks at the file: this one keeps out a second store, gdbm's own a gdbmtool. */
static int lock(struct gdbm_log *g, struct log_error *err)
{
    g->lock = openat(g->dir, LOCK_FILE, O_RDONLY | O_CLOEXEC | (g->mode == LOG_WRITE ? O_CREAT : 0), 0600);
    if (g->lock < 0 && g->mode == LOG_CHECK && errno == ENOENT)
        return 0;
    if (g->lock < 0)
        return log_fail(err, EXIT_TEMPORARY, "its '%s': %s", LOCK_FILE, strerror(errno));
    if (flock(g->lock, LOCK_EX | LOCK_NB) != 0)
        return log_fail(err, EXIT_TEMPORARY, GDBM_IN_USE);
    return 0;
}

static bool open_clean(struct intake *in, uint64_t position)
{
    in->g->db = events_open(in->g, EVENTS_FILE, GDBM_READER, O_RDONLY);
    if (!in->g->db)
        return false;
    bool ok = take_indexed(in, position) == 0;
    if (!ok || in->g->mode == LOG_WRITE)
        events_close(in->g);
    return ok;
}

static int remove_mark(const struct gdbm_log *g, struct log_error *err)
{
    if (mark_remove(g->dir) == 0)
        return 0;
    return log_fail(err, EXIT_TEMPORARY, "its '%s' cannot be removed: %s", MARK_FILE, strerror(errno));
}

static int start_writing(struct gdbm_log *g, struct log_error *err)
{
    if (g->mode == LOG_CHECK)
        return 0;
    if (remove_mark(g, err) != 0)
        return -1;
    g->db = events_open(g, EVENTS_FILE, GDBM_WRITER, O_RDWR);
    if (g->db)
        return 0;
    return log_fail(err, EXIT_TEMPORARY, "%s", errno == EWOULDBLOCK ? GDBM_IN_USE : strerror(errno));
}

static int open_suspect(struct intake *in, uint64_t must)
{
    struct gdbm_log *g = in->g;
    if (events_carve(g, in->err) != 0 || carve_settle(&g->carve, must, in->err) != 0 || take_carved(in) != 0)
        return -1;
    g->dropped = g->carve.dropped;
    if (g->mode == LOG_CHECK)
        return 0;
    if (remove_mark(g, in->err) != 0)
        return -1;
    if (events_rebuild(g) != 0)
        warn_sys("cannot rebuild '%s': nothing can be written for now", EVENTS_FILE);
    return 0;
}

/* A log that somebody moved away must not turn into an empty one. */
static int open_missing(struct gdbm_log *g, bool marked, struct log_error *err)
{
    if (marked || events_size(g, BACKUP_FILE) >= 0)
        return log_fail(err, EXIT_PERMANENT, "it is missing, but '%s' is there",
                        marked ? MARK_FILE : BACKUP_FILE);
    g->clean = true;
    if (g->mode == LOG_CHECK || events_rebuild(g) == 0)
        return 0;
    return log_fail(err, EXIT_TEMPORARY, "it cannot be created: %s", strerror(errno));
}

static int open_events(struct intake *in)
{
    struct gdbm_log *g = in->g;
    struct mark mark;
    bool marked = mark_read(g->dir, &mark);
    off_t real = events_size(g, EVENTS_FILE);
    if (real < 0)
        return errno == ENOENT ? open_missing(g, marked, in->err)
                               : log_fail(in->err, EXIT_TEMPORARY, "%s", strerror(errno));
    g->clean = marked && mark.size == real && open_clean(in, (uint64_t)mark.position);
    return g->clean ? start_writing(g, in->err) : open_suspect(in, (uint64_t)mark.position);
}

void gdbm_log_free(struct gdbm_log *g)
{
    events_close(g);
    carve_free(&g->carve);
    if (g->lock >= 0)
        (void)close(g->lock);
    if (g->dir >= 0)
        (void)close(g->dir);
    ledger_free(&g->ledger);
    free(g);
}

struct event_log *gdbm_log_open(const char *dir, enum log_mode mode, log_visit *visit, void *arg,
                                struct log_error *err)
{
    struct gdbm_log *g = xcalloc(1, sizeof *g);
    struct intake in = {g, visit, arg, err};
    g->log.backend = &log_gdbm;
    g->mode = mode;
    g->lock = g->carve.fd = -1;
    g->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (g->dir < 0)
        (void)log_fail(err, EXIT_TEMPORARY, "%s", strerror(errno));
    if (g->dir >= 0 && lock(g, err) == 0 && open_events(&in) == 0)
        return &g->log;
    gdbm_log_free(g);
    return NULL;
}
