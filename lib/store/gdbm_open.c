/* Opening: find out what can be trusted, take it in, and leave a file that gdbm may write to. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/log.h"
#include "base/scan.h"
#include "store/crc32c.h"
#include "store/durable.h"
#include "store/gdbm_file.h"
#include "store/mark.h"
#include "store/snapshot.h"

#include "base/banned.h"

struct intake {
    struct gdbm_log *g;
    log_visit *visit;
    void *arg;
    struct log_error *err;
    struct snapshot snapshot; /* of the disk, if it has one that is whole */
    uint64_t shown;           /* what is up to here was shown, as snapshots */
    bool unwanted;            /* the visitor has seen enough: nothing is to be opened */
};

/* Snapshots take the place of all records up to theirs, if this is the log that they are of. */
static void show_snapshot(struct intake *in)
{
    struct snapshot *s = &in->snapshot;
    struct buf bytes = {0};
    if (s->position && in->visit && events_fetch(in->g, s->position, &bytes) == 0 &&
        crc32c(buf_slice(&bytes)) == s->newest) {
        in->unwanted = !snapshot_show(s, in->visit, in->arg);
        in->shown = s->position;
    }
    s->position = 0;
    buf_free(&bytes);
}

static void show(struct intake *in, const struct record *r)
{
    if (!in->visit || in->unwanted || r->position <= in->shown || r->kind == RECORD_CUT)
        return;
    in->unwanted = !in->visit(in->arg, r);
    in->g->replayed++;
}

/* One record that is in the file: into the ledger, then shown. */
static int take_in(struct intake *in, struct slice bytes, uint64_t position)
{
    struct record r;
    size_t len;
    if (record_read(bytes, &r, &len) != RECORD_WHOLE || (position && r.position != position))
        return log_fail(in->err, EXIT_PERMANENT, "record %" PRIu64 " is damaged", position);
    if (ledger_add(&in->g->ledger, &r, in->err) != 0)
        return -1;
    show(in, &r);
    return in->unwanted ? -1 : 0;
}

static bool has_cut(const struct gdbm_log *g)
{
    return gdbm_exists(g->db, (datum){"cut", 3});
}

static int take_position(struct intake *in, uint64_t position)
{
    struct buf bytes = {0};
    int rc = events_get(in->g->db, position, &bytes) == 0 ? take_in(in, buf_slice(&bytes), position) : -1;
    buf_free(&bytes);
    return rc;
}

/* Where the bases are, only gdbm's index knows. */
static int take_bases(struct intake *in)
{
    struct gdbm_log *g = in->g;
    struct ledger *l = &g->ledger;
    if (take_position(in, 0) != 0)
        return -1;
    for (datum key = gdbm_firstkey(g->db), next; key.dptr; key = next) {
        uint64_t position = 0;
        struct slice text = slice_of(key.dptr, (size_t)key.dsize);
        bool base = slice_starts(text, S("e/")) && scan_u64(slice_skip(text, 2), &position) == 0 &&
                    position && position <= l->cut;
        int rc = base ? take_position(in, position) : 0;
        next = rc == 0 ? gdbm_nextkey(g->db, key) : (datum){NULL, 0};
        free(key.dptr);
        if (rc != 0)
            return -1;
    }
    return l->n_bases == l->want ? 0 : -1;
}

/* What a clean end left, through gdbm's index. -1 at the first thing that is not as it should be. */
static int take_indexed(struct intake *in, uint64_t position)
{
    struct ledger *l = &in->g->ledger;
    gdbm_count_t count;
    if (has_cut(in->g) && take_bases(in) != 0)
        return -1;
    uint64_t others = l->cut ? l->n_bases + 1 : 0;
    if (position < l->cut || gdbm_count(in->g->db, &count) != 0 || count != others + position - l->cut)
        return -1;
    for (uint64_t p = l->cut + 1; p <= position; p++)
        if (take_position(in, p) != 0)
            return -1;
    return 0;
}

