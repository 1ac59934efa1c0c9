/* twin-load: feeds ditto-twin with changes, kills it, feeds it again, and checks that nothing was lost and nothing done twice.
 *
 *   twin-load KILLS COMMANDS -- CMD...
 *
 * CMD is started KILLS + 1 times, each time with COMMANDS new changes of some attributes of some things, and with all that had
 * no answer before, and some that had one. All but the last are killed at a random moment (KILL). Some events are settled, some
 * are refused, some never. After the last: every change that was answered had its event; no change has two revisions, no
 * revision two changes; each thing is what its newest event says, with as many revisions as there were changes; an answer that
 * came twice was the same. What is not settled then leaves once more, and nothing after that.
 *
 * Prints a line of counters. Exit 0, or 1 with what is wrong on stderr. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/lines.h"
#include "base/log.h"
#include "base/scan.h"
#include "line/line.h"

#include "process.h"

#include "base/banned.h"

enum { THINGS = 17, PATIENCE_MS = 20000 };

struct change {
    int64_t revision; /* of its event; 0: none seen */
    int status;       /* of its answer; 0: none */
    bool made;        /* it was sent at least once */
};

struct load {
    size_t n; /* changes so far; change i is of thing i % THINGS */
    struct change *v;
    int64_t *by_revision[THINGS]; /* the change of each revision, -1: none */
    size_t cap;
    int64_t newest[THINGS];
    unsigned round;
    bool settle_all, collecting;
    uint64_t answers, events, again, sent, final;
    struct buf queue; /* to the twin */
    char **cmd;
};

static noreturn void wrong(const char *what, size_t change, int64_t number)
{
    die(EXIT_NEGATIVE, "change %zu: %s (%" PRId64 ")", change, what, number);
}

/* --- what is sent ------------------------------------------------------------------------------------------------------- */

static void put_change(struct load *l, size_t i)
{
    const char *action = i < THINGS ? "create" : "modify", *path = i < THINGS ? "/" : "/attributes/n";
    buf_printf(
        &l->queue,
        "{\"id\":\"r%u-%zu\",\"topic\":\"load/t%zu/things/twin/commands/%s\",\"headers\":{\"correlation-id\":\"c%zu\"},"
        "\"path\":\"%s\",\"value\":",
        l->round, i, i % THINGS, action, i, path);
    buf_printf(&l->queue, i < THINGS ? "{\"attributes\":{\"n\":%zu}}" : "%zu", i);
    buf_puts(&l->queue, ",\"context\":{\"connection\":\"load\"}}\n");
    l->v[i].made = true;
    l->sent++;
}

static void add_changes(struct load *l, size_t n)
{
    l->v = xrealloc_array(l->v, l->n + n, sizeof *l->v);
    for (size_t t = 0; t < THINGS; t++) {
        l->by_revision[t] = xrealloc_array(l->by_revision[t], l->n + n + 2, sizeof **l->by_revision);
        for (size_t r = l->n ? l->cap : 0; r < l->n + n + 2; r++)
            l->by_revision[t][r] = -1;
    }
    l->cap = l->n + n + 2;
    for (size_t i = 0; i < n; i++)
        l->v[l->n + i] = (struct change){0};
    l->n += n;
}

/* --- what comes --------------------------------------------------------------------------------------------------------- */

static void take_event(struct load *l, const struct line *line)
{
    struct json value = line->path.len > 3 ? line->value : json_pointer(line->value, S("/attributes/n"));
    int64_t change, revision;
    if (json_int(value, &change) < 0 || json_int(line->revision, &revision) < 0)
        die(EXIT_NEGATIVE, "an event says '%.*s'", SLICE_ARG(line->raw));
    struct change *c = &l->v[change];
    size_t t = (size_t)change % THINGS;
    if (c->revision && c->revision != revision)
        wrong("was carried out twice, at revision", (size_t)change, revision);
    if (revision < 1 || (size_t)revision >= l->cap ||
        (l->by_revision[t][revision] >= 0 && l->by_revision[t][revision] != change))
        wrong("shares its revision with another one", (size_t)change, revision);
    l->again += c->revision > 0;
    c->revision = revision;
    l->by_revision[t][revision] = change;
    if (revision > l->newest[t])
        l->newest[t] = revision;
    l->events++;
    int dice = rand() % 10;
    if (l->settle_all || dice < 6)
        line_put_settlement(&l->queue, line->id, 200);
    else if (dice < 8)
        line_put_settlement(&l->queue, line->id, 503);
}

