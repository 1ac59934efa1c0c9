/* store-crash-shim: preloaded into conn-store, lets the file calls of its log fail, or the process end at one of them.
 *
 * $STORE_SHIM names a file that says what happens from now on; it may change, or be missing, at any time:
 *
 *   kill N    SIGKILL before the N-th call on a file of $CONN_DIR
 *   tear N    the same, after the first half of that call, if it writes
 *   power N SEED  before the N-th call the power goes: of every page written since its file's last fsync a random version
 *             is on the disk, as is a random size; names are as they are. Then SIGKILL. With $STORE_SHIM_IMAGES the folder
 *             stays, and that one gets copies of it with the seeds 1 to SEED
 *   fail N    the N-th call fails with EIO
 *   enospc    every write, and every booking of room, fails with ENOSPC
 *   unbooked  booking is not supported; every write fails with ENOSPC
 *   short     every write writes half, then the rest fails with ENOSPC
 *   eio       every fsync fails with EIO
 *   readonly  every write, and every change of a name, fails with EROFS
 *
 * Counted are write, pwrite, fsync, ftruncate, fallocate, renameat, linkat and unlinkat. $STORE_SHIM_COUNT, if it is
 * set, names a file that gets the number of calls at the end. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "store-power.h"

enum kind { WRITE, SYNC, BOOK, OTHER };

static unsigned long calls;

static int ours(int fd)
{
    char link[64], path[4096];
    const char *dir = getenv("CONN_DIR");
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n < 0 || !dir)
        return 0;
    path[n] = '\0';
    return strncmp(path, dir, strlen(dir)) == 0;
}

static void read_orders(char *word, size_t size, unsigned long *n, unsigned *seed)
{
    const char *path = getenv("STORE_SHIM");
    char text[64] = "";
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    word[0] = '\0';
    *n = *seed = 0;
    if (fd < 0)
        return;
    ssize_t len = read(fd, text, sizeof text - 1);
    close(fd);
    text[len > 0 ? len : 0] = '\0';
    if (size >= 16)
        sscanf(text, "%15s %lu %u", word, n, seed);
}

static int is(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

/* 0 go on; -1 fail with errno; 1 write only half. *half_then_die: and end after that. */
static int order(enum kind kind, int *half_then_die)
{
    char word[16];
    unsigned long n;
    unsigned seed;
    read_orders(word, sizeof word, &n, &seed);
    calls++;
    *half_then_die = 0;
    if (is(word, "power") && calls == n)
        power_goes(seed);
    if ((is(word, "kill") || is(word, "power")) && calls == n)
        kill(getpid(), SIGKILL);
    if (is(word, "tear") && calls == n && kind != WRITE)
        kill(getpid(), SIGKILL);
    if (is(word, "tear") && calls == n)
        return *half_then_die = 1;
    errno = EIO;
    if ((is(word, "fail") && calls == n) || (is(word, "eio") && kind == SYNC))
        return -1;
    errno = EROFS;
    if (is(word, "readonly"))
        return -1;
    errno = EOPNOTSUPP;
    if ((is(word, "unbooked") || is(word, "short")) && kind == BOOK)
        return -1;
    errno = ENOSPC;
    if (is(word, "enospc") && (kind == WRITE || kind == BOOK))
        return -1;
    if (is(word, "unbooked") && kind == WRITE)
        return -1;
    return is(word, "short") && kind == WRITE;
}

__attribute__((destructor)) static void report(void)
{
    char text[32];
    const char *path = getenv("STORE_SHIM_COUNT");
    int fd = path ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
    int n = snprintf(text, sizeof text, "%lu\n", calls);
    if (fd >= 0 && syscall(SYS_write, fd, text, (size_t)n) == n)
        close(fd);
}

static ssize_t bare_write(int fd, const void *p, size_t n, off_t offset)
{
    return offset < 0 ? syscall(SYS_write, fd, p, n) : syscall(SYS_pwrite64, fd, p, n, offset);
}

static ssize_t real_write(int fd, const void *p, size_t n, off_t offset)
{
    if (!ours(fd))
        return bare_write(fd, p, n, offset);
    off_t at = offset < 0 ? (off_t)syscall(SYS_lseek, fd, 0, SEEK_CUR) : offset;
    power_before(fd, at, n);
    ssize_t wrote = bare_write(fd, p, n, offset);
    power_after(fd, at, n);
    return wrote;
}

static ssize_t do_write(int fd, const void *p, size_t n, off_t offset)
{
    static int halved; /* "short": the next one finds the disk full */
    int die = 0, what = ours(fd) ? order(WRITE, &die) : 0;
    if (what < 0)
        return -1;
    if (what == 0)
        return real_write(fd, p, n, offset);
    if (!die && (halved = !halved) == 0) {
        errno = ENOSPC;
        return -1;
    }
    ssize_t wrote = real_write(fd, p, n / 2, offset);
    if (die)
        kill(getpid(), SIGKILL);
    return wrote;
}

ssize_t write(int fd, const void *p, size_t n)
{
    return do_write(fd, p, n, -1);
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t offset)
{
    return do_write(fd, p, n, offset);
}

static int allowed(int fd, enum kind kind)
{
    int die;
    return !ours(fd) || order(kind, &die) == 0;
}

int fsync(int fd)
{
    if (!allowed(fd, SYNC))
        return -1;
    power_synced(fd);
    return (int)syscall(SYS_fsync, fd);
}

int ftruncate(int fd, off_t size)
{
    return allowed(fd, OTHER) ? (int)syscall(SYS_ftruncate, fd, size) : -1;
}

int fallocate(int fd, int mode, off_t offset, off_t len)
{
    return allowed(fd, BOOK) ? (int)syscall(SYS_fallocate, fd, mode, offset, len) : -1;
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    return allowed(from_dir, OTHER) ? (int)syscall(SYS_renameat, from_dir, from, to_dir, to) : -1;
}

int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
    return allowed(from_dir, OTHER) ? (int)syscall(SYS_linkat, from_dir, from, to_dir, to, flags) : -1;
}

int unlinkat(int dir, const char *path, int flags)
{
    return allowed(dir, OTHER) ? (int)syscall(SYS_unlinkat, dir, path, flags) : -1;
}
