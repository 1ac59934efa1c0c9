#include "supervise/alone.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "base/io.h"
#include "base/lock.h"
#include "base/log.h"

#include "base/banned.h"

/* Never closed: the lock goes with the process. */
static void hold(const char *folder, const char *variable, bool wait)
{
    char path[PATH_MAX];
    if (!folder)
        die_sys(EXIT_TEMPORARY, "cannot use the folder for 'supervise.lock' (%s)", variable);
    snprintf(path, sizeof path, "%s/supervise.lock", folder);
    if ((wait ? lock_wait(path) : lock_now(path)) >= 0)
        return;
    if (errno == EWOULDBLOCK)
        die(EXIT_TEMPORARY, "cannot lock '%s': another supervisor is there", path);
    die_sys(EXIT_TEMPORARY, "cannot lock '%s'", path);
}

void be_alone(bool wait)
{
    hold(conn_run(), "$CONN_RUN", wait);
    hold(conn_dir(), "$CONN_DIR", wait);
}
