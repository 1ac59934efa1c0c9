/* store-load: asks conn-store for changes, remembers what was confirmed, and checks later that it is there.
 *
 *   store-load drive SOCKET JOURNAL TAG CLIENTS MILLISECONDS [DEPTH]
 *   store-load step JOURNAL TAG COMMANDS -- CMD...
 *   store-load check JOURNAL [SOCKET]
 *   store-load ask SOCKET
 *   store-load crowd SOCKET CLIENTS [LINE]
 *
 * drive: CLIENTS connections, DEPTH (1) commands in flight on each, until the time is over or the store is gone. Each client has
 * a connection of its own, TAG-<n>, and takes it through the same steps for ever. step: the same with one client, one command
 * at a time, over the stdin and stdout of CMD, which may die. Both append "<id> <confirmed steps>" to JOURNAL and print
 * what they did.
 *
 * check: reads all events (of SOCKET, or from stdin as conn-store -1 prints them) and tells if the log has a gap, an event is
 * not what its revision says, or one that JOURNAL has is not there. Exit 0: all there; 1: not.
 *
 * ask: sends each line of stdin when the one before it is answered, and prints how long that took.
 *
 * crowd: connects CLIENTS times, says LINE each time, or nothing, prints a line, reads nothing and stays. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/lines.h"
#include "base/log.h"
#include "base/scan.h"
#include "json/json.h"

#include "base/banned.h"

enum { CLIENTS_MAX = 256, ID_SIZE = 64 };

static const char *const steps[] = {"createConnection", "openConnection",   "modifyConnection",
                                    "closeConnection",  "modifyConnection", "deleteConnection"};
static const char *const events[] = {"connectionCreated", "connectionOpened",   "connectionModified",
                                     "connectionClosed",  "connectionModified", "connectionDeleted"};
enum { STEPS = sizeof steps / sizeof *steps };

static bool has_document(uint64_t step)
{
    return step % STEPS == 0 || step % STEPS == 2 || step % STEPS == 4;
}

/* --- asking ----------------------------------------------------------------------------------------------------- */

struct client {
    int in, out;
    char id[ID_SIZE];
    struct lines lines;
    struct buf queue;
    uint64_t asked, confirmed, refused;
    bool gone;
};

static void put_command(struct client *c)
{
    struct buf *b = &c->queue;
    buf_printf(b,
               "{\"headers\":{\"correlation-id\":\"%" PRIu64
               "\"},\"signal\":{\"type\":\"connectivity.commands:%s\",",
               c->asked, steps[c->asked % STEPS]);
    if (has_document(c->asked))
        buf_printf(
            b,
            "\"connection\":{\"id\":\"%s\",\"name\":\"step %" PRIu64 "\",\"connectionType\":\"mqtt-5\","
            "\"connectionStatus\":\"closed\",\"uri\":\"tcp://localhost:1883\",\"sources\":[],\"targets\":[{"
            "\"address\":\"out/{{ thing:id }}\",\"topics\":[\"_/_/things/live/messages\"],\"qos\":1,"
            "\"authorizationContext\":[\"load:%s\"]}]}}}\n",
            c->id, c->asked, c->id);
    else
        buf_printf(b, "\"connectionId\":\"%s\"}}\n", c->id);
    c->asked++;
}

static void take_answer(struct client *c, struct slice text)
{
    struct json line;
    struct json_error err;
    int64_t status, revision = 0;
    if (json_parse(text, &line, &err) != 0 ||
        json_int(json_get(json_get(line, S("signal")), S("status")), &status) != 0)
        die(EXIT_BUG, "no answer: %.*s", SLICE_ARG(text));
    if (status >= 400) {
        c->refused++;
        return;
    }
    (void)json_int(json_get(json_get(line, S("headers")), S("entity-revision")), &revision);
    if (c->refused || (uint64_t)revision != c->confirmed + 1)
        die(EXIT_BUG, "answer out of order: %.*s", SLICE_ARG(text));
    c->confirmed++;
}

static void take_answers(struct client *c)
{
    struct slice line;
    int got = lines_fill(&c->lines);
    while (lines_next(&c->lines, &line) == LINES_LINE)
        take_answer(c, line);
    c->gone |= got <= 0 || c->refused;
}

static void client_init(struct client *c, int in, int out, const char *tag, unsigned n)
{
    *c = (struct client){.in = in, .out = out};
    (void)snprintf(c->id, sizeof c->id, "%s-%u", tag, n);
    lines_init(&c->lines, in);
}

