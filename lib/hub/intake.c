#include "hub/intake.h"

#include "base/log.h"
#include "base/scan.h"
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
    if (m->role != ROLE_IN)
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
        buf_put_slice(q, line);
        buf_putc(q, '\n');
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
        bad_line(m, SLICE_NONE, 400, "control writes expect and forget");
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
            slice_eq(m->connection.id, by->connection.id))
            m->superseded = true;
}

static void join(struct member *m, const struct hello *hello)
{
    struct hub *h = m->hub;
    m->client = hello->client;
    if (hello->role != ROLE_CONTROL)
        m->connection = hello->connection;
    member_joined(m, hello->role);
    loop_timer(h->loop, &m->greeting, NEVER);
    hello_answer(member_queue(m), NULL);
    if (m->role == ROLE_CONTROL)
        directory_forget_all(&h->directory);
    if (m->role == ROLE_OUT) {
        supersede(h, m);
        h->directory.stale = true;
    }
    info("%s joined", member_name(m));
}

static void greet(struct member *m, struct slice line)
{
    struct hub *h = m->hub;
    struct hello hello;
    struct ditto_error err = {0};
    struct slice taken = SLICE_NONE;
    if (hello_read(line, &hello, &err) < 0) {
        refuse(m, &err);
        return;
    }
    if (hello.role == ROLE_OUT) {
        directory_rebuild(&h->directory, h->members);
        taken = directory_conflict(&h->directory, &hello.connection);
    }
    if (!taken.p) {
        join(m, &hello);
        return;
    }
    ditto_fail(&err, 409, "acknowledgement:label.not.unique",
               "Please ensure all other subscribers with the declared acknowledgement labels are offline.",
               NULL,
               "The acknowledgement label '%.*s' of the connection '%.*s' is taken by another connection.",
               SLICE_ARG(taken), SLICE_ARG(hello.connection.id));
    connection_free(&hello.connection);
    refuse(m, &err);
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
    case ROLE_CONTROL: take_control(m, line); break;
    }
}

static void take_long(struct member *m, struct slice head)
{
    if (m->role == ROLE_NONE)
        refuse_hello(m, 413, "json.invalid", "The hello is longer than 1 MiB.");
    else
        bad_line(m, intake_head_id(head), 413, "longer than 32 MiB");
}

static void take_cut(struct member *m)
{
    m->hub->counters[HUB_BAD].n++;
    hub_complain(m->hub, "cannot take a line of %s: it is cut off", member_name(m));
    hub_leave(m);
}

void intake(struct member *m)
{
    struct slice line;
    while (member_here(m) && member_readable(m)) {
        switch (lines_next(&m->in, &line)) {
        case LINES_LINE: take_line(m, line); break;
        case LINES_LONG: take_long(m, line); break;
        case LINES_CUT: take_cut(m); break;
        case LINES_END: hub_leave(m); break;
        case LINES_MORE:
            if (m->role == ROLE_NONE && m->in.skipped)
                take_long(m, SLICE_NONE);
            return;
        }
    }
}
