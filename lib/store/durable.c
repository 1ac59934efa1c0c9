#include "store/durable.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/io.h"
#include "store/ledger.h"

#include "base/banned.h"

enum { MAX_BYTES = 256 };

uint64_t durable_read(int dir)
{
    char bytes[MAX_BYTES];
    struct record r;
    size_t len;
    int fd = openat(dir, DURABLE_FILE, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t n = io_read_some(fd, bytes, sizeof bytes);
    (void)close(fd);
    bool whole =
        n > 0 && record_read(slice_of(bytes, (size_t)n), &r, &len) == RECORD_WHOLE && r.kind == RECORD_CUT;
    return whole ? r.position : 0;
}

void durable_write(int dir, int *fd, uint64_t position)
{
    struct buf bytes = {0};
    struct record r = ledger_cut(position, 0);
    if (*fd < 0)
        *fd = openat(dir, DURABLE_FILE, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    record_put(&bytes, &r);
    if (*fd >= 0)
        (void)!pwrite(*fd, buf_p(&bytes), bytes.len, 0);
    buf_free(&bytes);
}
