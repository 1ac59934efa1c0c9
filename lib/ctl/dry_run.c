#include "ctl/dry_run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "connection/connection.h"
#include "ctl/document.h"
#include "ctl/steps.h"
#include "ctl/validate.h"

#include "base/io.h"
#include "base/log.h"
#include "base/sibling.h"
#include "base/banned.h"

enum { CONNECTION_FD = 3, OUT_OF_THE_WAY = 10 };

struct run {
    struct ctl *ctl;
    struct dry_run how;
    struct buf document; /* masked */
    struct buf input;
    bool failed;
};

/* --- the connection --- */

static int document_of_file(struct run *r, const char *path)
{
    struct buf effective = {0};
    int rc = effective_of_file(r->ctl, path, &effective);
    if (rc == 0)
        connection_put_masked(&r->document, (struct json){JSON_OBJECT, buf_p(&effective), effective.len});
    buf_wipe(&effective);
    return rc;
}

static int document_of_id(struct run *r, const char *id)
{
    struct line answer;
    ctl_ask_about(r->ctl, "retrieveConnection", slice_str(id), false, &answer);
    struct json refusal = client_refusal(&answer);
    if (refusal.type != JSON_ABSENT) {
        ctl_print(r->ctl, refusal);
        return -1;
    }
    connection_put_masked(&r->document, json_get(answer.signal, S("connection")));
    return 0;
}

/* --- which way, which source or target --- */

/* The first line that is not blank. */
static struct json first_line(const struct run *r)
{
    struct slice rest = buf_slice(&r->input), line = SLICE_NONE;
    struct json v = {JSON_ABSENT, NULL, 0};
    while (rest.p && !line.len)
        line = slice_trim(slice_cut(&rest, '\n'));
    return json_parse(line, &v, NULL) == 0 ? v : (struct json){JSON_ABSENT, NULL, 0};
}

static int choose_way(struct run *r, struct json first)
{
    if (r->how.in || r->how.out)
        return 0;
    r->how.in = json_present(json_get(first, S("address")));
    r->how.out = json_present(json_get(first, S("topic")));
    if (r->how.in != r->how.out)
        return 0;
    error("cannot map 'stdin': its first line has neither 'address' nor 'topic' (-i or -o says what it is)");
    return -1;
}

static bool has_address(const struct source *s, struct slice address)
{
    for (size_t i = 0; i < s->addresses.n; i++) {
        if (slice_eq(s->addresses.v[i], address))
            return true;
    }
    return false;
}

/* The one source that consumes from there, if it is one. */
static unsigned long source_of(const struct connection *c, struct json first)
{
    struct buf decoded = {0};
    struct slice address = json_text(json_get(first, S("address")), &decoded);
    unsigned long found = DRY_RUN_ANY;
    size_t n = 0;
    for (size_t i = 0; i < c->n_sources && address.p; i++) {
        if (has_address(&c->sources[i], address))
            found = c->sources[i].index, n++;
    }
    buf_free(&decoded);
    return n == 1 ? found : DRY_RUN_ANY;
}

static int choose_index(struct run *r, const struct connection *c, struct json first)
{
    bool sources = r->how.in || r->how.reply;
    size_t n = sources ? c->n_sources : c->n_targets;
    const char *name = r->how.reply ? "reply" : sources ? "source" : "target";
    if (r->how.index != DRY_RUN_ANY || json_present(json_get(json_get(first, S("context")), slice_str(name))))
        return 0;
    if (n == 1)
        r->how.index = sources ? c->sources[0].index : c->targets[0].index;
    else if (r->how.in)
        r->how.index = source_of(c, first);
    if (r->how.index != DRY_RUN_ANY)
        return 0;
    error("cannot map 'stdin': connection '%.*s' has %zu %s (-k N chooses one)", SLICE_ARG(c->id), n,
          sources ? "sources" : "targets");
    return -1;
}

static int choose(struct run *r)
{
    struct connection c;
    struct ditto_error err = {0};
    struct json first = first_line(r);
    if (connection_parse_for_mapping(&c, buf_slice(&r->document), &err) < 0) {
        ctl_print_problem(r->ctl, &err);
        return EXIT_NEGATIVE;
    }
    int rc = choose_way(r, first) < 0 || choose_index(r, &c, first) < 0 ? EXIT_PERMANENT : EXIT_DONE;
    connection_free(&c);
    return rc;
}

