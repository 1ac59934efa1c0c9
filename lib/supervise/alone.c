#include "supervise/alone.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"

#include "base/banned.h"

static void on_end(int signo)
{
    (void)signo;
    _exit(EXIT_DONE); /* nothing was begun */
}

static void wait_for_lock(int fd, const char *path)
{
    struct sigaction end = {.sa_handler = on_end}, before[2];
    notice("standing by: another supervisor holds '%s'", path);
    sigaction(SIGTERM, &end, &before[0]);
    sigaction(SIGINT, &end, &before[1]);
    while (flock(fd, LOCK_EX) < 0)
        if (errno != EINTR)
            die_sys(EXIT_TEMPORARY, "cannot lock '%s'", path);
    sigaction(SIGTERM, &before[0], NULL);
    sigaction(SIGINT, &before[1], NULL);
    notice("the other supervisor is gone: taking over");
}

/* Never closed: the lock goes with the process. */
static void lock(const char *folder, bool wait)
{
    char path[PATH_MAX];
    if (!folder)
        die_sys(EXIT_TEMPORARY, "cannot find the folder of 'supervise.lock'");
    snprintf(path, sizeof path, "%s/supervise.lock", folder);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        die_sys(EXIT_TEMPORARY, "cannot open '%s'", path);
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return;
    if (errno != EWOULDBLOCK)
        die_sys(EXIT_TEMPORARY, "cannot lock '%s'", path);
    if (!wait)
        die(EXIT_TEMPORARY, "cannot lock '%s': another supervisor is there", path);
    wait_for_lock(fd, path);
}

void be_alone(bool wait)
{
    lock(conn_run(), wait);
    lock(conn_dir(), wait);
}
