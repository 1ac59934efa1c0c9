/* conn-journal: looks after the log of conn-store.
 *
 *   conn-journal [-s] [-a days] [-f file] [-K keys] [-r revision] [-t time] VERB [OPERAND]
 *
 *   list            a line for each connection: what the log knows of it
 *   show ID         a connection as it is, or was (-r, -t)
 *   verify          reads every byte; a line for each thing that is wrong, and a summary
 *   compact         cuts off what is older than -a days; with -K seals all secrets with the first key
 *   repair          makes a whole log of a damaged one, and says what is lost
 *   export, import  the log as lines, on stdout and from stdin
 *   backup DIR      the log of the store that is running, into a new folder
 *
 * The log is that of $CONN_DIR, which no conn-store may have open (but for backup), or with -f a copy of the file.
 * Nothing is printed but what is in the log; secrets are masked, and in an export as they are in the log. */
#include <errno.h>
#include <fcntl.h>
#include <gdbm.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/opt.h"
#include "connection/connection.h"
#include "store/copy.h"
#include "store/durable.h"
#include "store/export.h"
#include "store/gdbm_file.h"
#include "store/history.h"
#include "store/mark.h"
#include "store/rewrite.h"
#include "store/salvage.h"

#include "base/banned.h"

enum { DAY_MS = 24 * 60 * 60 * 1000, FLUSH_BYTES = 256 * 1024 };

static bool secrets;
static unsigned long keep_days = 30, revision;
static const char *file, *keys, *moment;

static const struct opt opts[] = {
    {'K', "file", "keys for the secrets in the log", OPT_STRING, &keys, 0, 0},
    {'a', "days", "compact: cut off events that are older (30)", OPT_NUMBER, &keep_days, 0, 36500},
    {'f', "file", "a copy of the log instead of $CONN_DIR/events.gdbm", OPT_STRING, &file, 0, 0},
    {'r', "revision", "show: as it was at this revision", OPT_NUMBER, &revision, 1, 0},
    {'s', NULL, "show: with secrets", OPT_FLAG, &secrets, 0, 0},
    {'t', "time", "show: as it was at this time (2026-01-31T12:00:00Z)", OPT_STRING, &moment, 0, 0},
    OPT_END,
};

static struct program program = {
    .name = "conn-journal",
    .operands = "list|show|verify|compact|repair|export|import|backup [ID|DIR]",
    .summary = "look after the log of conn-store",
    .opts = opts,
};

static struct buf out;

static int print(int rc)
{
    if (lines_flush(STDOUT_FILENO, &out) == 0)
        return rc;
    error_sys("cannot write 'stdout'");
    return EXIT_TEMPORARY;
}

/* --- which log ---------------------------------------------------------------------------------------------------- */

static const char *folder(void)
{
    const char *dir = conn_dir();
    if (!dir)
        die_sys(EXIT_TEMPORARY, "cannot use the folder of the log");
    return dir;
}

static const char *path_of_log(void)
{
    static char path[PATH_MAX];
    if (file)
        return file;
    (void)snprintf(path, sizeof path, "%s/" EVENTS_FILE, folder());
    return path;
}

/* Secrets stay sealed unless there are keys. */
static void open_store(struct store *s, enum log_mode mode)
{
    struct log_error err;
    struct vault vault = {.blind = !keys};
    if (keys && vault_load(&vault, keys, &err) != 0)
        die(err.exit_code, "%s", err.text);
    if (file && mode == LOG_WRITE)
        die(EXIT_PERMANENT, "cannot change '%s': a copy is only read", file);
    if (store_open(s, &log_gdbm, file ? file : folder(), mode, &vault, &err) != 0)
        die(err.exit_code, "cannot open '%s': %s", path_of_log(), err.text);
}

static int close_store(struct store *s, int rc)
{
    if (store_close(s) == 0)
        return rc;
    warn_sys("cannot mark '%s' as closed in order", path_of_log());
    return EXIT_TEMPORARY;
}

/* --- list, show --------------------------------------------------------------------------------------------------- */

struct oldest {
    uint64_t revision;
    int64_t time;
};

