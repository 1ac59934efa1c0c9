/* ditto-map: payload mapping between external and Ditto Protocol messages.
 *
 *   ditto-map -i [-c CONNECTION] [-k N]       external messages → Ditto Protocol
 *   ditto-map -o [-c CONNECTION] [-r] [-k N]  Ditto Protocol → external messages
 *   ditto-map -i|-o -m NAME[=OPTIONS]…        with these mappers, without a connection
 *
 * stdin:  lines; those of the kind that it maps are consumed, all others pass, in order.
 * stdout: what became of them: messages, parts, and the settlements of what was dropped (200) or could not be mapped (400).
 *
 * Before the first line is read all authority is given up: see lib/mapping/lockdown.h. Programs of users (the JQ mapper)
 * run in a worker process, many messages at once on their way; a message that waits for one holds back what is behind it,
 * so that order is kept. stdout is written when there is nothing more to read, and may block: that is the backpressure. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/lines.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/opt.h"
#include "mapping/lockdown.h"
#include "mapping/mapping.h"
#include "mapping/workers.h"

#include "base/banned.h"

enum { OUT_BYTES = 1024 * 1024, FDS_MAX = 64, MIB = 1024 * 1024 };

static bool to_ditto, from_ditto, replies, explains, check_only;
static const char *path;
static unsigned long only = ULONG_MAX, cpu_ms = 500, memory_mib = 256;
static int ready_fd = -1;
static struct opt_list mappers;

static const struct opt opts[] = {
    {'i', NULL, "inbound: external messages to Ditto Protocol", OPT_FLAG, &to_ditto, 0, 0},
    {'o', NULL, "outbound: Ditto Protocol to external messages", OPT_FLAG, &from_ditto, 0, 0},
    {'c', "PATH", "connection JSON (a file, or fd:N)", OPT_STRING, &path, 0, 0},
    {'k', "N", "only this source or target of it, whatever the context names", OPT_NUMBER, &only, 0, 1000},
    {'r', NULL, "with -o: the reply target of the source", OPT_FLAG, &replies, 0, 0},
    {'m', "NAME[=OPTIONS]",
     "map with this mapper, its options as JSON, without a connection (again: with each)", OPT_LIST, &mappers,
     0, 0},
    {'x', NULL, "explain: print the steps of mapping a message, too, and what comes of it as the last ones",
     OPT_FLAG, &explains, 0, 0},
    {'t', "MS", "CPU time that a program of a mapper may take for a message, in ms (500)", OPT_NUMBER,
     &cpu_ms, 1, 60000},
    {'M', "MIB", "memory that it may take (256)", OPT_NUMBER, &memory_mib, 32, 65536},
    {'d', "FD", "write a newline there when ready to read", OPT_FD, &ready_fd, 0, 0},
    {'n', NULL, "check the connection and end", OPT_FLAG, &check_only, 0, 0},
    OPT_END,
};

static const struct program program = {.name = "ditto-map",
                                       .operands = "",
                                       .summary = "map payloads between external and Ditto Protocol messages",
                                       .opts = opts};

struct app {
    struct plan plan;
    struct mapping mapping;
    struct order order;
    struct workers workers;
    struct loop *loop;
    struct watch in_watch, out_watch;
    struct lines in;
    struct buf out;
    bool ended; /* no more input: what waits for answers is still to come */
    int exit_code;
};

static void finish(struct app *a, int code)
{
    a->ended = true;
    a->exit_code = code;
    loop_stop(a->loop);
}

static void flush(struct app *a)
{
    if (lines_flush(1, &a->out) == 0)
        return;
    error_sys("cannot write 'stdout'");
    finish(a, EXIT_TEMPORARY);
}

/* --- lines ------------------------------------------------------------------------------------------------------ */

static void pass(struct app *a, struct slice line)
{
    buf_put_slice(&a->out, line);
    buf_putc(&a->out, '\n');
}

/* What became of a line whose answers are there. */
static void put_line(struct app *a, struct slice raw, struct answers answers)
{
    struct line l;
    (void)line_skim(raw, &l); /* it was read when it came */
    if (mapping_takes(&a->mapping, &l))
        mapping_finish(&a->mapping, &l, answers, &a->out);
    else
        pass(a, raw);
}

static void wait_for_answers(struct app *a, struct slice raw, const unsigned *scripts, size_t n)
{
    struct waiting *w = order_add(&a->order, raw);
    w->n_jobs = w->n_open = n;
    for (size_t i = 0; i < n; i++) {
        w->jobs[i].script = scripts[i];
        workers_submit(&a->workers, &w->jobs[i]);
    }
}

