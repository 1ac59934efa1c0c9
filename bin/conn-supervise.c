/* conn-supervise: keep the rings of every open connection running.
 *
 *   conn-supervise [-w] [-d FD]
 *
 * Follows the store's events, joins the hub as control, and for each client of each open connection keeps an inbound
 * ring (transport-in | ditto-map -i) and an outbound ring (ditto-map -o | transport-out), both hung on the hub.
 *
 * At start it restores every open connection, in order of id and paced. A ring that ends with 100 is misconfigured and
 * stays down until it is modified or opened; anything else is tried again after growing delays with jitter. Its
 * children die with it, so that a killed supervisor leaves nothing behind that its successor would start twice; what
 * they held unsettled is still with the brokers. Losing the store changes nothing but that no news arrive; losing the
 * hub ends the rings, which come back with it. With -w it stands by until another supervisor of the same house is gone.
 * TERM drains all rings, then 0. */
#include <signal.h>
#include <sys/resource.h>

#include "base/io.h"
#include "base/log.h"
#include "base/opt.h"
#include "supervise/alone.h"
#include "supervise/announce.h"
#include "supervise/answers.h"
#include "supervise/house.h"
#include "supervise/join.h"
#include "supervise/link.h"
#include "supervise/trial.h"

#include "base/banned.h"

static const char *store_path, *hub_path;
static unsigned long backoff_min = 1000, backoff_max = 600000, useful_ms = 30000, drain_ms = 15000, pace = 8,
                     hang_ms = 10000, memory_mib = 1024, files = 1024, niceness;
static int ready_fd = -1;
static bool stand_by;

static const struct opt opts[] = {
    {'d', "FD", "write a newline there once every stored connection is known", OPT_FD, &ready_fd, 0, 0},
    {'s', "PATH", "the store's socket ($CONN_RUN/store.sock)", OPT_STRING, &store_path, 0, 0},
    {'j', "PATH", "the hub's socket ($CONN_RUN/hub.sock)", OPT_STRING, &hub_path, 0, 0},
    {'b', "MS", "first delay before a failed ring is tried again, in ms (1000)", OPT_NUMBER, &backoff_min, 10,
     3600000},
    {'B', "MS", "longest delay, in ms (600000)", OPT_NUMBER, &backoff_max, 10, 86400000},
    {'u', "MS", "a ring that was open for so long starts with the first delay again (30000)", OPT_NUMBER,
     &useful_ms, 0, 3600000},
    {'D', "MS", "how long a ring may take to drain, in ms (15000)", OPT_NUMBER, &drain_ms, 0, 3600000},
    {'P', "N", "rings that start at the same time, at most (8)", OPT_NUMBER, &pace, 1, 1000},
    {'H', "MS", "how long a process of a ring may stand still or not answer, in ms (10000)", OPT_NUMBER,
     &hang_ms, 100, 3600000},
    {'m', "MIB", "memory that a transport may have, in MiB (1024; 0: any)", OPT_NUMBER, &memory_mib, 0,
     1048576},
    {'f', "N", "descriptors that a process of a ring may have (1024)", OPT_NUMBER, &files, 32, 1048576},
    {'N', "N", "priority of the rings below ours: added to our niceness (0)", OPT_NUMBER, &niceness, 0, 19},
    {'w', NULL, "stand by: wait until another supervisor is gone", OPT_FLAG, &stand_by, 0, 0},
    OPT_END,
};

static const struct program program = {.name = "conn-supervise",
                                       .operands = "",
                                       .summary = "keep the rings of every open connection running",
                                       .opts = opts};

struct supervisor {
    struct loop *loop;
    struct house house;
    struct trials trials;
    struct link store, hub;
    bool joined;      /* the hub has answered */
    int64_t position; /* of the last event seen; -1: none */
    bool syncing, ready, stopping;
    struct buf scratch;
};

/* ---- the store ---- */

