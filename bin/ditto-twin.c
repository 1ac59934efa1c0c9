/* ditto-twin: digital twins: things and policies, kept in a log, behind Ditto's commands.
 *
 * stdin:  lines. Twin commands on things and commands on policies are consumed, as Ditto Protocol messages or as signals, and
 *         so are the settlements of its own events; all others pass, in order.
 * stdout: for each change its event, with an id of its own, and behind it the answer with the command's id; in the form that
 *         the command had.
 *
 * What is there to be read is carried out together and made durable at once; nothing of it is written before. A change is in
 * the log together with its answer, and marked as not published until its event is settled: after a crash such events leave
 * again, and a command that comes again gets the answer that it got.
 *
 * $CONN_DIR/twin holds the log. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/lines.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/opt.h"
#include "line/report.h"
#include "twin/twin.h"

#include "base/banned.h"

enum { BATCH_BYTES = 1024 * 1024, IDLE_MS = 1000, DRAIN_MS = 5000 };

static bool in_memory, enforce;
static const char *folder, *settle = "ring";
static unsigned long max_kb = 100, recent_s = 300;
static int ready_fd = -1;

static const struct opt opts[] = {
    {'D', "DIR", "keep the log there, instead of $CONN_DIR/twin", OPT_STRING, &folder, 0, 0},
    {'S', "MODE", "when an event is published: ring (the default: when it is settled) or write", OPT_STRING,
     &settle, 0, 0},
    {'d', "FD", "write a newline there when the twins are loaded", OPT_FD, &ready_fd, 0, 0},
    {'e', NULL, "policies count: nothing is done for whom they do not let", OPT_FLAG, &enforce, 0, 0},
    {'m', "KB", "a thing or policy has that many kB at most (100)", OPT_NUMBER, &max_kb, 1, 5000},
    {'r', "SECONDS", "how long a repeated command is recognised (300)", OPT_NUMBER, &recent_s, 1, 86400},
    {'u', NULL, "keep nothing: all is gone at the end", OPT_FLAG, &in_memory, 0, 0},
    OPT_END,
};

static const struct program program = {.name = "ditto-twin",
                                       .operands = "",
                                       .summary = "keep digital twins behind Ditto's commands",
                                       .libraries = "gdbm",
                                       .opts = opts};

struct app {
    struct loop *loop;
    struct watch in, out_breaks;
    struct timer idle, drain;
    struct lines lines;
    struct twin twin;
    struct buf batch;   /* lines that came, each with its '\n', until they are durable */
    struct buf refused; /* answers to lines that were too long to be taken */
    struct buf out;
    bool ending; /* TERM came */
    int code;
};

static void stop(struct app *a, int code)
{
    if (a->code == EXIT_DONE)
        a->code = code;
    loop_stop(a->loop);
}

/* --- writing ------------------------------------------------------------------------------------------------------------- */

static int flush_out(struct buf *out)
{
    if (lines_flush(1, out) == 0)
        return 0;
    error_sys("cannot write 'stdout'");
    return -1;
}

static void when_full(struct buf *out)
{
    if (flush_out(out) < 0)
        die(EXIT_TEMPORARY, "cannot publish the events that are left");
}

/* --- a batch -------------------------------------------------------------------------------------------------------------- */

static void take_all(struct app *a)
{
    struct slice rest = buf_slice(&a->batch);
    while (rest.len)
        twin_take(&a->twin, slice_cut(&rest, '\n'), &a->out);
}

/* The batch is carried out, made durable, answered. If it cannot be made durable, it is carried out again without changes. */
static void finish_batch(struct app *a)
{
    take_all(a);
    if (!journal_commit(&a->twin.journal)) {
        error_sys("cannot keep changes: they are refused");
        buf_reset(&a->out, BATCH_BYTES);
        a->twin.refusing = true;
        take_all(a);
        a->twin.refusing = false;
    }
    buf_reset(&a->batch, 2 * BATCH_BYTES);
    buf_put_slice(&a->out, buf_slice(&a->refused));
    buf_reset(&a->refused, 0);
    if (a->out.len && flush_out(&a->out) < 0)
        stop(a, EXIT_TEMPORARY);
    journal_written(&a->twin.journal);
    (void)journal_compact(&a->twin.journal);
}

static bool readable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, 0) > 0;
}

/* Moves whole lines into the batch. A line that is too long is answered at once: nothing is done for it. */
static enum lines_status gather(struct app *a)
{
    struct slice line;
    enum lines_status st;
    while ((st = lines_next(&a->lines, &line)) == LINES_LINE || st == LINES_LONG) {
        if (st == LINES_LONG) {
            twin_take_long(&a->twin, line, &a->refused);
            continue;
        }
        buf_put_slice(&a->batch, line);
        buf_putc(&a->batch, '\n');
    }
    return st;
}

static void on_input(struct watch *w, short revents)
{
    struct app *a = w->arg;
    enum lines_status st = LINES_MORE;
    (void)revents;
    do {
        if (lines_fill(&a->lines) < 0) {
            error_sys("cannot read 'stdin'");
            stop(a, EXIT_TEMPORARY);
            return;
        }
        st = gather(a);
    } while (st == LINES_MORE && a->batch.len < BATCH_BYTES && readable(a->lines.fd));
    finish_batch(a);
    if (st == LINES_CUT)
        error("the last line is cut off");
    if (st == LINES_CUT || st == LINES_END)
        stop(a, st == LINES_CUT ? EXIT_TEMPORARY : EXIT_DONE);
    else if (a->ending && !a->twin.journal.events.n)
        stop(a, EXIT_DONE);
    if (a->idle.at == NEVER || !a->idle.at)
        loop_timer(a->loop, &a->idle, clock_ms() + IDLE_MS);
}

