/* io.h: descriptors.
 *
 * Inherited descriptors 0 and 1 are shared with other processes (a ring's socket is stdin of one program and
 * stdout of another), so O_NONBLOCK is never set on them: a write that must not block uses io_write_some. */
#ifndef BASE_IO_H
#define BASE_IO_H

#include <sys/types.h>

#include "base/buf.h"

/* Makes sure that 0, 1 and 2 are open (on /dev/null if not, where reading 0 and writing 1 fail with EBADF) and SIGPIPE is ignored. First thing in main. */
void io_init(void);
/* The whole of a file ("-" is stdin, "fd:N" descriptor N from its start, closed afterwards if N > 2), at most max bytes.
 * 0, or -1 with errno (EFBIG: longer than max). Appends to dst. */
int io_read_file(const char *path, size_t max, struct buf *dst);
/* All of it, however long it takes, restarting on EINTR. 0 or -1 with errno. Blocks. */
int io_write_all(int fd, const void *p, size_t len);
/* What can be written without blocking: bytes written (maybe 0), or -1 with errno (never EAGAIN, EINTR).
 * Works on sockets, pipes, files and terminals without O_NONBLOCK. */
ssize_t io_write_some(int fd, const void *p, size_t len);
/* One read(2), restarted on EINTR. For a descriptor that poll called readable. */
ssize_t io_read_some(int fd, void *p, size_t len);
/* Closes fd (nothing if negative) together with what io_write_some keeps for it. Whatever io_write_some wrote to must be
 * closed this way: it may hold a second descriptor of the same pipe, and the reader sees no end while one is open. */
void io_close(int fd);
int io_cloexec(int fd, bool on);
int io_nonblock(int fd);
/* Closes stdout and checks it: 0, or -1 with errno when buffered data could not be written. */
int io_close_stdout(void);
/* Writes "\n" to fd and closes it, if fd >= 0: readiness (s6 notification-fd); and as systemd wants it (notify.h). */
void io_ready(int fd);
/* An anonymous file (memfd) with these bytes, offset 0, close-on-exec. fd, or -1 with errno. */
int io_memfd(const char *name, struct slice data);

/* Unix stream sockets, close-on-exec; the listening one does not block. Paths over 107 bytes: errno ENAMETOOLONG. */
/* Replaces a socket that nobody listens on; EADDRINUSE if somebody does. */
int unix_listen(const char *path, int mode);
int unix_connect(const char *path);
/* The same, but errno EAGAIN at once where a listener's queue is full. The socket itself blocks. */
int unix_connect_now(const char *path);
/* The peer's uid (SO_PEERCRED). 0 or -1. */
int unix_peer_uid(int fd, uid_t *uid);

/* Directories of the suite: $CONN_DIR or the default (state), $CONN_RUN or the default (sockets). Created with
 * mode 0700 if they do not exist. The text is static. NULL with errno set if it cannot be made. */
const char *conn_dir(void);
const char *conn_run(void);
/* "<conn_run>/<name>" into dst. 0, or -1. */
int conn_socket_path(char *dst, size_t size, const char *name);
/* The same for who only wants to connect: nothing is made. */
int conn_socket_name(char *dst, size_t size, const char *name);

#endif
