#include "transport/sink.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/io.h"
#include "base/lines.h"
#include "base/log.h"
#include "line/report.h"

#include "base/banned.h"

enum {
    IN_FLIGHT_MAX_BYTES = 16 * 1024 * 1024,
    OUT_MAX_BYTES = 1024 * 1024, /* settlements that nobody reads */
    REPORT_EVERY_MS = 1000,
};

enum { READ, PUBLISHED, FAILED, INVALID, N_COUNTERS };

/* A message on its way: what is needed to settle it. */
struct ticket {
    struct ticket *next; /* of the spare ones */
    struct ticket *all;  /* of all there are, to free them */
    struct buf id;       /* empty: nobody waits for it */
    size_t bytes;
};

struct sink {
    const struct sink_config *cfg;
    struct loop *loop;
    struct channel *channel;
    struct lines in;
    struct buf out, text, body;
    struct ticket *spare, *all;
    size_t in_flight, in_flight_bytes;
    struct watch in_watch, out_watch;
    struct timer drain, reporting;
    struct counter counters[N_COUNTERS];
    bool ready, full, ended, closing;
    int exit_code;
};

static void finish(struct sink *s, int code)
{
    s->exit_code = code;
    loop_stop(s->loop);
}

static void count(struct sink *s, int which)
{
    s->counters[which].n++;
    if (report_wanted() && s->reporting.at == NEVER)
        loop_timer(s->loop, &s->reporting, clock_ms() + REPORT_EVERY_MS);
}

static void on_report(struct timer *t)
{
    struct sink *s = t->arg;
    report_counters(s->counters, N_COUNTERS);
}

static void on_usr1(int signo, void *arg)
{
    struct sink *s = arg;
    (void)signo;
    counters_print(s->counters, N_COUNTERS);
}

/* ---- tickets ---- */

static struct ticket *ticket_new(struct sink *s, struct slice id, size_t bytes)
{
    struct ticket *t = s->spare;
    if (t)
        s->spare = t->next;
    else {
        t = xcalloc(1, sizeof *t);
        t->all = s->all;
        s->all = t;
    }
    buf_reset(&t->id, 256);
    buf_put_slice(&t->id, id);
    t->bytes = bytes;
    s->in_flight++;
    s->in_flight_bytes += bytes;
    return t;
}

static void ticket_free(struct sink *s, struct ticket *t)
{
    s->in_flight--;
    s->in_flight_bytes -= t->bytes;
    t->next = s->spare;
    s->spare = t;
}

static void refuse(struct sink *s, struct slice id, const struct ditto_error *err)
{
    warn("cannot publish a message: %s: %s", err->code, err->message);
    if (id.len)
        ditto_error_settle(&s->out, id, err);
}

static void confirmed(void *arg, void *ticket, const struct ditto_error *why)
{
    struct sink *s = arg;
    struct ticket *t = ticket;
    struct slice id = buf_slice(&t->id);
    count(s, why ? FAILED : PUBLISHED);
    if (why)
        refuse(s, id, why);
    else if (id.len)
        line_put_settlement(&s->out, id, 200);
    ticket_free(s, t);
}

/* ---- lines ---- */

/* Fills m->body; false if the payload is none. */
static bool payload(struct sink *s, const struct line *l, struct outgoing *m, struct ditto_error *err)
{
    buf_reset(&s->body, OUT_MAX_BYTES);
    m->body = SLICE_NONE;
    m->text = l->text.type != JSON_ABSENT;
    if (m->text) {
        m->body = json_text(l->text, &s->body);
        if (!m->body.p)
            return ditto_fail(err, 400, "connectivity:message.sending.failed", NULL, "/text", "The text is no string."), false;
    } else if (l->bytes.type != JSON_ABSENT) {
        struct slice raw = json_raw(l->bytes);
        if (!raw.p || base64_get(&s->body, raw) < 0)
            return ditto_fail(err, 400, "connectivity:message.sending.failed", NULL, "/bytes", "The bytes are no base64."), false;
        m->body = buf_slice(&s->body);
    }
    if (m->body.len > PAYLOAD_MAX_BYTES)
        return ditto_fail(err, 413, "connectivity:message.sending.failed", NULL, NULL,
                          "The payload has more than %d bytes.", PAYLOAD_MAX_BYTES), false;
    return true;
}

