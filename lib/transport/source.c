#include "transport/source.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/io.h"
#include "base/lines.h"
#include "base/log.h"
#include "line/pending.h"
#include "line/report.h"

#include "base/banned.h"

enum {
    PAUSE_MIN_MS = 1000,
    PAUSE_MAX_MS = 30000,
    STILL_MS = 2000,      /* a full window that settled nothing for so long … */
    EXTRA_EVERY_MS = 1000, /* … lets one more in each second */
    OUT_MAX_BYTES = 16 * 1024 * 1024,
    REPORT_EVERY_MS = 1000,
};

enum { RECEIVED, ACCEPTED, REJECTED, REDELIVERED, EXPIRED, UNKNOWN, N_COUNTERS };

struct intake;

struct delivery {
    struct intake *source;
    void *handle; /* the adapter's */
    unsigned lane, attempt;
    struct timer pause; /* before a redelivery */
    struct delivery *next; /* of the spare ones, or of the pausing ones */
    struct delivery *prev;
};

struct lane {
    unsigned in_flight; /* taken from the window and not yet settled at the peer */
    unsigned granted;   /* let in, not yet arrived */
    msec stirred;       /* last settlement or extra grant */
};

struct intake {
    const struct source_config *cfg;
    struct loop *loop;
    struct channel *channel;
    struct lines in;
    struct buf out;
    size_t line_start; /* of the line being built */
    struct delivery *building;
    struct pending pending;
    struct delivery *spare, *pausing;
    struct lane *lanes;
    unsigned n_lanes;
    struct watch in_watch, out_watch;
    struct timer expiry, still, drain, reporting;
    struct counter counters[N_COUNTERS];
    bool ready, stopping, closing, held;
    int exit_code;
};

static void finish(struct intake *s, int code)
{
    s->exit_code = code;
    loop_stop(s->loop);
}

/* ---- counters ---- */

static void count(struct intake *s, int which)
{
    s->counters[which].n++;
    if (report_wanted() && s->reporting.at == NEVER)
        loop_timer(s->loop, &s->reporting, clock_ms() + REPORT_EVERY_MS);
}

static void report(struct intake *s)
{
    s->counters[UNKNOWN].n = s->pending.unknown;
    report_counters(s->counters, N_COUNTERS);
}

static void on_report(struct timer *t)
{
    report(t->arg);
}

static void on_usr1(int signo, void *arg)
{
    struct intake *s = arg;
    (void)signo;
    s->counters[UNKNOWN].n = s->pending.unknown;
    counters_print(s->counters, N_COUNTERS);
}

/* ---- windows ---- */

static void arm_still(struct intake *s)
{
    msec at = NEVER;
    if (!s->stopping)
        for (unsigned i = 0; i < s->n_lanes; i++) {
            const struct lane *l = &s->lanes[i];
            if (l->granted == 0 && l->in_flight >= s->cfg->window && l->in_flight < 2 * s->cfg->window &&
                l->stirred + STILL_MS < at)
                at = l->stirred + STILL_MS;
        }
    if (at != s->still.at)
        loop_timer(s->loop, &s->still, at);
}

static void grant(struct intake *s, unsigned lane, unsigned n)
{
    s->lanes[lane].granted += n;
    s->cfg->transport->grant(s->channel, lane, n);
}

/* Lets in what the window has room for. */
static void top_up(struct intake *s, unsigned lane)
{
    const struct lane *l = &s->lanes[lane];
    unsigned taken = l->in_flight + l->granted;
    if (!s->stopping && taken < s->cfg->window)
        grant(s, lane, s->cfg->window - taken);
}

static void on_still(struct timer *t)
{
    struct intake *s = t->arg;
    msec now = clock_ms();
    for (unsigned i = 0; i < s->n_lanes; i++) {
        struct lane *l = &s->lanes[i];
        if (l->granted == 0 && l->in_flight >= s->cfg->window && l->in_flight < 2 * s->cfg->window &&
            l->stirred + STILL_MS <= now) {
            /* the next extra one comes EXTRA_EVERY_MS from now, not STILL_MS */
            l->stirred = now - STILL_MS + EXTRA_EVERY_MS;
            grant(s, i, 1);
        }
    }
    arm_still(s);
}

static void maybe_drained(struct intake *s)
{
    if (!s->stopping || s->closing || s->pending.n || s->pausing || s->out.len)
        return;
    s->closing = true;
    s->cfg->transport->close(s->channel);
}

