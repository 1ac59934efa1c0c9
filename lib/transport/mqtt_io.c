#include "transport/mqtt_io.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/buf.h"

#include "base/banned.h"

enum { READ_BYTES = 64 * 1024, GATHER_MAX_BYTES = 256 * 1024 };

struct mqtt_io_calls mqtt_io_calls;

static int attached = -1;
static bool connecting;
static struct buf in, out;

void mqtt_io_attach(int fd)
{
    attached = fd;
    buf_reset(&in, READ_BYTES);
    buf_reset(&out, READ_BYTES);
}

void mqtt_io_abandon(void)
{
    attached = -1;
    buf_free(&in);
    buf_free(&out);
}

void mqtt_io_detach(void)
{
    (void)mqtt_io_flush();
    mqtt_io_abandon();
}

bool mqtt_io_unread(void)
{
    return in.len;
}

int mqtt_io_flush(void)
{
    while (out.len) {
        ssize_t n = syscall(SYS_write, attached, buf_p(&out), out.len);
        if (n < 0 && errno != EINTR)
            return errno == EAGAIN ? 0 : -1;
        buf_take(&out, n > 0 ? (size_t)n : 0);
    }
    return 1;
}

/* A read larger than the buffer, of a large payload, needs no copy. */
ssize_t mqtt_io_read(int fd, void *p, size_t n)
{
    if (fd != attached || fd < 0)
        return syscall(SYS_read, fd, p, n);
    mqtt_io_calls.reads++;
    if (!in.len) {
        if (n >= READ_BYTES)
            return syscall(SYS_read, fd, p, n);
        ssize_t got = syscall(SYS_read, fd, buf_room(&in, READ_BYTES), READ_BYTES);
        if (got <= 0)
            return got;
        buf_added(&in, (size_t)got);
    }
    n = n < in.len ? n : in.len;
    memcpy(p, buf_p(&in), n);
    buf_take(&in, n);
    return (ssize_t)n;
}

/* The wake-up of a thread that is not there is one NUL byte to a socket of the library's own, which nobody reads. Nothing
 * of ours writes such. */
static bool wakes_nobody(int fd, const char *p, size_t n)
{
    return (attached >= 0 || connecting) && fd > STDERR_FILENO && fd != attached && n == 1 && *p == '\0';
}

ssize_t mqtt_io_write(int fd, const void *p, size_t n)
{
    if (wakes_nobody(fd, p, n))
        return 1;
    if (fd != attached || fd < 0)
        return syscall(SYS_write, fd, p, n);
    mqtt_io_calls.writes++;
    if (out.len + n > GATHER_MAX_BYTES) {
        int r = mqtt_io_flush();
        if (r <= 0) {
            errno = r < 0 ? errno : EAGAIN;
            return -1;
        }
        if (n > GATHER_MAX_BYTES)
            return syscall(SYS_write, fd, p, n);
    }
    buf_put(&out, p, n);
    return (ssize_t)n;
}

void mqtt_io_connecting(bool on)
{
    connecting = on;
}

/* The library makes the socket non-blocking itself, but only after this call. */
int mqtt_io_connect(int fd, const struct sockaddr *address, socklen_t size)
{
    if (connecting) {
        int flags = fcntl(fd, F_GETFL);
        mqtt_io_calls.connects++;
        if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
            return -1;
    }
    return (int)syscall(SYS_connect, fd, address, size);
}
