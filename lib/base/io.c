#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/notify.h"
#include "base/scan.h"

#include "base/banned.h"

enum { READ_BLOCK = 64 * 1024, PRIVATE_FDS = 64 };

/* Private descriptions of inherited pipes: the same pipe, opened once more, so that O_NONBLOCK is ours alone. While
 * we hold one, its inode number cannot be given to another pipe, so (dev, ino) says whether it still belongs to fd. */
static struct private_fd {
    bool used;
    int fd; /* -1: the pipe could not be reopened */
    dev_t dev;
    ino_t ino;
} privates[PRIVATE_FDS];

void io_init(void)
{
    /* the wrong way round: whoever reads or writes a closed one gets EBADF, not an end of file and not a success */
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd)
            die_sys(EXIT_TEMPORARY, "cannot open '/dev/null'");
    (void)signal(SIGPIPE, SIG_IGN);
}

static void forget(int fd)
{
    if (fd < 0 || fd >= PRIVATE_FDS || !privates[fd].used)
        return;
    if (privates[fd].fd >= 0)
        (void)close(privates[fd].fd);
    privates[fd].used = false;
}

void io_close(int fd)
{
    if (fd < 0)
        return;
    forget(fd);
    (void)close(fd);
}

int io_cloexec(int fd, bool on)
{
    int flags = fcntl(fd, F_GETFD);
    if (flags < 0)
        return -1;
    return fcntl(fd, F_SETFD, on ? flags | FD_CLOEXEC : flags & ~FD_CLOEXEC);
}

int io_nonblock(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags < 0 ? -1 : fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

/* --- reading ---------------------------------------------------------------------------------------------------- */

ssize_t io_read_some(int fd, void *p, size_t len)
{
    ssize_t n;
    do
        n = read(fd, p, len);
    while (n < 0 && errno == EINTR);
    return n;
}

/* One block at offset *at, or at the file position if *at is negative. */
static ssize_t read_block(int fd, off_t *at, char *p, size_t len)
{
    if (*at < 0)
        return io_read_some(fd, p, len);
    ssize_t n;
    do
        n = pread(fd, p, len, *at);
    while (n < 0 && errno == EINTR);
    if (n > 0)
        *at += n;
    return n;
}

static int read_all(int fd, off_t at, size_t max, struct buf *dst)
{
    size_t had = dst->len;
    for (;;) {
        ssize_t n = read_block(fd, &at, buf_room(dst, READ_BLOCK), READ_BLOCK);
        if (n == 0)
            return 0;
        if (n > 0) {
            buf_added(dst, (size_t)n);
            if (dst->len - had <= max)
                continue;
            errno = EFBIG;
        }
        buf_cut(dst, had);
        return -1;
    }
}

/* "fd:N" → N, -1 if path is something else, -2 if N is no descriptor number. */
static int fd_in(const char *path)
{
    uint64_t n;
    if (strncmp(path, "fd:", 3) != 0)
        return -1;
    return scan_u64(slice_str(path + 3), &n) < 0 || n > INT_MAX ? -2 : (int)n;
}

static int close_after(int fd, int result)
{
    int saved = errno;
    if (fd > 2)
        io_close(fd);
    errno = saved;
    return result;
}

int io_read_file(const char *path, size_t max, struct buf *dst)
{
    if (strcmp(path, "-") == 0)
        return read_all(0, -1, max, dst);
    int fd = fd_in(path);
    if (fd == -2) {
        errno = EINVAL;
        return -1;
    }
    if (fd >= 0) /* pread: other processes may share the offset */
        return close_after(fd, read_all(fd, lseek(fd, 0, SEEK_CUR) < 0 ? -1 : 0, max, dst));
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    return fd < 0 ? -1 : close_after(fd, read_all(fd, -1, max, dst));
}

/* --- writing ---------------------------------------------------------------------------------------------------- */

static void wait_writable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    (void)poll(&p, 1, -1);
}

int io_write_all(int fd, const void *p, size_t len)
{
    const char *at = p;
    while (len) {
        ssize_t n = write(fd, at, len);
        if (n >= 0) {
            at += n;
            len -= (size_t)n;
        } else if (errno == EAGAIN) {
            wait_writable(fd); /* somebody else's O_NONBLOCK on a shared descriptor */
        } else if (errno != EINTR) {
            return -1;
        }
    }
    return 0;
}

static bool would_block(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK;
}

static ssize_t write_once(int fd, const void *p, size_t len)
{
    ssize_t n;
    do
        n = write(fd, p, len);
    while (n < 0 && errno == EINTR);
    return n < 0 && would_block() ? 0 : n;
}

static ssize_t send_once(int fd, const void *p, size_t len)
{
    ssize_t n;
    do
        n = send(fd, p, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n < 0 && would_block() ? 0 : n;
}

static int reopen_nonblocking(int fd)
{
    char path[32];
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
}

static int private_of(int fd, const struct stat *st)
{
    if (fd >= PRIVATE_FDS)
        return -1;
    struct private_fd *p = &privates[fd];
    if (p->used && p->dev == st->st_dev && p->ino == st->st_ino)
        return p->fd;
    forget(fd);
    *p =
        (struct private_fd){.used = true, .fd = reopen_nonblocking(fd), .dev = st->st_dev, .ino = st->st_ino};
    return p->fd;
}

/* A pipe that poll calls writable takes PIPE_BUF bytes without blocking, unless another writer comes first. */
static ssize_t write_page(int fd, const void *p, size_t len)
{
    struct pollfd w = {.fd = fd, .events = POLLOUT};
    int ready;
    do
        ready = poll(&w, 1, 0);
    while (ready < 0 && errno == EINTR);
    return ready <= 0 ? ready : write_once(fd, p, len < PIPE_BUF ? len : PIPE_BUF);
}

ssize_t io_write_some(int fd, const void *p, size_t len)
{
    struct stat st;
    ssize_t n = send_once(fd, p, len);
    if (n >= 0 || errno != ENOTSOCK)
        return n;
    if (fstat(fd, &st) < 0)
        return -1;
    if (!S_ISFIFO(st.st_mode))
        return write_once(fd, p, len);
    int own = private_of(fd, &st);
    return own >= 0 ? write_once(own, p, len) : write_page(fd, p, len);
}

int io_close_stdout(void)
{
    bool failed = ferror(stdout);
    forget(1);
    if (fclose(stdout) != 0)
        return -1;
    if (failed)
        errno = EIO;
    return failed ? -1 : 0;
}

void io_ready(int fd)
{
    notify_ready();
    if (fd < 0)
        return;
    if (io_write_all(fd, "\n", 1) < 0)
        warn_sys("cannot announce readiness on descriptor %d", fd);
    io_close(fd);
}

int io_memfd(const char *name, struct slice data)
{
    int fd = memfd_create(name, MFD_CLOEXEC);
    if (fd < 0)
        return -1;
    if (io_write_all(fd, data.p, data.len) == 0 && lseek(fd, 0, SEEK_SET) == 0)
        return fd;
    return close_after(fd, -1);
}
