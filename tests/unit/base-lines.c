/* base-lines: the line reader and writer, and the loop of a filter. */
#include "base/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/log.h"
#include "child.h"
#include "tap.h"

static struct buf out, err;

/* A reader of these bytes, from an anonymous file. */
static void reader(struct lines *l, struct slice bytes)
{
    lines_init(l, io_memfd("lines", bytes));
}

static void end(struct lines *l)
{
    close(l->fd);
    lines_free(l);
}

/* The next line, however many reads it takes. */
static enum lines_status next(struct lines *l, struct slice *line)
{
    enum lines_status st;
    while ((st = lines_next(l, line)) == LINES_MORE)
        if (lines_fill(l) < 0)
            abort();
    return st;
}

static void expect(struct lines *l, enum lines_status want, struct slice text, const char *what)
{
    struct slice line;
    is_int(next(l, &line), want, "%s: status", what);
    is_slice(line, text, "%s: text", what);
}

static struct slice filled(struct buf *b, char c, size_t n)
{
    buf_reset(b, 0);
    memset(buf_room(b, n), c, n);
    buf_added(b, n);
    return buf_slice(b);
}

static void test_plain(void)
{
    struct lines l;
    reader(&l, S("one\n\na\0b\n\xff\r\n"));
    expect(&l, LINES_LINE, S("one"), "a line");
    expect(&l, LINES_LINE, S(""), "an empty line");
    expect(&l, LINES_LINE, S("a\0b"), "NUL");
    expect(&l, LINES_LINE, S("\xff\r"), "any byte");
    expect(&l, LINES_END, SLICE_NONE, "the end");
    expect(&l, LINES_END, SLICE_NONE, "the end, once more");
    is_int(lines_fill(&l), 0, "nothing to fill after the end");
    end(&l);
    reader(&l, S(""));
    expect(&l, LINES_END, SLICE_NONE, "an empty input");
    end(&l);
}

static void test_cut(void)
{
    struct lines l;
    reader(&l, S("whole\n{\"id\":"));
    expect(&l, LINES_LINE, S("whole"), "before a cut");
    expect(&l, LINES_CUT, S("{\"id\":"), "a cut line");
    expect(&l, LINES_END, SLICE_NONE, "after a cut");
    end(&l);
}

static void test_unread(void)
{
    struct lines l;
    struct slice line;
    reader(&l, S("aaaaaa\nb\n"));
    l.max = 3;
    expect(&l, LINES_LONG, S("aaaaaa"), "a long line");
    lines_unread(&l);
    expect(&l, LINES_LONG, S("aaaaaa"), "unread, it is long again");
    expect(&l, LINES_LINE, S("b"), "then the next");
    lines_unread(&l);
    is_int(lines_fill(&l), 0, "filling keeps what was unread");
    expect(&l, LINES_LINE, S("b"), "which comes again");
    is_int(next(&l, &line), LINES_END, "once");
    end(&l);
}

static void test_limits(void)
{
    struct lines l;
    struct buf text = {0}, a = {0};
    filled(&a, 'a', 1000);
    buf_put_slice(&text, buf_slice(&a));
    buf_puts(&text, "\n");
    buf_put_slice(&text, buf_slice(&a));
    buf_puts(&text, "a\nb\n");
    buf_put_slice(&text, buf_slice(&a));
    buf_puts(&text, "cut");
    reader(&l, buf_slice(&text));
    l.max = 1000;
    expect(&l, LINES_LINE, buf_slice(&a), "a line of max bytes");
    expect(&l, LINES_LONG, slice_of(buf_p(&a), LINES_HEAD), "one byte more");
    expect(&l, LINES_LINE, S("b"), "the line after it");
    struct slice line;
    is_int(next(&l, &line), LINES_CUT, "a long line that is cut is cut");
    is_int(next(&l, &line), LINES_END, "and the end follows");
    end(&l);
    buf_free(&text);
    buf_free(&a);
}

