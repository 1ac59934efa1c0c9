#include "supervise/ring.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/sibling.h"

#include "base/banned.h"

enum { SCRATCH_FD = 16 }; /* children's descriptors are moved above this before they get their numbers */

/* ---- in the child ---- */

static void die_with(pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) /* it died before we asked */
        _exit(EXIT_TEMPORARY);
}

/* Our handlers would swallow a signal that comes before exec; until they are gone, signals wait. A question that comes
 * before the program can answer must not end it. */
static void default_signals(void)
{
    sigset_t none;
    for (int signo = 1; signo < NSIG; signo++)
        signal(signo, signo == SIGUSR2 ? SIG_IGN : SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static int out_of_the_way(int fd)
{
    return fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, SCRATCH_FD);
}

static int place(int fd, int as)
{
    return dup2(fd, as) < 0 ? -1 : 0; /* dup2 leaves close-on-exec off */
}

static int place_all(const struct part *part, int in, int out)
{
    int moved[HANDED_MAX];
    in = out_of_the_way(in);
    out = out_of_the_way(out);
    if (in < 0 || out < 0)
        return -1;
    for (size_t i = 0; i < part->n_handed; i++)
        if ((moved[i] = out_of_the_way(part->handed[i].fd)) < 0)
            return -1;
    if (place(in, STDIN_FILENO) < 0 || place(out, STDOUT_FILENO) < 0)
        return -1;
    for (size_t i = 0; i < part->n_handed; i++)
        if (place(moved[i], part->handed[i].as) < 0)
            return -1;
    return 0;
}

#ifdef __SANITIZE_ADDRESS__
enum { SANITIZED = 1 }; /* its shadow is larger than any limit */
#else
enum { SANITIZED = 0 };
#endif

/* Limits only go down. One that cannot be set is no reason to do without the ring; it says so. */
static void limit(__rlimit_resource_t resource, rlim_t most, const char *what)
{
    struct rlimit now;
    if (most == 0 || (getrlimit(resource, &now) == 0 && now.rlim_max <= most))
        return;
    if (setrlimit(resource, &(struct rlimit){most, most}) < 0)
        warn_sys("cannot limit the %s of a ring", what);
}

static void confine(const struct part_limits *limits)
{
    limit(RLIMIT_DATA, SANITIZED ? 0 : limits->memory_bytes, "memory");
    limit(RLIMIT_NOFILE, limits->files, "descriptors");
    /* more than 19 is 19 */
    if (limits->nice && setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + limits->nice) < 0)
        warn_sys("cannot set the priority of a ring");
}

static void child(const struct part *part, int in, int out, pid_t parent)
{
    setpgid(0, 0);
    die_with(parent);
    default_signals();
    if (place_all(part, in, out) < 0) {
        error_sys("cannot hand descriptors to '%s'", part->argv[0]);
        _exit(EXIT_TEMPORARY);
    }
    confine(&part->limits);
    unsetenv("NOTIFY_SOCKET"); /* our readiness is not theirs to announce */
    if (part->env)
        putenv((char *)(uintptr_t)part->env);
    exec_sibling(part->argv);
}

/* ---- in the parent ---- */

static pid_t spawn(const struct part *part, int in, int out)
{
    pid_t parent = getpid();
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    pid_t pid = fork();
    if (pid == 0)
        child(part, in, out, parent);
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (pid > 0)
        setpgid(pid, pid); /* in both: whoever comes first */
    return pid;
}

static void close_pipes(int (*pipes)[2], size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (int end = 0; end < 2; end++)
            if (pipes[i][end] >= 0)
                close(pipes[i][end]);
}

/* Pipe i leads from part i to part i + 1; the last one, if the ring is closed with a pipe, back to part 0. */
static int make_pipes(int (*pipes)[2], size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (pipe2(pipes[i], O_CLOEXEC) < 0) {
            int e = errno;
            close_pipes(pipes, i);
            errno = e;
            return -1;
        }
    return 0;
}

int ring_start(struct ring *r, const struct part *parts, size_t n, int hub)
{
    int pipes[RING_PARTS_MAX][2];
    size_t n_pipes = hub < 0 ? n : n - 1;
    *r = (struct ring){.n = n, .culprit = n};
    if (n == 0 || n > RING_PARTS_MAX) {
        errno = E2BIG;
        return -1;
    }
    if (make_pipes(pipes, n_pipes) < 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        int in = i ? pipes[i - 1][0] : hub < 0 ? pipes[n - 1][0] : hub;
        int out = i < n_pipes ? pipes[i][1] : hub;
        r->pids[i] = spawn(&parts[i], in, out);
        if (r->pids[i] < 0) {
            int e = errno;
            r->pids[i] = 0;
            ring_signal(r, SIGKILL);
            r->n = r->alive = 0; /* whoever reaps does not find them here any more */
            close_pipes(pipes, n_pipes);
            errno = e;
            return -1;
        }
        r->alive++;
    }
    close_pipes(pipes, n_pipes);
    return 0;
}

bool ring_reaped(struct ring *r, pid_t pid, int wait_status)
{
    size_t i = 0;
    int code;
    while (i < r->n && r->pids[i] != pid)
        i++;
    if (i == r->n)
        return false;
    r->pids[i] = 0;
    r->alive--;
    code = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : r->stopping ? 0 : EXIT_TEMPORARY;
    if (code && r->culprit == r->n) {
        r->culprit = i;
        r->code = code;
        r->signo = WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : 0;
    }
    return true;
}

void ring_stop(struct ring *r)
{
    r->stopping = true;
    if (r->pids[0] > 0)
        kill(-r->pids[0], SIGTERM);
}

void ring_end(struct ring *r)
{
    r->stopping = true;
    ring_signal(r, SIGTERM);
}

void ring_signal(struct ring *r, int signo)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->pids[i] > 0)
            kill(-r->pids[i], signo);
}
