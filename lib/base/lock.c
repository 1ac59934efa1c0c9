#include "base/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/log.h"

#include "base/banned.h"

static int lock(const char *path, int how)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    while (fd >= 0 && flock(fd, how) < 0) {
        if (errno == EINTR)
            continue;
        int e = errno;
        (void)close(fd);
        errno = e;
        return -1;
    }
    return fd;
}

int lock_now(const char *path)
{
    return lock(path, LOCK_EX | LOCK_NB);
}

static void on_end(int signo)
{
    (void)signo;
    _exit(EXIT_DONE); /* nothing was begun */
}

int lock_wait(const char *path)
{
    struct sigaction end = {.sa_handler = on_end}, before[2];
    int fd = lock_now(path);
    if (fd >= 0 || errno != EWOULDBLOCK)
        return fd;
    sigaction(SIGTERM, &end, &before[0]);
    sigaction(SIGINT, &end, &before[1]);
    notice("standing by until '%s' is free", path);
    fd = lock(path, LOCK_EX);
    int e = errno;
    sigaction(SIGTERM, &before[0], NULL);
    sigaction(SIGINT, &before[1], NULL);
    if (fd >= 0)
        notice("taking over");
    errno = e;
    return fd;
}
