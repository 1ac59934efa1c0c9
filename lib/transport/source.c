#include "transport/source.h"

#include <signal.h>
#include <stdlib.h>

#include "base/log.h"
#include "line/pending.h"
#include "transport/engine.h"
#include "transport/lanes.h"
#include "transport/tally.h"

#include "base/banned.h"

enum {
    PAUSE_MIN_MS = 1000,
    PAUSE_MAX_MS = 30000,
    HOLD_BYTES = 16 * 1024 * 1024, /* waiting for stdout: no more is taken from the peer … */
    /* … but lines that pass through keep coming, or the ring could stand still. They are bounded by what circulates in
     * it; more than this is no ring. */
    OUT_MAX_BYTES = 128 * 1024 * 1024,
};

/* The last one only of a transport that gives up. */
enum { RECEIVED, ACCEPTED, REJECTED, REDELIVERED, EXPIRED, UNKNOWN, GIVEN_UP, N_COUNTERS };

struct intake;

struct delivery {
    struct intake *source;
    void *handle; /* the adapter's */
    size_t lane;
    unsigned attempt;
    struct timer pause;           /* before a redelivery */
    struct delivery *next, *prev; /* of the pausing ones; next: of the spare ones */
};

struct intake {
    struct engine engine;
    const struct source_config *cfg;
    struct channel *channel;
    struct pending pending;
    struct delivery *spare, *pausing;
    struct lanes lanes;
    struct meter **meters;  /* of each lane */
    msec *told_full;        /* when each lane was said to be full */
    struct entry *building; /* NULL: a message that nobody will settle */
    size_t line_start;      /* of the line being built */
    size_t line_lane;
    struct timer expiry, still, drain;
    struct counter counters[N_COUNTERS];
    bool stopping, closing, held;
};

/* --- windows ----------------------------------------------------------------------------------------------------- */

static void open_window(struct intake *s, size_t lane)
{
    unsigned n = s->stopping || s->engine.waiting ? 0 : window_open(&s->lanes.windows[lane]);
    if (n)
        s->cfg->transport->grant(s->channel, lane, n);
}

static void arm_still(struct intake *s)
{
    msec at = NEVER;
    for (size_t i = 0; i < s->lanes.n && !s->stopping && !s->engine.waiting; i++) {
        msec due = window_extra_at(&s->lanes.windows[i]);
        if (due < at)
            at = due;
    }
    if (at != s->still.at)
        loop_timer(s->engine.loop, &s->still, at);
}

static void on_still(struct timer *t)
{
    struct intake *s = t->arg;
    msec now = clock_ms();
    for (size_t i = 0; i < s->lanes.n && !s->stopping && !s->engine.waiting; i++)
        if (window_extra(&s->lanes.windows[i], now))
            s->cfg->transport->grant(s->channel, i, 1);
}

/* --- the fate of a delivery -------------------------------------------------------------------------------------- */

static struct delivery *delivery_new(struct intake *s)
{
    struct delivery *d = s->spare;
    if (d)
        s->spare = d->next;
    return d ? d : xmalloc(sizeof *d);
}

static void delivery_free(struct intake *s, struct delivery *d)
{
    d->next = s->spare;
    s->spare = d;
}

static void carry_out(struct intake *s, struct delivery *d, enum line_class fate)
{
    static const unsigned counter[] = {
        [CLASS_ACCEPT] = ACCEPTED, [CLASS_REJECT] = REJECTED, [CLASS_REDELIVER] = REDELIVERED};
    s->cfg->transport->settle(s->channel, d->handle, fate);
    window_give(&s->lanes.windows[d->lane], clock_ms());
    engine_count(&s->engine, counter[fate]);
    tally_settled(s->meters[d->lane], fate);
    open_window(s, d->lane);
    delivery_free(s, d);
}

static void end_pause(struct intake *s, struct delivery *d)
{
    *(d->prev ? &d->prev->next : &s->pausing) = d->next;
    if (d->next)
        d->next->prev = d->prev;
    loop_timer(s->engine.loop, &d->pause, NEVER);
    carry_out(s, d, CLASS_REDELIVER);
}

