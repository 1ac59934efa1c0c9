#include "mapping/zygote.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mapping/lockdown.h"

#include "base/banned.h"

enum { COMPILE_SECONDS = 10, FDS_MAX = 16, CONTROL_FD = 3 };

struct zygote {
    struct worker_shared *shared;
    const struct script_engine *engine;
    const struct scripts *scripts;
    const struct worker_limits *limits;
    void **programs;
    pid_t worker; /* 0: none */
};

static void die_with(pid_t parent)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) /* it was gone before */
        _exit(0);
}

/* Its end is the end of its parent: what a terminal or a supervisor sends to the group is not for it. */
static void reset_signals(void)
{
    static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};
    sigset_t none;
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
        (void)signal(ignored[i], SIG_IGN);
    (void)signal(SIGVTALRM, SIG_DFL);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Only the control socket stays, as CONTROL_FD: an end of the ring that were held here would never close. */
static void keep_only(int control)
{
    int null = open("/dev/null", O_RDWR);
    int moved = fcntl(control, F_DUPFD_CLOEXEC, CONTROL_FD + 1);
    for (int fd = 0; fd <= 2; fd++)
        (void)dup2(null, fd);
    if (null < 0 || moved < 0 || dup2(moved, CONTROL_FD) < 0 || close_range(CONTROL_FD + 1, ~0U, 0) < 0)
        _exit(1);
}

static void send_report(const struct zygote_report *report, int fd)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.bytes = {0}};
    struct iovec io = {.iov_base = (void *)(uintptr_t)report, .iov_len = sizeof *report};
    struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1};
    if (fd >= 0) {
        m.msg_control = control.bytes;
        m.msg_controllen = sizeof control.bytes;
        control.header = (struct cmsghdr){CMSG_LEN(sizeof fd), SOL_SOCKET, SCM_RIGHTS};
        memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
    }
    if (sendmsg(CONTROL_FD, &m, MSG_NOSIGNAL) < 0)
        _exit(0);
}

int zygote_compile(const struct script_engine *engine, const struct scripts *scripts, void **programs,
                   _Atomic int *compiling, struct buf *why)
{
    for (size_t i = 0; i < scripts->n; i++) {
        if (scripts->v[i].language != engine->language)
            continue;
        atomic_store(compiling, (int)i);
        programs[i] = engine->compile(scripts->v[i].text, why);
        if (programs[i])
            continue;
        if (!why->len)
            buf_puts(why, "it is not valid");
        return -1;
    }
    atomic_store(compiling, NO_SCRIPT);
    return 0;
}

/* --- ahead ------------------------------------------------------------------------------------------------------ */

/* Compiling is bounded too: the program is the user's. */
static void limit_compiling(unsigned seconds)
{
    struct itimerval t = {.it_value.tv_sec = seconds};
    (void)setitimer(ITIMER_VIRTUAL, &t, NULL);
}

/* An engine that cannot be loaded is a problem of whoever has a script for it. */
static int open_engine(struct zygote *z, struct buf *why)
{
    int first = 0;
    while (z->scripts->v[first].language != z->engine->language)
        first++;
    atomic_store(&z->shared->compiling, first);
    int r = z->engine->open(z->limits, why);
    if (r == 0)
        atomic_store(&z->shared->compiling, NO_SCRIPT);
    return r;
}

static int prepare(struct zygote *z, struct buf *why)
{
    if (z->engine->threaded)
        return open_engine(z, why);
    limit_compiling(COMPILE_SECONDS);
    int r = zygote_compile(z->engine, z->scripts, z->programs, &z->shared->compiling, why);
    limit_compiling(0);
    return r;
}

static void be_ready(struct zygote *z)
{
    struct zygote_report report = {.status = -1, .script = NO_SCRIPT};
    struct buf why = {0};
    z->programs = xcalloc(z->scripts->n + 1, sizeof *z->programs);
    atomic_store(&z->shared->compiling, NO_SCRIPT);
    if (prepare(z, &why) < 0) {
        report.script = atomic_load(&z->shared->compiling);
        (void)snprintf(report.why, sizeof report.why, "%s", buf_z(&why));
    } else { /* the filter says so where there is no seccomp */
        (void)lockdown_enter(z->engine->threaded ? LOCKDOWN_ZYGOTE_OF_THREADS : LOCKDOWN_ZYGOTE);
    }
    buf_free(&why);
    send_report(&report, -1);
}

/* --- workers ---------------------------------------------------------------------------------------------------- */

/* How the worker ended, if there is one. */
static int end_worker(struct zygote *z)
{
    int status = -1;
    if (z->worker <= 0)
        return status;
    (void)kill(z->worker, SIGKILL);
    while (waitpid(z->worker, &status, 0) < 0 && errno == EINTR)
        ;
    z->worker = 0;
    return status;
}

static void start_worker(struct zygote *z)
{
    struct zygote_report report = {.status = end_worker(z), .script = NO_SCRIPT};
    int pair[2];
    pid_t self = getpid();
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        _exit(1);
    atomic_store(&z->shared->at, 0);
    z->worker = fork();
    if (z->worker == 0) {
        die_with(self);
        (void)close(CONTROL_FD);
        (void)close(pair[0]);
        worker_run(pair[1], z->shared, z->engine, z->scripts, z->programs, z->limits);
    }
    /* without a worker the filter sees the end of the stream, and asks again */
    send_report(&report, pair[0]);
    (void)close(pair[0]);
    (void)close(pair[1]);
}

void zygote_run(pid_t parent, int control, struct worker_shared *shared, const struct script_engine *engine,
                const struct scripts *scripts, const struct worker_limits *limits)
{
    struct zygote z = {.shared = shared, .engine = engine, .scripts = scripts, .limits = limits};
    char request;
    ssize_t n;
    die_with(parent);
    reset_signals();
    keep_only(control);
    (void)clearenv();
    lockdown_limits(engine->threaded ? 0 : limits->memory_bytes, false, FDS_MAX);
    be_ready(&z);
    while ((n = recv(CONTROL_FD, &request, 1, 0)) == 1 || (n < 0 && errno == EINTR))
        if (n == 1)
            start_worker(&z);
    (void)end_worker(&z);
    _exit(0);
}