static void on_store_up(void *arg)
{
    struct supervisor *s = arg;
    struct buf *out = &s->store.out;
    buf_puts(out, "{\"follow\":{\"secrets\":true,\"role\":\"supervise\",\"verdicts\":true");
    if (s->position >= 0)
        json_put_member_int(out, S("from"), s->position);
    buf_puts(out, "}}\n");
    s->syncing = false;
}

static void on_store_down(void *arg)
{
    (void)arg; /* what runs goes on running */
}

static void keep_position(struct supervisor *s, struct json v)
{
    int64_t n;
    if (json_int(json_get(v, S("position")), &n) == 0)
        s->position = n;
}

static int64_t revision_of(struct json v)
{
    int64_t n;
    return json_int(json_get(v, S("revision")), &n) == 0 ? n : -1;
}

static void on_state(struct supervisor *s, struct json state)
{
    struct json connection = json_get(state, S("connection"));
    struct slice id = json_text(json_get(connection, S("id")), &s->scratch);
    if (!s->syncing) {
        s->syncing = true;
        house_sync_begin(&s->house);
    }
    if (id.p)
        house_put(&s->house, id, json_slice(connection), revision_of(state), false);
}

static void on_live(struct supervisor *s, struct json live)
{
    if (json_get(live, S("state")).type == JSON_TRUE) {
        if (!s->syncing) /* a full state without a connection */
            house_sync_begin(&s->house);
        house_sync_end(&s->house);
    }
    s->syncing = false;
    keep_position(s, live);
    if (!s->ready) {
        s->ready = true;
        io_ready(ready_fd);
    }
}

static void on_event(struct supervisor *s, struct json line, struct json event)
{
    struct json type = json_get(event, S("type"));
    struct slice id = json_text(json_get(event, S("connectionId")), &s->scratch);
    keep_position(s, line);
    if (!id.p)
        return;
    if (json_text_is(type, S("connectivity.events:connectionCreated")) ||
        json_text_is(type, S("connectivity.events:connectionModified")))
        house_put(&s->house, id, json_slice(json_get(event, S("connection"))), revision_of(event), true);
    else if (json_text_is(type, S("connectivity.events:connectionOpened")))
        house_set_open(&s->house, id, true, revision_of(event));
    else if (json_text_is(type, S("connectivity.events:connectionClosed")))
        house_set_open(&s->house, id, false, revision_of(event));
    else if (json_text_is(type, S("connectivity.events:connectionDeleted")))
        house_delete(&s->house, id);
}

static void on_verdict(void *arg, const struct managed *m, const struct ditto_error *err)
{
    struct supervisor *s = arg;
    struct buf *out = &s->store.out;
    if (!s->store.connected || m->revision < 0)
        return;
    buf_puts(out, "{\"verdict\":{\"connectionId\":");
    json_put_text(out, slice_str(m->id));
    json_put_member_int(out, S("revision"), m->revision);
    json_put_member_int(out, S("status"), err ? err->status : 200);
    if (err) {
        json_put_key(out, S("error"));
        ditto_error_put(out, err, false);
    }
    buf_puts(out, "}}\n");
    link_flush(&s->store);
}

static void begin_answer(struct buf *out, struct json line)
{
    struct json headers = json_get(line, S("headers"));
    buf_putc(out, '{');
    json_put_member(out, S("id"), json_slice(json_get(line, S("id"))));
    json_put_member(out, S("headers"), json_present(headers) ? json_slice(headers) : S("{}"));
    json_put_key(out, S("signal"));
}

/* What a trial has found: answer is the command's line as far as begin_answer wrote it. */
static void on_tried(void *arg, struct slice answer, struct slice signal)
{
    struct supervisor *s = arg;
    if (!s->store.connected)
        return;
    buf_put_slice(&s->store.out, answer);
    buf_put_slice(&s->store.out, signal);
    buf_puts(&s->store.out, "}\n");
    link_flush(&s->store);
}