static bool taken(const struct ledger *l, const struct carved *c, size_t bases)
{
    if (c->kind == RECORD_CUT)
        return l->cut == c->position;
    if (c->kind != RECORD_SNAPSHOT)
        return c->position <= l->head;
    for (size_t i = 0; i < bases; i++)
        if (l->bases[i] == c->position)
            return true;
    return false;
}

/* What the bare bytes say, but for what was taken in by the index before it turned out to be wrong. */
static int take_carved(struct intake *in)
{
    struct carve *c = &in->g->carve;
    struct buf bytes = {0};
    size_t bases = in->g->ledger.n_bases;
    int rc = 0;
    for (size_t i = 0; i < c->n && rc == 0; i++) {
        if (taken(&in->g->ledger, &c->v[i], bases))
            continue;
        buf_reset(&bytes, RECORD_MAX);
        if (carve_fetch(c, i, &bytes) != 0)
            rc = log_fail(in->err, EXIT_TEMPORARY, "%s", strerror(errno));
        else
            rc = take_in(in, buf_slice(&bytes), c->v[i].position);
    }
    buf_free(&bytes);
    return rc;
}

static bool is_copy(const struct gdbm_log *g)
{
    return strcmp(g->file, EVENTS_FILE) != 0;
}

/* Only whoever gets both locks looks at the file: this one keeps out a second store, gdbm's own a gdbmtool. */
static int lock(struct gdbm_log *g, struct log_error *err)
{
    if (is_copy(g))
        return 0;
    g->lock = openat(g->dir, LOCK_FILE, O_RDONLY | O_CLOEXEC | (g->mode == LOG_WRITE ? O_CREAT : 0), 0600);
    if (g->lock < 0 && ((g->mode == LOG_CHECK && errno == ENOENT) || errno == EROFS))
        return 0; /* nobody had it, or nobody can change anything */
    if (g->lock < 0)
        return log_fail(err, EXIT_TEMPORARY, "its '%s': %s", LOCK_FILE, strerror(errno));
    if (flock(g->lock, LOCK_EX | LOCK_NB) != 0)
        return log_fail(err, EXIT_TEMPORARY, GDBM_IN_USE);
    return 0;
}

static bool open_clean(struct intake *in, uint64_t position)
{
    in->g->db = events_open(in->g, in->g->file, GDBM_READER, O_RDONLY);
    if (!in->g->db)
        return false;
    show_snapshot(in);
    bool ok = !in->unwanted && take_indexed(in, position) == 0;
    if (!ok || in->g->mode == LOG_WRITE)
        events_close(in->g);
    return ok;
}

static int start_reading(struct gdbm_log *g)
{
    warn_sys("cannot write '%s': nothing can be changed for now", EVENTS_FILE);
    g->reading = true;
    g->db = events_open(g, EVENTS_FILE, GDBM_READER, O_RDONLY);
    return g->db ? 0 : -1;
}

static int start_writing(struct gdbm_log *g, struct log_error *err)
{
    if (g->mode == LOG_CHECK || events_start_writing(g) == 0)
        return 0;
    if (errno == EROFS && start_reading(g) == 0)
        return 0;
    return log_fail(err, EXIT_TEMPORARY, "%s", errno == EWOULDBLOCK ? GDBM_IN_USE : strerror(errno));
}

static int open_suspect(struct intake *in, uint64_t must, off_t size)
{
    struct gdbm_log *g = in->g;
    if (must && !size)
        return log_fail(in->err, EXIT_PERMANENT, "it is empty, but %" PRIu64 " records were confirmed", must);
    if (events_carve(g, in->err) != 0 || carve_settle(&g->carve, must, in->err) != 0)
        return -1;
    show_snapshot(in);
    if (in->unwanted || take_carved(in) != 0)
        return -1;
    g->dropped = g->carve.dropped;
    g->damaged = g->carve.n_damaged - g->carve.n_short;
    if (g->mode == LOG_CHECK)
        return 0;
    if (events_rebuild(g) != 0)
        warn_sys("cannot rebuild '%s': nothing can be written for now", EVENTS_FILE);
    return 0;
}