/* --- ditto-map --- */

static void exec_mapper(const struct run *r)
{
    char index[24];
    const char *argv[12] = {"ditto-map", "-q", "-x", r->how.in ? "-i" : "-o", "-c", "fd:3"};
    size_t n = 6;
    if (r->how.index != DRY_RUN_ANY) {
        (void)snprintf(index, sizeof index, "%lu", r->how.index);
        argv[n++] = "-k";
        argv[n++] = index;
    }
    if (r->how.reply)
        argv[n++] = "-r";
    exec_sibling(argv);
}

static int move(int fd)
{
    int moved = fcntl(fd, F_DUPFD_CLOEXEC, OUT_OF_THE_WAY);
    if (moved < 0)
        die_sys(EXIT_TEMPORARY, "cannot start 'ditto-map'");
    close(fd);
    return moved;
}

static int file_of(const struct buf *text, const char *name)
{
    int fd = io_memfd(name, buf_slice(text));
    if (fd < 0)
        die_sys(EXIT_TEMPORARY, "cannot start 'ditto-map'");
    return move(fd);
}

/* What it prints comes from *out. */
static pid_t start(const struct run *r, int *out)
{
    int ends[2], input = file_of(&r->input, "messages"), document = file_of(&r->document, "connection");
    if (pipe(ends) < 0)
        die_sys(EXIT_TEMPORARY, "cannot start 'ditto-map'");
    int write_end = move(ends[1]);
    pid_t pid = fork();
    if (pid == 0) {
        if (dup2(input, STDIN_FILENO) < 0 || dup2(write_end, STDOUT_FILENO) < 0 ||
            dup2(document, CONNECTION_FD) < 0)
            _exit(EXIT_TEMPORARY);
        if (ends[0] != CONNECTION_FD)
            close(ends[0]);
        exec_mapper(r);
    }
    if (pid < 0)
        die_sys(EXIT_TEMPORARY, "cannot start 'ditto-map'");
    close(input);
    close(document);
    close(write_end);
    *out = ends[0];
    return pid;
}

static void show(struct run *r, struct slice line, bool first)
{
    struct json step;
    if (json_parse(line, &step, NULL) < 0)
        return;
    r->failed = r->failed || steps_failed(step);
    if (r->how.raw)
        ctl_print(r->ctl, step);
    else
        (void)steps_put(&r->ctl->out, step, first);
    ctl_flush(r->ctl);
}

static void show_all(struct run *r, int fd)
{
    struct lines in;
    struct slice line;
    lines_init(&in, fd);
    for (bool first = true;;) {
        enum lines_status st = lines_next(&in, &line);
        if (st == LINES_LINE) {
            show(r, line, first);
            first = false;
        } else if (st == LINES_END || st == LINES_CUT || (st == LINES_MORE && lines_fill(&in) < 0)) {
            break;
        }
    }
    lines_free(&in);
}

static int await_end(pid_t pid)
{
    int status;
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR)
            die_sys(EXIT_TEMPORARY, "cannot wait for 'ditto-map'");
    }
    if (WIFEXITED(status))
        return WEXITSTATUS(status);
    error("cannot map 'stdin': ditto-map was ended by signal %d", WTERMSIG(status));
    return EXIT_TEMPORARY;
}

static int map(struct run *r)
{
    int out;
    pid_t pid = start(r, &out);
    show_all(r, out);
    close(out);
    int code = await_end(pid);
    return code == EXIT_DONE && r->failed ? EXIT_NEGATIVE : code;
}

int dry_run(struct ctl *ctl, const char *connection, struct dry_run how)
{
    struct run r = {.ctl = ctl, .how = how};
    int rc = document_is_path(connection) ? document_of_file(&r, connection) : document_of_id(&r, connection);
    int code = EXIT_NEGATIVE;
    if (rc == 0) {
        document_read("-", &r.input);
        code = choose(&r);
    }
    if (code == EXIT_DONE)
        code = map(&r);
    buf_free(&r.document);
    buf_free(&r.input);
    return code;
}