/* "r<round>-<change>" */
static void take_answer(struct load *l, const struct line *line)
{
    struct slice rest = line->id;
    uint64_t change = 0;
    int64_t status = 0;
    slice_cut(&rest, '-');
    if (scan_u64(rest, &change) < 0 || change >= l->n || json_int(line->status, &status) < 0)
        die(EXIT_NEGATIVE, "an answer says '%.*s'", SLICE_ARG(line->raw));
    struct change *c = &l->v[change];
    if (status != 201 && status != 204)
        wrong("was refused", (size_t)change, status);
    if (c->status && c->status != status)
        wrong("was answered differently", (size_t)change, status);
    if (!c->revision)
        wrong("was answered before its event", (size_t)change, status);
    c->status = (int)status;
    l->answers++;
}

static void take_final(struct load *l, const struct line *line)
{
    int64_t t, n, revision;
    if (json_int(json_pointer(line->value, S("/attributes/t")), &t) == 0)
        return;
    struct slice name = json_raw(json_get(line->value, S("thingId")));
    uint64_t thing;
    if (scan_u64(slice_skip(name, 6), &thing) < 0 ||
        json_int(json_pointer(line->value, S("/attributes/n")), &n) < 0 ||
        json_int(json_get(line->value, S("_revision")), &revision) < 0)
        die(EXIT_NEGATIVE, "a thing is '%.*s'", SLICE_ARG(line->raw));
    if (revision != l->newest[thing] || l->by_revision[thing][revision] != n)
        wrong("is not what the newest event said, at revision", (size_t)n, revision);
    l->final++;
}

static void take(struct load *l, struct slice raw)
{
    struct line line;
    struct json_error why;
    if (line_read(raw, &line, &why) < 0)
        die(EXIT_NEGATIVE, "it printed '%.*s'", SLICE_ARG(raw));
    if (line.kind != LINE_DITTO)
        die(EXIT_NEGATIVE, "it printed '%.*s'", SLICE_ARG(raw));
    if (!json_present(line.status))
        take_event(l, &line);
    else if (slice_starts(line.id, S("final")))
        take_final(l, &line);
    else
        take_answer(l, &line);
}

/* --- one life of the twin ------------------------------------------------------------------------------------------------- */

struct life {
    pid_t pid;
    int in, out;
    struct lines lines;
};

static void begin(struct life *f, char **cmd)
{
    f->pid = process_between(cmd, &f->in, &f->out);
    lines_init(&f->lines, f->out);
}

static int finish(struct life *f, int signo)
{
    int status = 0;
    if (signo)
        kill(f->pid, signo);
    if (f->in >= 0)
        io_close(f->in);
    waitpid(f->pid, &status, 0);
    close(f->out);
    lines_free(&f->lines);
    return status;
}

/* Writes and reads what there is, at most until then. False: it is gone. */
static bool step(struct load *l, struct life *f, msec until)
{
    struct pollfd p[2] = {{.fd = f->out, .events = POLLIN},
                          {.fd = l->queue.len ? f->in : -1, .events = POLLOUT}};
    msec left = until - clock_ms();
    if (poll(p, 2, left > 0 ? (int)left : 0) < 0)
        die_sys(EXIT_TEMPORARY, "cannot poll");
    if (p[1].revents && lines_flush_some(f->in, &l->queue) < 0)
        return false;
    if (!p[0].revents)
        return true;
    struct slice line;
    enum lines_status st;
    if (lines_fill(&f->lines) < 0)
        return false;
    while ((st = lines_next(&f->lines, &line)) == LINES_LINE)
        take(l, line);
    return st != LINES_END && st != LINES_CUT;
}

static bool all_answered(const struct load *l)
{
    for (size_t i = 0; i < l->n; i++)
        if (!l->v[i].status)
            return false;
    return true;
}

static void fill_queue(struct load *l)
{
    buf_reset(&l->queue, 1024 * 1024);
    for (size_t i = 0; i < l->n; i++)
        if (!l->v[i].status || rand() % 50 == 0)
            put_change(l, i);
}

