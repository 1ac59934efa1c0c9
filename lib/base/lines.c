#include "base/lines.h"

#include <errno.h>
#include <poll.h>

#include "base/io.h"
#include "base/log.h"

#include "base/banned.h"

enum { READ_BLOCK = 64 * 1024, IDLE_BYTES = 1024 * 1024, OUT_BYTES = 1024 * 1024 };

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

void lines_init(struct lines *l, int fd)
{
    *l = (struct lines){.fd = fd, .max = LINE_MAX_BYTES};
}

void lines_free(struct lines *l)
{
    buf_free(&l->in);
}

static void take_pending(struct lines *l)
{
    if (!l->pending)
        return;
    buf_take(&l->in, l->pending);
    l->pending = l->seen = l->skipped = 0;
}

void lines_unread(struct lines *l)
{
    l->pending = 0;
}

/* Room for a block; for as much as is there already while a long line grows, up to the longest line and one block. */
static size_t make_room(struct lines *l)
{
    struct buf *b = &l->in;
    size_t block = larger(READ_BLOCK, smaller(b->len, larger(l->max, READ_BLOCK) - smaller(b->len, l->max)));
    if (b->cap > IDLE_BYTES && b->len < READ_BLOCK)
        buf_fit(b, b->len + block);
    else if (b->start || b->cap - b->len < READ_BLOCK)
        buf_fit(b, larger(b->cap, b->len + block));
    return smaller(b->cap - b->len, block);
}

int lines_fill(struct lines *l)
{
    take_pending(l);
    if (l->eof)
        return 0;
    size_t room = make_room(l);
    ssize_t n = io_read_some(l->fd, buf_room(&l->in, room), room);
    if (n < 0)
        return -1;
    l->eof = n == 0;
    buf_added(&l->in, (size_t)n);
    return n > 0;
}

/* A complete line of len bytes (if it is too long, all but its head may be gone already). */
static enum lines_status hand_out(struct lines *l, size_t len, struct slice *line)
{
    bool too_long = l->skipped || len > l->max;
    *line = slice_of(buf_p(&l->in), too_long ? smaller(len, LINES_HEAD) : len);
    l->pending = len + 1;
    l->seen = len;
    return too_long ? LINES_LONG : LINES_LINE;
}

static enum lines_status at_end(struct lines *l, struct slice *line)
{
    size_t len = l->in.len;
    if (!len)
        return LINES_END;
    *line = slice_of(buf_p(&l->in), l->skipped ? smaller(len, LINES_HEAD) : len);
    l->pending = l->seen = len;
    return LINES_CUT;
}

/* No end in sight: of a line that is already too long only the head is kept. */
static void skip(struct lines *l)
{
    if (l->in.len > larger(l->max, LINES_HEAD) || (l->skipped && l->in.len > LINES_HEAD)) {
        l->skipped += l->in.len - LINES_HEAD;
        buf_cut(&l->in, LINES_HEAD);
    }
    l->seen = l->in.len;
}

enum lines_status lines_next(struct lines *l, struct slice *line)
{
    take_pending(l);
    *line = SLICE_NONE;
    const char *p = buf_p(&l->in);
    const char *end = l->in.len > l->seen ? memchr(p + l->seen, '\n', l->in.len - l->seen) : NULL;
    if (end)
        return hand_out(l, (size_t)(end - p), line);
    if (l->eof)
        return at_end(l, line);
    skip(l);
    return LINES_MORE;
}

int lines_flush(int fd, struct buf *out)
{
    if (io_write_all(fd, buf_p(out), out->len) < 0)
        return -1;
    buf_reset(out, IDLE_BYTES);
    return 0;
}

int lines_flush_some(int fd, struct buf *out)
{
    while (out->len) {
        ssize_t n = io_write_some(fd, buf_p(out), out->len);
        if (n < 0)
            return -1;
        if (n == 0)
            return 0;
        buf_take(out, (size_t)n);
    }
    buf_reset(out, IDLE_BYTES);
    return 1;
}

/* --- filter_run ------------------------------------------------------------------------------------------------- */

struct filter {
    struct lines in;
    struct buf out;
    int out_fd;
    void (*on_line)(void *arg, enum lines_status st, struct slice line, struct buf *out);
    void *arg;
};

enum step { STEP_ON, STEP_END, STEP_FAIL };

static enum step wait_input(struct filter *f)
{
    struct pollfd p[2] = {{.fd = f->in.fd, .events = POLLIN}, {.fd = f->out_fd, .events = 0}};
    while (poll(p, 2, -1) < 0)
        if (errno != EINTR) {
            error_sys("cannot wait for 'stdin'");
            return STEP_FAIL;
        }
    return p[1].revents ? STEP_END : STEP_ON; /* nobody reads what we would write */
}

static enum step flush(struct filter *f)
{
    if (lines_flush(f->out_fd, &f->out) == 0)
        return STEP_ON;
    error_sys("cannot write 'stdout'");
    return STEP_FAIL;
}

static enum step drain(struct filter *f)
{
    enum lines_status st;
    struct slice line;
    while ((st = lines_next(&f->in, &line)) == LINES_LINE || st == LINES_LONG) {
        f->on_line(f->arg, st, line, &f->out);
        if (f->out.len > OUT_BYTES && flush(f) != STEP_ON)
            return STEP_FAIL;
    }
    if (flush(f) != STEP_ON)
        return STEP_FAIL;
    if (st == LINES_CUT) {
        error("cannot read 'stdin': the last line is cut off");
        return STEP_FAIL;
    }
    return st == LINES_END ? STEP_END : STEP_ON;
}

static enum step turn(struct filter *f)
{
    enum step s = wait_input(f);
    if (s != STEP_ON)
        return s;
    if (lines_fill(&f->in) < 0) {
        if (errno == EAGAIN) /* a shared descriptor that somebody else drained */
            return STEP_ON;
        error_sys("cannot read 'stdin'");
        return STEP_FAIL;
    }
    return drain(f);
}

int filter_run(int in, int out,
               void (*on_line)(void *arg, enum lines_status st, struct slice line, struct buf *out),
               void *arg)
{
    struct filter f = {.out_fd = out, .on_line = on_line, .arg = arg};
    enum step s;
    lines_init(&f.in, in);
    do
        s = turn(&f);
    while (s == STEP_ON);
    lines_free(&f.in);
    buf_free(&f.out);
    return s == STEP_END ? EXIT_DONE : EXIT_TEMPORARY;
}
