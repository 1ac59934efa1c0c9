/* base-io: descriptors, files, Unix sockets and the directories of the suite. */
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "child.h"
#include "tap.h"

static char tmp[] = "/tmp/base-io.XXXXXX";
static struct buf out, err;

static const char *in_tmp(const char *name)
{
    static char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", tmp, name);
    return path;
}

static void *pattern(struct buf *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        buf_putc(b, (char)(i * 7 + i / 251));
    return buf_p(b);
}

static size_t queued_bytes(int fd, struct buf *back)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    while (poll(&p, 1, 0) > 0 && p.revents & POLLIN) {
        ssize_t n = io_read_some(fd, buf_room(back, 8192), 8192);
        if (n <= 0)
            break;
        buf_added(back, (size_t)n);
    }
    return back->len;
}

/* Writes 1 MiB from fds[1] to fds[0] in this one process: it would never end if a write blocked. */
static void pump(int from, int to, const char *what)
{
    struct buf b = {0}, back = {0};
    size_t size = 1024 * 1024, sent = 0, refused = 0;
    const char *p = pattern(&b, size);
    while (sent < size) {
        ssize_t n = io_write_some(from, p + sent, size - sent);
        if (n < 0)
            break;
        sent += (size_t)n;
        if (n == 0 && ++refused)
            queued_bytes(to, &back);
    }
    queued_bytes(to, &back);
    ok(refused > 0 && slice_eq(buf_slice(&back), buf_slice(&b)), "%s: all bytes, none of them blocking",
       what);
    ok(!(fcntl(from, F_GETFL) & O_NONBLOCK), "%s: the descriptor stays a blocking one", what);
    buf_free(&b);
    buf_free(&back);
}