static bool take_oldest(void *arg, const struct record *r)
{
    struct oldest *o = arg;
    *o = (struct oldest){r->revision, r->time};
    return false;
}

static void put_time(const char *name, int64_t ms)
{
    char iso[ISO_SIZE];
    json_put_member_text(&out, slice_str(name), slice_str(clock_iso(iso, ms)));
}

static void list_one(const struct store *s, const struct held *h)
{
    struct oldest o = {0};
    (void)store_read_id(s, h->id, 0, take_oldest, &o);
    buf_putc(&out, '{');
    json_put_member_text(&out, S("id"), h->id);
    json_put_member_text(&out, S("status"),
                         h->deleted     ? S("deleted")
                         : held_open(h) ? S("open")
                                        : S("closed"));
    json_put_member_int(&out, S("revision"), (int64_t)h->revision);
    json_put_member_int(&out, S("oldest"), (int64_t)o.revision);
    put_time("since", o.time);
    put_time("until", h->time);
    buf_puts(&out, "}\n");
}

static int list(const char *operand)
{
    struct store s;
    int rc = EXIT_DONE;
    (void)operand;
    open_store(&s, LOG_CHECK);
    for (const struct held *h = state_next(&s.state, SLICE_NONE); h && rc == EXIT_DONE;
         h = state_next(&s.state, h->id)) {
        list_one(&s, h);
        if (out.len > FLUSH_BYTES)
            rc = print(rc);
    }
    return close_store(&s, rc);
}

static int64_t instant_of(const char *text)
{
    int64_t ms;
    if (history_instant(slice_str(text), &ms) != 0)
        die(EXIT_PERMANENT, "cannot use '%s': it is no time like 2026-01-31T12:00:00Z", text);
    return ms;
}

static int show(const char *id)
{
    struct store s;
    struct state past = {0};
    struct ditto_error err = {0};
    const struct held *h;
    int rc = EXIT_DONE;
    open_store(&s, LOG_CHECK);
    const struct held *now = state_find(&s.state, slice_str(id));
    uint64_t wanted = revision ? revision : now && !moment ? now->revision : 0;
    int64_t ms = moment ? instant_of(moment) : 0;
    if (store_at(&s, slice_str(id), wanted, ms, &past, &h, &err) != 0) {
        ditto_error_put(&out, &err, false);
        rc = EXIT_NEGATIVE;
    } else if (secrets) {
        buf_put_slice(&out, h->doc);
    } else {
        connection_put_masked(&out, held_doc(h));
    }
    buf_putc(&out, '\n');
    if (rc == EXIT_DONE)
        state_free(&past);
    return close_store(&s, rc);
}

/* --- verify, repair ----------------------------------------------------------------------------------------------- */

static int open_folder(void)
{
    char path[PATH_MAX];
    char *slash;
    (void)snprintf(path, sizeof path, "%s", path_of_log());
    slash = strrchr(path, '/');
    if (slash)
        slash[1] = '\0';
    int dir = open(slash ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        die_sys(EXIT_TEMPORARY, "cannot open '%s'", path);
    return dir;
}

/* As the store would take it, or not at all. */
static void lock_log(int dir, int fd)
{
    int lock = openat(dir, LOCK_FILE, O_RDONLY | O_CLOEXEC);
    if ((lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) != 0) || flock(fd, LOCK_EX | LOCK_NB) != 0)
        die(EXIT_TEMPORARY, "cannot open '%s': " GDBM_IN_USE, path_of_log());
}

static bool is_copy(void)
{
    const char *slash = file ? strrchr(file, '/') : NULL;
    return file && strcmp(slash ? slash + 1 : file, EVENTS_FILE) != 0;
}

/* What stands beside the log says how far it went. */
struct traces {
    struct mark mark;
    struct snapshot snapshot;
    bool marked;
};

static uint64_t read_traces(struct traces *t, int dir)
{
    *t = (struct traces){0};
    if (is_copy())
        return 0;
    t->marked = mark_read(dir, &t->mark);
    (void)snapshot_read(dir, &t->snapshot);
    uint64_t must = durable_read(dir);
    if (must < t->snapshot.position)
        must = t->snapshot.position;
    return must < (uint64_t)t->mark.position ? (uint64_t)t->mark.position : must;
}

