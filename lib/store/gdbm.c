/* The gdbm log at work: committing, what happens when that fails, reading, closing. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "store/crc32c.h"
#include "store/gdbm_file.h"
#include "store/mark.h"
#include "store/snapshot.h"

#include "base/banned.h"

enum {
    SLACK_BYTES = 128 * 1024, /* for gdbm's own blocks: buckets, a directory that doubles */
    REPAIR_PAUSE = 9,         /* between attempts, in multiples of the time that one took */
    AHEAD_BYTES = 256 * 1024, /* booked beyond that, so that not every commit has to */
};

static struct gdbm_log *of(const struct event_log *log)
{
    return (struct gdbm_log *)(void *)log; /* log is its first member */
}

/* --- writing ---------------------------------------------------------------------------------------------------- */

static int gdbm_log_append(struct event_log *log, struct record *r, uint64_t expected_revision)
{
    if (of(log)->mode == LOG_WRITE)
        return ledger_append(&of(log)->ledger, r, expected_revision);
    errno = EROFS;
    return -1;
}

static int book(struct gdbm_log *g, off_t size, off_t more)
{
    if (fallocate(gdbm_fdesc(g->db), FALLOC_FL_KEEP_SIZE, size, more) != 0)
        return -1;
    g->reserved = size + more;
    return 0;
}

/* Books the room that the next records need, so that a full disk shows before gdbm has written anything. Where a
 * file system cannot book, or gdbm needs more than expected, it shows as a failed write. */
static int reserve(struct gdbm_log *g)
{
    const struct ledger *l = &g->ledger;
    struct stat st;
    if (g->cannot_reserve || fstat(gdbm_fdesc(g->db), &st) != 0)
        return 0;
    off_t need = (off_t)(l->bytes.len + l->bytes.len / 4 + l->n_staged * 128 + SLACK_BYTES);
    if (st.st_size + need <= g->reserved || book(g, st.st_size, need + AHEAD_BYTES) == 0)
        return 0;
    g->cannot_reserve = errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL;
    return g->cannot_reserve ? 0 : book(g, st.st_size, need);
}

static int write_staged(struct gdbm_log *g)
{
    const struct ledger *l = &g->ledger;
    for (size_t i = 0; i < l->n_staged; i++)
        if (events_put(g->db, l->staged[i].position, ledger_bytes(l, &l->staged[i])) != 0)
            return -1;
    return events_sync(g->db);
}

/* Some of what is refused now may be in the file. It is made unreadable at once, without gdbm. */
static void suspect(struct gdbm_log *g)
{
    struct log_error err;
    gdbm_rewrite_abandon(&g->log);
    events_close(g);
    if (events_carve(g, &err) != 0 || carve_void(&g->carve, g->ledger.head) != 0)
        error("cannot withdraw refused events from '%s': the next start may bring them back", EVENTS_FILE);
    if (carve_settle(&g->carve, g->ledger.head, &err) != 0)
        error("cannot read '%s': %s", EVENTS_FILE, err.text);
}

static int try_repair(struct gdbm_log *g)
{
    if (carve_head(&g->carve) != g->ledger.head)
        suspect(g);
    if (carve_head(&g->carve) == g->ledger.head)
        return events_rebuild(g);
    errno = EIO;
    return -1;
}

/* Gets a file that gdbm may write to. An attempt copies the whole log, so that a client who keeps trying in vain may cost
 * a tenth of the time, but not all of it. */
static int repair(struct gdbm_log *g)
{
    msec start = clock_ms();
    if (g->reading)
        return events_start_writing(g);
    if (g->db)
        return 0;
    if (start < g->repair_at) {
        errno = g->repair_errno;
        return -1;
    }
    if (try_repair(g) == 0)
        return 0;
    g->repair_errno = errno;
    g->repair_at = clock_ms() + (clock_ms() - start) * REPAIR_PAUSE;
    errno = g->repair_errno;
    return -1;
}

