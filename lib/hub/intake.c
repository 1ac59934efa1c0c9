#include "hub/intake.h"

#include "base/log.h"
#include "base/scan.h"
#include "hub/answer.h"
#include "hub/hello.h"
#include "hub/route.h"
#include "hub/wait.h"

#include "base/banned.h"

/* ---- lines ---- */

struct slice intake_head_id(struct slice line)
{
    return line_id_in_front(line);
}

static void bad_line(struct member *m, struct slice id, int status, const char *reason)
{
    struct hub *h = m->hub;
    struct ditto_error err = {0};
    h->counters[HUB_BAD].n++;
    hub_complain(h, "cannot take a line of %s: %s", member_name(m), reason);
    if (m->role != ROLE_IN && m->role != ROLE_SERVICE)
        return;
    ditto_fail(&err, status, line_error_code(status), NULL, NULL, "The hub cannot take the line: %s.",
               reason);
    settle_refuse(h, m, id, &err);
}

static void stall(struct member *m)
{
    lines_unread(&m->in);
    m->stalled = true;
    m->hub->n_stalled++;
}

static void take_in(struct member *m, struct slice line)
{
    struct line l;
    struct json_error why;
    struct buf *q;
    size_t at;
    if (line_read(line, &l, &why) < 0) {
        bad_line(m, intake_head_id(line), 400, why.reason);
        return;
    }
    switch (l.kind) {
    case LINE_DITTO:
        if (route(m->hub, m, &l))
            m->hub->counters[HUB_RECEIVED].n++;
        else
            stall(m);
        break;
    case LINE_SETTLEMENT: /* written early, upstream: on its way home */
    case LINE_PARTS:
        q = member_queue(m);
        at = q->len;
        buf_put_slice(q, line);
        buf_putc(q, '\n');
        member_told(m, at);
        break;
    default: bad_line(m, l.id, 400, "an inbound ring writes Ditto Protocol, settlements and parts"); break;
    }
}

static void take_out(struct member *m, struct slice line)
{
    struct line l;
    struct json_error why;
    if (line_read(line, &l, &why) < 0)
        bad_line(m, SLICE_NONE, 400, why.reason);
    else if (l.kind != LINE_SETTLEMENT && l.kind != LINE_PARTS)
        bad_line(m, SLICE_NONE, 400, "an outbound ring writes settlements and parts");
    else if (!wait_settlement(m, &l))
        m->hub->counters[HUB_UNKNOWN].n++;
}

/* Answers to what it was handed; what is its own is routed. */
static void take_service(struct member *m, struct slice line)
{
    struct line l;
    struct json_error why;
    if (line_read(line, &l, &why) < 0) {
        bad_line(m, intake_head_id(line), 400, why.reason);
    } else if (l.kind == LINE_SETTLEMENT || l.kind == LINE_PARTS) {
        if (!wait_settlement(m, &l))
            m->hub->counters[HUB_UNKNOWN].n++;
    } else if (l.kind != LINE_DITTO) {
        bad_line(m, l.id, 400, "a service writes Ditto Protocol, settlements and parts");
    } else if (!answer_of_service(m, &l)) {
        m->hub->counters[HUB_RECEIVED].n++;
        (void)route(m->hub, m, &l);
    }
}

static void announce(struct member *m, struct slice line)
{
    struct line l;
    if (line_read(line, &l, NULL) == 0 && l.kind == LINE_DITTO)
        (void)route(m->hub, m, &l);
    else
        bad_line(m, SLICE_NONE, 400, "control writes expect, forget and announcements");
}

static void expect(struct member *m, struct json document)
{
    struct connection c;
    struct ditto_error err = {0};
    if (hello_connection(document, &c, &err) < 0)
        bad_line(m, SLICE_NONE, 400, err.message);
    else if (directory_expect(&m->hub->directory, &c) < 0)
        bad_line(m, SLICE_NONE, 400, "too many connections are expected");
}

static void take_control(struct member *m, struct slice line)
{
    struct hub *h = m->hub;
    struct json_error why;
    struct json root, document, id;
    if (json_parse(line, &root, &why) < 0) {
        bad_line(m, SLICE_NONE, 400, why.reason);
        return;
    }
    document = json_get(root, S("expect"));
    id = json_get(root, S("forget"));
    buf_reset(&h->scratch, HELLO_MAX_BYTES);
    if (json_is(document, JSON_OBJECT))
        expect(m, document);
    else if (json_is(id, JSON_STRING))
        directory_forget(&h->directory, json_text(id, &h->scratch));
    else
        announce(m, line);
    h->room = true; /* a response may be for who is expected no more */
}

/* ---- members come ---- */

static void refuse(struct member *m, const struct ditto_error *err)
{
    m->hub->counters[HUB_REFUSED].n++;
    warn("cannot let a member in: %s: %s", err->code, err->message);
    hello_answer(&m->queue, err);
    member_flush(m);
    hub_leave(m);
}