/* A command about live state that the store forwarded. */
static void on_command(struct supervisor *s, struct json line, struct json command)
{
    struct buf *out = &s->store.out;
    if (json_text_is(json_get(command, S("type")), S("connectivity.commands:testConnection"))) {
        struct buf answer = {0};
        begin_answer(&answer, line);
        trial_start(&s->trials, json_get(command, S("connection")), buf_slice(&answer));
        buf_free(&answer);
        return;
    }
    begin_answer(out, line);
    answer_put(out, &s->house, command);
    buf_puts(out, "}\n");
}

static void on_store_line(void *arg, struct slice text)
{
    struct supervisor *s = arg;
    struct json line, v;
    struct json_error err;
    buf_reset(&s->scratch, 65536);
    if (json_parse(text, &line, &err) < 0) {
        error("cannot understand the store: %s", err.reason);
        link_break(&s->store);
        return;
    }
    if (json_present(v = json_get(line, S("state"))))
        on_state(s, v);
    else if (json_present(v = json_get(line, S("live"))))
        on_live(s, v);
    else if (json_present(json_get(line, S("id"))))
        on_command(s, line, json_get(line, S("signal")));
    else if (json_present(v = json_get(line, S("signal"))))
        on_event(s, line, v);
    else if (json_present(json_get(line, S("error")))) {
        warn("the store does not serve us any more: following anew");
        link_break(&s->store);
    }
}

/* ---- the hub ---- */

static void put_expect(struct buf *out, const struct managed *m)
{
    buf_puts(out, "{\"expect\":");
    connection_put_masked(out, m->connection.json);
    buf_puts(out, "}\n");
}

static void on_expect(void *arg, const struct managed *m, bool there)
{
    struct supervisor *s = arg;
    struct buf *out = &s->hub.out;
    if (!s->hub.connected)
        return;
    if (there) {
        put_expect(out, m);
    } else {
        buf_puts(out, "{\"forget\":");
        json_put_text(out, slice_str(m->id));
        buf_puts(out, "}\n");
    }
    link_flush(&s->hub);
}

static void on_announce(void *arg, const struct managed *m, bool opened)
{
    struct supervisor *s = arg;
    if (!s->hub.connected)
        return;
    announcement_put(&s->hub.out, slice_str(m->id), opened);
    link_flush(&s->hub);
}

static void on_hub_up(void *arg)
{
    struct supervisor *s = arg;
    s->joined = false;
    join_put_hello(&s->hub.out, "control", 0, SLICE_NONE);
    for (size_t i = 0; i < s->house.n; i++)
        if (s->house.v[i]->built)
            put_expect(&s->hub.out, s->house.v[i]);
}

static void on_settled(struct supervisor *s, struct json settlement)
{
    buf_reset(&s->scratch, 65536);
    struct slice id = announcement_settled(settlement, &s->scratch);
    if (id.p)
        house_said(&s->house, id);
}

static void on_hub_report(struct supervisor *s, struct json report, struct slice line)
{
    buf_reset(&s->scratch, 65536);
    struct slice id = json_text(json_get(report, S("connection")), &s->scratch);
    if (id.p)
        house_hub_reports(&s->house, id, report, line);
}

static void on_hub_line(void *arg, struct slice line)
{
    struct supervisor *s = arg;
    struct json answer;
    struct json_error err;
    if (json_parse(line, &answer, &err) < 0 || (!s->joined && json_present(json_get(answer, S("error"))))) {
        error("the hub does not want us as its control");
        link_break(&s->hub);
        return;
    }
    if (s->joined) {
        if (json_text_is(json_get(answer, S("report")), S("meter")))
            on_hub_report(s, answer, line);
        else
            on_settled(s, answer);
        return;
    }
    s->joined = true;
    yard_hub(&s->house.yard, true);
}

static void on_hub_down(void *arg)
{
    struct supervisor *s = arg;
    yard_hub(&s->house.yard, false);
}

/* ---- life ---- */

static void on_stray(void *arg, pid_t pid, int status)
{
    struct supervisor *s = arg;
    trials_reaped(&s->trials, pid, status);
}

static void on_child(int signo, void *arg)
{
    struct supervisor *s = arg;
    (void)signo;
    yard_reap(&s->house.yard, on_stray, s);
}

