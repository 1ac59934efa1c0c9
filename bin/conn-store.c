/* conn-store: keeps connections, as events in a log.
 *
 *   conn-store [-1nw] [-a days] [-d fd] [-K keys]
 *
 * Takes Ditto's connectivity commands over $CONN_RUN/store.sock (with -1: over stdin and stdout), judges them, appends
 * events to $CONN_DIR/events.gdbm, and answers with Ditto's responses. Whoever follows sees every event.
 *
 *   - What is answered with success is on the disk. What cannot be brought there is refused and has not happened.
 *   - State is what the log adds up to; a snapshot only saves the next start some work.
 *   - What is older than -a days is cut off, but for a base of each connection; secrets are sealed by the first key.
 *   - Answers come in the order of the lines that asked; one bad line costs its own answer only.
 *   - One process owns the log; kill -9 at any moment loses nothing that was answered for. */
#include <errno.h>
#include <gdbm.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/opt.h"
#include "store/rewrite.h"
#include "store/server.h"

#include "base/banned.h"

static bool once, check_only, stand_by;
static int ready_fd = -1;
static unsigned long keep_days = 30;
static const char *keys;

enum { CHORE_MS = 60 * 60 * 1000, RETRY_MS = 60 * 1000, DAY_MS = 24 * 60 * 60 * 1000 };

static const struct opt opts[] = {
    {'1', NULL, "serve stdin and stdout instead of a socket; end with the input", OPT_FLAG, &once, 0, 0},
    {'K', "file", "keys for the secrets in the log; HUP reads it again", OPT_STRING, &keys, 0, 0},
    {'a', "days", "cut off events that are older (30)", OPT_NUMBER, &keep_days, 0, 36500},
    {'d', "fd", "write a newline to this descriptor when ready", OPT_FD, &ready_fd, 0, 0},
    {'w', NULL, "stand by: wait until another store is gone", OPT_FLAG, &stand_by, 0, 0},
    {'n', NULL, "check the log, print a summary, change nothing", OPT_FLAG, &check_only, 0, 0},
    OPT_END,
};

struct daemon {
    struct loop *loop;
    struct store store;
    struct server *server;
    struct rewrite rewrite;
    struct timer chore;
};

/* Begins with a look at what is old; a step of the work each time the loop comes round. */
static void on_chore(struct timer *t)
{
    struct daemon *d = t->arg;
    bool sealed = d->store.stale;
    if (d->rewrite.phase == REWRITE_NOTHING)
        rewrite_start(&d->rewrite, &d->store, wall_ms() - (int64_t)keep_days * DAY_MS);
    int rc = rewrite_step(&d->rewrite);
    if (rc < 0)
        warn_sys("cannot rewrite 'events.gdbm': it stays as it is");
    if (rc == 0 && d->rewrite.dropped)
        info("cut off %" PRIu64 " records that are older than %lu days", d->rewrite.dropped, keep_days);
    if (rc == 0 && sealed && !d->store.stale)
        info("all secrets in the log are sealed by the first key of '%s'", keys);
    loop_timer(d->loop, t, rc > 0 ? clock_ms() : clock_ms() + (rc < 0 ? RETRY_MS : CHORE_MS));
}

/* Other keys, without a gap: what is written from now on has the first one, the rest is written anew beside the work. */
static void on_rekey(int signo, void *arg)
{
    struct daemon *d = arg;
    struct log_error err;
    (void)signo;
    if (!keys)
        return;
    if (store_rekey(&d->store, keys, &err) != 0) {
        error("%s: the keys stay as they were", err.text);
        return;
    }
    rewrite_stop(&d->rewrite);
    loop_timer(d->loop, &d->chore, clock_ms());
}

static void on_end(int signo, void *arg)
{
    struct daemon *d = arg;
    (void)signo;
    server_stop(d->server);
}

static void on_counters(int signo, void *arg)
{
    const struct daemon *d = arg;
    struct server_counts c = server_counts(d->server);
    (void)signo;
    notice("counters: position=%" PRIu64 " events=%" PRIu64 " commits=%" PRIu64 " failures=%" PRIu64
           " lines=%" PRIu64 " clients=%" PRIu64 " refused=%" PRIu64 " closed=%" PRIu64,
           store_position(&d->store), d->store.events, d->store.commits, d->store.failures, c.lines, c.peers,
           c.refused_peers, c.closed_peers);
}

static void open_store(struct store *s, const char *dir, enum log_mode mode)
{
    struct log_error err;
    struct log_health h;
    struct vault vault = {0};
    if (keys && vault_load(&vault, keys, &err) != 0)
        die(err.exit_code, "%s", err.text);
    if (store_open(s, &log_gdbm, dir, mode, &vault, &err) != 0)
        die(err.exit_code, "cannot open '%s/events.gdbm': %s", dir, err.text);
    s->log->backend->health(s->log, &h);
    if (!h.clean && h.damaged)
        warn("'%s/events.gdbm' was not closed in order: read %" PRIu64
             " records one by one, dropped %zu unfinished, %zu of them damaged",
             dir, h.position, h.dropped, h.damaged);
    else if (!h.clean)
        warn("'%s/events.gdbm' was not closed in order: read %" PRIu64
             " records one by one, dropped %zu unfinished",
             dir, h.position, h.dropped);
    if (!keys)
        info("secrets in '%s/events.gdbm' are not encrypted: there is no file of keys (-K)", dir);
    info("position %" PRIu64 ", replayed %" PRIu64 " records", h.position, h.replayed);
}