static void on_pause_over(struct timer *t)
{
    struct delivery *d = t->arg;
    end_pause(d->source, d);
}

static msec pause_ms(unsigned attempt)
{
    msec ms = (msec)PAUSE_MIN_MS << (attempt < 5 ? attempt : 5);
    return ms < PAUSE_MAX_MS ? ms : PAUSE_MAX_MS;
}

static void give_up(struct intake *s, struct delivery *d)
{
    error("a message of source %u is given up: it was delivered %u times", s->lanes.v[d->lane].source,
          d->attempt + 1);
    engine_count(&s->engine, GIVEN_UP);
    carry_out(s, d, CLASS_REJECT);
}

/* A redelivery keeps its place in the window while it waits, so that a failing far end slows intake down. At the end
 * there is no intake left to slow down. */
static void redeliver(struct intake *s, struct delivery *d)
{
    if (s->stopping) {
        carry_out(s, d, CLASS_REDELIVER);
        return;
    }
    if (s->cfg->transport->spent && s->cfg->transport->spent(s->channel, d->handle)) {
        give_up(s, d);
        return;
    }
    d->prev = NULL;
    d->next = s->pausing;
    if (s->pausing)
        s->pausing->prev = d;
    s->pausing = d;
    d->pause = (struct timer){.at = NEVER, .fire = on_pause_over, .arg = d};
    loop_timer(s->engine.loop, &d->pause, clock_ms() + pause_ms(d->attempt));
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
        trace("settled a message of source %u: %s", s->lanes.v[d->lane].source,
              fate == CLASS_ACCEPT   ? "accepted"
              : fate == CLASS_REJECT ? "rejected"
                                     : "to be redelivered");
    if (fate == CLASS_REDELIVER)
        redeliver(s, d);
    else
        carry_out(s, d, fate);
}

static msec oldest_expires(const struct intake *s)
{
    return s->pending.oldest ? s->pending.oldest->since + s->cfg->expire_ms : NEVER;
}

/* The timer may be early: then it looks again. So it need not be moved at every settlement. */
static void arm_expiry(struct intake *s)
{
    msec at = oldest_expires(s);
    if (at == NEVER ? s->expiry.at != NEVER : at < s->expiry.at)
        loop_timer(s->engine.loop, &s->expiry, at);
}

static void on_expiry(struct timer *t)
{
    struct intake *s = t->arg;
    unsigned n = 0;
    for (msec now = clock_ms(); oldest_expires(s) <= now; n++) {
        engine_count(&s->engine, EXPIRED);
        redeliver(s, take(s, s->pending.oldest, false));
    }
    if (n)
        warn("%u messages were not settled within %lld ms: they will be redelivered", n,
             (long long)s->cfg->expire_ms);
    loop_timer(s->engine.loop, t, oldest_expires(s));
}

static void leave_to_peer(struct intake *s, struct delivery *d)
{
    engine_count(&s->engine, REDELIVERED);
    tally_settled(s->meters[d->lane], CLASS_REDELIVER);
    delivery_free(s, d);
}

/* Whatever is in flight stays with the peer; nothing is settled any more. */
static void forget(struct intake *s)
{
    while (s->pending.oldest)
        leave_to_peer(s, take(s, s->pending.oldest, false));
    while (s->pausing) {
        struct delivery *d = s->pausing;
        s->pausing = d->next;
        loop_timer(s->engine.loop, &d->pause, NEVER);
        leave_to_peer(s, d);
    }
}

/* --- from the adapter -------------------------------------------------------------------------------------------- */

static void hold(struct intake *s, bool held)
{
    if (held == s->held)
        return;
    s->held = held;
    if (!s->engine.waiting)
        s->cfg->transport->hold(s->channel, held);
}