static void on_term(int signo, void *arg)
{
    struct supervisor *s = arg;
    (void)signo;
    if (s->stopping)
        return;
    s->stopping = true;
    link_close(&s->store);
    house_close(&s->house);
}

static void on_closed(void *arg)
{
    struct supervisor *s = arg;
    loop_stop(s->loop);
}

static void on_usr1(int signo, void *arg)
{
    struct supervisor *s = arg;
    size_t live = 0, rings = 0;
    (void)signo;
    for (struct runner *r = s->house.yard.all; r; r = r->next_of_all) {
        rings++;
        live += r->state == RUN_LIVE;
    }
    notice("connections=%zu rings=%zu open=%zu", s->house.n, rings, live);
}

static const char *socket_or(const char *given, char *dst, size_t size, const char *name)
{
    if (given)
        return given;
    if (conn_socket_path(dst, size, name) < 0)
        die_sys(EXIT_TEMPORARY, "cannot find '%s'", name);
    return dst;
}

/* Every ring needs some descriptors of ours; none of its processes may leave secrets in a core file. */
static void set_limits(void)
{
    struct rlimit lim;
    if (getrlimit(RLIMIT_NOFILE, &lim) == 0 && lim.rlim_cur < lim.rlim_max) {
        lim.rlim_cur = lim.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &lim) < 0)
            warn_sys("cannot raise the limit of descriptors");
    }
    lim = (struct rlimit){0};
    if (setrlimit(RLIMIT_CORE, &lim) < 0)
        warn_sys("cannot forbid core files");
}

int main(int argc, char **argv)
{
    struct supervisor s = {.position = -1};
    char store[128], hub[128];
    io_init();
    if (opt_parse(&program, argc, argv) < argc)
        opt_usage(&program, "no operands are taken");
    if (backoff_max < backoff_min)
        backoff_max = backoff_min;
    set_limits();
    be_alone(stand_by);
    s.loop = loop_new();
    s.house.yard = (struct yard){.loop = s.loop,
                                 .hub_socket = socket_or(hub_path, hub, sizeof hub, "hub.sock"),
                                 .pace = (unsigned)pace,
                                 .backoff_min = (msec)backoff_min,
                                 .backoff_max = (msec)backoff_max,
                                 .useful_ms = (msec)useful_ms,
                                 .drain_ms = (msec)drain_ms,
                                 .hang_ms = (msec)hang_ms,
                                 .limits = {.memory_bytes = memory_mib * 1024 * 1024,
                                            .files = (unsigned)files,
                                            .nice = (int)niceness}};
    s.house.ears = (struct house_ears){
        .expect = on_expect, .announce = on_announce, .verdict = on_verdict, .closed = on_closed};
    s.house.arg = &s;
    s.trials = (struct trials){.loop = s.loop, .limits = s.house.yard.limits, .done = on_tried, .arg = &s};
    house_init(&s.house);
    loop_signal(s.loop, SIGCHLD, on_child, &s);
    loop_signal(s.loop, SIGTERM, on_term, &s);
    loop_signal(s.loop, SIGINT, on_term, &s);
    loop_signal(s.loop, SIGUSR1, on_usr1, &s);
    s.hub = (struct link){.loop = s.loop,
                          .path = s.house.yard.hub_socket,
                          .what = "hub",
                          .up = on_hub_up,
                          .line = on_hub_line,
                          .down = on_hub_down,
                          .arg = &s};
    s.store = (struct link){.loop = s.loop,
                            .path = socket_or(store_path, store, sizeof store, "store.sock"),
                            .what = "store",
                            .up = on_store_up,
                            .line = on_store_line,
                            .down = on_store_down,
                            .arg = &s};
    link_open(&s.hub);
    link_open(&s.store);
    loop_run(s.loop);
    link_close(&s.store);
    link_close(&s.hub);
    trials_free(&s.trials);
    house_free(&s.house);
    buf_free(&s.scratch);
    loop_free(s.loop);
    return EXIT_DONE;
}