/* ---- the fate of a delivery ---- */

static void delivery_free(struct intake *s, struct delivery *d)
{
    d->next = s->spare;
    s->spare = d;
}

static void carry_out(struct intake *s, struct delivery *d, enum line_class fate)
{
    struct lane *l = &s->lanes[d->lane];
    s->cfg->transport->settle(s->channel, d->handle, fate);
    l->in_flight--;
    l->stirred = clock_ms();
    count(s, fate == CLASS_ACCEPT ? ACCEPTED : fate == CLASS_REJECT ? REJECTED : REDELIVERED);
    top_up(s, d->lane);
    delivery_free(s, d);
}

static void on_pause_over(struct timer *t)
{
    struct delivery *d = t->arg;
    struct intake *s = d->source;
    loop_timer(s->loop, t, NEVER);
    if (d->prev)
        d->prev->next = d->next;
    else
        s->pausing = d->next;
    if (d->next)
        d->next->prev = d->prev;
    carry_out(s, d, CLASS_REDELIVER);
    maybe_drained(s);
}

static msec pause_ms(unsigned attempt)
{
    msec ms = PAUSE_MIN_MS << (attempt < 5 ? attempt : 5);
    return ms < PAUSE_MAX_MS ? ms : PAUSE_MAX_MS;
}

/* A redelivery keeps its place in the window while it waits, so that a failing far end slows intake down. */
static void redeliver_later(struct intake *s, struct delivery *d)
{
    d->prev = NULL;
    d->next = s->pausing;
    if (s->pausing)
        s->pausing->prev = d;
    s->pausing = d;
    loop_timer(s->loop, &d->pause, clock_ms() + pause_ms(d->attempt));
}

static void arm_expiry(struct intake *s)
{
    msec at = s->pending.oldest ? s->pending.oldest->since + s->cfg->expire_ms : NEVER;
    if (at != s->expiry.at && (at == NEVER || s->expiry.at == NEVER || at < s->expiry.at))
        loop_timer(s->loop, &s->expiry, at);
}

/* Takes the entry out of the table. The clock of the next one starts at the later of its dispatch and the last
 * settlement of an earlier one: only the oldest can be the first to expire, so only its clock is kept right. */
static struct delivery *take(struct intake *s, struct entry *e, bool settled)
{
    struct delivery *d = e->data;
    msec since = settled ? clock_ms() : e->since;
    if (e->newer && e->newer->since < since)
        e->newer->since = since;
    pending_remove(&s->pending, e);
    return d;
}

static void settled(struct intake *s, struct entry *e)
{
    enum line_class fate = e->worst;
    struct delivery *d = take(s, e, true);
    if (log_at(LOG_TRACE))
        trace("settled a delivery of source %u: class %d", d->lane, (int)fate);
    if (fate == CLASS_REDELIVER)
        redeliver_later(s, d);
    else
        carry_out(s, d, fate);
}

static void on_expiry(struct timer *t)
{
    struct intake *s = t->arg;
    msec now = clock_ms();
    while (s->pending.oldest && s->pending.oldest->since + s->cfg->expire_ms <= now) {
        count(s, EXPIRED);
        warn("a delivery was not settled within %lld ms: it is redelivered", (long long)s->cfg->expire_ms);
        redeliver_later(s, take(s, s->pending.oldest, false));
    }
    loop_timer(s->loop, t, s->pending.oldest ? s->pending.oldest->since + s->cfg->expire_ms : NEVER);
}

/* ---- stdout ---- */

static void settle_written(struct intake *s)
{
    while (s->pending.oldest) {
        struct delivery *d = take(s, s->pending.oldest, true);
        carry_out(s, d, CLASS_ACCEPT);
    }
}

static void hold(struct intake *s, bool held)
{
    if (held == s->held)
        return;
    s->held = held;
    s->cfg->transport->hold(s->channel, held);
}

static void flush(void *arg)
{
    struct intake *s = arg;
    int r = 1;
    if (s->out.len > 0)
        r = lines_flush_some(STDOUT_FILENO, &s->out);
    if (r < 0) {
        error_sys("cannot write to stdout");
        finish(s, EXIT_TEMPORARY);
        return;
    }
    if (r == 1 && s->cfg->mode == SETTLE_WRITE)
        settle_written(s);
    s->out_watch.events = s->out.len ? POLLOUT : 0;
    hold(s, s->out.len > OUT_MAX_BYTES);
    arm_expiry(s);
    arm_still(s);
    maybe_drained(s);
    if (s->cfg->transport->flush)
        s->cfg->transport->flush(s->channel);
}