static void test_write_socket(void)
{
    int s[2], small = 4096;
    socketpair(AF_UNIX, SOCK_STREAM, 0, s);
    setsockopt(s[1], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    pump(s[1], s[0], "socket");
    close(s[0]);
    ok(io_write_some(s[1], "x", 1) < 0 && errno == EPIPE, "socket: nobody there is EPIPE");
    io_close(s[1]);
}

static void test_write_pipe(void)
{
    int p[2], q[2];
    char c;
    make_pipe(p);
    pump(p[1], p[0], "pipe");
    make_pipe(q);
    dup2(q[1], p[1]);
    close(q[1]);
    is_int(io_write_some(p[1], "n", 1), 1, "pipe: a new pipe with an old number");
    ok(read(q[0], &c, 1) == 1 && c == 'n', "pipe: gets its own bytes");
    is_int(read(p[0], &c, 1), 0, "pipe: the old one has ended");
    io_close(p[1]);
    is_int(read(q[0], &c, 1), 0, "pipe: io_close ends it for its reader");
    close(p[0]);
    close(q[0]);
    make_pipe(p);
    close(p[0]);
    ok(io_write_some(p[1], "x", 1) < 0 && errno == EPIPE, "pipe: nobody there is EPIPE");
    io_close(p[1]);
}

static void test_write_others(void)
{
    int p[2];
    make_pipe(p);
    int high = fcntl(p[1], F_DUPFD, 100);
    pump(high, p[0], "a high descriptor");
    close(high);
    close(p[1]);
    close(p[0]);
    ok(io_write_some(p[0], "x", 1) < 0 && errno == EBADF, "a closed descriptor is EBADF");
    int fd = open(in_tmp("file"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    is_int(io_write_some(fd, "abc", 3), 3, "a file takes everything");
    close(fd);
    fd = open("/dev/full", O_WRONLY);
    ok(io_write_some(fd, "abc", 3) < 0 && errno == ENOSPC, "a full device says so");
    close(fd);
}

static void test_flags(void)
{
    int p[2];
    make_pipe(p);
    ok(io_cloexec(p[0], true) == 0 && fcntl(p[0], F_GETFD) & FD_CLOEXEC, "close-on-exec on");
    ok(io_cloexec(p[0], false) == 0 && !(fcntl(p[0], F_GETFD) & FD_CLOEXEC), "and off");
    ok(io_nonblock(p[0]) == 0 && fcntl(p[0], F_GETFL) & O_NONBLOCK, "non-blocking");
    io_ready(-1);
    io_ready(p[1]);
    char c[2];
    ok(read(p[0], c, 2) == 1 && c[0] == '\n', "readiness is a newline");
    is_int(read(p[0], c, 1), 0, "and the end");
    close(p[0]);
}

/* --- files ------------------------------------------------------------------------------------------------------ */

static const char *fd_path(int fd)
{
    static char path[32];
    (void)snprintf(path, sizeof path, "fd:%d", fd);
    return path;
}

static void test_read_file(void)
{
    struct buf b = {0};
    buf_puts(&b, "<");
    is_int(io_read_file(in_tmp("file"), 3, &b), 0, "a file of max bytes");
    is_slice(buf_slice(&b), S("<abc"), "is appended");
    ok(io_read_file(in_tmp("file"), 2, &b) < 0 && errno == EFBIG, "one byte more is EFBIG");
    ok(io_read_file(in_tmp("none"), 9, &b) < 0 && errno == ENOENT, "no file is ENOENT");
    ok(io_read_file(tmp, 9, &b) < 0 && errno == EISDIR, "a directory is EISDIR");
    static const char *bad[] = {"fd:", "fd:x", "fd:-1", "fd:1x", "fd:2147483648"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ok(io_read_file(bad[i], 9, &b) < 0 && errno == EINVAL, "%s is EINVAL", bad[i]);
    ok(io_read_file("fd:1000", 9, &b) < 0 && errno == EBADF, "a closed descriptor is EBADF");
    is_slice(buf_slice(&b), S("<abc"), "failures append nothing");
    buf_free(&b);
}

static void test_read_fd(void)
{
    struct buf b = {0};
    int fd = io_memfd("conf", S("a\0b"));
    int other = dup(fd);
    ok(fcntl(fd, F_GETFD) & FD_CLOEXEC, "an anonymous file is not inherited unasked");
    is_int(io_read_file(fd_path(fd), 100, &b), 0, "a descriptor");
    ok(fcntl(fd, F_GETFD) < 0, "is closed after reading");
    (void)lseek(other, 2, SEEK_SET);
    is_int(io_read_file(fd_path(other), 100, &b), 0, "its duplicate, wherever its offset is,");
    is_slice(buf_slice(&b), S("a\0ba\0b"), "reads the same");
    int p[2];
    make_pipe(p);
    (void)io_write_all(p[1], "pipe", 4);
    close(p[1]);
    buf_reset(&b, 0);
    is_int(io_read_file(fd_path(p[0]), 100, &b), 0, "a pipe");
    is_slice(buf_slice(&b), S("pipe"), "is read as it comes");
    buf_free(&b);
}

static void closed_three(void *arg)
{
    (void)arg;
    int keep = fcntl(2, F_DUPFD, 10);
    for (int fd = 0; fd <= 2; fd++)
        close(fd);
    io_init();
    int fd = open("/dev/null", O_RDONLY);
    dup2(keep, 2);
    (void)raise(SIGPIPE);
    char c;
    bool refused = read(0, &c, 1) < 0 && errno == EBADF && write(1, "x", 1) < 0 && errno == EBADF;
    exit(fd > 2 && refused ? 0 : 1);
}

static void read_stdin(void *arg)
{
    struct buf b = {0};
    dup2(*(int *)arg, 0);
    exit(io_read_file("-", 100, &b) < 0 || !slice_eq(buf_slice(&b), S("in")) || fcntl(0, F_GETFD) < 0);
}

static void full_stdout(void *arg)
{
    (void)arg;
    dup2(open("/dev/full", O_WRONLY), 1);
    printf("x");
    int r = io_close_stdout();
    exit(r < 0 && errno == ENOSPC ? 0 : 1);
}

static void good_stdout(void *arg)
{
    (void)arg;
    printf("x");
    exit(io_close_stdout() < 0);
}

static void test_standard(void)
{
    int in = io_memfd("in", S("in"));
    is_int(child_run(closed_three, NULL, &out, &err), 0,
           "0, 1 and 2 are taken after io_init, a closed 0 or 1 is EBADF, SIGPIPE is ignored");
    is_int(child_run(read_stdin, &in, &out, &err), 0, "- is stdin, and stays open");
    is_int(child_run(full_stdout, NULL, &out, &err), 0, "closing stdout tells of lost output");
    is_int(child_run(good_stdout, NULL, &out, &err), 0, "and is well otherwise");
    is_slice(buf_slice(&out), S("x"), "with the output written");
    close(in);
}

/* --- sockets ---------------------------------------------------------------------------------------------------- */

static void test_unix(void)
{
    const char *path = in_tmp("sock");
    struct stat st;
    uid_t uid = (uid_t)-1;
    ok(unix_connect(path) < 0 && errno == ENOENT, "no socket is ENOENT");
    int l = unix_listen(path, 0600);
    ok(l >= 0 && stat(path, &st) == 0 && (st.st_mode & 07777) == 0600, "a socket with its mode");
    ok(unix_listen(path, 0600) < 0 && errno == EADDRINUSE, "a second listener is refused");
    int c = unix_connect(path);
    ok(c >= 0 && fcntl(c, F_GETFD) & FD_CLOEXEC, "a client");
    int a = accept(l, NULL, NULL); /* the probe of the second listener came first, and has left */
    int b = accept(l, NULL, NULL);
    ok(b >= 0 && unix_peer_uid(b, &uid) == 0 && uid == geteuid(), "whose uid is known");
    ok(accept(l, NULL, NULL) < 0 && errno == EAGAIN, "accepting does not block");
    ok(unix_peer_uid(0, &uid) < 0, "a descriptor that is no socket has no peer");
    close(a);
    close(b);
    close(c);
    close(l);
    ok(unix_connect(path) < 0 && errno == ECONNREFUSED, "its owner gone, the socket is stale");
    l = unix_listen(path, 0666);
    ok(l >= 0 && stat(path, &st) == 0 && (st.st_mode & 07777) == 0666, "a stale socket is replaced");
    close(l);
    ok(unix_listen(in_tmp("file"), 0600) < 0 && errno == EADDRINUSE, "a file is not");
    ok(stat(in_tmp("file"), &st) == 0 && S_ISREG(st.st_mode), "and stays");
    ok(unix_listen(in_tmp("none/sock"), 0600) < 0 && errno == ENOENT, "no directory is ENOENT");
}

static void test_long_path(void)
{
    char path[109];
    memset(path, 'x', sizeof path - 1);
    path[108] = '\0';
    ok(unix_listen(path, 0600) < 0 && errno == ENAMETOOLONG, "108 bytes are too long to listen");
    ok(unix_connect(path) < 0 && errno == ENAMETOOLONG, "and to connect");
    path[107] = '\0';
    ok(unix_connect(path) < 0 && errno == ENOENT, "107 are not");
}

/* --- directories ------------------------------------------------------------------------------------------------ */

static bool private_dir(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode) && (st.st_mode & 07777) == 0700;
}

static void named_dirs(void *arg)
{
    char path[256];
    (void)arg;
    struct stat st;
    setenv("CONN_DIR", in_tmp("state"), 1);
    setenv("CONN_RUN", in_tmp("run"), 1);
    ok(conn_socket_name(path, sizeof path, "hub.sock") == 0 && strcmp(path, in_tmp("run/hub.sock")) == 0 &&
           stat(in_tmp("run"), &st) < 0,
       "the name of a socket, whose directory is not made");
    ok(slice_eq(slice_str(conn_dir()), slice_str(in_tmp("state"))) && private_dir(in_tmp("state")),
       "$CONN_DIR");
    ok(slice_eq(slice_str(conn_run()), slice_str(in_tmp("run"))) && private_dir(in_tmp("run")), "$CONN_RUN");
    ok(conn_dir() && conn_run(), "both are there already");
    ok(conn_socket_path(path, sizeof path, "hub.sock") == 0 && strcmp(path, in_tmp("run/hub.sock")) == 0,
       "a socket");
    ok(conn_socket_path(path, 10, "hub.sock") < 0 && errno == ENAMETOOLONG, "whose path is too long");
    setenv("CONN_DIR", in_tmp("none/state"), 1);
    ok(!conn_dir() && errno == ENOENT, "parents of a named directory are not made");
    setenv("CONN_RUN", in_tmp("file"), 1);
    ok(!conn_run() && errno == ENOTDIR, "a file is no directory");
    ok(conn_socket_path(path, sizeof path, "hub.sock") < 0, "and has no sockets");
}

static void own_dirs(void *arg)
{
    (void)arg;
    umask(022);
    unsetenv("CONN_DIR");
    setenv("CONN_RUN", "", 1);
    unsetenv("XDG_STATE_HOME");
    unsetenv("XDG_RUNTIME_DIR");
    setenv("HOME", in_tmp("home"), 1);
    if (geteuid() == 0 && (chmod(tmp, 0777) < 0 || setgid(65534) < 0 || setuid(65534) < 0))
        exit(10);
    if (!conn_run() || !private_dir(in_tmp("home/.local/state/conntools/run")))
        exit(1);
    if (!conn_dir() || !private_dir(in_tmp("home/.local")))
        exit(2);
    setenv("XDG_STATE_HOME", in_tmp("x/state"), 1);
    if (!conn_dir() || !private_dir(in_tmp("x/state/conntools")))
        exit(3);
    setenv("XDG_RUNTIME_DIR", in_tmp("x/run"), 1);
    if (!conn_run() || !private_dir(in_tmp("x/run/conntools")))
        exit(4);
    unsetenv("HOME");
    unsetenv("XDG_STATE_HOME");
    exit(!conn_dir() && errno == ENOENT ? 0 : 5);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

int main(void)
{
    io_init();
    if (!mkdtemp(tmp))
        return 111;
    test_write_socket();
    test_write_pipe();
    test_write_others();
    test_flags();
    test_read_file();
    test_read_fd();
    test_standard();
    test_unix();
    test_long_path();
    is_int(child_run(own_dirs, NULL, &out, &err), 0, "directories of a user, with their parents");
    named_dirs(NULL);
    (void)nftw(tmp, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    buf_free(&out);
    buf_free(&err);
    return done();
}
