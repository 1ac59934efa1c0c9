/* unix.c: the Unix sockets and directories of io.h. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/io.h"

#include "base/banned.h"

enum { BACKLOG = 128 };

static int fail(int err)
{
    errno = err;
    return -1;
}

static int close_failed(int fd)
{
    int saved = errno;
    (void)close(fd);
    return fail(saved);
}

/* --- sockets ---------------------------------------------------------------------------------------------------- */

static int address(struct sockaddr_un *a, const char *path)
{
    size_t len = strlen(path);
    *a = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (len >= sizeof a->sun_path)
        return fail(ENAMETOOLONG);
    memcpy(a->sun_path, path, len + 1);
    return 0;
}

static int connect_again(int fd, const struct sockaddr_un *a)
{
    int r;
    do
        r = connect(fd, (const struct sockaddr *)a, sizeof *a);
    while (r < 0 && errno == EINTR);
    return r;
}

static int connect_with(const char *path, int flags)
{
    struct sockaddr_un a;
    if (address(&a, path) < 0)
        return -1;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
    if (fd < 0)
        return -1;
    return connect_again(fd, &a) < 0 ? close_failed(fd) : fd;
}

int unix_connect(const char *path)
{
    return connect_with(path, 0);
}

int unix_connect_now(const char *path)
{
    int fd = connect_with(path, SOCK_NONBLOCK);
    if (fd >= 0 && fcntl(fd, F_SETFL, 0) < 0)
        return close_failed(fd);
    return fd;
}

/* Removes a socket that refuses connections. 0, or -1 with EADDRINUSE. */
static int remove_stale(const char *path)
{
    struct stat st;
    if (lstat(path, &st) < 0)
        return errno == ENOENT ? 0 : -1;
    if (!S_ISSOCK(st.st_mode))
        return fail(EADDRINUSE);
    int fd = unix_connect(path);
    if (fd >= 0)
        (void)close(fd);
    if (fd >= 0 || errno != ECONNREFUSED)
        return fail(EADDRINUSE);
    return unlink(path);
}

static int bind_fresh(int fd, const struct sockaddr_un *a, int mode)
{
    const struct sockaddr *sa = (const struct sockaddr *)a;
    if (bind(fd, sa, sizeof *a) < 0 &&
        (errno != EADDRINUSE || remove_stale(a->sun_path) < 0 || bind(fd, sa, sizeof *a) < 0))
        return -1;
    if (chmod(a->sun_path, (mode_t)mode) < 0) /* before listen, so nobody has connected yet */
        return -1;
    return listen(fd, BACKLOG);
}

/* Between bind and listen a socket looks stale: starters take turns on their directory. */
static int lock_parent(const char *path)
{
    char dir[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t len = slash ? (size_t)(slash - path) : 0;
    if (len >= sizeof dir)
        return fail(ENAMETOOLONG);
    memcpy(dir, path, len);
    dir[len] = '\0';
    int fd = open(len ? dir : slash ? "/" : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while (fd >= 0 && flock(fd, LOCK_EX) < 0)
        if (errno != EINTR)
            return close_failed(fd);
    return fd;
}

int unix_listen(const char *path, int mode)
{
    struct sockaddr_un a;
    if (address(&a, path) < 0)
        return -1;
    int lock = lock_parent(path);
    if (lock < 0)
        return -1;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && bind_fresh(fd, &a, mode) < 0)
        fd = close_failed(fd);
    int saved = errno;
    (void)close(lock);
    errno = saved;
    return fd;
}

int unix_peer_uid(int fd, uid_t *uid)
{
    struct ucred c;
    socklen_t len = sizeof c;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c, &len) < 0)
        return -1;
    *uid = c.uid;
    return 0;
}

/* --- directories ------------------------------------------------------------------------------------------------ */

static int make_dir(const char *path)
{
    struct stat st;
    if (mkdir(path, 0700) == 0)
        return 0;
    if (errno != EEXIST || stat(path, &st) < 0)
        return -1;
    return S_ISDIR(st.st_mode) ? 0 : fail(ENOTDIR);
}

static int make_parents(char *path)
{
    for (char *p = path + 1; *p; p++) {
        if (*p != '/')
            continue;
        *p = '\0';
        int r = make_dir(path);
        *p = '/';
        if (r < 0)
            return -1;
    }
    return 0;
}

static const char *setting(const char *name)
{
    const char *v = getenv(name);
    return v && *v ? v : NULL;
}

static int join(char *dst, size_t size, const char *a, const char *b)
{
    int n = snprintf(dst, size, "%s%s", a, b);
    return n >= 0 && (size_t)n < size ? 0 : fail(ENAMETOOLONG);
}

/* The caller's own directory: base/below with all its parents. */
static const char *own_dir(char *dst, const char *base, const char *below, bool make)
{
    if (!base)
        return fail(ENOENT), NULL;
    if (join(dst, PATH_MAX, base, below) < 0)
        return NULL;
    return make && (make_parents(dst) < 0 || make_dir(dst) < 0) ? NULL : dst;
}

/* A directory that was named or is fixed: only its last part is made. */
static const char *named_dir(char *dst, const char *path, bool make)
{
    return join(dst, PATH_MAX, path, "") < 0 || (make && make_dir(dst) < 0) ? NULL : dst;
}

static const char *state_dir(bool make)
{
    static char path[PATH_MAX];
    if (setting("CONN_DIR"))
        return named_dir(path, setting("CONN_DIR"), make);
    if (geteuid() == 0)
        return named_dir(path, "/var/lib/conntools", make);
    if (setting("XDG_STATE_HOME"))
        return own_dir(path, setting("XDG_STATE_HOME"), "/conntools", make);
    return own_dir(path, setting("HOME"), "/.local/state/conntools", make);
}

static const char *run_dir(bool make)
{
    static char path[PATH_MAX];
    if (setting("CONN_RUN"))
        return named_dir(path, setting("CONN_RUN"), make);
    if (geteuid() == 0)
        return named_dir(path, "/run/conntools", make);
    if (setting("XDG_RUNTIME_DIR"))
        return own_dir(path, setting("XDG_RUNTIME_DIR"), "/conntools", make);
    return own_dir(path, state_dir(make), "/run",
                   make); /* no runtime directory here: /tmp would be everybody's */
}

const char *conn_dir(void)
{
    return state_dir(true);
}

const char *conn_run(void)
{
    return run_dir(true);
}

static int socket_path(char *dst, size_t size, const char *name, bool make)
{
    const char *dir = run_dir(make);
    if (!dir)
        return -1;
    int n = snprintf(dst, size, "%s/%s", dir, name);
    return n >= 0 && (size_t)n < size ? 0 : fail(ENAMETOOLONG);
}

int conn_socket_path(char *dst, size_t size, const char *name)
{
    return socket_path(dst, size, name, true);
}

int conn_socket_name(char *dst, size_t size, const char *name)
{
    return socket_path(dst, size, name, false);
}