static void remember(struct intake *s, size_t lane, void *handle, unsigned attempt)
{
    char id[PENDING_ID_SIZE];
    struct delivery *d = delivery_new(s);
    *d = (struct delivery){.source = s, .handle = handle, .lane = lane, .attempt = attempt};
    s->building = pending_add(&s->pending, d, id);
    s->building->since = clock_ms();
    window_take(&s->lanes.windows[lane], s->building->since);
    if (s->lanes.windows[lane].taken == s->lanes.windows[lane].size)
        tally_full(s->meters[lane], &s->told_full[lane]);
    buf_puts(&s->engine.out, "\"id\":\"");
    buf_puts(&s->engine.out, id);
    buf_puts(&s->engine.out, "\",");
}

/* Nobody will settle it: its place is free again at once, and stdout alone holds back the peer. */
static void let_pass(struct intake *s, size_t lane)
{
    msec now = clock_ms();
    s->building = NULL;
    window_take(&s->lanes.windows[lane], now);
    window_give(&s->lanes.windows[lane], now);
    open_window(s, lane);
}

static struct buf *begin(void *arg, size_t lane, struct slice address, void *handle, unsigned attempt)
{
    struct intake *s = arg;
    struct buf *out = &s->engine.out;
    s->line_start = out->len;
    s->line_lane = lane;
    buf_putc(out, '{');
    if (s->cfg->mode == SETTLE_NONE)
        let_pass(s, lane);
    else
        remember(s, lane, handle, attempt);
    buf_puts(out, "\"address\":");
    json_put_text(out, address);
    buf_put_slice(out, buf_slice(&s->lanes.contexts[lane]));
    engine_count(&s->engine, RECEIVED);
    return out;
}

static void drop_line(struct intake *s)
{
    warn("a message of source %u is rejected: its line would be longer than %d bytes",
         s->lanes.v[s->line_lane].source, LINE_MAX_BYTES);
    tally_refused(s->meters[s->line_lane], "its line would be longer than 32 MiB");
    buf_cut(&s->engine.out, s->line_start);
    if (s->building)
        carry_out(s, take(s, s->building, false), CLASS_REJECT);
    else
        engine_count(&s->engine, REJECTED);
}

static void end(void *arg)
{
    struct intake *s = arg;
    struct buf *out = &s->engine.out;
    buf_putc(out, '}');
    if (out->len - s->line_start > LINE_MAX_BYTES) {
        drop_line(s);
        return;
    }
    if (log_at(LOG_TRACE))
        trace("received a message of source %u, %zu bytes as a line", s->lanes.v[s->line_lane].source,
              out->len - s->line_start);
    tally_consumed(s->meters[s->line_lane], slice_skip(buf_slice(out), s->line_start));
    buf_putc(out, '\n');
    if (out->len > HOLD_BYTES)
        hold(s, true);
}

static void refused(void *arg, size_t lane)
{
    struct intake *s = arg;
    let_pass(s, lane);
    engine_count(&s->engine, RECEIVED);
    engine_count(&s->engine, REJECTED);
    tally_refused(s->meters[lane], "it is too large or malformed");
    tally_settled(s->meters[lane], CLASS_REJECT);
}

static void opened(void *arg)
{
    struct intake *s = arg;
    engine_opened(&s->engine);
}

static void closed(void *arg, int exit_code, const char *reason)
{
    struct intake *s = arg;
    engine_closed(&s->engine, exit_code, reason, EXIT_DONE);
    if (s->engine.waiting)
        forget(s);
}

/* --- stdin ------------------------------------------------------------------------------------------------------- */

static void unusable(struct intake *s, const char *reason)
{
    s->pending.unknown++;
    warn("cannot use a line on stdin: %s", reason);
}

static void pass_on(struct intake *s, struct slice raw)
{
    if (s->engine.out.len + raw.len > OUT_MAX_BYTES) {
        error("cannot pass on what comes on stdin: nobody reads stdout");
        engine_finish(&s->engine, EXIT_TEMPORARY);
        return;
    }
    buf_put_slice(&s->engine.out, raw);
    buf_putc(&s->engine.out, '\n');
}