/* A log that somebody moved away must not turn into an empty one. */
static int open_missing(struct gdbm_log *g, struct log_error *err)
{
    static const char *const traces[] = {MARK_FILE, SNAPSHOT_FILE, DURABLE_FILE, BACKUP_FILE};
    for (size_t i = 0; i < sizeof traces / sizeof *traces; i++)
        if (events_size(g, traces[i]) >= 0)
            return log_fail(err, EXIT_PERMANENT, "it is missing, but '%s' is there", traces[i]);
    g->clean = true;
    if (g->mode == LOG_CHECK || events_rebuild(g) == 0)
        return 0;
    return log_fail(err, EXIT_TEMPORARY, "it cannot be created: %s", strerror(errno));
}

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* show_snapshot forgets where its snapshot stands: to be called before. */
static uint64_t confirmed(const struct intake *in, const struct mark *mark)
{
    uint64_t durable = is_copy(in->g) ? 0 : durable_read(in->g->dir);
    return later((uint64_t)mark->position, later(in->snapshot.position, durable));
}

static int open_events(struct intake *in)
{
    struct gdbm_log *g = in->g;
    struct mark mark = {0};
    bool marked = !is_copy(g) && mark_read(g->dir, &mark);
    off_t real = events_size(g, g->file);
    if (real < 0)
        return errno == ENOENT ? open_missing(g, in->err)
                               : log_fail(in->err, EXIT_TEMPORARY, "%s", strerror(errno));
    uint64_t must = confirmed(in, &mark);
    g->clean = marked && mark.size == real && (uint64_t)mark.position == must && open_clean(in, must);
    if (in->unwanted)
        return -1;
    return g->clean ? start_writing(g, in->err) : open_suspect(in, must, real);
}

void gdbm_log_free(struct gdbm_log *g)
{
    gdbm_rewrite_abandon(&g->log);
    events_close(g);
    carve_free(&g->carve);
    if (g->lock >= 0)
        (void)close(g->lock);
    if (g->durable >= 0)
        (void)close(g->durable);
    if (g->dir >= 0)
        (void)close(g->dir);
    ledger_free(&g->ledger);
    free(g);
}

/* A folder, or a file in one. */
static int open_folder(struct gdbm_log *g, const char *path, struct log_error *err)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    g->file = EVENTS_FILE;
    g->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (g->dir < 0 && errno == ENOTDIR) {
        (void)snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path + 1) : 1,
                       slash ? path : ".");
        g->file = slash ? slash + 1 : path;
        g->dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    if (g->dir < 0)
        return log_fail(err, EXIT_TEMPORARY, "%s", strerror(errno));
    if (is_copy(g) && g->mode == LOG_WRITE)
        return log_fail(err, EXIT_PERMANENT, "a copy is only read: call it '%s', in a folder of its own",
                        EVENTS_FILE);
    return 0;
}

struct event_log *gdbm_log_open(const char *dir, enum log_mode mode, log_visit *visit, void *arg,
                                struct log_error *err)
{
    struct gdbm_log *g = xcalloc(1, sizeof *g);
    struct intake in = {.g = g, .visit = visit, .arg = arg, .err = err};
    g->log.backend = &log_gdbm;
    g->mode = mode;
    g->lock = g->durable = g->carve.fd = -1;
    (void)(open_folder(g, dir, err) == 0 && !is_copy(g) && snapshot_read(g->dir, &in.snapshot));
    bool ok = g->dir >= 0 && !(is_copy(g) && g->mode == LOG_WRITE) && lock(g, err) == 0 &&
              open_events(&in) == 0 && ledger_settle(&g->ledger, err) == 0;
    snapshot_free(&in.snapshot);
    if (ok && g->db && !g->reading && mode == LOG_WRITE)
        events_durable(g);
    if (ok)
        return &g->log;
    gdbm_log_free(g);
    return NULL;
}