static void on_out(struct watch *w, short revents)
{
    struct intake *s = w->arg;
    if (revents & (POLLERR | POLLNVAL)) {
        error("cannot write to stdout: nobody reads it");
        finish(s, EXIT_TEMPORARY);
    }
    /* POLLOUT: flush runs before the next poll anyway */
}

/* ---- from the adapter ---- */

static struct buf *begin(void *arg, unsigned lane, struct slice address, void *handle, unsigned attempt)
{
    struct intake *s = arg;
    struct delivery *d = NULL;
    char id[PENDING_ID_SIZE];
    s->line_start = s->out.len;
    buf_putc(&s->out, '{');
    if (s->cfg->mode != SETTLE_NONE) {
        d = s->spare;
        if (d)
            s->spare = d->next;
        else
            d = xcalloc(1, sizeof *d);
        *d = (struct delivery){.source = s, .handle = handle, .lane = lane, .attempt = attempt};
        d->pause = (struct timer){.at = NEVER, .fire = on_pause_over, .arg = d};
        pending_add(&s->pending, d, id)->since = clock_ms();
        buf_printf(&s->out, "\"id\":\"%s\",", id);
    }
    buf_puts(&s->out, "\"address\":");
    json_put_text(&s->out, address);
    s->building = d;
    struct lane *l = &s->lanes[lane];
    if (l->granted)
        l->granted--;
    if (d)
        l->in_flight++;
    else
        top_up(s, lane);
    buf_puts(&s->out, ",\"context\":{\"connection\":");
    json_put_text(&s->out, s->cfg->connection->id);
    buf_printf(&s->out, ",\"source\":%u}", lane);
    count(s, RECEIVED);
    return &s->out;
}

static void end(void *arg)
{
    struct intake *s = arg;
    buf_puts(&s->out, "}\n");
    if (log_at(LOG_TRACE))
        trace("received a message, %zu bytes as a line", s->out.len - s->line_start);
}

static void refused(void *arg, unsigned lane)
{
    struct intake *s = arg;
    if (s->lanes[lane].granted)
        s->lanes[lane].granted--;
    count(s, RECEIVED);
    count(s, REJECTED);
    top_up(s, lane);
}

static void opened(void *arg)
{
    struct intake *s = arg;
    info("connected to '%.*s:%u'", SLICE_ARG(s->cfg->connection->uri.host), s->cfg->connection->uri.port);
    report_state("connected", NULL);
    io_ready(s->cfg->ready_fd);
    s->ready = true;
}

static void closed(void *arg, int exit_code)
{
    struct intake *s = arg;
    report_state("disconnected", NULL);
    finish(s, s->exit_code ? s->exit_code : exit_code);
}

/* ---- stdin ---- */

static void on_line(struct intake *s, struct slice raw)
{
    struct line l;
    struct json_error err;
    struct entry *done = NULL;
    int64_t parts;
    if (line_read(raw, &l, &err) < 0 || l.kind == LINE_UNKNOWN) {
        s->pending.unknown++;
        warn("cannot use a line on stdin: no settlement");
        return;
    }
    if ((l.kind != LINE_SETTLEMENT && l.kind != LINE_PARTS) || !pending_owns(&s->pending, l.id)) {
        buf_put_slice(&s->out, raw);
        buf_putc(&s->out, '\n');
        return;
    }
    if (l.kind == LINE_SETTLEMENT)
        done = pending_settle(&s->pending, l.id, pending_status_of(&l));
    else if (json_int(l.parts, &parts) == 0 && parts >= 0)
        done = pending_parts(&s->pending, l.id, (size_t)parts);
    if (done)
        settled(s, done);
}

static void on_in(struct watch *w, short revents)
{
    struct intake *s = w->arg;
    struct slice line;
    enum lines_status st;
    (void)revents;
    if (lines_fill(&s->in) < 0) {
        error_sys("cannot read from stdin");
        finish(s, EXIT_TEMPORARY);
        return;
    }
    while ((st = lines_next(&s->in, &line)) == LINES_LINE || st == LINES_LONG) {
        if (st == LINES_LINE) {
            on_line(s, line);
        } else {
            s->pending.unknown++;
            warn("cannot use a line on stdin: longer than %zu bytes", s->in.max);
        }
    }
    if (st == LINES_MORE)
        return;
    if (st == LINES_CUT)
        error("the last line on stdin is cut off");
    else if (!s->stopping || s->pending.n)
        error("stdin ended: nobody will settle what is in flight");
    finish(s, s->stopping && !s->pending.n && st == LINES_END ? EXIT_DONE : EXIT_TEMPORARY);
}