static void on_line(struct intake *s, struct slice raw)
{
    struct line l;
    struct json_error err;
    struct entry *done = NULL;
    int64_t parts;
    bool ours;
    if (line_read(raw, &l, &err) < 0) {
        unusable(s, err.reason);
        return;
    }
    ours = (l.kind == LINE_SETTLEMENT || l.kind == LINE_PARTS) && pending_owns(&s->pending, l.id);
    if (l.kind == LINE_UNKNOWN)
        unusable(s, "it is neither a message nor a settlement"); /* passed on, it would go round for ever */
    else if (!ours)
        pass_on(s, raw);
    else if (l.kind == LINE_SETTLEMENT)
        done = pending_settle(&s->pending, l.id, pending_status_of(&l));
    else if (json_int(l.parts, &parts) == 0 && parts >= 0)
        done = pending_parts(&s->pending, l.id, (size_t)parts);
    else
        unusable(s, "the number of parts is none");
    if (done)
        settled(s, done);
}

static void stdin_ended(struct intake *s, bool cut)
{
    if (cut)
        error("cannot read stdin: the last line is cut off");
    else if (!s->stopping || s->pending.n)
        error("stdin ended: nobody will settle what is in flight");
    engine_finish(&s->engine, s->stopping && !s->pending.n && !cut ? EXIT_DONE : EXIT_TEMPORARY);
}

static void readable(void *arg)
{
    struct intake *s = arg;
    struct slice line;
    for (;;)
        switch (lines_next(&s->engine.in, &line)) {
        case LINES_LINE: on_line(s, line); break;
        case LINES_LONG: unusable(s, "it is longer than 32 MiB"); break;
        case LINES_CUT: stdin_ended(s, true); return;
        case LINES_END: stdin_ended(s, false); return;
        case LINES_MORE: s->counters[UNKNOWN].n = s->pending.unknown; return;
        }
}

static void deaf(void *arg)
{
    struct intake *s = arg;
    error("cannot write to stdout: nobody reads it");
    engine_finish(&s->engine, EXIT_TEMPORARY);
}

/* --- the end ----------------------------------------------------------------------------------------------------- */

static void close_channel(struct intake *s)
{
    if (s->closing)
        return;
    s->closing = true;
    s->cfg->transport->close(s->channel);
}

static void maybe_drained(struct intake *s)
{
    if (s->stopping && s->pending.n == 0 && s->engine.out.len == 0)
        close_channel(s);
}

static void on_term(int signo, void *arg)
{
    struct intake *s = arg;
    (void)signo;
    if (s->stopping || !s->engine.ready) {
        engine_finish(&s->engine, EXIT_DONE);
        return;
    }
    info("stopping: %zu in flight", s->pending.n);
    s->stopping = true;
    s->cfg->transport->stop(s->channel);
    while (s->pausing)
        end_pause(s, s->pausing);
    loop_timer(s->engine.loop, &s->drain, clock_ms() + s->cfg->drain_ms);
}

static void on_drain_over(struct timer *t)
{
    struct intake *s = t->arg;
    warn("drain limit reached: %zu messages are left to the peer", s->pending.n);
    close_channel(s);
}

/* --- the loop ---------------------------------------------------------------------------------------------------- */

static void settle_written(struct intake *s)
{
    while (s->pending.oldest)
        carry_out(s, take(s, s->pending.oldest, true), CLASS_ACCEPT);
}

static void before_poll(void *arg)
{
    struct intake *s = arg;
    bool written = engine_flush(&s->engine);
    if (s->engine.over)
        return;
    if (written && s->cfg->mode == SETTLE_WRITE)
        settle_written(s);
    hold(s, s->engine.out.len > HOLD_BYTES);
    arm_expiry(s);
    arm_still(s);
    maybe_drained(s);
    if (s->cfg->transport->flush && !s->engine.waiting)
        s->cfg->transport->flush(s->channel);
    engine_await(&s->engine); /* last: hold and flush may have brought messages */
}

/* --- life -------------------------------------------------------------------------------------------------------- */

