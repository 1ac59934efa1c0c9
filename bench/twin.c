/* twin: how many commands a second does a twin carry out?
 *
 *   twin SECONDS THINGS WINDOW modify|merge|retrieve -- CMD...
 *
 * Starts CMD, makes THINGS things of about 300 bytes, then keeps WINDOW commands in flight, on one thing after the other, for
 * SECONDS; settles each event at once, as a hub does that nobody listens to. Prints "rate=N p50_us=N p99_us=N cpu_us=N": the last
 * is what CMD used of a processor for each command, start and end included. Exit 0, or 1 when an answer is an error. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "base/lines.h"
#include "base/log.h"
#include "base/scan.h"
#include "line/line.h"

#include "../tests/helper/process.h"

#include "base/banned.h"

enum { SAMPLES_MAX = 8 * 1024 * 1024 };

struct bench {
    uint64_t things, window, asked, answered, first;
    const char *kind;
    struct buf queue;
    struct lines lines;
    int in, out;
    pid_t pid;
    uint64_t *begun; /* of each command in flight, by its number modulo window */
    uint32_t *samples;
};

static uint64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void put_command(struct bench *b)
{
    uint64_t n = b->asked++, thing = n % b->things;
    bool create = n < b->things;
    buf_printf(
        &b->queue,
        "{\"id\":\"h-%lu\",\"topic\":\"org.example/device%lu/things/twin/commands/%s\",\"headers\":{\"correlation-id\":\"c%lu\"",
        n, thing, create ? "create" : b->kind, n);
    if (!create && b->kind[1] == 'e' && b->kind[0] == 'm')
        buf_puts(&b->queue, ",\"content-type\":\"application/merge-patch+json\"");
    buf_puts(&b->queue, "},\"path\":");
    if (create)
        buf_printf(
            &b->queue,
            "\"/\",\"value\":{\"attributes\":{\"serial\":%lu,\"location\":{\"lat\":44.673856,\"lon\":8.261719}},\"features\":"
            "{\"temperature\":{\"properties\":{\"value\":20.5,\"unit\":\"C\",\"min\":-20,\"max\":60}},\"lamp\":"
            "{\"properties\":{\"on\":true,\"color\":{\"red\":255,\"green\":128,\"blue\":0}}}}}",
            thing);
    else if (b->kind[0] == 'r')
        buf_puts(&b->queue, "\"/\"");
    else
        buf_printf(&b->queue, "\"/features/temperature/properties/value\",\"value\":%lu.25", n);
    buf_puts(&b->queue, ",\"context\":{\"connection\":\"bench\",\"client\":0,\"source\":0}}\n");
    b->begun[n % b->window] = now_us();
}

static void take(struct bench *b, struct slice raw)
{
    struct line line;
    if (line_skim(raw, &line) < 0)
        die(EXIT_NEGATIVE, "it printed '%.*s'", SLICE_ARG(raw));
    if (!json_present(line.status)) {
        line_put_settlement(&b->queue, line.id, 200);
        return;
    }
    int64_t status = 0;
    uint64_t n = 0;
    if (json_int(line.status, &status) < 0 || status >= 300 || scan_u64(slice_skip(line.id, 2), &n) < 0)
        die(EXIT_NEGATIVE, "it answered '%.*s'", SLICE_ARG(raw));
    if (n >= b->first && n - b->first < SAMPLES_MAX)
        b->samples[n - b->first] = (uint32_t)(now_us() - b->begun[n % b->window]);
    b->answered++;
}

static void step(struct bench *b, uint64_t limit)
{
    struct pollfd p[2] = {{.fd = b->out, .events = POLLIN}, {.fd = -1, .events = POLLOUT}};
    struct slice line;
    while (b->asked < limit && b->asked - b->answered < b->window)
        put_command(b);
    if (b->queue.len)
        p[1].fd = b->in;
    if (poll(p, 2, 20000) <= 0)
        die(EXIT_TIMEOUT, "it does not answer");
    if (p[1].revents && lines_flush_some(b->in, &b->queue) < 0)
        die(EXIT_NEGATIVE, "it ended");
    if (p[0].revents && lines_fill(&b->lines) <= 0)
        die(EXIT_NEGATIVE, "it ended");
    while (lines_next(&b->lines, &line) == LINES_LINE)
        take(b, line);
}

static void start(struct bench *b, char **cmd)
{
    b->pid = process_between(cmd, &b->in, &b->out);
    lines_init(&b->lines, b->out);
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void measure(struct bench *b, uint64_t seconds)
{
    while (b->answered < b->things)
        step(b, b->things);
    b->first = b->asked;
    uint64_t begun = now_us(), end = begun + seconds * 1000000;
    while (now_us() < end)
        step(b, UINT64_MAX);
    uint64_t n = b->answered - b->first, took = now_us() - begun;
    while (b->answered < b->asked || b->queue.len)
        step(b, b->asked);
    size_t kept = n < SAMPLES_MAX ? (size_t)n : SAMPLES_MAX;
    qsort(b->samples, kept, sizeof *b->samples, by_number);
    printf("rate=%lu p50_us=%u p99_us=%u ", n * 1000000 / took, kept ? b->samples[kept / 2] : 0,
           kept ? b->samples[kept * 99 / 100] : 0);
}

int main(int argc, char **argv)
{
    static struct bench b;
    uint64_t seconds;
    io_init();
    log_init("twin", NULL);
    if (argc < 7 || strcmp(argv[5], "--") != 0 || scan_u64(slice_str(argv[1]), &seconds) < 0 ||
        scan_u64(slice_str(argv[2]), &b.things) < 0 || scan_u64(slice_str(argv[3]), &b.window) < 0 ||
        !b.window || !b.things)
        die(EXIT_PERMANENT, "usage: twin SECONDS THINGS WINDOW modify|merge|retrieve -- CMD...");
    b.kind = argv[4];
    b.begun = xcalloc(b.window, sizeof *b.begun);
    b.samples = xcalloc(SAMPLES_MAX, sizeof *b.samples);
    start(&b, argv + 6);
    measure(&b, seconds);
    io_close(b.in);
    int status = 0;
    struct rusage used = {0};
    wait4(b.pid, &status, 0, &used);
    double us = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e6 +
                (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
    printf("cpu_us=%.2f\n", us / (double)b.answered);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? EXIT_DONE : EXIT_NEGATIVE;
}
