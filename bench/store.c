/* store: what the disk itself gives, beside conn-store: bare gdbm_store + gdbm_sync.
 *
 *   store FILE SECONDS BYTES
 *
 * Stores records of BYTES under rising keys in a new gdbm file, each synced, and prints how many a second. */
#include <errno.h>
#include <gdbm.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/scan.h"

#include "base/banned.h"

static uint64_t number(const char *text)
{
    uint64_t n;
    if (scan_u64(slice_str(text), &n) != 0)
        die(EXIT_PERMANENT, "bad number '%s'", text);
    return n;
}

int main(int argc, char **argv)
{
    char key[32];
    uint64_t n = 0;
    io_init();
    log_init("store", NULL);
    if (argc != 4)
        die(EXIT_PERMANENT, "usage: store FILE SECONDS BYTES");
    msec length = (msec)number(argv[2]) * 1000, start = clock_ms(), now = start;
    size_t bytes = number(argv[3]);
    char *value = xcalloc(1, bytes + 1);
    GDBM_FILE db = gdbm_open(argv[1], 0, GDBM_NEWDB | GDBM_NOMMAP, 0600, NULL);
    if (!db)
        die_sys(EXIT_TEMPORARY, "cannot create '%s'", argv[1]);
    for (; now < start + length; n++, now = clock_ms()) {
        int len = snprintf(key, sizeof key, "e/%012" PRIu64, n);
        if (gdbm_store(db, (datum){key, len}, (datum){value, (int)bytes}, GDBM_INSERT) != 0 ||
            gdbm_sync(db) != 0)
            die(EXIT_TEMPORARY, "cannot store: %s", gdbm_db_strerror(db));
    }
    printf("per_second=%" PRId64 "\n", (int64_t)n * 1000 / (now - start));
    gdbm_close(db);
    free(value);
    return io_close_stdout() == 0 ? EXIT_DONE : EXIT_TEMPORARY;
}
