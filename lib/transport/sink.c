#include "transport/sink.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/log.h"
#include "base/scan.h"
#include "transport/engine.h"
#include "transport/tally.h"

#include "base/banned.h"

enum {
    IN_FLIGHT_MAX_BYTES = 16 * 1024 * 1024,
    OUT_MAX_BYTES = 1024 * 1024, /* settlements that nobody reads */
    KEEP_BYTES = 64 * 1024,      /* of a scratch buffer */
};

static const char SENDING_FAILED[] = "connectivity:message.sending.failed";

enum { READ, PUBLISHED, FAILED, INVALID, N_COUNTERS };

/* A message on its way: what is needed to settle it. */
struct ticket {
    struct ticket *next, *prev; /* of those in flight, oldest first; next: of the spare ones */
    struct ticket *all;         /* of all there are, to free them */
    struct buf line;            /* to publish it again; empty without retry */
    struct buf id;              /* empty: nobody waits for it */
    struct meter *meter;        /* of its target; NULL: nobody wants to know */
    bool label;                 /* its target issues one */
    char correlation_id[64];
    size_t bytes;
};

struct sink {
    struct engine engine;
    const struct sink_config *cfg;
    struct channel *channel;
    struct buf address, body; /* decoded, of the line at hand */
    struct ticket *spare, *all, *oldest, *newest;
    struct buf again; /* lines to be published again, before all others */
    size_t in_flight, in_flight_bytes;
    struct timer drain;
    struct counter counters[N_COUNTERS];
    bool full;  /* the channel said so */
    bool ended; /* stdin is no longer read */
    bool closing;
    int code; /* to end with when all is drained */
};

/* --- tickets ----------------------------------------------------------------------------------------------------- */

static struct ticket *ticket_new(struct sink *s, struct slice id, size_t bytes)
{
    enum { KEEP_ID_BYTES = 256 };
    struct ticket *t = s->spare;
    if (t) {
        s->spare = t->next;
    } else {
        t = xcalloc(1, sizeof *t);
        t->all = s->all;
        s->all = t;
    }
    buf_reset(&t->id, KEEP_ID_BYTES);
    buf_put_slice(&t->id, id);
    buf_reset(&t->line, KEEP_BYTES);
    t->bytes = bytes;
    s->in_flight++;
    s->in_flight_bytes += bytes;
    t->next = NULL;
    t->prev = s->newest;
    *(t->prev ? &t->prev->next : &s->oldest) = t;
    s->newest = t;
    return t;
}

static void ticket_free(struct sink *s, struct ticket *t)
{
    s->in_flight--;
    s->in_flight_bytes -= t->bytes;
    *(t->prev ? &t->prev->next : &s->oldest) = t->next;
    *(t->next ? &t->next->prev : &s->newest) = t->prev;
    t->next = s->spare;
    s->spare = t;
}

/* For the log of the connection; one that is longer is cut. */
static void note_about(struct sink *s, struct ticket *t, const struct line *l)
{
    struct slice text = SLICE_NONE;
    t->meter = tally_of_line(s->cfg->connection, s->cfg->only, l);
    t->label = t->meter && t->meter->place.category == CATEGORY_TARGET &&
               s->cfg->connection->targets[t->meter->place.index].issued_label.p;
    if (t->meter)
        text = json_raw(json_get(l->headers, S("correlation-id")));
    (void)snprintf(t->correlation_id, sizeof t->correlation_id, "%.*s", SLICE_ARG(text));
}

static void tally(struct ticket *t, const struct ditto_error *why)
{
    struct slice about = t->correlation_id[0] ? slice_str(t->correlation_id) : SLICE_NONE;
    tally_published(t->meter, t->label, about, why);
}

static void refuse(struct sink *s, struct slice id, const struct ditto_error *err)
{
    warn("cannot publish a message: %s: %s", err->code, err->message);
    engine_count(&s->engine, FAILED);
    if (id.len)
        ditto_error_settle(&s->engine.out, id, err);
}