static void fill_queue(struct client *c, uint64_t depth)
{
    while (c->asked - c->confirmed < depth)
        put_command(c);
    if (lines_flush_some(c->out, &c->queue) < 0)
        c->gone = true;
}

static void write_journal(const char *path, const struct client *clients, unsigned n)
{
    FILE *f = fopen(path, "a");
    if (!f)
        die_sys(EXIT_TEMPORARY, "cannot write '%s'", path);
    for (unsigned i = 0; i < n; i++)
        fprintf(f, "%s %" PRIu64 "\n", clients[i].id, clients[i].confirmed);
    if (fclose(f) != 0)
        die_sys(EXIT_TEMPORARY, "cannot write '%s'", path);
}

static int report(const struct client *clients, unsigned n, msec took)
{
    uint64_t confirmed = 0, refused = 0;
    unsigned gone = 0;
    for (unsigned i = 0; i < n; i++) {
        confirmed += clients[i].confirmed;
        refused += clients[i].refused;
        gone += clients[i].gone;
    }
    printf("confirmed=%" PRIu64 " refused=%" PRIu64 " gone=%u ms=%" PRId64 " per_second=%" PRId64 "\n",
           confirmed, refused, gone, took, took ? (int64_t)confirmed * 1000 / took : 0);
    return io_close_stdout() == 0 ? EXIT_DONE : EXIT_TEMPORARY;
}

static bool wait_clients(struct client *clients, unsigned n, msec end)
{
    static struct pollfd p[CLIENTS_MAX];
    unsigned there = 0;
    msec left = end - clock_ms();
    for (unsigned i = 0; i < n; i++) {
        p[i] = (struct pollfd){.fd = clients[i].gone ? -1 : clients[i].in, .events = POLLIN};
        there += !clients[i].gone;
    }
    if (!there || left <= 0 || (poll(p, n, (int)left) < 0 && errno != EINTR))
        return false;
    for (unsigned i = 0; i < n; i++)
        if (p[i].fd >= 0 && p[i].revents)
            take_answers(&clients[i]);
    return true;
}

static int drive(char **arg)
{
    static struct client clients[CLIENTS_MAX];
    uint64_t n, ms, depth = 1;
    if (scan_u64(slice_str(arg[3]), &n) != 0 || n > CLIENTS_MAX || scan_u64(slice_str(arg[4]), &ms) != 0 ||
        (arg[5] && scan_u64(slice_str(arg[5]), &depth) != 0))
        die(EXIT_PERMANENT, "bad number");
    for (unsigned i = 0; i < n; i++) {
        int fd = unix_connect(arg[0]);
        if (fd < 0)
            die_sys(EXIT_TEMPORARY, "cannot reach '%s'", arg[0]);
        client_init(&clients[i], fd, fd, arg[2], i);
    }
    msec start = clock_ms();
    do
        for (unsigned i = 0; i < n; i++)
            if (!clients[i].gone)
                fill_queue(&clients[i], depth);
    while (wait_clients(clients, (unsigned)n, start + (msec)ms));
    write_journal(arg[1], clients, (unsigned)n);
    return report(clients, (unsigned)n, clock_ms() - start);
}

static pid_t spawn(char **cmd, int *to, int *from)
{
    int in[2], out[2];
    if (pipe(in) < 0 || pipe(out) < 0)
        die_sys(EXIT_TEMPORARY, "cannot make a pipe");
    pid_t pid = fork();
    if (pid < 0)
        die_sys(EXIT_TEMPORARY, "cannot fork");
    if (pid == 0) {
        if (dup2(in[0], 0) < 0 || dup2(out[1], 1) < 0 || close(in[1]) < 0 || close(out[0]) < 0)
            _exit(EXIT_TEMPORARY);
        execvp(cmd[0], cmd);
        _exit(127);
    }
    (void)close(in[0]);
    (void)close(out[1]);
    *to = in[1];
    *from = out[0];
    return pid;
}