/* Lines of lengths around the block and buffer sizes, read as they come from a socket in small pieces. */
static void test_pieces(void)
{
    static const size_t sizes[] = {0, 1, 2, 511, 512, 513, 65535, 65536, 65537, 131071, 131072, 300000, 7};
    enum { N = sizeof sizes / sizeof *sizes };
    int pair[2], small = 4096;
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        struct buf b = {0};
        close(pair[0]);
        for (size_t i = 0; i < N; i++) {
            filled(&b, (char)('a' + i), sizes[i]);
            buf_putc(&b, '\n');
            for (size_t sent = 0; b.len; sent++) {
                size_t n = sent % 777 + 1 < b.len ? sent % 777 + 1 : b.len;
                if (io_write_all(pair[1], buf_p(&b), n) < 0)
                    _exit(1);
                buf_take(&b, n);
            }
        }
        _exit(0);
    }
    close(pair[1]);
    struct lines l;
    lines_init(&l, pair[0]);
    l.max = 131072;
    for (size_t i = 0; i < N; i++) {
        struct slice line;
        bool too_long = sizes[i] > l.max, same = true;
        enum lines_status st = next(&l, &line);
        for (size_t j = 0; j < line.len; j++)
            same = same && line.p[j] == (char)('a' + i);
        ok(same && st == (too_long ? LINES_LONG : LINES_LINE) &&
               line.len == (too_long ? LINES_HEAD : sizes[i]),
           "a line of %zu bytes in pieces", sizes[i]);
    }
    expect(&l, LINES_END, SLICE_NONE, "after the pieces");
    is_int(child_wait(pid), 0, "the writer is done");
    end(&l);
}

static void test_endless(void)
{
    struct lines l;
    int fds[2];
    make_pipe(fds);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        struct buf b = {0};
        filled(&b, 'x', 1024 * 1024);
        for (int i = 0; i < 20; i++)
            (void)io_write_all(fds[1], buf_p(&b), b.len);
        (void)io_write_all(fds[1], "\nnext\n", 6);
        _exit(0);
    }
    close(fds[1]);
    lines_init(&l, fds[0]);
    l.max = 1024 * 1024;
    struct slice line;
    size_t most = 0;
    enum lines_status st;
    while ((st = lines_next(&l, &line)) == LINES_MORE && lines_fill(&l) > 0)
        most = l.in.cap > most ? l.in.cap : most;
    is_int(st, LINES_LONG, "an endless line is dropped when it ends after all");
    is_int((long long)line.len, LINES_HEAD, "its head is there");
    ok(most <= l.max + 64 * 1024, "the buffer never grew beyond the limit and a block (%zu)", most);
    expect(&l, LINES_LINE, S("next"), "the line after an endless one");
    expect(&l, LINES_END, SLICE_NONE, "then the end");
    child_wait(pid);
    end(&l);
}

static void test_shrink(void)
{
    struct lines l;
    struct buf b = {0};
    struct slice line;
    filled(&b, 'x', 5 * 1024 * 1024);
    buf_puts(&b, "\nrest");
    reader(&l, buf_slice(&b));
    is_int(next(&l, &line), LINES_LINE, "a line of 5 MiB");
    ok(line.len == 5 * 1024 * 1024 && l.in.cap >= line.len, "is whole");
    is_int(next(&l, &line), LINES_CUT, "the rest");
    ok(l.in.cap <= 1024 * 1024, "the memory of a large line is given back");
    end(&l);
    buf_free(&b);
}

static void test_flush(void)
{
    int fds[2];
    struct buf b = {0}, back = {0};
    make_pipe(fds);
    filled(&b, 'y', 3 * 1024 * 1024);
    int r;
    bool open = true;
    while (open) {
        r = b.len ? lines_flush_some(fds[1], &b) : 1;
        if (r == 1) {
            io_close(fds[1]);
            open = false;
        }
        ssize_t n = io_read_some(fds[0], buf_room(&back, 65536), 65536);
        buf_added(&back, n > 0 ? (size_t)n : 0);
    }
    ssize_t n;
    while ((n = io_read_some(fds[0], buf_room(&back, 65536), 65536)) > 0)
        buf_added(&back, (size_t)n);
    is_int((long long)back.len, 3 * 1024 * 1024, "what does not block is written, piece by piece");
    ok(b.cap <= 1024 * 1024, "and a large buffer given back");
    close(fds[0]);
    buf_free(&b);
    buf_free(&back);
}

/* --- filter_run ------------------------------------------------------------------------------------------------- */

static void upper(void *arg, enum lines_status st, struct slice line, struct buf *to)
{
    unsigned *n = arg;
    ++*n;
    if (st == LINES_LONG)
        buf_puts(to, "long: ");
    buf_put_slice(to, slice_of(line.p, line.len < 20 ? line.len : 20));
    buf_putc(to, '\n');
}

static void run_filter(void *fds)
{
    const int *fd = fds;
    unsigned n = 0;
    io_init();
    log_init("f", NULL);
    exit(filter_run(fd[0], fd[1], upper, &n));
}