/* A log that is gone, though it was there, is one that lost everything. */
static void read_log(struct salvage *s, int dir, struct traces *traces)
{
    struct log_error err;
    uint64_t must = read_traces(traces, dir);
    int fd = open(path_of_log(), O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT && must)
        fd = memfd_create("nothing", MFD_CLOEXEC);
    if (fd < 0)
        die_sys(EXIT_TEMPORARY, "cannot open '%s'", path_of_log());
    if (!is_copy())
        lock_log(dir, fd);
    if (salvage_read(s, fd, must, &traces->snapshot, &out, &err) != 0)
        die(err.exit_code, "cannot read '%s': %s", path_of_log(), err.text);
}

static void put_summary(const struct salvage *s, bool marked)
{
    int64_t there = 0;
    for (const struct held *h = state_next(&s->state, SLICE_NONE); h; h = state_next(&s->state, h->id))
        there += !h->deleted;
    buf_putc(&out, '{');
    json_put_member_int(&out, S("position"), (int64_t)s->position);
    json_put_member_int(&out, S("cut"), (int64_t)s->carve.cut);
    json_put_member_int(&out, S("bases"), (int64_t)s->carve.bases);
    json_put_member_int(&out, S("events"), (int64_t)s->events);
    json_put_member_int(&out, S("connections"), there);
    json_put_member_int(&out, S("unfinished"), (int64_t)s->unfinished);
    json_put_member(&out, S("clean"), marked ? S("true") : S("false"));
    json_put_member_int(&out, S("problems"), (int64_t)s->problems);
    buf_puts(&out, "}\n");
}

static int verify(const char *operand)
{
    struct salvage s;
    struct traces traces;
    int dir = open_folder();
    (void)operand;
    read_log(&s, dir, &traces);
    put_summary(&s, traces.marked);
    int rc = s.problems ? EXIT_NEGATIVE : EXIT_DONE;
    salvage_free(&s);
    snapshot_free(&traces.snapshot);
    (void)close(dir);
    return rc;
}

static int repair(const char *operand)
{
    char fresh[PATH_MAX];
    struct salvage s;
    struct traces traces;
    int rc = EXIT_DONE, dir = open_folder();
    (void)operand;
    if (is_copy())
        die(EXIT_PERMANENT, "cannot change '%s': a copy is only read", file);
    read_log(&s, dir, &traces);
    (void)snprintf(fresh, sizeof fresh, "%.*s/repair.XXXXXX",
                   (int)(strlen(path_of_log()) - sizeof EVENTS_FILE), path_of_log());
    if (s.problems && (!mkdtemp(fresh) || copy_repaired(&s, dir, fresh) != 0)) {
        error_sys("cannot repair '%s': it is as it was", path_of_log());
        rc = EXIT_TEMPORARY;
    }
    if (s.problems)
        copy_remove(fresh);
    put_summary(&s, traces.marked);
    salvage_free(&s);
    snapshot_free(&traces.snapshot);
    (void)close(dir);
    return rc;
}

/* --- compact ------------------------------------------------------------------------------------------------------ */

static int compact(const char *operand)
{
    struct store s;
    struct rewrite w = {0};
    struct log_health h;
    int rc;
    (void)operand;
    open_store(&s, LOG_WRITE);
    rewrite_start(&w, &s, wall_ms() - (int64_t)keep_days * DAY_MS + (keep_days == 0));
    do
        rc = rewrite_step(&w);
    while (rc > 0);
    if (rc < 0) {
        error_sys("cannot compact '%s': it is as it was", path_of_log());
        rewrite_stop(&w);
        return close_store(&s, EXIT_TEMPORARY);
    }
    s.log->backend->health(s.log, &h);
    buf_putc(&out, '{');
    json_put_member_int(&out, S("position"), (int64_t)h.position);
    json_put_member_int(&out, S("cut"), (int64_t)h.cut);
    json_put_member_int(&out, S("bases"), (int64_t)h.bases);
    json_put_member_int(&out, S("dropped"), (int64_t)w.dropped);
    buf_puts(&out, "}\n");
    return close_store(&s, EXIT_DONE);
}