static int step(char **arg, char **cmd)
{
    struct client c;
    uint64_t n;
    int to, from, status = 0;
    if (scan_u64(slice_str(arg[2]), &n) != 0)
        die(EXIT_PERMANENT, "bad number");
    pid_t pid = spawn(cmd, &to, &from);
    client_init(&c, from, to, arg[1], 0);
    msec start = clock_ms();
    while (!c.gone && c.confirmed < n) {
        put_command(&c);
        if (lines_flush(to, &c.queue) < 0)
            c.gone = true;
        uint64_t before = c.confirmed;
        while (!c.gone && c.confirmed == before)
            take_answers(&c);
    }
    (void)close(to);
    if (waitpid(pid, &status, 0) != pid)
        die_sys(EXIT_TEMPORARY, "cannot wait");
    write_journal(arg[0], &c, 1);
    lines_free(&c.lines);
    buf_free(&c.queue);
    printf("exit=%d ", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    return report(&c, 1, clock_ms() - start);
}

/* --- checking --------------------------------------------------------------------------------------------------- */

struct seen {
    char id[ID_SIZE];
    uint64_t revision;
};

struct check {
    struct seen *v;
    size_t n, cap, last;
    int64_t position;
    uint64_t events;
    bool live, bad;
};

static struct seen *find_seen(struct check *c, struct slice id)
{
    if (c->last < c->n && slice_eq(slice_str(c->v[c->last].id), id))
        return &c->v[c->last];
    for (c->last = 0; c->last < c->n; c->last++)
        if (slice_eq(slice_str(c->v[c->last].id), id))
            return &c->v[c->last];
    if (c->n == c->cap) {
        c->cap = c->cap ? c->cap * 2 : 64;
        c->v = xrealloc_array(c->v, c->cap, sizeof *c->v);
    }
    struct seen *s = &c->v[c->n++];
    *s = (struct seen){.revision = 0};
    (void)snprintf(s->id, sizeof s->id, "%.*s", SLICE_ARG(id));
    return s;
}

__attribute__((format(printf, 2, 3))) static void wrong(struct check *c, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vprintf(fmt, ap);
    putchar('\n');
    va_end(ap);
    c->bad = true;
}

static void check_document(struct check *c, struct json event, const struct seen *s)
{
    char name[64];
    (void)snprintf(name, sizeof name, "step %" PRIu64, s->revision - 1);
    if (!json_text_is(json_pointer(event, S("/connection/name")), slice_str(name)))
        wrong(c, "%s revision %" PRIu64 " has another document", s->id, s->revision);
}

static void check_event(struct check *c, struct json line, struct json event)
{
    int64_t position, revision;
    struct slice id = json_raw(json_get(event, S("connectionId"))),
                 type = json_raw(json_get(event, S("type")));
    if (json_int(json_get(line, S("position")), &position) != 0 ||
        json_int(json_get(event, S("revision")), &revision) != 0 || !id.p || !type.p) {
        wrong(c, "no event: %.*s", SLICE_ARG(json_slice(line)));
        return;
    }
    struct seen *s = find_seen(c, id);
    if (position != ++c->position)
        wrong(c, "position %" PRId64 " stands at %" PRId64, position, c->position);
    if ((uint64_t)revision != ++s->revision)
        wrong(c, "%s revision %" PRId64 " stands at %" PRIu64, s->id, revision, s->revision);
    if (!slice_ends(type, slice_str(events[(s->revision - 1) % STEPS])))
        wrong(c, "%s revision %" PRIu64 " is %.*s", s->id, s->revision, SLICE_ARG(type));
    if (has_document(s->revision - 1))
        check_document(c, event, s);
    c->events++;
}

static void check_line(struct check *c, struct slice text)
{
    struct json line, event;
    struct json_error err;
    if (json_parse(text, &line, &err) != 0) {
        wrong(c, "not JSON: %.*s", SLICE_ARG(text));
        return;
    }
    event = json_get(line, S("signal"));
    if (json_present(json_get(line, S("live"))))
        c->live = true;
    else if (json_present(event))
        check_event(c, line, event);
    else
        wrong(c, "unexpected: %.*s", SLICE_ARG(text));
}

static uint64_t check_journal(struct check *c, const char *path)
{
    char id[ID_SIZE];
    uint64_t confirmed, sum = 0;
    FILE *f = fopen(path, "r");
    if (!f)
        die_sys(EXIT_TEMPORARY, "cannot read '%s'", path);
    while (fscanf(f, "%63s %" SCNu64, id, &confirmed) == 2) {
        struct seen *s = find_seen(c, slice_str(id));
        sum += confirmed;
        if (s->revision < confirmed)
            wrong(c, "LOST: %s has %" PRIu64 " events, %" PRIu64 " were confirmed", id, s->revision,
                  confirmed);
    }
    (void)fclose(f);
    return sum;
}

static int check(char **arg)
{
    struct check c = {0};
    struct lines in;
    struct slice line;
    int fd = arg[1] ? unix_connect(arg[1]) : STDIN_FILENO;
    if (fd < 0)
        die_sys(EXIT_TEMPORARY, "cannot reach '%s'", arg[1]);
    static const char ask[] = "{\"follow\":{\"from\":0}}\n";
    if (arg[1] && io_write_all(fd, ask, sizeof ask - 1) < 0)
        die_sys(EXIT_TEMPORARY, "cannot ask '%s'", arg[1]);
    lines_init(&in, fd);
    while (!c.live && lines_fill(&in) > 0)
        while (lines_next(&in, &line) == LINES_LINE)
            check_line(&c, line);
    if (!c.live)
        wrong(&c, "the events end without 'live'");
    uint64_t confirmed = check_journal(&c, arg[0]);
    printf("events=%" PRIu64 " confirmed=%" PRIu64 " connections=%zu\n", c.events, confirmed, c.n);
    lines_free(&in);
    free(c.v);
    return c.bad ? EXIT_NEGATIVE : EXIT_DONE;
}

/* --- asking one after the other ---------------------------------------------------------------------------------- */

static int64_t now_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int by_size(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static bool ask_one(int fd, struct lines *answers, struct slice question)
{
    struct slice line;
    struct buf out = {0};
    enum lines_status st;
    buf_put_slice(&out, question);
    buf_putc(&out, '\n');
    bool ok = lines_flush(fd, &out) == 0;
    while (ok && (st = lines_next(answers, &line)) != LINES_LINE)
        ok = st == LINES_MORE && lines_fill(answers) > 0;
    buf_free(&out);
    return ok && !memmem(line.p, line.len, "errorResponse", 13);
}

static int ask(char **arg)
{
    struct lines questions, answers;
    struct slice line;
    size_t n = 0, cap = 0;
    int64_t *took = NULL;
    int fd = unix_connect(arg[0]);
    if (fd < 0)
        die_sys(EXIT_TEMPORARY, "cannot reach '%s'", arg[0]);
    lines_init(&questions, STDIN_FILENO);
    lines_init(&answers, fd);
    do
        while (lines_next(&questions, &line) == LINES_LINE) {
            if (n == cap)
                took = xrealloc_array(took, cap = cap ? cap * 2 : 1024, sizeof *took);
            int64_t begun = now_us();
            if (!ask_one(fd, &answers, line))
                die(EXIT_NEGATIVE, "refused, or no answer: %.*s", SLICE_ARG(line));
            took[n++] = now_us() - begun;
        }
    while (lines_fill(&questions) > 0);
    if (!n)
        die(EXIT_PERMANENT, "no questions");
    qsort(took, n, sizeof *took, by_size);
    printf("median %" PRId64 " us, 99 %% %" PRId64 " us, most %" PRId64 " us, of %zu\n", took[n / 2],
           took[n * 99 / 100], took[n - 1], n);
    free(took);
    lines_free(&questions);
    lines_free(&answers);
    return EXIT_DONE;
}

static int crowd(char **arg)
{
    uint64_t n;
    if (scan_u64(slice_str(arg[1]), &n) != 0)
        die(EXIT_PERMANENT, "bad number");
    for (uint64_t i = 0; i < n; i++) {
        int fd = unix_connect(arg[0]);
        if (fd < 0)
            die_sys(EXIT_TEMPORARY, "cannot reach '%s'", arg[0]);
        if (arg[2] && (io_write_all(fd, arg[2], strlen(arg[2])) != 0 || io_write_all(fd, "\n", 1) != 0))
            die_sys(EXIT_TEMPORARY, "cannot write to '%s'", arg[0]);
    }
    puts("there");
    fflush(stdout);
    for (;;)
        pause();
}

int main(int argc, char **argv)
{
    io_init();
    log_init("store-load", NULL);
    if (argc >= 7 && slice_eq(slice_str(argv[1]), S("drive")))
        return drive(argv + 2);
    if (argc >= 7 && slice_eq(slice_str(argv[1]), S("step")) && slice_eq(slice_str(argv[5]), S("--")))
        return step(argv + 2, argv + 6);
    if (argc >= 3 && slice_eq(slice_str(argv[1]), S("check")))
        return check(argv + 2);
    if (argc == 3 && slice_eq(slice_str(argv[1]), S("ask")))
        return ask(argv + 2);
    if ((argc == 4 || argc == 5) && slice_eq(slice_str(argv[1]), S("crowd")))
        return crowd(argv + 2);
    die(EXIT_PERMANENT, "usage: store-load drive|step|check|ask|crowd ...");
}