static void test_filter(void)
{
    int fds[2] = {io_memfd("in", S("a\n\nb\n")), 1};
    is_int(child_run(run_filter, fds, &out, &err), 0, "a filter ends with its input");
    is_slice(buf_slice(&out), S("a\n\nb\n"), "having written all");
    is_int((long long)err.len, 0, "silently");
    close(fds[0]);
    fds[0] = io_memfd("in", S("a\nb"));
    is_int(child_run(run_filter, fds, &out, &err), 111, "a cut line is an error");
    is_slice(buf_slice(&out), S("a\n"), "what was whole is written");
    is_slice(buf_slice(&err), S("f: error: cannot read 'stdin': the last line is cut off\n"),
             "and it is logged");
    close(fds[0]);
    struct buf big = {0};
    filled(&big, 'z', (size_t)LINE_MAX_BYTES + 1024 * 1024);
    buf_puts(&big, "\nok\n");
    fds[0] = io_memfd("in", buf_slice(&big));
    is_int(child_run(run_filter, fds, &out, &err), 0, "a line of 33 MiB costs itself only");
    is_slice(buf_slice(&out), S("long: zzzzzzzzzzzzzzzzzzzz\nok\n"), "the next one is read");
    close(fds[0]);
    buf_free(&big);
}

static void test_filter_broken(void)
{
    int in[2], to[2];
    make_pipe(in);
    make_pipe(to);
    close(to[0]);
    int idle[2] = {in[0], to[1]};
    is_int(child_run(run_filter, idle, &out, &err), 0, "an idle filter ends when nobody reads it");
    is_int((long long)err.len, 0, "without a word");
    close(in[0]);
    close(in[1]);
    close(to[1]);
    int fds[2] = {io_memfd("in", S("a\n")), open("/dev/full", O_WRONLY)};
    is_int(child_run(run_filter, fds, &out, &err), 111, "output that cannot be written is an error");
    is_slice(buf_slice(&err), S("f: error: cannot write 'stdout': No space left on device\n"),
             "and is logged");
    close(fds[0]);
    close(fds[1]);
    fds[0] = open("/", O_RDONLY);
    fds[1] = 1;
    is_int(child_run(run_filter, fds, &out, &err), 111, "input that cannot be read is an error");
    is_slice(buf_slice(&err), S("f: error: cannot read 'stdin': Is a directory\n"), "and is logged");
    close(fds[0]);
}

static void tick(int signo)
{
    (void)signo;
}

/* Interrupted all the time, on a socket that takes a few bytes at once. */
static void interrupted(void *fds)
{
    const struct itimerval every = {{0, 500}, {0, 500}};
    const struct sigaction sa = {.sa_handler = tick};
    sigaction(SIGALRM, &sa, NULL);
    setitimer(ITIMER_REAL, &every, NULL);
    run_filter(fds);
}

static void test_interrupted(void)
{
    enum { N = 20000 };
    int in[2], to[2], small = 4096;
    make_pipe(in);
    socketpair(AF_UNIX, SOCK_STREAM, 0, to);
    setsockopt(to[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    fflush(stdout);
    pid_t filter = fork();
    if (filter == 0) {
        close(in[1]);
        close(to[1]);
        interrupted((int[]){in[0], to[0]});
    }
    pid_t writer = fork();
    if (writer == 0) {
        struct buf b = {0};
        for (int i = 0; i < N; i++)
            buf_printf(&b, "%d\n", i);
        _exit(io_write_all(in[1], buf_p(&b), b.len) < 0);
    }
    close(in[0]);
    close(in[1]);
    close(to[0]);
    struct lines l;
    struct slice line;
    lines_init(&l, to[1]);
    int n = 0;
    bool same = true;
    while (next(&l, &line) == LINES_LINE) {
        char want[16];
        (void)snprintf(want, sizeof want, "%d", n++);
        same = same && slice_eq(line, slice_str(want));
    }
    ok(same && n == N, "interrupted reads and short writes lose nothing");
    is_int(child_wait(filter), 0, "the filter ends well");
    is_int(child_wait(writer), 0, "so does the writer");
    end(&l);
}

int main(void)
{
    test_plain();
    test_cut();
    test_unread();
    test_limits();
    test_pieces();
    test_endless();
    test_shrink();
    test_flush();
    test_filter();
    test_filter_broken();
    test_interrupted();
    buf_free(&out);
    buf_free(&err);
    return done();
}