static int gdbm_log_commit(struct event_log *log)
{
    struct gdbm_log *g = of(log);
    if (!g->ledger.n_staged)
        return 0;
    bool ready = repair(g) == 0 && reserve(g) == 0;
    if (ready && write_staged(g) == 0) {
        ledger_commit(&g->ledger);
        events_durable(g);
        return 0;
    }
    int why = errno;
    ledger_discard(&g->ledger);
    if (ready)
        suspect(g);
    errno = why;
    return -1;
}

static void gdbm_log_discard(struct event_log *log)
{
    ledger_discard(&of(log)->ledger);
}

/* --- reading ---------------------------------------------------------------------------------------------------- */

static int fetch(void *backend, uint64_t position, struct buf *dst)
{
    return events_fetch(backend, position, dst);
}

static int gdbm_log_read(struct event_log *log, uint64_t after, log_visit *visit, void *arg)
{
    return ledger_read(&of(log)->ledger, after, fetch, log, visit, arg);
}

static int gdbm_log_read_id(struct event_log *log, struct slice id, uint64_t from, log_visit *visit,
                            void *arg)
{
    return ledger_read_id(&of(log)->ledger, id, from, fetch, log, visit, arg);
}

static void gdbm_log_health(const struct event_log *log, struct log_health *out)
{
    const struct gdbm_log *g = of(log);
    *out = (struct log_health){
        .replayed = g->replayed,
        .clean = g->clean,
        .writable = g->mode == LOG_WRITE && g->db && !g->reading,
        .dropped = g->dropped,
        .damaged = g->damaged,
    };
    ledger_health(&g->ledger, out);
}

static int gdbm_log_snapshot(struct event_log *log, log_state *state, void *arg)
{
    struct gdbm_log *g = of(log);
    struct buf bytes = {0};
    if (g->mode != LOG_WRITE || g->reading || !g->ledger.head)
        return 0;
    uint64_t newest = ledger_newest(&g->ledger);
    int rc = events_fetch(g, newest, &bytes);
    uint32_t crc = crc32c(buf_slice(&bytes));
    buf_free(&bytes);
    return rc == 0 ? snapshot_write(g->dir, &g->ledger, newest, crc, state, arg) : -1;
}

/* Gives back what is booked behind the end of the file. */
static void release(struct gdbm_log *g)
{
    struct stat st;
    if (g->reserved && fstat(gdbm_fdesc(g->db), &st) == 0 && ftruncate(gdbm_fdesc(g->db), st.st_size) != 0)
        warn_sys("cannot give back what is booked for '%s'", EVENTS_FILE);
}

static int close_clean(struct gdbm_log *g)
{
    struct mark mark = {.position = (int64_t)g->ledger.head};
    if (!g->db) {
        errno = EIO;
        return -1;
    }
    release(g);
    int rc = events_sync(g->db);
    if (gdbm_close(g->db) != 0)
        rc = -1;
    g->db = NULL;
    if (rc != 0)
        return -1;
    mark.size = events_size(g, EVENTS_FILE);
    return mark_write(g->dir, &mark);
}

static int gdbm_log_close(struct event_log *log)
{
    struct gdbm_log *g = of(log);
    int rc = g->mode == LOG_WRITE && !g->reading ? close_clean(g) : 0;
    gdbm_log_free(g);
    return rc;
}

const struct log_backend log_gdbm = {
    .name = "gdbm",
    .open = gdbm_log_open,
    .append = gdbm_log_append,
    .commit = gdbm_log_commit,
    .discard = gdbm_log_discard,
    .read = gdbm_log_read,
    .read_id = gdbm_log_read_id,
    .snapshot = gdbm_log_snapshot,
    .rewrite_begin = gdbm_rewrite_begin,
    .rewrite_put = gdbm_rewrite_put,
    .rewrite_end = gdbm_rewrite_end,
    .rewrite_abandon = gdbm_rewrite_abandon,
    .health = gdbm_log_health,
    .close = gdbm_log_close,
};