static void confirmed(void *arg, void *ticket, const struct ditto_error *why)
{
    struct sink *s = arg;
    struct ticket *t = ticket;
    struct slice id = buf_slice(&t->id);
    tally(t, why);
    if (why) {
        refuse(s, id, why);
    } else {
        engine_count(&s->engine, PUBLISHED);
        if (id.len)
            line_put_settlement(&s->engine.out, id, 200);
    }
    ticket_free(s, t);
}

/* --- messages ---------------------------------------------------------------------------------------------------- */

static int payload_failed(struct ditto_error *err, const char *pointer, const char *message)
{
    return ditto_fail(err, 400, SENDING_FAILED, NULL, pointer, "%s", message);
}

/* Fills m->body and m->text. */
static int read_payload(struct sink *s, const struct line *l, struct outgoing *m, struct ditto_error *err)
{
    buf_reset(&s->body, KEEP_BYTES);
    m->body = SLICE_NONE;
    m->text = json_present(l->text);
    if (m->text) {
        m->body = json_text(l->text, &s->body);
        if (!m->body.p)
            return payload_failed(err, "/text", "The text is no string.");
    } else if (json_present(l->bytes)) {
        struct slice text = json_text(l->bytes, &s->address);
        if (!text.p || base64_get(&s->body, text) < 0)
            return payload_failed(err, "/bytes", "The bytes are no base64.");
        m->body = buf_slice(&s->body);
    }
    if (m->body.len > PAYLOAD_MAX_BYTES)
        return ditto_fail(err, 413, SENDING_FAILED, NULL, NULL, "The payload has more than %d bytes.",
                          PAYLOAD_MAX_BYTES);
    return 0;
}

/* Address last: the payload may need its buffer. */
static int read_message(struct sink *s, const struct line *l, struct outgoing *m, struct ditto_error *err)
{
    buf_reset(&s->address, KEEP_BYTES);
    if (read_payload(s, l, m, err) < 0)
        return -1;
    buf_reset(&s->address, KEEP_BYTES);
    m->address = json_text(l->address, &s->address);
    if (!m->address.p)
        return payload_failed(err, "/address", "The address is no string.");
    m->headers = json_present(l->headers) ? l->headers : (struct json){0};
    if (m->headers.type != JSON_ABSENT && m->headers.type != JSON_OBJECT)
        return payload_failed(err, "/headers", "The headers are no object.");
    return 0;
}

static int qos_of(const struct sink *s, const struct line *l)
{
    const struct connection *c = s->cfg->connection;
    int64_t n = s->cfg->only;
    struct json target = json_get(l->context, S("target"));
    if (json_present(target) && json_int(target, &n) < 0)
        n = -1;
    return n >= 0 && (size_t)n < c->n_targets ? c->targets[n].qos : s->cfg->qos;
}

/* False if the channel is full: the line has to be offered again. */
static bool publish(struct sink *s, const struct line *l)
{
    struct ditto_error err = {0};
    struct outgoing m = {.qos = qos_of(s, l)};
    struct slice id = l->id.p ? l->id : S("");
    int r = read_message(s, l, &m, &err);
    struct ticket *t = ticket_new(s, id, r == 0 ? m.body.len : 0);
    note_about(s, t, l);
    if (s->cfg->retry)
        buf_put_slice(&t->line, l->raw);
    if (r == 0)
        r = s->cfg->transport->publish(s->channel, &m, t, &err);
    if (r < 0)
        tally(t, &err);
    if (r <= 0)
        ticket_free(s, t);
    if (r < 0)
        refuse(s, id, &err);
    return r != 0;
}

/* --- lines ------------------------------------------------------------------------------------------------------- */

static void invalid(struct sink *s, struct slice line, int status, const char *reason)
{
    struct ditto_error err = {0};
    struct slice id = line_id_in_front(line);
    warn("cannot use a line on stdin: %s", reason);
    report_event(false, "A line that is no message was refused: %s.", reason);
    engine_count(&s->engine, INVALID);
    if (!id.len)
        return;
    ditto_fail(&err, status, line_error_code(status), NULL, NULL, "The line cannot be read: %s.", reason);
    ditto_error_settle(&s->engine.out, id, &err);
}

