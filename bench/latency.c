/* latency: how long a filter takes for one line, with nothing else to do.
 *
 *   latency [-n COUNT] CMD [ARG...]
 *
 * stdin: the line. CMD is started once and asked COUNT (2000) times after a tenth of that to warm up: the line goes in, the
 * clock stops when a line has come out, then comes the next. Each line in must become one line out.
 * stdout: {"messages","p50_us","p99_us","max_us"}.
 *
 * Exit: 0, 100 bad usage, 111 CMD did not answer within 10 s, or ended. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/io.h"
#include "base/log.h"
#include "base/opt.h"
#include "json/json.h"

#include "../tests/helper/process.h"

#include "base/banned.h"

enum { COUNT = 2000, LINE_BYTES = 60 * 1024, ANSWER_MS = 10000 };

static unsigned long count = COUNT;

static const struct opt opts[] = {
    {'n', "COUNT", "messages to measure", OPT_NUMBER, &count, 1, 1000000},
    OPT_END,
};

static const struct program program = {.name = "latency",
                                       .operands = "CMD [ARG...]",
                                       .summary = "how long a filter takes for one line",
                                       .opts = opts};

struct filter {
    int in, out;
};

static void filter_start(struct filter *f, char **argv)
{
    (void)process_between(argv, &f->in, &f->out);
}

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Reads until a line has ended. */
static void read_answer(int fd)
{
    static char answer[LINE_BYTES];
    for (ssize_t n = 0; n == 0 || answer[n - 1] != '\n';) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, ANSWER_MS) <= 0)
            die(EXIT_TEMPORARY, "cannot measure: no answer");
        n = io_read_some(fd, answer, sizeof answer);
        if (n <= 0)
            die(EXIT_TEMPORARY, "cannot measure: the program ended");
    }
}

static int64_t ask(const struct filter *f, struct slice line)
{
    int64_t start = now_ns();
    if (io_write_all(f->in, line.p, line.len) < 0)
        die_sys(EXIT_TEMPORARY, "cannot write to the program");
    read_answer(f->out);
    return now_ns() - start;
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static void print(int64_t *ns)
{
    struct buf out = {0};
    qsort(ns, count, sizeof *ns, by_size);
    buf_putc(&out, '{');
    json_put_member_int(&out, S("messages"), (int64_t)count);
    json_put_member_int(&out, S("p50_us"), ns[count / 2] / 1000);
    json_put_member_int(&out, S("p99_us"), ns[count * 99 / 100] / 1000);
    json_put_member_int(&out, S("max_us"), ns[count - 1] / 1000);
    buf_puts(&out, "}\n");
    if (io_write_all(STDOUT_FILENO, buf_slice(&out).p, buf_slice(&out).len) < 0)
        die_sys(EXIT_TEMPORARY, "cannot write");
    buf_free(&out);
}

int main(int argc, char **argv)
{
    io_init();
    int first = opt_parse(&program, argc, argv);
    if (first == argc)
        opt_usage(&program, "no program");
    struct buf line = {0};
    if (io_read_file("-", LINE_BYTES, &line) < 0)
        die_sys(EXIT_TEMPORARY, "cannot read the line");
    int64_t *ns = calloc(count, sizeof *ns);
    if (!ns)
        die_sys(EXIT_TEMPORARY, "cannot measure");
    struct filter f;
    filter_start(&f, argv + first);
    for (unsigned long i = 0; i < count / 10; i++)
        ask(&f, buf_slice(&line));
    for (unsigned long i = 0; i < count; i++)
        ns[i] = ask(&f, buf_slice(&line));
    print(ns);
    free(ns);
    buf_free(&line);
    return 0;
}