/* --- export, import, backup --------------------------------------------------------------------------------------- */

static bool export_one(void *arg, const struct record *r)
{
    int *rc = arg;
    export_put(&out, r);
    if (out.len > FLUSH_BYTES)
        *rc = print(*rc);
    return *rc == EXIT_DONE;
}

static int export(const char *operand)
{
    struct store s;
    struct log_health h;
    int rc = EXIT_DONE;
    (void)operand;
    open_store(&s, LOG_CHECK);
    s.log->backend->health(s.log, &h);
    export_put_head(&out, &h);
    if (s.log->backend->read(s.log, 0, export_one, &rc) != 0) {
        error_sys("cannot read '%s'", path_of_log());
        rc = EXIT_TEMPORARY;
    }
    if (rc == EXIT_DONE)
        export_put_end(&out, h.position);
    return close_store(&s, rc);
}

static int take_export(int fd, const char *from, const char *dir)
{
    struct log_error err;
    if (copy_export(fd, dir, &err) == 0)
        return EXIT_DONE;
    error("cannot take in '%s': %s", from, err.text);
    return err.exit_code;
}

static int import(const char *operand)
{
    (void)operand;
    if (file)
        die(EXIT_PERMANENT, "cannot import into '%s': name a folder in CONN_DIR", file);
    return take_export(STDIN_FILENO, "stdin", folder());
}

static int backup(const char *dir)
{
    static const char ask[] = "{\"export\":true}\n";
    char path[108];
    if (conn_socket_path(path, sizeof path, "store.sock") != 0)
        die_sys(EXIT_TEMPORARY, "cannot use the folder of sockets");
    int fd = unix_connect(path);
    if (fd < 0 || io_write_all(fd, ask, sizeof ask - 1) != 0)
        die_sys(EXIT_TEMPORARY, "cannot reach '%s'", path);
    if (mkdir(dir, 0700) != 0)
        die_sys(EXIT_PERMANENT, "cannot make the folder '%s'", dir);
    int rc = take_export(fd, path, dir);
    if (rc != EXIT_DONE)
        copy_remove(dir);
    (void)close(fd);
    return rc;
}

/* --- main --------------------------------------------------------------------------------------------------------- */

static const struct verb {
    const char *name;
    bool operand;
    int (*run)(const char *operand);
} verbs[] = {
    {"list", false, list},     {"show", true, show},        {"verify", false, verify},
    {"repair", false, repair}, {"compact", false, compact}, {"export", false, export},
    {"import", false, import}, {"backup", true, backup},
};

static const struct verb *find_verb(const char *name)
{
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    opt_usage(&program, "there is no such verb");
}

/* Secrets are in memory: no core files. */
static void forbid_core(void)
{
    struct rlimit none = {0, 0};
    if (setrlimit(RLIMIT_CORE, &none) != 0)
        die_sys(EXIT_TEMPORARY, "cannot forbid core files");
}

int main(int argc, char **argv)
{
    char libraries[64];
    io_init();
    (void)snprintf(libraries, sizeof libraries, "gdbm %d.%d.%d", gdbm_version_number[0],
                   gdbm_version_number[1], gdbm_version_number[2]);
    program.libraries = libraries;
    int i = opt_parse(&program, argc, argv);
    if (i == argc)
        opt_usage(&program, "a verb is missing");
    const struct verb *verb = find_verb(argv[i]);
    i += opt_parse(&program, argc - i, argv + i); /* options may stand behind the verb, too */
    if (argc - i != verb->operand)
        opt_usage(&program, verb->operand ? "one operand is needed" : "too many operands");
    (void)umask(077);
    forbid_core();
    int rc = print(verb->run(verb->operand ? argv[i] : NULL));
    buf_free(&out);
    if (io_close_stdout() != 0)
        die_sys(EXIT_TEMPORARY, "cannot write 'stdout'");
    return rc;
}