/* ---- signals ---- */

static void on_term(int signo, void *arg)
{
    struct intake *s = arg;
    (void)signo;
    if (s->stopping || !s->ready) {
        finish(s, EXIT_DONE);
        return;
    }
    s->stopping = true;
    info("stopping: %zu in flight", s->pending.n);
    s->cfg->transport->stop(s->channel);
    loop_timer(s->loop, &s->drain, clock_ms() + s->cfg->drain_ms);
    maybe_drained(s);
}

static void on_drain_over(struct timer *t)
{
    struct intake *s = t->arg;
    info("drain limit reached: %zu left to the peer", s->pending.n);
    finish(s, EXIT_DONE);
}

/* ---- life ---- */

int source_mode(const char *text, enum settle_mode *out)
{
    static const char *const names[] = {[SETTLE_RING] = "ring", [SETTLE_WRITE] = "write", [SETTLE_NONE] = "none"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(text, names[i]) == 0) {
            *out = (enum settle_mode)i;
            return 0;
        }
    return -1;
}

static void source_init(struct intake *s, const struct source_config *cfg)
{
    static const char *const names[N_COUNTERS] = {"received", "accepted", "rejected", "redelivered", "expired", "unknown"};
    *s = (struct intake){.cfg = cfg, .loop = loop_new()};
    for (int i = 0; i < N_COUNTERS; i++)
        s->counters[i].name = names[i];
    pending_init(&s->pending, "s");
    lines_init(&s->in, STDIN_FILENO);
    s->n_lanes = (unsigned)cfg->connection->n_sources;
    s->lanes = xcalloc(s->n_lanes ? s->n_lanes : 1, sizeof *s->lanes);
    s->in_watch = (struct watch){.fd = STDIN_FILENO, .events = POLLIN, .ready = on_in, .arg = s};
    s->out_watch = (struct watch){.fd = STDOUT_FILENO, .ready = on_out, .arg = s};
    s->expiry = (struct timer){.at = NEVER, .fire = on_expiry, .arg = s};
    s->still = (struct timer){.at = NEVER, .fire = on_still, .arg = s};
    s->drain = (struct timer){.at = NEVER, .fire = on_drain_over, .arg = s};
    s->reporting = (struct timer){.at = NEVER, .fire = on_report, .arg = s};
    loop_signal(s->loop, SIGTERM, on_term, s);
    loop_signal(s->loop, SIGINT, on_term, s);
    loop_signal(s->loop, SIGUSR1, on_usr1, s);
    if (cfg->mode == SETTLE_RING)
        loop_add(s->loop, &s->in_watch);
    loop_add(s->loop, &s->out_watch);
    loop_before_poll(s->loop, flush, s);
}

static void source_clear(struct intake *s)
{
    while (s->pending.oldest)
        delivery_free(s, take(s, s->pending.oldest, false));
    while (s->pausing) {
        struct delivery *d = s->pausing;
        s->pausing = d->next;
        loop_timer(s->loop, &d->pause, NEVER);
        delivery_free(s, d);
    }
    while (s->spare) {
        struct delivery *d = s->spare;
        s->spare = d->next;
        free(d);
    }
    pending_free(&s->pending);
    lines_free(&s->in);
    buf_free(&s->out);
    free(s->lanes);
    loop_free(s->loop);
}

int source_run(const struct source_config *cfg)
{
    struct intake s;
    source_init(&s, cfg);
    struct channel_user user = {.arg = &s, .begin = begin, .end = end, .refused = refused, .opened = opened, .closed = closed};
    struct channel_config config = {.loop = s.loop,
                                    .connection = cfg->connection,
                                    .only = cfg->only,
                                    .client = cfg->client,
                                    .presettled = cfg->mode == SETTLE_NONE,
                                    .connect_ms = cfg->connect_ms};
    s.channel = cfg->transport->open(&config, &user);
    for (unsigned i = 0; i < s.n_lanes; i++)
        if (cfg->only < 0 || (unsigned)cfg->only == i)
            top_up(&s, i);
    loop_run(s.loop);
    report(&s);
    cfg->transport->free(s.channel);
    source_clear(&s);
    return s.exit_code;
}