int source_mode(const char *text, enum settle_mode *out)
{
    static const char *const names[] = {
        [SETTLE_RING] = "ring", [SETTLE_WRITE] = "write", [SETTLE_NONE] = "none"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(text, names[i]) == 0) {
            *out = (enum settle_mode)i;
            return 0;
        }
    return -1;
}

static void source_init(struct intake *s, const struct source_config *cfg)
{
    static const char *const names[N_COUNTERS] = {"received", "accepted", "rejected", "redelivered",
                                                  "expired",  "unknown",  "given_up"};
    struct engine *e = &s->engine;
    *s = (struct intake){.cfg = cfg};
    for (int i = 0; i < N_COUNTERS; i++)
        s->counters[i].name = names[i];
    engine_init(e, cfg->connection, cfg->ready_fd, s->counters,
                cfg->transport->spent ? N_COUNTERS : N_COUNTERS - 1);
    e->readable = readable;
    e->deaf = deaf;
    e->arg = s;
    pending_init(&s->pending, "s");
    lanes_make(&s->lanes, cfg->connection, cfg->only, cfg->transport->lane_per_address, cfg->window);
    s->meters = xcalloc(s->lanes.n, sizeof(struct meter *));
    s->told_full = xcalloc(s->lanes.n, sizeof *s->told_full);
    for (size_t i = 0; i < s->lanes.n; i++)
        s->meters[i] = tally_of_lane(cfg->connection, &s->lanes.v[i]);
    s->expiry = (struct timer){.at = NEVER, .fire = on_expiry, .arg = s};
    s->still = (struct timer){.at = NEVER, .fire = on_still, .arg = s};
    s->drain = (struct timer){.at = NEVER, .fire = on_drain_over, .arg = s};
    loop_signal(e->loop, SIGTERM, on_term, s);
    loop_signal(e->loop, SIGINT, on_term, s);
    loop_before_poll(e->loop, before_poll, s);
    if (cfg->mode == SETTLE_RING)
        loop_add(e->loop, &e->in_watch);
}

static void source_clear(struct intake *s)
{
    forget(s);
    if (log_at(LOG_VERBOSE))
        counters_print(s->counters, s->engine.n_counters);
    while (s->spare) {
        struct delivery *d = s->spare;
        s->spare = d->next;
        free(d);
    }
    pending_free(&s->pending);
    lanes_free(&s->lanes);
    free(s->meters);
    free(s->told_full);
    engine_clear(&s->engine);
}

static void open_channel(struct intake *s)
{
    const struct source_config *cfg = s->cfg;
    struct channel_user user = {
        .arg = s, .begin = begin, .end = end, .refused = refused, .opened = opened, .closed = closed};
    struct channel_config config = {.loop = s->engine.loop,
                                    .connection = cfg->connection,
                                    .lanes = s->lanes.v,
                                    .n_lanes = s->lanes.n,
                                    .client = cfg->client,
                                    .presettled = cfg->mode == SETTLE_NONE,
                                    .redeliveries = cfg->redeliveries,
                                    .connect_ms = cfg->connect_ms};
    for (size_t i = 0; i < s->lanes.n; i++)
        config.window += s->lanes.windows[i].size;
    s->channel = cfg->transport->open(&config, &user);
    for (size_t i = 0; i < s->lanes.n && !s->engine.over; i++)
        open_window(s, i);
}

static void reopen(void *arg)
{
    struct intake *s = arg;
    s->cfg->transport->free(s->channel);
    for (size_t i = 0; i < s->lanes.n; i++)
        s->lanes.windows[i].granted = s->lanes.windows[i].taken = 0;
    s->held = false;
    open_channel(s);
}

int source_run(const struct source_config *cfg)
{
    struct intake s;
    source_init(&s, cfg);
    if (cfg->retry)
        engine_retry(&s.engine, reopen);
    open_channel(&s);
    loop_run(s.engine.loop);
    int code = s.engine.exit_code;
    cfg->transport->free(s.channel);
    source_clear(&s);
    return code;
}
