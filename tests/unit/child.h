/* child.h: runs a function in a child process and keeps what it printed; makes pipes.
 *
 * The child's stdout and stderr are anonymous files, so it never blocks on its reader. Its exit code is returned, or
 * 128 + the signal that ended it. */
#ifndef UNIT_CHILD_H
#define UNIT_CHILD_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/io.h"

static inline void make_pipe(int fds[2])
{
    if (pipe(fds) < 0)
        abort();
}

static inline void child_keep(int fd, struct buf *dst)
{
    char path[32];
    (void)snprintf(path, sizeof path, "fd:%d", fd);
    buf_reset(dst, 0);
    if (io_read_file(path, 1024 * 1024, dst) < 0)
        abort();
}

static inline int child_wait(pid_t pid)
{
    int status;
    if (waitpid(pid, &status, 0) != pid)
        abort();
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static inline int child_run(void (*fn)(void *arg), void *arg, struct buf *out, struct buf *err)
{
    int o = memfd_create("stdout", 0), e = memfd_create("stderr", 0);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(o, 1);
        dup2(e, 2);
        fn(arg);
        _exit(0);
    }
    int code = child_wait(pid);
    child_keep(o, out);
    child_keep(e, err);
    return code;
}

#endif