static int qos_of(const struct sink *s, const struct line *l)
{
    const struct connection *c = s->cfg->connection;
    int64_t n = s->cfg->only;
    struct json target = json_get(l->context, S("target"));
    if (target.type == JSON_NUMBER && json_int(target, &n) < 0)
        n = -1;
    return n >= 0 && (size_t)n < c->n_targets ? c->targets[n].qos : s->cfg->qos;
}

/* False if the channel is full: the line has to be offered again. */
static bool publish(struct sink *s, const struct line *l)
{
    struct ditto_error err = {0};
    struct outgoing m = {.headers = l->headers, .qos = qos_of(s, l)};
    struct slice id = l->id.p ? l->id : S("");
    int r = -1;
    buf_reset(&s->text, 4096);
    m.address = json_text(l->address, &s->text);
    if (!m.address.p)
        ditto_fail(&err, 400, "connectivity:message.sending.failed", NULL, "/address", "The address is no string.");
    else if (payload(s, l, &m, &err)) {
        struct ticket *t = ticket_new(s, id, m.body.len);
        r = s->cfg->transport->publish(s->channel, &m, t, &err);
        if (r <= 0)
            ticket_free(s, t);
    }
    if (r < 0) {
        count(s, FAILED);
        refuse(s, id, &err);
    }
    return r != 0;
}

static void invalid(struct sink *s, const char *reason)
{
    count(s, INVALID);
    warn("cannot use a line on stdin: %s", reason);
}

static bool on_line(struct sink *s, struct slice raw)
{
    struct line l;
    struct json_error err;
    if (line_read(raw, &l, &err) < 0) {
        invalid(s, err.reason);
        return true;
    }
    if (l.kind == LINE_EXTERNAL)
        return publish(s, &l);
    if (l.kind == LINE_UNKNOWN) {
        invalid(s, "neither a message nor a settlement");
        return true;
    }
    buf_put_slice(&s->out, raw);
    buf_putc(&s->out, '\n');
    return true;
}

static void maybe_drained(struct sink *s)
{
    if (s->ended && s->in_flight == 0 && !s->closing) {
        s->closing = true;
        s->cfg->transport->close(s->channel);
    }
}

static bool room(const struct sink *s)
{
    return !s->full && s->in_flight < s->cfg->window && s->in_flight_bytes < IN_FLIGHT_MAX_BYTES &&
           s->out.len < OUT_MAX_BYTES;
}

static void stop_reading(struct sink *s)
{
    s->ended = true;
    loop_remove(s->loop, &s->in_watch);
    loop_timer(s->loop, &s->drain, clock_ms() + s->cfg->drain_ms);
}

/* Works on the lines that were read, as far as there is room. */
static void work(struct sink *s)
{
    struct slice line;
    enum lines_status st = LINES_MORE;
    while (!s->ended && room(s)) {
        st = lines_next(&s->in, &line);
        if (st == LINES_LINE) {
            count(s, READ);
            if (!on_line(s, line)) {
                lines_unread(&s->in);
                s->full = true;
            }
        } else if (st == LINES_LONG) {
            invalid(s, "too long");
        } else {
            break;
        }
    }
    if (st == LINES_CUT) {
        invalid(s, "cut off");
        s->exit_code = EXIT_TEMPORARY;
    }
    if ((st == LINES_CUT || st == LINES_END) && !s->ended)
        stop_reading(s);
    s->in_watch.off = !s->ready || !room(s);
}

static void on_in(struct watch *w, short revents)
{
    struct sink *s = w->arg;
    (void)revents;
    if (lines_fill(&s->in) < 0) {
        error_sys("cannot read from stdin");
        finish(s, EXIT_TEMPORARY);
    }
    /* flush, before the next poll, does the work */
}

static void writable(void *arg)
{
    struct sink *s = arg;
    s->full = false;
}

/* ---- stdout ---- */