/* False: it has to be offered again. */
static bool on_line(struct sink *s, struct slice raw)
{
    struct line l;
    struct json_error err;
    if (line_read(raw, &l, &err) < 0) {
        invalid(s, raw, 400, err.reason);
        return true;
    }
    if (l.kind == LINE_EXTERNAL)
        return publish(s, &l);
    if (l.kind == LINE_UNKNOWN) {
        invalid(s, raw, 400, "it is neither a message nor a settlement");
        return true;
    }
    buf_put_slice(&s->engine.out, raw);
    buf_putc(&s->engine.out, '\n');
    return true;
}

static void stop_reading(struct sink *s)
{
    if (s->ended)
        return;
    s->ended = true;
    loop_remove(s->engine.loop, &s->engine.in_watch);
    loop_timer(s->engine.loop, &s->drain, clock_ms() + s->cfg->drain_ms);
}

static bool room(const struct sink *s)
{
    return s->engine.ready && !s->engine.over && !s->full && s->in_flight < s->cfg->window &&
           s->in_flight_bytes < IN_FLIGHT_MAX_BYTES && s->engine.out.len < OUT_MAX_BYTES;
}

/* Lines that were under way when the peer was lost. */
static bool next_again(struct sink *s)
{
    struct slice rest = buf_slice(&s->again), line = slice_cut(&rest, '\n');
    s->full = !on_line(s, line);
    if (!s->full)
        buf_take(&s->again, line.len + 1);
    return true;
}

/* Works on one of the lines that were read; false if there is none. */
static bool next_line(struct sink *s)
{
    struct slice line;
    if (s->again.len)
        return next_again(s);
    if (s->ended)
        return false;
    switch (lines_next(&s->engine.in, &line)) {
    case LINES_MORE: return false;
    case LINES_LINE:
        s->full = !on_line(s, line);
        if (s->full)
            lines_unread(&s->engine.in);
        else
            engine_count(&s->engine, READ);
        return true;
    case LINES_LONG:
        engine_count(&s->engine, READ);
        invalid(s, line, 413, "it is longer than 32 MiB");
        return true;
    case LINES_CUT:
        engine_count(&s->engine, INVALID);
        error("cannot read stdin: the last line is cut off");
        s->code = EXIT_TEMPORARY;
        break;
    case LINES_END: break;
    }
    stop_reading(s);
    return false;
}

static void readable(void *arg)
{
    (void)arg; /* before the next poll, all that was read is worked on */
}

static void writable(void *arg)
{
    struct sink *s = arg;
    s->full = false;
}

/* --- the channel and the end ------------------------------------------------------------------------------------- */

static void opened(void *arg)
{
    struct sink *s = arg;
    engine_opened(&s->engine);
}

static void closed(void *arg, int exit_code, const char *reason)
{
    struct sink *s = arg;
    engine_closed(&s->engine, exit_code, reason, s->code);
}

static void maybe_drained(struct sink *s)
{
    if (!s->ended || s->in_flight || s->again.len || s->engine.out.len || s->closing)
        return;
    if (s->engine.waiting) {
        engine_finish(&s->engine, s->code);
        return;
    }
    s->closing = true;
    s->cfg->transport->close(s->channel);
}

static void on_term(int signo, void *arg)
{
    struct sink *s = arg;
    (void)signo;
    if (s->ended || !s->engine.ready)
        engine_finish(&s->engine, s->in_flight || s->again.len ? EXIT_TEMPORARY : s->code);
    else
        stop_reading(s);
}

/* A source that ends in order goes first, when all it gave is settled: that is no failure. What may still wait on stdin
 * is nobody's any more. */
static void deaf(void *arg)
{
    struct sink *s = arg;
    if (s->in_flight || s->again.len || s->engine.out.len) {
        error("cannot write to stdout: nobody reads it");
        engine_finish(&s->engine, EXIT_TEMPORARY);
    } else if (s->engine.ready) {
        stop_reading(s);
    } else {
        engine_finish(&s->engine, s->code);
    }
}

