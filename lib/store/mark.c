#include "store/mark.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/io.h"
#include "json/json.h"
#include "store/crc32c.h"

#include "base/banned.h"

static const char FRESH[] = "events.clean.new";

enum { MARK_MAX_BYTES = 4096, TEXT_SIZE = 128 };

static size_t put_text(char text[TEXT_SIZE], const struct mark *m)
{
    char check[16];
    int n = snprintf(text, TEXT_SIZE, "{\"position\":%" PRId64 ",\"size\":%" PRId64, m->position, m->size);
    (void)snprintf(check, sizeof check, "%08" PRIx32, crc32c(slice_of(text, (size_t)n)));
    return (size_t)n + (size_t)snprintf(text + n, TEXT_SIZE - (size_t)n, ",\"check\":\"%s\"}\n", check);
}

static int read_small(int dir, struct buf *dst)
{
    int fd = openat(dir, MARK_FILE, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t n = io_read_some(fd, buf_room(dst, MARK_MAX_BYTES), MARK_MAX_BYTES);
    (void)close(fd);
    if (n < 0)
        return -1;
    buf_added(dst, (size_t)n);
    return 0;
}

bool mark_read(int dir, struct mark *m)
{
    struct buf text = {0};
    struct json mark;
    struct json_error err;
    *m = (struct mark){0};
    bool ok = read_small(dir, &text) == 0 && json_parse(buf_slice(&text), &mark, &err) == 0 &&
              json_int(json_get(mark, S("position")), &m->position) == 0 &&
              json_int(json_get(mark, S("size")), &m->size) == 0 && m->position >= 0;
    char want[TEXT_SIZE];
    ok = ok && slice_eq(buf_slice(&text), slice_of(want, put_text(want, m)));
    buf_free(&text);
    if (!ok)
        *m = (struct mark){0};
    return ok;
}

static int write_fresh(int dir, struct slice text)
{
    int fd = openat(dir, FRESH, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    int rc = io_write_all(fd, text.p, text.len) == 0 && fsync(fd) == 0 ? 0 : -1;
    return close(fd) == 0 ? rc : -1;
}

int mark_write(int dir, const struct mark *m)
{
    char text[TEXT_SIZE];
    if (write_fresh(dir, slice_of(text, put_text(text, m))) != 0)
        return -1;
    return renameat(dir, FRESH, dir, MARK_FILE) == 0 ? fsync(dir) : -1;
}

int mark_remove(int dir)
{
    if (unlinkat(dir, MARK_FILE, 0) != 0)
        return errno == ENOENT ? 0 : -1;
    return fsync(dir);
}
