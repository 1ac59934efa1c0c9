#include "store/carve.h"

#include <errno.h>
#include <fcntl.h>
#include <gdbm.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"

#include "base/banned.h"

enum { BLOCK = 1024 * 1024, KEEP_BYTES = 4 * 1024 * 1024 };

/* The file passes by in a window that always holds the record under examination whole. */
struct window {
    struct carve *c;
    struct buf bytes;
    uint64_t offset; /* of the window's first byte in the file */
    bool eof;
};

/* As much of the file as makes the window want bytes long; less at the end of the file. 0, or -1 with errno. */
static int widen(struct window *w, size_t want)
{
    while (w->bytes.len < want && !w->eof) {
        size_t room = want - w->bytes.len > BLOCK ? want - w->bytes.len : BLOCK;
        ssize_t n = io_read_some(w->c->fd, buf_room(&w->bytes, room), room);
        if (n < 0)
            return -1;
        buf_added(&w->bytes, (size_t)n);
        w->eof = n == 0;
    }
    return 0;
}

static void pass(struct window *w, size_t n)
{
    buf_take(&w->bytes, n);
    w->offset += n;
    if (!w->bytes.len)
        buf_reset(&w->bytes, KEEP_BYTES);
}

/* Moves the window to the next magic, or to the end. 0, or -1 with errno. */
static int seek_magic(struct window *w)
{
    for (;;) {
        if (widen(w, RECORD_HEAD) != 0)
            return -1;
        const char *p = buf_p(&w->bytes);
        const char *at = w->bytes.len ? memmem(p, w->bytes.len, RECORD_MAGIC, 4) : NULL;
        if (at) {
            pass(w, (size_t)(at - p));
            return widen(w, RECORD_HEAD);
        }
        /* the magic may straddle the end of the window */
        pass(w, w->eof || w->bytes.len < 4 ? w->bytes.len : w->bytes.len - 3);
        if (w->eof && !w->bytes.len)
            return 0;
    }
}

static void found(struct carve *c, const struct record *r, uint64_t offset, size_t len)
{
    if (c->n == c->cap) {
        c->cap = c->cap ? c->cap * 2 : 64;
        c->v = xrealloc_array(c->v, c->cap, sizeof *c->v);
    }
    c->v[c->n++] = (struct carved){r->position, offset, len, r->kind};
    if (r->kind == RECORD_CUT) {
        c->cut = r->position;
        c->bases = r->revision;
    }
    if (r->durable > c->durable)
        c->durable = r->durable;
}

/* One that the file cuts off is damaged, too, if it was confirmed. */
static void found_damaged(struct carve *c, const struct record *r, uint64_t offset, bool cut_off)
{
    c->n_short += cut_off;
    if (c->n_damaged < CARVE_DAMAGED_MAX)
        c->damaged[c->n_damaged] = (struct carved){r->position, offset, 0, r->kind};
    c->n_damaged++;
}

/* Looks at what starts with a magic and passes over it. 0, or -1 with errno. */
static int examine(struct window *w)
{
    struct record r;
    size_t len;
    enum record_status st = record_read(buf_slice(&w->bytes), &r, &len);
    if (st == RECORD_SHORT) {
        if (widen(w, len) != 0)
            return -1;
        st = record_read(buf_slice(&w->bytes), &r, &len);
    }
    if (st == RECORD_WHOLE)
        found(w->c, &r, w->offset, len);
    else if (st == RECORD_NEWER)
        w->c->newer = true;
    else
        found_damaged(w->c, &r, w->offset, st == RECORD_SHORT);
    pass(w, st == RECORD_WHOLE || st == RECORD_NEWER ? len : 4);
    return 0;
}

static int scan(struct carve *c)
{
    struct window w = {.c = c};
    int rc = lseek(c->fd, 0, SEEK_SET) < 0 ? -1 : seek_magic(&w);
    while (rc == 0 && w.bytes.len)
        if ((rc = examine(&w)) == 0)
            rc = seek_magic(&w);
    buf_free(&w.bytes);
    return rc;
}

/* The first bytes of every gdbm file, whatever its word size and byte order. */
static bool is_gdbm(int fd)
{
    uint32_t magic;
    if (pread(fd, &magic, sizeof magic, 0) != sizeof magic)
        return false;
    if (magic >> 24 != 0x13)
        magic = __builtin_bswap32(magic);
    return magic >> 4 == 0x13579ac || magic >> 4 == 0x13579ad;
}

static bool is_our_key(datum key)
{
    struct slice text = slice_of(key.dptr, (size_t)key.dsize);
    return slice_starts(text, S("e/")) || slice_eq(text, S("cut"));
}

/* Somebody else's database. One of ours, in which no record is yet, may be broken: that is no sign. */
static bool has_other_keys(int fd)
{
    int again = lseek(fd, 0, SEEK_SET) == 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
    if (again < 0)
        return false;
    GDBM_FILE db = gdbm_fd_open(again, "", 0, GDBM_READER | GDBM_NOLOCK | GDBM_NOMMAP, NULL);
    if (!db) {
        (void)close(again);
        return false;
    }
    datum key = gdbm_firstkey(db);
    bool others = key.dptr && !is_our_key(key);
    free(key.dptr);
    (void)gdbm_close(db);
    return others;
}