static void take_line(struct app *a, struct slice raw)
{
    struct line l;
    struct json_error why;
    unsigned scripts[MAPPERS_MAX];
    if (line_read(raw, &l, &why) < 0) {
        /* its settlement may overtake lines that wait: nobody can tell */
        mapping_refuse_line(&a->mapping, raw, 400, why.reason, &a->out);
        return;
    }
    bool consumed = mapping_takes(&a->mapping, &l);
    size_t n = consumed ? mapping_scripts(&a->mapping, &l, scripts) : 0;
    if (n || a->order.n)
        wait_for_answers(a, raw, scripts, n);
    else if (consumed)
        mapping_finish(&a->mapping, &l, (struct answers){0, NULL}, &a->out);
    else
        pass(a, raw);
}

static void put_ready(struct app *a)
{
    struct waiting *w;
    while ((w = order_ready(&a->order))) {
        put_line(a, buf_slice(&w->line), (struct answers){w->n_jobs, w->answers});
        order_drop(&a->order);
        if (a->out.len > OUT_BYTES)
            flush(a);
    }
}

static void end_of_input(struct app *a, bool cut)
{
    a->ended = true;
    if (!cut)
        return;
    error("cannot read 'stdin': the last line is cut off");
    a->exit_code = EXIT_TEMPORARY;
}

/* Takes lines while there is room for them; leaves the rest unread. */
static void take_lines(struct app *a)
{
    struct slice line;
    enum lines_status st = LINES_LINE;
    while (!a->ended && order_has_room(&a->order)) {
        st = lines_next(&a->in, &line);
        if (st == LINES_LINE)
            take_line(a, line);
        else if (st == LINES_LONG)
            mapping_refuse_line(&a->mapping, line, 413, "it is longer than 32 MiB", &a->out);
        else
            break;
        if (a->out.len > OUT_BYTES)
            flush(a);
    }
    if (st == LINES_END || st == LINES_CUT)
        end_of_input(a, st == LINES_CUT);
    a->in_watch.off = a->ended || !order_has_room(&a->order);
}

/* --- events ----------------------------------------------------------------------------------------------------- */

static void on_input(struct watch *w, short revents)
{
    struct app *a = w->arg;
    (void)revents;
    if (lines_fill(&a->in) >= 0) {
        take_lines(a);
    } else if (errno != EAGAIN) { /* EAGAIN: a shared descriptor that somebody else drained */
        error_sys("cannot read 'stdin'");
        finish(a, EXIT_TEMPORARY);
    }
}

/* Nobody reads what we would write. */
static void on_broken_output(struct watch *w, short revents)
{
    struct app *a = w->arg;
    (void)revents;
    finish(a, a->order.n || a->out.len ? EXIT_TEMPORARY : EXIT_DONE);
}

static void put_message(void *arg, const struct job *j, struct buf *dst)
{
    struct app *a = arg;
    struct line l;
    (void)line_skim(buf_slice(&order_of(&a->order, j)->line), &l);
    mapping_put_message(&a->mapping, &l, dst);
}

static void on_answer(void *arg, struct job *j, bool failed, struct slice text)
{
    struct app *a = arg;
    order_answer(&a->order, j, failed, text);
}

/* The stream is drained: what was taken goes out. */
static void before_poll(void *arg)
{
    struct app *a = arg;
    put_ready(a);
    if (a->in_watch.off)
        take_lines(a);
    put_ready(a);
    if (a->plan.scripts.n)
        workers_flush(&a->workers);
    flush(a);
    if (a->ended && !a->order.n)
        loop_stop(a->loop);
}

static void on_signal(int signo, void *arg)
{
    struct app *a = arg;
    if (signo == SIGUSR1)
        mapping_print_counts(&a->mapping);
    else if (signo == SIGUSR2)
        report_alive();
    else if (signo != SIGHUP) /* nothing can be read again */
        end_of_input(a, false);
    a->in_watch.off |= a->ended;
}

/* --- start ------------------------------------------------------------------------------------------------------ */

