/* lines.h: NDJSON on descriptors. Lines are at most LINE_MAX_BYTES, without the '\n'.
 *
 * Reader: block reads, memchr, no copy. A line is a slice into the reader's buffer, valid until the next
 * lines_fill. Writer: appends to a buffer; flushed when the caller says so. */
#ifndef BASE_LINES_H
#define BASE_LINES_H

#include "base/buf.h"

enum { LINE_MAX_BYTES = 32 * 1024 * 1024 };

struct lines {
    int fd;
    size_t max; /* bytes a line may have; LINE_MAX_BYTES unless set otherwise */
    struct buf in;
    size_t seen;    /* bytes of in already searched for '\n' */
    size_t pending; /* bytes of the line handed out last, taken at the next call */
    bool eof;
    size_t skipped; /* bytes of an oversized line dropped so far; its end is still to come */
};

enum lines_status {
    LINES_MORE, /* no complete line: fill again */
    LINES_LINE, /* *line is set */
    /* A line over max was dropped, whole; reported once, when its end is reached; *line is set to its first LINES_HEAD
     * bytes so that an id may be found. */
    LINES_LONG,
    LINES_CUT, /* end of input inside a line; *line is the incomplete rest */
    LINES_END, /* clean end of input */
};
enum { LINES_HEAD = 512 };

void lines_init(struct lines *l, int fd);
void lines_free(struct lines *l);
/* One read(2) of up to 64 KiB (more while a long line is being gathered). 1 got bytes, 0 end of input,
 * -1 with errno. Blocks unless poll said readable. */
int lines_fill(struct lines *l);
enum lines_status lines_next(struct lines *l, struct slice *line);
/* The line handed out last comes again at the next lines_next: the reader had no room for it. */
void lines_unread(struct lines *l);

/* Writes all of out and empties it: blocking. 0 or -1 with errno. */
int lines_flush(int fd, struct buf *out);
/* Writes what does not block. 1 all gone, 0 something left, -1 with errno. */
int lines_flush_some(int fd, struct buf *out);

/* The shape of every plain filter: reads stdin, calls on_line for each line, writes what it appended to out;
 * one write per drained read; ends on EOF, or when stdout breaks (a clean end if nothing was to be written, else a
 * write error). on_line gets the status LINES_LINE or LINES_LONG. Returns an exit code: 0 clean end, 111 cut last line
 * or read/write error (logged). */
int filter_run(int in, int out,
               void (*on_line)(void *arg, enum lines_status st, struct slice line, struct buf *out),
               void *arg);

#endif