static void flush(void *arg)
{
    struct sink *s = arg;
    if (s->ready)
        work(s);
    if (s->out.len > 0 && lines_flush_some(STDOUT_FILENO, &s->out) < 0) {
        error_sys("cannot write to stdout");
        finish(s, EXIT_TEMPORARY);
        return;
    }
    s->out_watch.events = s->out.len ? POLLOUT : 0;
    s->in_watch.off = s->ended || !s->ready || !room(s);
    maybe_drained(s);
    if (s->cfg->transport->flush)
        s->cfg->transport->flush(s->channel);
}

static void on_out(struct watch *w, short revents)
{
    struct sink *s = w->arg;
    if (revents & (POLLERR | POLLNVAL)) {
        error("cannot write to stdout: nobody reads it");
        finish(s, EXIT_TEMPORARY);
    }
}

/* ---- the channel ---- */

static void opened(void *arg)
{
    struct sink *s = arg;
    info("connected to '%.*s:%u'", SLICE_ARG(s->cfg->connection->uri.host), s->cfg->connection->uri.port);
    report_state("connected", NULL);
    s->ready = true;
    io_ready(s->cfg->ready_fd);
}

static void closed(void *arg, int exit_code)
{
    struct sink *s = arg;
    report_state("disconnected", NULL);
    finish(s, exit_code ? exit_code : s->exit_code);
}

static void on_term(int signo, void *arg)
{
    struct sink *s = arg;
    (void)signo;
    if (s->ended || !s->ready) {
        finish(s, s->exit_code);
        return;
    }
    stop_reading(s);
}

static void on_drain_over(struct timer *t)
{
    struct sink *s = t->arg;
    warn("drain limit reached: %zu messages not confirmed", s->in_flight);
    finish(s, s->exit_code ? s->exit_code : EXIT_TEMPORARY);
}

/* ---- life ---- */

static void sink_init(struct sink *s, const struct sink_config *cfg)
{
    static const char *const names[N_COUNTERS] = {"read", "published", "failed", "invalid"};
    *s = (struct sink){.cfg = cfg, .loop = loop_new()};
    for (int i = 0; i < N_COUNTERS; i++)
        s->counters[i].name = names[i];
    lines_init(&s->in, STDIN_FILENO);
    s->in_watch = (struct watch){.fd = STDIN_FILENO, .events = POLLIN, .off = true, .ready = on_in, .arg = s};
    s->out_watch = (struct watch){.fd = STDOUT_FILENO, .ready = on_out, .arg = s};
    s->drain = (struct timer){.at = NEVER, .fire = on_drain_over, .arg = s};
    s->reporting = (struct timer){.at = NEVER, .fire = on_report, .arg = s};
    loop_signal(s->loop, SIGTERM, on_term, s);
    loop_signal(s->loop, SIGINT, on_term, s);
    loop_signal(s->loop, SIGUSR1, on_usr1, s);
    loop_add(s->loop, &s->in_watch);
    loop_add(s->loop, &s->out_watch);
    loop_before_poll(s->loop, flush, s);
}

static void sink_clear(struct sink *s)
{
    while (s->all) {
        struct ticket *t = s->all;
        s->all = t->all;
        buf_free(&t->id);
        free(t);
    }
    lines_free(&s->in);
    buf_free(&s->out);
    buf_free(&s->text);
    buf_free(&s->body);
    loop_free(s->loop);
}

int sink_run(const struct sink_config *cfg)
{
    struct sink s;
    sink_init(&s, cfg);
    struct channel_user user = {.arg = &s, .confirmed = confirmed, .writable = writable, .opened = opened, .closed = closed};
    struct channel_config config = {.loop = s.loop,
                                    .connection = cfg->connection,
                                    .only = cfg->only,
                                    .client = cfg->client,
                                    .connect_ms = cfg->connect_ms};
    s.channel = cfg->transport->open(&config, &user);
    loop_run(s.loop);
    report_counters(s.counters, N_COUNTERS);
    cfg->transport->free(s.channel);
    sink_clear(&s);
    return s.exit_code;
}