static bool is_file(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

static void lock_down(void)
{
    (void)clearenv();
    lockdown_limits(0, is_file(1) || is_file(2), FDS_MAX);
    switch (lockdown_enter(LOCKDOWN_FILTER)) {
    case LOCKDOWN_ON: break;
    case LOCKDOWN_SANITIZED: info("system calls are not restricted: built with sanitizers"); break;
    case LOCKDOWN_UNSUPPORTED: warn_sys("cannot restrict system calls: going on without"); break;
    }
}

static void complain(const struct script *s, const char *why)
{
    const char *what = s->language == LANGUAGE_JAVASCRIPT ? "scripts"
                       : s->way == WAY_IN                 ? "incoming program"
                                                          : "outgoing program";
    error("cannot use the %s of mapper '%.*s': connectivity:message.mapper.config.failed: %s", what,
          SLICE_ARG(s->mapper), why);
}

/* Scripts are compiled by the processes that are to run them, so -n starts them too. */
static int start_scripts(struct app *a)
{
    struct buf why = {0};
    int script;
    struct worker like = {.scripts = &a->plan.scripts,
                          .limits = {(unsigned)cpu_ms, memory_mib * MIB},
                          .put_message = put_message,
                          .on_answer = on_answer,
                          .arg = a};
    if (workers_start(&a->workers, &like, &why, &script) == 0)
        return 0;
    if (script < 0)
        error("cannot run the programs of mappers: %s", buf_z(&why));
    else
        complain(&a->plan.scripts.v[script], buf_z(&why));
    buf_free(&why);
    return script < 0 ? EXIT_TEMPORARY : EXIT_PERMANENT;
}

static void run(struct app *a)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGUSR1, SIGUSR2, SIGHUP};
    a->loop = loop_new();
    a->in_watch = (struct watch){.fd = 0, .events = POLLIN, .ready = on_input, .arg = a};
    a->out_watch = (struct watch){.fd = 1, .ready = on_broken_output, .arg = a};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        loop_signal(a->loop, signals[i], on_signal, a);
    loop_before_poll(a->loop, before_poll, a);
    loop_add(a->loop, &a->in_watch);
    loop_add(a->loop, &a->out_watch);
    if (a->plan.scripts.n)
        workers_attach(&a->workers, a->loop);
    lines_init(&a->in, 0);
    order_init(&a->order);
    report_attach(a->loop);
    lock_down();
    io_ready(ready_fd);
    loop_run(a->loop);
    report_end();
}

static void stop(struct app *a)
{
    if (a->plan.scripts.n)
        workers_stop(&a->workers);
    loop_free(a->loop);
    lines_free(&a->in);
    buf_free(&a->out);
    order_free(&a->order);
    mapping_free(&a->mapping);
    plan_free(&a->plan);
}

/* What a mapper need not know it does not keep: workers inherit its memory. */
static int load(struct connection *c)
{
    struct connection with_secrets;
    struct buf masked = {0};
    struct ditto_error err = {.status = 0};
    int code = connection_load_for_mapping(&with_secrets, path);
    if (code)
        return code;
    connection_put_without_credentials(&masked, with_secrets.json);
    connection_free(&with_secrets);
    if (connection_parse_for_mapping(c, buf_slice(&masked), &err) < 0) {
        error("cannot use connection '%s' without its secrets: %s: %s", path, err.code, err.message);
        code = EXIT_PERMANENT;
    }
    buf_free(&masked);
    if (code == 0 && c->id.len)
        log_init(program.name, xstrndup(c->id.p, c->id.len)); /* for the life of the process */
    return code;
}

/* "NAME[=OPTIONS]" as a definition; one without options needs none. */
static int define(const char *text, struct mapping_definition *d)
{
    struct slice options = slice_str(text), name = slice_cut(&options, '=');
    *d = (struct mapping_definition){.id = name, .engine = options.p ? name : SLICE_NONE};
    if (!options.p || (json_parse(options, &d->options, NULL) == 0 && d->options.type == JSON_OBJECT))
        return EXIT_DONE;
    error("cannot use mapper '%.*s': its options are no JSON object", SLICE_ARG(name));
    return EXIT_PERMANENT;
}

static int define_mappers(struct mapping_definition *definitions)
{
    int code = EXIT_DONE;
    for (size_t i = 0; i < mappers.n && !code; i++)
        code = define(mappers.v[i], &definitions[i]);
    return code;
}

static void check_usage(void)
{
    if (to_ditto == from_ditto)
        opt_usage(&program, "one of -i and -o is needed");
    if (only != ULONG_MAX && !path)
        opt_usage(&program, "-k needs -c");
    if (replies && (!from_ditto || !path))
        opt_usage(&program, "-r needs -o and -c");
    if (mappers.n && path)
        opt_usage(&program, "-m and -c exclude each other");
    if (mappers.n > MAPPERS_MAX)
        opt_usage(&program, "at most 10 mappers can be used");
}

int main(int argc, char **argv)
{
    static struct app app;
    struct connection conn;
    struct mapping_definition definitions[sizeof mappers.v / sizeof *mappers.v];
    io_init();
    if (opt_parse(&program, argc, argv) < argc)
        opt_usage(&program, "no operands are expected");
    check_usage();
    report_init(program.name);
    int code = path ? load(&conn) : define_mappers(definitions);
    if (code)
        return code;
    struct plan_options options = {.connection = path ? &conn : NULL,
                                   .mappers = definitions,
                                   .n_mappers = mappers.n,
                                   .way = to_ditto ? WAY_IN : WAY_OUT,
                                   .only = only == ULONG_MAX ? -1 : (long)only,
                                   .reply = replies,
                                   .explains = explains};
    code = plan_make(&app.plan, &options) ? EXIT_PERMANENT : start_scripts(&app);
    mapping_init(&app.mapping, &app.plan);
    if (!code && !check_only) {
        run(&app);
        code = app.exit_code;
    }
    stop(&app);
    if (path)
        connection_free(&conn);
    if (io_close_stdout() < 0 && code == 0)
        die_sys(EXIT_TEMPORARY, "cannot close stdout");
    return code;
}