static size_t lines_in(struct slice lines)
{
    size_t n = 0;
    for (; lines.len; n++)
        (void)slice_cut(&lines, '\n');
    return n;
}

static void on_drain_over(struct timer *t)
{
    struct sink *s = t->arg;
    if (s->closing)
        return;
    error("drain limit reached: %zu messages are not confirmed",
          s->in_flight + lines_in(buf_slice(&s->again)));
    engine_finish(&s->engine, EXIT_TEMPORARY);
}

/* --- the loop ---------------------------------------------------------------------------------------------------- */

static void before_poll(void *arg)
{
    struct sink *s = arg;
    bool more;
    /* what was written makes room for more of the lines that were read */
    do {
        more = true;
        while (room(s) && (more = next_line(s)))
            continue;
    } while (engine_flush(&s->engine) && more && room(s));
    if (s->engine.over)
        return;
    maybe_drained(s);
    if (s->cfg->transport->flush && !s->engine.waiting)
        s->cfg->transport->flush(s->channel);
    s->engine.in_watch.off = !room(s) || s->again.len;
    engine_await(&s->engine);
}

/* --- life -------------------------------------------------------------------------------------------------------- */

static void sink_init(struct sink *s, const struct sink_config *cfg)
{
    static const char *const names[N_COUNTERS] = {"read", "published", "failed", "invalid"};
    struct engine *e = &s->engine;
    *s = (struct sink){.cfg = cfg};
    for (int i = 0; i < N_COUNTERS; i++)
        s->counters[i].name = names[i];
    engine_init(e, cfg->connection, cfg->ready_fd, s->counters, N_COUNTERS);
    e->readable = readable;
    e->deaf = deaf;
    e->arg = s;
    s->drain = (struct timer){.at = NEVER, .fire = on_drain_over, .arg = s};
    loop_signal(e->loop, SIGTERM, on_term, s);
    loop_signal(e->loop, SIGINT, on_term, s);
    loop_before_poll(e->loop, before_poll, s);
    loop_add(e->loop, &e->in_watch);
}

static void sink_clear(struct sink *s)
{
    while (s->all) {
        struct ticket *t = s->all;
        s->all = t->all;
        buf_free(&t->id);
        buf_free(&t->line);
        free(t);
    }
    buf_free(&s->address);
    buf_free(&s->body);
    buf_free(&s->again);
    engine_clear(&s->engine);
}

static void open_channel(struct sink *s)
{
    struct channel_user user = {
        .arg = s, .confirmed = confirmed, .writable = writable, .opened = opened, .closed = closed};
    struct channel_config config = {.loop = s->engine.loop,
                                    .connection = s->cfg->connection,
                                    .client = s->cfg->client,
                                    .connect_ms = s->cfg->connect_ms};
    s->channel = s->cfg->transport->open(&config, &user);
}

static void reopen(void *arg)
{
    struct sink *s = arg;
    struct buf rest = s->again;
    s->again = (struct buf){0};
    while (s->oldest) {
        buf_put_slice(&s->again, buf_slice(&s->oldest->line));
        buf_putc(&s->again, '\n');
        ticket_free(s, s->oldest);
    }
    buf_put_slice(&s->again, buf_slice(&rest));
    buf_free(&rest);
    s->full = false;
    s->cfg->transport->free(s->channel);
    open_channel(s);
}

int sink_run(const struct sink_config *cfg)
{
    struct sink s;
    sink_init(&s, cfg);
    if (cfg->retry)
        engine_retry(&s.engine, reopen);
    open_channel(&s);
    loop_run(s.engine.loop);
    /* what was confirmed before the end spares a duplicate, if it can still be said */
    (void)lines_flush_some(STDOUT_FILENO, &s.engine.out);
    int code = s.engine.exit_code;
    cfg->transport->free(s.channel);
    sink_clear(&s);
    return code;
}
