#include "mapping/lockdown.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"

#include "base/banned.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* What all roles need: memory, descriptors that are there, time, signals, the end (abort included). */
static const char *const common[] = {
    "read",        "write",           "poll",    "ppoll",        "close",          "fstat",
    "brk",         "munmap",          "mremap",  "madvise",      "clock_gettime",  "gettimeofday",
    "getrandom",   "futex",           "sysinfo", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn",
    "sigaltstack", "restart_syscall", "getpid",  "gettid",       "exit",           "exit_group",
    NULL,
};
static const char *const filter_only[] = {"recvfrom", "recvmsg", "sendto", "sendmsg",
                                          "wait4",    "fcntl",   "lseek",  NULL};
static const char *const zygote_only[] = {
    "recvmsg",         "recvfrom", "sendmsg", "sendto",  "socketpair", "clone",   "clone3",    "fork",
    "wait4",           "kill",     "tgkill",  "getppid", "prctl",      "seccomp", "setitimer", "getrusage",
    "set_robust_list", "rseq",     NULL,
};
static const char *const worker_only[] = {"setitimer", "getrusage", "recvfrom", "sendto", NULL};
/* What JavaScriptCore does besides: it starts, stops and names threads, and waits for them. */
static const char *const threads[] = {"set_robust_list", "rseq",          "sched_yield", "sched_getaffinity",
                                      "clock_nanosleep", "rt_sigsuspend", "pread64",     NULL};
/* What it does only while it starts, which is what the zygote's filter has to let through to workers. */
static const char *const starting[] = {"eventfd2", "lseek", NULL};
static const char *const *const by_role[][3] = {
    [LOCKDOWN_FILTER] = {filter_only},
    [LOCKDOWN_ZYGOTE] = {zygote_only},
    [LOCKDOWN_WORKER] = {worker_only},
    [LOCKDOWN_ZYGOTE_OF_THREADS] = {zygote_only, threads, starting},
    [LOCKDOWN_WORKER_OF_THREADS] = {worker_only, threads},
};
/* What fails instead of ending the process: libc looks for time zones, descriptors are reopened, terminals asked for. */
static const char *const refused[] = {"ioctl",      "readlink",           "access",
                                      "faccessat2", "sched_setscheduler", NULL};
static const char *const opening[] = {"open", "openat", NULL};

static void add(scmp_filter_ctx ctx, uint32_t action, const char *const *names)
{
    for (; *names; names++) {
        int number = seccomp_syscall_resolve_name(*names);
        if (number >= 0 && seccomp_rule_add(ctx, action, number, 0) < 0) /* else: not on this architecture */
            bug("cannot add '%s' to a seccomp filter", *names);
    }
}

static void add_without_exec(scmp_filter_ctx ctx, int number)
{
    struct scmp_arg_cmp no_exec = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
    if (seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, number, 1, &no_exec) < 0)
        bug("cannot add a memory rule to a seccomp filter");
}

/* Of descriptors, as libc asks for them; of names it fails. */
static void add_stat(scmp_filter_ctx ctx)
{
    struct scmp_arg_cmp of_descriptor = SCMP_A3(SCMP_CMP_MASKED_EQ, AT_EMPTY_PATH, AT_EMPTY_PATH);
    struct scmp_arg_cmp of_name = SCMP_A3(SCMP_CMP_MASKED_EQ, AT_EMPTY_PATH, 0);
    int number = seccomp_syscall_resolve_name("newfstatat");
    if (number < 0) /* not on this architecture */
        return;
    if (seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, number, 1, &of_descriptor) < 0 ||
        seccomp_rule_add_array(ctx, SCMP_ACT_ERRNO(EPERM), number, 1, &of_name) < 0)
        bug("cannot add a rule for files to a seccomp filter");
}

/* abort() raises its signal this way; nobody else gets one. */
static void add_abort(scmp_filter_ctx ctx)
{
    struct scmp_arg_cmp to_itself = SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid());
    if (seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, &to_itself) < 0)
        bug("cannot add a signal rule to a seccomp filter");
}

/* Limits may be asked for, by the library that looks for its stack, and not set. */
static void add_asking(scmp_filter_ctx ctx)
{
    struct scmp_arg_cmp no_new_limit = SCMP_A2(SCMP_CMP_EQ, 0);
    if (seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1, &no_new_limit) < 0)
        bug("cannot add a rule for limits to a seccomp filter");
}

/* clone3 keeps its flags where no filter sees them; it fails with ENOSYS, and libc falls back to clone. */
static void add_threads(scmp_filter_ctx ctx)
{
    struct scmp_arg_cmp thread =
        SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD | CLONE_VM, CLONE_THREAD | CLONE_VM);
    struct scmp_arg_cmp name = SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME);
    if (seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1, &thread) < 0 ||
        seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1, &name) < 0 ||
        seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1) < 0)
        bug("cannot add rules for threads to a seccomp filter");
}

/* JavaScriptCore does not start without /dev/urandom. */
static void add_reading(scmp_filter_ctx ctx)
{
    struct scmp_arg_cmp reading = SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT, O_RDONLY);
    if (seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1, &reading) < 0)
        bug("cannot add a rule for files to a seccomp filter");
}

static scmp_filter_ctx build(enum lockdown role)
{
    bool of_threads = role == LOCKDOWN_ZYGOTE_OF_THREADS || role == LOCKDOWN_WORKER_OF_THREADS;
    scmp_filter_ctx ctx = seccomp_init(of_threads ? SCMP_ACT_ERRNO(ENOSYS) : SCMP_ACT_KILL_PROCESS);
    if (!ctx)
        return NULL;
    add(ctx, SCMP_ACT_ALLOW, common);
    for (size_t i = 0; i < 3 && by_role[role][i]; i++)
        add(ctx, SCMP_ACT_ALLOW, by_role[role][i]);
    add(ctx, SCMP_ACT_ERRNO(EPERM), refused);
    if (role == LOCKDOWN_ZYGOTE_OF_THREADS)
        add_reading(ctx);
    else
        add(ctx, SCMP_ACT_ERRNO(EPERM), opening);
    add_stat(ctx);
    add_abort(ctx);
    add_without_exec(ctx, SCMP_SYS(mmap));
    add_without_exec(ctx, SCMP_SYS(mprotect));
    if (of_threads)
        add_asking(ctx);
    if (role == LOCKDOWN_WORKER_OF_THREADS)
        add_threads(ctx);
    return ctx;
}

enum lockdown_result lockdown_enter(enum lockdown role)
{
    if (SANITIZED)
        return LOCKDOWN_SANITIZED;
    scmp_filter_ctx ctx = build(role);
    int r = ctx ? seccomp_load(ctx) : -ENOSYS;
    seccomp_release(ctx);
    errno = -r;
    return r < 0 ? LOCKDOWN_UNSUPPORTED : LOCKDOWN_ON;
}

static void limit(__rlimit_resource_t resource, rlim_t most)
{
    struct rlimit now;
    if (getrlimit(resource, &now) == 0 && now.rlim_max > most)
        (void)setrlimit(resource, &(struct rlimit){most, most});
}

void lockdown_limits(size_t memory_bytes, bool may_write_files, unsigned max_fds)
{
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_NOFILE, max_fds);
    if (!may_write_files)
        limit(RLIMIT_FSIZE, 0);
    if (memory_bytes && !SANITIZED)
        limit(RLIMIT_AS, memory_bytes);
}