int carve_scan(struct carve *c, int fd, struct log_error *err)
{
    *c = (struct carve){.fd = fd};
    if (scan(c) != 0)
        return log_fail(err, EXIT_TEMPORARY, "%s", strerror(errno));
    if (c->newer)
        return log_fail(err, EXIT_PERMANENT, "it holds records of a newer format than %d", RECORD_FORMAT);
    c->foreign = !c->n && (!is_gdbm(fd) || has_other_keys(fd));
    if (c->foreign)
        return log_fail(err, EXIT_PERMANENT, "it is no event file");
    return 0;
}

/* The cut, bases, events. */
static int rank(const struct carved *x)
{
    return x->kind == RECORD_CUT ? 0 : x->kind == RECORD_SNAPSHOT ? 1 : 2;
}

static int by_position(const void *a, const void *b)
{
    const struct carved *x = a, *y = b;
    if (rank(x) != rank(y))
        return rank(x) - rank(y);
    if (x->position != y->position)
        return x->position < y->position ? -1 : 1;
    return (x->offset > y->offset) - (x->offset < y->offset);
}

static int missing(const struct carve *c, uint64_t position, uint64_t confirmed, struct log_error *err)
{
    size_t n = c->n_damaged < CARVE_DAMAGED_MAX ? c->n_damaged : CARVE_DAMAGED_MAX;
    for (size_t i = 0; i < n; i++)
        if (c->damaged[i].position == position)
            return log_fail(err, EXIT_PERMANENT,
                            "record %" PRIu64 " of %" PRIu64 " is damaged (at byte %" PRIu64 ")", position,
                            confirmed, c->damaged[i].offset);
    return log_fail(err, EXIT_PERMANENT, "record %" PRIu64 " of %" PRIu64 " is missing", position, confirmed);
}

/* Bases, and damaged ones among them, are confirmed: a file that has them was whole when it was put in force. */
static int missing_base(const struct carve *c, uint64_t there, struct log_error *err)
{
    for (size_t i = 0; i < c->n_damaged && i < CARVE_DAMAGED_MAX; i++)
        if (c->damaged[i].position <= c->cut)
            return log_fail(err, EXIT_PERMANENT,
                            "the snapshot at %" PRIu64 " is damaged (at byte %" PRIu64 ")",
                            c->damaged[i].position, c->damaged[i].offset);
    return log_fail(err, EXIT_PERMANENT,
                    "of %" PRIu64 " snapshots at its beginning only %" PRIu64 " are there", c->bases, there);
}

uint64_t carve_head(const struct carve *c)
{
    return c->n && rank(&c->v[c->n - 1]) == 2 ? c->v[c->n - 1].position : c->cut;
}

size_t carve_find(const struct carve *c, uint64_t position)
{
    size_t low = 0, high = c->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        const struct carved *m = &c->v[mid];
        if (m->kind == RECORD_CUT || m->position < position)
            low = mid + 1;
        else
            high = mid;
    }
    return low < c->n && c->v[low].position == position ? low : c->n;
}

void carve_sort(struct carve *c)
{
    if (c->n)
        qsort(c->v, c->n, sizeof *c->v, by_position);
}

int carve_settle(struct carve *c, uint64_t must, struct log_error *err)
{
    uint64_t confirmed = must > c->durable ? must : c->durable, next = c->cut + 1;
    size_t n = 0, i = 0;
    carve_sort(c);
    while (i < c->n && rank(&c->v[i]) < 2)
        i++;
    n = i;
    if (n != c->bases + (c->cut != 0))
        return missing_base(c, n - (c->cut != 0), err);
    for (; i < c->n && c->v[i].position <= next; i++)
        if (c->v[i].position == next) {
            c->v[n++] = c->v[i];
            next++;
        }
    c->dropped = c->n - i + c->n_damaged;
    c->n = n;
    return next - 1 < confirmed ? missing(c, next, confirmed, err) : 0;
}

int carve_void(struct carve *c, uint64_t after)
{
    static const char spoilt[] = "void";
    size_t kept = 0;
    int rc = 0;
    for (size_t i = 0; i < c->n; i++)
        if (c->v[i].position <= after)
            c->v[kept++] = c->v[i];
        else if (pwrite(c->fd, spoilt, 4, (off_t)c->v[i].offset) != 4)
            rc = -1;
    c->n = kept;
    return fsync(c->fd) == 0 ? rc : -1;
}

int carve_fetch(const struct carve *c, size_t i, struct buf *dst)
{
    size_t len = c->v[i].len;
    ssize_t n = pread(c->fd, buf_room(dst, len), len, (off_t)c->v[i].offset);
    if (n == (ssize_t)len) {
        buf_added(dst, len);
        return 0;
    }
    if (n >= 0)
        errno = EIO;
    return -1;
}

void carve_free(struct carve *c)
{
    if (c->fd >= 0)
        (void)close(c->fd);
    free(c->v);
    *c = (struct carve){.fd = -1};
}
