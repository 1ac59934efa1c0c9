/* line-report: what a program tells its supervisor through a pipe: when, how much of it, and what a full pipe costs. */
#include "line/report.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"

#include "tap.h"

enum { PIPE_BYTES = 4096 };

static int fds[2];
static struct loop *loop;
static struct watch readable;
static struct buf got;

static void on_readable(struct watch *w, short revents)
{
    (void)w, (void)revents;
    loop_stop(loop);
}

static void setup(void)
{
    char text[16];
    if (pipe(fds) < 0 || fcntl(fds[1], F_SETPIPE_SZ, PIPE_BYTES) < 0)
        abort();
    snprintf(text, sizeof text, "%d", fds[1]);
    setenv("CONN_REPORT_FD", text, 1);
    log_init("unit", NULL);
    report_init("unit");
    loop = loop_new();
    readable = (struct watch){.fd = fds[0], .events = POLLIN, .ready = on_readable};
    loop_add(loop, &readable);
    report_attach(loop);
}

static bool anything_there(void)
{
    struct pollfd p = {.fd = fds[0], .events = POLLIN};
    return poll(&p, 1, 0) > 0;
}

/* What has been written, without waiting. */
static struct slice take(void)
{
    char bytes[PIPE_BYTES];
    buf_reset(&got, 0);
    while (anything_there())
        buf_put(&got, bytes, (size_t)read(fds[0], bytes, sizeof bytes));
    return buf_slice(&got);
}

/* Lines of a kind; *last is the last of them. */
static int lines_of(struct slice text, const char *kind, struct json *last)
{
    int n = 0;
    while (text.len) {
        struct slice line = slice_cut(&text, '\n');
        struct json v;
        if (line.len && json_parse(line, &v, NULL) == 0 &&
            json_text_is(json_get(v, S("report")), slice_str(kind))) {
            n++;
            *last = v;
        }
    }
    return n;
}

static bool is_text(struct json v, const char *pointer, const char *want)
{
    return json_text_is(json_pointer(v, slice_str(pointer)), slice_str(want));
}

static bool is_raw(struct json v, const char *member, const char *want)
{
    return slice_eq(json_slice(json_get(v, slice_str(member))), slice_str(want));
}

static void test_counting(void)
{
    struct meter *m = report_meter(CATEGORY_SOURCE, 1, 2);
    struct json line = {JSON_ABSENT, NULL, 0};
    int welcome = 0;
    ok(m == report_meter(CATEGORY_SOURCE, 1, 2) && m != report_meter(CATEGORY_SOURCE, 1, ALL_ADDRESSES),
       "a place has one meter");
    for (int i = 0; i < 25; i++)
        if (meter_count(m, MEASURE_CONSUMED, true)) {
            report_log(m, MEASURE_CONSUMED, true, NULL, "number %d", i);
            welcome++;
        }
    meter_count(m, MEASURE_CONSUMED, false);
    is_int(welcome, 10, "so many entries of a kind are welcome at once");
    ok(!anything_there(), "nothing is written yet");
    loop_run(loop);
    struct slice text = take();
    is_int(lines_of(text, "log", &line), 10, "the entries are there");
    ok(is_text(line, "/message", "number 9") && is_text(line, "/type", "consumed") &&
           is_text(line, "/level", "success") && is_text(line, "/category", "source"),
       "… as they were given");
    is_int(lines_of(text, "meter", &line), 1, "one report of the meter");
    ok(is_raw(line, "consumed", "[25,1]") && is_raw(line, "index", "1") && is_raw(line, "address", "2"),
       "… with the totals of its place");
    ok(json_present(json_get(line, S("life"))) && is_text(line, "/from", "unit"), "… and who tells it");
}

static void fill(void)
{
    static char junk[PIPE_BYTES];
    memset(junk, '\n', sizeof junk);
    if (write(fds[1], junk, sizeof junk) != sizeof junk)
        abort();
}

static void test_full_pipe(void)
{
    struct meter *m = report_meter(CATEGORY_TARGET, 0, ALL_ADDRESSES);
    struct json line = {JSON_ABSENT, NULL, 0};
    fill();
    meter_count(m, MEASURE_PUBLISHED, true);
    report_state("connected", NULL);
    ok(take().len == PIPE_BYTES, "a full pipe takes no report, and holds nobody up");
    meter_count(m, MEASURE_PUBLISHED, true);
    loop_run(loop);
    struct slice text = take();
    is_int(lines_of(text, "state", &line), 1, "the state comes when there is room");
    if (lines_of(text, "meter", &line) == 0) {
        loop_run(loop);
        text = take();
    }
    is_int(lines_of(text, "meter", &line), 1, "and so do totals");
    ok(is_raw(line, "published", "[2,0]"), "… of all that happened");
}

static void test_places_and_events(void)
{
    struct json line = {JSON_ABSENT, NULL, 0};
    report_place(CATEGORY_SOURCE, 3, 0, "failed", "no such \"address\"");
    is_int(lines_of(take(), "state", &line), 1, "the state of a place is told at once");
    ok(is_text(line, "/state", "failed") && is_text(line, "/detail", "no such \"address\"") &&
           is_raw(line, "index", "3"),
       "… with words");
    report_event(false, "what %s", "happened");
    loop_run(loop);
    struct slice text = take();
    ok(lines_of(text, "log", &line) == 1 && is_text(line, "/category", "connection") &&
           is_text(line, "/type", "other") && is_text(line, "/level", "failure"),
       "an event of the connection is an entry");
    ok(lines_of(text, "meter", &line) == 1 && is_raw(line, "other", "[0,1]"), "… and counted");
    int loud = dup(2);
    if (dup2(fds[1], 2) < 0) /* what it logs is no line of a report */
        abort();
    error("cannot do it");
    (void)dup2(loud, 2);
    close(loud);
    ok(lines_of(take(), "error", &line) == 1 && is_text(line, "/detail", "cannot do it"),
       "an error that is logged is told, too");
}

static void test_end(void)
{
    struct json line = {JSON_ABSENT, NULL, 0};
    meter_count(report_meter(CATEGORY_SOURCE, 1, 2), MEASURE_CONSUMED, true);
    report_end();
    ok(lines_of(take(), "meter", &line) == 1 && is_raw(line, "consumed", "[26,1]"), "the end tells the rest");
    close(fds[0]);
    meter_count(report_meter(CATEGORY_SOURCE, 0, 0), MEASURE_CONSUMED, true);
    report_end();
    ok(true, "nobody who listens is no reason to fail");
    ok(!report_meter(CATEGORY_SOURCE, 0, 0) && !meter_count(NULL, MEASURE_CONSUMED, true),
       "then nothing is counted");
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    setup();
    test_counting();
    test_full_pipe();
    test_places_and_events();
    test_end();
    loop_remove(loop, &readable);
    loop_free(loop);
    buf_free(&got);
    return done();
}
