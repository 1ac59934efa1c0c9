#include "record.h"

#include <unistd.h>

#include "base/lines.h"
#include "base/log.h"

#include "base/banned.h"

enum { FLUSH_BYTES = 256 * 1024 };

static struct buf out;
static enum loudness most = LOUD_ALL;

void record_loudness(enum loudness loudness)
{
    most = loudness;
}

struct buf *record_begin(enum loudness loudness, const char *event, unsigned connection)
{
    if (loudness > most)
        return NULL;
    buf_putc(&out, '{');
    record_text(&out, "event", event);
    if (connection)
        record_number(&out, "connection", connection);
    return &out;
}

struct buf *record_plain(void)
{
    return &out;
}

void record_end(struct buf *b, const char *tail)
{
    buf_puts(b, tail);
    buf_putc(b, '\n');
    if (b->len > FLUSH_BYTES)
        record_flush();
}

void record_flush(void)
{
    if (out.len && lines_flush(STDOUT_FILENO, &out) != 0)
        die_sys(EXIT_TEMPORARY, "cannot write 'stdout'");
}

void record_text(struct buf *b, const char *name, const char *z)
{
    if (z)
        json_put_member_text(b, slice_str(name), slice_str(z));
}

void record_bool(struct buf *b, const char *name, bool on)
{
    json_put_member(b, slice_str(name), on ? S("true") : S("false"));
}

void record_number(struct buf *b, const char *name, uint64_t n)
{
    json_put_key(b, slice_str(name));
    buf_put_u64(b, n);
}
