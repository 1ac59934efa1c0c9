#include "store/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "store/durable.h"
#include "store/export.h"
#include "store/gdbm_file.h"
#include "store/mark.h"
#include "store/snapshot.h"

#include "base/banned.h"

static const char *path_in(const char *dir, const char *name)
{
    static char path[PATH_MAX + 32];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static void remove_log(const char *dir)
{
    static const char *const names[] = {EVENTS_FILE,   MARK_FILE,    LOCK_FILE,
                                        SNAPSHOT_FILE, DURABLE_FILE, FRESH_FILE};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        (void)unlink(path_in(dir, names[i]));
}

void copy_remove(const char *dir)
{
    remove_log(dir);
    (void)rmdir(dir);
}

/* --- of an export ------------------------------------------------------------------------------------------------- */

static int take(int fd, struct event_log *log, struct log_error *err)
{
    struct lines in;
    lines_init(&in, fd);
    int rc = export_take(&in, log, err);
    lines_free(&in);
    return rc;
}

int copy_export(int fd, const char *dir, struct log_error *err)
{
    if (access(path_in(dir, EVENTS_FILE), F_OK) == 0)
        return log_fail(err, EXIT_PERMANENT, "'%s' holds a log already", dir);
    struct event_log *log = log_gdbm.open(dir, LOG_WRITE, NULL, NULL, err);
    if (!log)
        return -1;
    int rc = take(fd, log, err);
    if (log_gdbm.close(log) != 0 && rc == 0)
        rc = log_fail(err, EXIT_TEMPORARY, "%s", strerror(errno));
    if (rc != 0)
        remove_log(dir);
    return rc;
}

/* --- of what is left ---------------------------------------------------------------------------------------------- */

static int gone(int dir, const char *name)
{
    return unlinkat(dir, name, 0) == 0 || errno == ENOENT ? 0 : -1;
}

/* The old file keeps a name at every moment. Its snapshot may be all that knows of some connections, and goes only when the
 * new one, which does not match it, is there for good. With its mark the next start takes it as it is, and .bak stays. */
static int put_in_force(int dir, const char *fresh)
{
    if (mark_remove(dir) != 0 || gone(dir, BACKUP_FILE) != 0 ||
        (linkat(dir, EVENTS_FILE, dir, BACKUP_FILE, 0) != 0 && errno != ENOENT) ||
        renameat(AT_FDCWD, path_in(fresh, EVENTS_FILE), dir, EVENTS_FILE) != 0 || fsync(dir) != 0)
        return -1;
    if (gone(dir, SNAPSHOT_FILE) != 0 || renameat(AT_FDCWD, path_in(fresh, MARK_FILE), dir, MARK_FILE) != 0)
        return -1;
    return fsync(dir);
}

int copy_repaired(struct salvage *s, int dir, const char *fresh)
{
    struct log_error err;
    struct event_log *log = log_gdbm.open(fresh, LOG_WRITE, NULL, NULL, &err);
    if (!log) {
        errno = EIO;
        return -1;
    }
    int rc = salvage_write(s, log), why = errno;
    if (log_gdbm.close(log) != 0 && rc == 0)
        rc = -1, why = errno;
    errno = why;
    return rc == 0 ? put_in_force(dir, fresh) : -1;
}