/* The rest of a life that is to be killed: in the middle of its answers, or of the next thing that it does. */
static void live_and_die(struct load *l, unsigned commands)
{
    struct life f;
    begin(&f, l->cmd);
    add_changes(l, commands);
    fill_queue(l);
    uint64_t enough = l->answers + (uint64_t)(rand() % (int)(commands + 1));
    msec end = clock_ms() + PATIENCE_MS, last = NEVER;
    while (clock_ms() < last && step(l, &f, last < end ? last : end)) {
        if (clock_ms() > end)
            die(EXIT_TIMEOUT, "round %u: it does not answer", l->round);
        if (last == NEVER && l->answers >= enough)
            last = clock_ms() + rand() % 3;
    }
    finish(&f, SIGKILL);
}

static void end_in_order(struct life *f)
{
    io_close(f->in);
    f->in = -1;
    int status = finish(f, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        die(EXIT_NEGATIVE, "it ended with status %d", status);
}

static void live_on(struct load *l)
{
    struct life f;
    msec end = clock_ms() + PATIENCE_MS;
    begin(&f, l->cmd);
    l->settle_all = true;
    fill_queue(l);
    while (!all_answered(l) || l->queue.len)
        if (!step(l, &f, end) || clock_ms() > end)
            die(EXIT_NEGATIVE, "it does not answer, or ended");
    for (size_t t = 0; t < THINGS; t++)
        buf_printf(
            &l->queue,
            "{\"id\":\"final-%zu\",\"topic\":\"load/t%zu/things/twin/commands/retrieve\",\"headers\":{},\"path\":\"/\",\"fields\":\"thingId,attributes/n,_revision\"}\n",
            t, t);
    while (l->final < THINGS)
        if (!step(l, &f, end) || clock_ms() > end)
            die(EXIT_NEGATIVE, "it does not show its things");
    while (l->queue.len)
        step(l, &f, end);
    end_in_order(&f);
}

/* A life without commands: what leaves? All of it is settled. */
static uint64_t leave_rest(struct load *l)
{
    struct life f;
    uint64_t before = l->events, seen = before;
    msec end = clock_ms() + PATIENCE_MS;
    begin(&f, l->cmd);
    buf_puts(
        &l->queue,
        "{\"id\":\"final-x\",\"topic\":\"load/t0/things/twin/commands/retrieve\",\"headers\":{},\"path\":\"/\",\"fields\":\"thingId,attributes/n,_revision\"}\n");
    uint64_t final = l->final;
    while (l->final == final || l->queue.len || seen != l->events) {
        seen = l->events;
        if (!step(l, &f, end) || clock_ms() > end)
            die(EXIT_NEGATIVE, "it does not answer any more");
    }
    end_in_order(&f);
    return l->events - before;
}

static void check(const struct load *l)
{
    for (size_t i = 0; i < l->n; i++)
        if (!l->v[i].revision)
            wrong("was answered, but its event never left", i, l->v[i].status);
    for (size_t t = 0; t < THINGS; t++)
        for (int64_t r = 1; r <= l->newest[t]; r++)
            if (l->by_revision[t][r] < 0)
                wrong("a revision is missing", t, r);
}

int main(int argc, char **argv)
{
    static struct load l;
    uint64_t kills, commands;
    io_init();
    log_init("twin-load", NULL);
    if (argc < 5 || strcmp(argv[3], "--") != 0 || scan_u64(slice_str(argv[1]), &kills) < 0 ||
        scan_u64(slice_str(argv[2]), &commands) < 0 || commands < THINGS)
        die(EXIT_PERMANENT, "usage: twin-load KILLS COMMANDS -- CMD...");
    l.cmd = argv + 4;
    srand((unsigned)wall_ms());
    for (; l.round < kills; l.round++)
        live_and_die(&l, (unsigned)commands);
    live_on(&l);
    check(&l);
    uint64_t rest = leave_rest(&l), nothing = leave_rest(&l);
    if (nothing)
        die(EXIT_NEGATIVE, "%" PRIu64 " settled events left again", nothing);
    printf("kills=%" PRIu64 " changes=%zu sent=%" PRIu64 " answers=%" PRIu64 " events=%" PRIu64
           " again=%" PRIu64 " rest=%" PRIu64 "\n",
           kills, l.n, l.sent, l.answers, l.events, l.again, rest);
    return EXIT_DONE;
}
