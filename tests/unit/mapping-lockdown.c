/* mapping-lockdown: what each process of ditto-map gets when it tries what it may not do: one child a call, behind its filter. */
#include "mapping/lockdown.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

/* Each: 0 if it could, else errno. */
typedef int attempt(void);

static int of(long r)
{
    return r < 0 ? errno : 0;
}

static int open_file(void)
{
    return of(open("/etc/passwd", O_RDONLY | O_CLOEXEC));
}

static int write_file(void)
{
    return of(open("/tmp/mapping-lockdown", O_RDWR | O_CREAT | O_CLOEXEC, 0600));
}

static int look_for_file(void)
{
    struct stat st;
    return of(stat("/etc/passwd", &st));
}

static int open_socket(void)
{
    return of(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

static int run_program(void)
{
    char *argv[] = {(char[]){"true"}, NULL}, *envp[] = {NULL};
    return of(execve("/bin/true", argv, envp));
}

static int start_process(void)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    return of(pid);
}

static int signal_parent(void)
{
    return of(kill(getppid(), SIGCONT));
}

static int executable_memory(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? errno
                                                                                                     : 0;
}

static int raise_limit(void)
{
    return of(setrlimit(RLIMIT_NOFILE, &(struct rlimit){10, 10}));
}

static int change_folder(void)
{
    return of(chdir("/tmp"));
}

static int memory(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? errno
                                                                                                      : 0;
}

static void *nothing(void *arg)
{
    return arg;
}

static int start_thread(void)
{
    pthread_t t;
    int r = pthread_create(&t, NULL, nothing, NULL);
    return r ? r : pthread_join(t, NULL);
}

/* Tries it on a thread that was there before the filter. */
static attempt *tried_on_thread;
static pthread_barrier_t locked;

static void *on_thread(void *arg)
{
    (void)pthread_barrier_wait(&locked);
    *(int *)arg = tried_on_thread();
    return NULL;
}

static int open_on_thread(void)
{
    return open_file();
}

static int child(enum lockdown role, attempt *try)
{
    pthread_t t;
    int result = 0;
    tried_on_thread = try == open_on_thread ? open_file : NULL;
    (void)pthread_barrier_init(&locked, NULL, 2);
    if (tried_on_thread && pthread_create(&t, NULL, on_thread, &result))
        return 255;
    if (lockdown_enter(role) != LOCKDOWN_ON)
        return 254;
    if (!tried_on_thread)
        return try();
    (void)pthread_barrier_wait(&locked);
    (void)pthread_join(t, NULL);
    return result;
}

/* The exit code (an errno) or, negative, the signal. */
static int outcome(enum lockdown role, attempt *try)
{
    int status;
    pid_t pid = fork();
    if (pid == 0)
        _exit(child(role, try));
    if (pid < 0 || waitpid(pid, &status, 0) < 0)
        return 253;
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static bool have_seccomp(void)
{
    return outcome(LOCKDOWN_FILTER, memory) == 0;
}

int main(void)
{
    static const struct {
        const char *what;
        attempt *try;
        int filter, worker, worker_of_threads;
    } rows[] = {
        {"opening a file", open_file, EPERM, EPERM, EPERM},
        {"writing a file", write_file, EPERM, EPERM, EPERM},
        {"looking for a file", look_for_file, EPERM, EPERM, EPERM},
        {"opening a socket", open_socket, -SIGSYS, -SIGSYS, ENOSYS},
        {"running a program", run_program, -SIGSYS, -SIGSYS, ENOSYS},
        {"starting a process", start_process, -SIGSYS, -SIGSYS, ENOSYS},
        {"signalling a process", signal_parent, -SIGSYS, -SIGSYS, ENOSYS},
        {"executable memory", executable_memory, -SIGSYS, -SIGSYS, ENOSYS},
        {"a limit", raise_limit, -SIGSYS, -SIGSYS, ENOSYS},
        {"another folder", change_folder, -SIGSYS, -SIGSYS, ENOSYS},
        {"memory", memory, 0, 0, 0},
    };
    if (!have_seccomp()) {
        ok(true, "nothing is locked down here # SKIP sanitizers, or no seccomp");
        return done();
    }
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        is_int(outcome(LOCKDOWN_FILTER, rows[i].try), rows[i].filter, "the filter: %s", rows[i].what);
        is_int(outcome(LOCKDOWN_WORKER, rows[i].try), rows[i].worker, "a worker: %s", rows[i].what);
        is_int(outcome(LOCKDOWN_WORKER_OF_THREADS, rows[i].try), rows[i].worker_of_threads,
               "a worker with threads: %s", rows[i].what);
    }
    is_int(outcome(LOCKDOWN_WORKER, start_thread), -SIGSYS, "a worker starts no thread");
    is_int(outcome(LOCKDOWN_WORKER_OF_THREADS, start_thread), 0, "one with threads does");
    is_int(outcome(LOCKDOWN_WORKER_OF_THREADS, open_on_thread), EPERM,
           "and those that were there are locked down too");
    is_int(outcome(LOCKDOWN_ZYGOTE_OF_THREADS, open_file), 0, "the zygote of such workers may read files");
    is_int(outcome(LOCKDOWN_ZYGOTE_OF_THREADS, write_file), ENOSYS, "but not write them");
    is_int(outcome(LOCKDOWN_ZYGOTE_OF_THREADS, open_socket), ENOSYS, "and has no network");
    is_int(outcome(LOCKDOWN_ZYGOTE, open_file), EPERM, "other zygotes may not");
    return done();
}