/* A ring that was started again while the old one still drains takes its place for all that is new. */
static void supersede(struct hub *h, const struct member *by)
{
    for (struct member *m = h->members; m; m = m->next)
        if (m != by && m->role == ROLE_OUT && m->client == by->client &&
            slice_eq(m->connection.id, by->connection.id)) {
            m->superseded = true;
            tally_close(m);
        }
}

static void join(struct member *m)
{
    struct hub *h = m->hub;
    loop_timer(h->loop, &m->greeting, NEVER);
    hello_answer(member_queue(m), NULL);
    if (m->role == ROLE_CONTROL)
        directory_forget_all(&h->directory);
    if (m->role == ROLE_OUT)
        supersede(h, m);
    if (m->role == ROLE_OUT || m->role == ROLE_SERVICE)
        h->directory.stale = h->room = true;
    h->n_taps += m->role == ROLE_TAP;
    info("%s joined", member_name(m));
}

/* What it says belongs to the member from here on. */
static int check_claims(struct member *m, struct ditto_error *err)
{
    struct hub *h = m->hub;
    directory_rebuild(&h->directory, h->members);
    struct slice label = directory_label_conflict(&h->directory, m);
    struct slice topic = directory_topic_conflict(&h->directory, &m->offer);
    if (label.p)
        return ditto_fail(
            err, 409, "acknowledgement:label.not.unique",
            "Please ensure all other subscribers with the declared acknowledgement labels are offline.", NULL,
            "The acknowledgement label '%.*s' of %s '%.*s' is taken by another %s.", SLICE_ARG(label),
            m->connection.id.p ? "the connection" : "the service",
            SLICE_ARG(m->connection.id.p ? m->connection.id : m->offer.name),
            m->connection.id.p ? "connection" : "member");
    if (topic.p)
        return ditto_fail(err, 409, "connectivity:connection.configuration.invalid",
                          "Please ensure that the other service is offline.", "/topics",
                          "The topic '%.*s' of the service '%.*s' is served by another one.",
                          SLICE_ARG(topic), SLICE_ARG(m->offer.name));
    return 0;
}

static void greet(struct member *m, struct slice line)
{
    struct hello hello = {.role = ROLE_NONE};
    struct ditto_error err = {0};
    if (hello_read(line, &hello, &err) < 0) {
        refuse(m, &err);
        return;
    }
    m->client = hello.client;
    m->connection = hello.connection;
    m->offer = hello.offer;
    bool taken = (hello.role == ROLE_OUT || hello.role == ROLE_SERVICE) && check_claims(m, &err) < 0;
    if (member_joined(m, hello.role, &err) < 0 || taken) {
        m->superseded = true; /* it was never there */
        refuse(m, &err);
    } else {
        join(m);
    }
}

static void refuse_hello(struct member *m, int status, const char *code, const char *reason)
{
    struct ditto_error err = {0};
    ditto_fail(&err, status, code, NULL, NULL, "%s", reason);
    refuse(m, &err);
}

void intake_late(struct timer *t)
{
    refuse_hello(t->arg, 408, "command.timeout", "The hello did not come within 10 s.");
}

/* ---- reading and writing ---- */

static void take_line(struct member *m, struct slice line)
{
    switch (m->role) {
    case ROLE_NONE: greet(m, line); break;
    case ROLE_IN: take_in(m, line); break;
    case ROLE_OUT: take_out(m, line); break;
    case ROLE_SERVICE: take_service(m, line); break;
    case ROLE_TAP: bad_line(m, SLICE_NONE, 400, "a tap writes nothing"); break;
    case ROLE_CONTROL: take_control(m, line); break;
    }
}

static void take_long(struct member *m, struct slice head)
{
    if (m->role == ROLE_NONE)
        refuse_hello(m, 413, "json.invalid", "The hello is longer than 1 MiB.");
    else
        bad_line(m, intake_head_id(head), 413, "too long");
}

static void take_cut(struct member *m)
{
    m->hub->counters[HUB_BAD].n++;
    hub_complain(m->hub, "cannot take a line of %s: it is cut off", member_name(m));
    hub_leave(m);
}

static void take_next(struct member *m)
{
    struct slice line;
    switch (lines_next(&m->in, &line)) {
    case LINES_LINE: take_line(m, line); return;
    case LINES_LONG: take_long(m, line); return;
    case LINES_CUT: take_cut(m); return;
    case LINES_END: hub_leave(m); return;
    case LINES_MORE: m->paused = false;
    }
    if (m->role == ROLE_NONE && m->in.skipped)
        take_long(m, SLICE_NONE);
}

void intake(struct member *m)
{
    const struct member *before = m->hub->speaker;
    m->hub->speaker = m;
    m->paused = true; /* until there is no complete line left */
    while (member_here(m) && m->paused && member_readable(m))
        take_next(m);
    m->hub->speaker = before;
}