/* A summary of the log as one JSON object. */
static int print_check(struct store *s)
{
    struct log_health h;
    const struct held *held = NULL;
    struct buf out = {0};
    int64_t there = 0, open = 0, deleted = 0;
    s->log->backend->health(s->log, &h);
    while ((held = state_next(&s->state, held ? held->id : SLICE_NONE))) {
        there += !held->deleted;
        deleted += held->deleted;
        open += held_open(held);
    }
    buf_putc(&out, '{');
    json_put_member_int(&out, S("position"), (int64_t)h.position);
    json_put_member_int(&out, S("connections"), there);
    json_put_member_int(&out, S("open"), open);
    json_put_member_int(&out, S("deleted"), deleted);
    json_put_member(&out, S("clean"), h.clean ? S("true") : S("false"));
    json_put_member_int(&out, S("dropped"), (int64_t)h.dropped);
    buf_puts(&out, "}\n");
    int rc = lines_flush(1, &out) == 0 && io_close_stdout() == 0 ? EXIT_DONE : EXIT_TEMPORARY;
    if (rc != EXIT_DONE)
        error_sys("cannot write 'stdout'");
    buf_free(&out);
    return rc;
}

/* 0, or -1, the reason logged: the log must still be closed in order. */
static int listen_on_socket(struct server *server)
{
    char path[108];
    if (conn_socket_path(path, sizeof path, "store.sock") != 0)
        return error_sys("cannot use the folder of sockets"), -1;
    if (server_listen(server, path) != 0)
        return error_sys("cannot listen on '%s'", path), -1;
    return 0;
}

static int serve_clients(struct daemon *d)
{
    if (once)
        server_pipe(d->server);
    else if (listen_on_socket(d->server) < 0)
        return EXIT_TEMPORARY;
    io_ready(ready_fd);
    loop_run(d->loop);
    return server_cut(d->server) ? EXIT_TEMPORARY : EXIT_DONE;
}

/* Secrets are in memory: no core files. */
static void forbid_core(void)
{
    struct rlimit none = {0, 0};
    if (setrlimit(RLIMIT_CORE, &none) != 0)
        die_sys(EXIT_TEMPORARY, "cannot forbid core files");
}

static int serve(struct daemon *d)
{
    d->loop = loop_new();
    d->server = server_new(d->loop, &d->store);
    loop_signal(d->loop, SIGTERM, on_end, d);
    loop_signal(d->loop, SIGINT, on_end, d);
    loop_signal(d->loop, SIGUSR1, on_counters, d);
    loop_signal(d->loop, SIGHUP, on_rekey, d);
    d->chore = (struct timer){.at = NEVER, .fire = on_chore, .arg = d};
    loop_timer(d->loop, &d->chore, clock_ms());
    int rc = serve_clients(d);
    rewrite_stop(&d->rewrite);
    server_free(d->server);
    loop_timer(d->loop, &d->chore, NEVER);
    loop_free(d->loop);
    return rc;
}

/* Behind the store that runs, and behind those that stood by before: one at a time finds the log free, and opens it before
 * the next one may look. */
static int wait_for_turn(const char *dir)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/standby.lock", dir);
    int turn = lock_wait(path);
    if (turn < 0)
        die_sys(EXIT_TEMPORARY, "cannot lock '%s'", path);
    (void)snprintf(path, sizeof path, "%s/events.lock", dir);
    int owner = lock_wait(path);
    if (owner < 0)
        die_sys(EXIT_TEMPORARY, "cannot lock '%s'", path);
    (void)close(owner);
    return turn;
}

int main(int argc, char **argv)
{
    char libraries[64];
    struct program program = {
        .name = "conn-store",
        .operands = "",
        .summary = "keep connections, as events in a log",
        .libraries = libraries,
        .opts = opts,
    };
    struct daemon d = {0};
    io_init();
    (void)snprintf(libraries, sizeof libraries, "gdbm %d.%d.%d", gdbm_version_number[0],
                   gdbm_version_number[1], gdbm_version_number[2]);
    if (opt_parse(&program, argc, argv) < argc)
        opt_usage(&program, "too many operands");
    (void)umask(077);
    forbid_core();
    const char *dir = conn_dir();
    if (!dir)
        die_sys(EXIT_TEMPORARY, "cannot use the folder of the log");
    int turn = stand_by && !check_only ? wait_for_turn(dir) : -1;
    open_store(&d.store, dir, check_only ? LOG_CHECK : LOG_WRITE);
    if (turn >= 0)
        (void)close(turn);
    int rc = check_only ? print_check(&d.store) : serve(&d);
    if (store_close(&d.store) != 0)
        warn_sys("cannot mark '%s/events.gdbm' as closed in order", dir);
    return rc;
}