/* --- between batches -------------------------------------------------------------------------------------------------------- */

static void on_idle(struct timer *t)
{
    struct app *a = t->arg;
    if (journal_idle_work(&a->twin.journal) && journal_note(&a->twin.journal) < 0)
        warn_sys("cannot note which events are published");
    if (journal_compact(&a->twin.journal))
        loop_timer(a->loop, &a->idle, clock_ms());
    else
        a->idle.at = NEVER;
}

static void on_break(struct watch *w, short revents)
{
    struct app *a = w->arg;
    if (revents & (POLLERR | POLLHUP)) {
        w->off = true;
        stop(a, a->out.len ? EXIT_TEMPORARY : EXIT_DONE);
    }
}

static void on_drained(struct timer *t)
{
    stop(t->arg, EXIT_DONE);
}

static void print_counters(const struct app *a)
{
    const struct twin *t = &a->twin;
    const struct counter c[] = {
        {"entities", t->journal.entities.living},
        {"bytes", t->journal.entities.bytes},
        {"commands", t->stats.commands},
        {"changes", t->stats.changes},
        {"refused", t->stats.refused},
        {"repeated", t->stats.repeated},
        {"events", t->stats.events},
        {"unsettled", t->journal.events.n},
        {"events_refused", t->journal.refused},
        {"events_expired", t->journal.expired},
        {"passed", t->stats.passed},
    };
    counters_print(c, sizeof c / sizeof *c);
}

static void on_signal(int signo, void *arg)
{
    struct app *a = arg;
    if (signo == SIGUSR1) {
        print_counters(a);
        return;
    }
    a->ending = true;
    if (!a->twin.journal.events.n && !readable(0))
        stop(a, EXIT_DONE);
    else
        loop_timer(a->loop, &a->drain, clock_ms() + DRAIN_MS);
}

/* --- start and end ------------------------------------------------------------------------------------------------------------ */

static const char *state_folder(void)
{
    static char path[4096];
    const char *dir = folder ? NULL : conn_dir();
    if (!folder && !dir)
        die_sys(EXIT_PERMANENT, "cannot use '$CONN_DIR'");
    int n = folder ? snprintf(path, sizeof path, "%s", folder) : snprintf(path, sizeof path, "%s/twin", dir);
    if (n < 0 || (size_t)n >= sizeof path)
        die(EXIT_PERMANENT, "cannot use '%s': the name is too long", folder ? folder : dir);
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        die_sys(EXIT_TEMPORARY, "cannot make '%s'", path);
    return path;
}

static void open_twin(struct app *a)
{
    struct log_error err = {.exit_code = EXIT_TEMPORARY};
    struct twin *t = &a->twin;
    t->enforce = enforce;
    t->max_thing = t->max_policy = (size_t)max_kb * 1000;
    const char *dir = in_memory ? "" : state_folder();
    if (journal_open(&t->journal, in_memory ? &log_memory : &log_gdbm, dir, (int64_t)recent_s * 1000, &err) <
        0)
        die(err.exit_code, "cannot open '%s': %s", dir, err.text);
    t->journal.trusting = !strcmp(settle, "write");
    twin_init(t);
    info("%zu things and policies, %zu bytes of JSON", t->journal.entities.living, t->journal.entities.bytes);
}

static void publish_rest(struct app *a)
{
    if (twin_put_unpublished(&a->twin, &a->out, when_full) < 0)
        die_sys(EXIT_TEMPORARY, "cannot read the events that are left");
    if (a->out.len && flush_out(&a->out) < 0)
        die(EXIT_TEMPORARY, "cannot publish the events that are left");
    journal_written(&a->twin.journal);
}

static void start(struct app *a)
{
    a->loop = loop_new();
    lines_init(&a->lines, 0);
    a->in = (struct watch){.fd = 0, .events = POLLIN, .ready = on_input, .arg = a};
    a->out_breaks = (struct watch){.fd = 1, .events = 0, .ready = on_break, .arg = a};
    a->idle = (struct timer){.at = NEVER, .fire = on_idle, .arg = a};
    a->drain = (struct timer){.at = NEVER, .fire = on_drained, .arg = a};
    loop_signal(a->loop, SIGTERM, on_signal, a);
    loop_signal(a->loop, SIGINT, on_signal, a);
    loop_signal(a->loop, SIGUSR1, on_signal, a);
    loop_add(a->loop, &a->in);
    loop_add(a->loop, &a->out_breaks);
}

static int end(struct app *a)
{
    struct twin *t = &a->twin;
    info("commands %" PRIu64 ", changes %" PRIu64 ", repeated %" PRIu64 ", events %" PRIu64
         ", passed %" PRIu64,
         t->stats.commands, t->stats.changes, t->stats.repeated, t->stats.events, t->stats.passed);
    if (journal_close(&t->journal) < 0)
        warn_sys("cannot close the log in order");
    twin_free(t);
    loop_free(a->loop);
    lines_free(&a->lines);
    buf_free(&a->batch);
    buf_free(&a->refused);
    buf_free(&a->out);
    return a->code;
}

int main(int argc, char **argv)
{
    static struct app app;
    io_init();
    if (opt_parse(&program, argc, argv) < argc)
        opt_usage(&program, "there are no operands");
    if (strcmp(settle, "ring") != 0 && strcmp(settle, "write") != 0)
        opt_usage(&program, "-S is ring or write");
    open_twin(&app);
    start(&app);
    publish_rest(&app);
    io_ready(ready_fd);
    loop_run(app.loop);
    int code = end(&app);
    if (io_close_stdout() < 0 && code == EXIT_DONE)
        die_sys(EXIT_TEMPORARY, "cannot write 'stdout'");
    return code;
}
