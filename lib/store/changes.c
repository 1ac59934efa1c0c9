/* Commands that append events, or would. */
#include "base/clock.h"
#include "connection/control.h"
#include "connection/edit.h"
#include "connection/programs.h"
#include "store/call.h"

#include "base/banned.h"

static const struct json none = {JSON_ABSENT, NULL, 0};

/* Of a document that has been judged just now. wanted: it is to be tried, whatever its status. */
static int check_programs(struct slice doc, bool wanted, struct ditto_error *err)
{
    struct connection connection;
    if (connection_parse(&connection, doc, err) != 0)
        return -1;
    int rc = wanted || connection.open ? programs_check(&connection, err) : 0;
    connection_free(&connection);
    return rc;
}

/* One that was judged when it was stored: rules, and lists of hosts, may be others now. */
static int check_again(struct slice doc, struct ditto_error *err)
{
    struct connection connection;
    struct connection_problems problems = {0};
    int rc = connection_judge(&connection, doc, &problems);
    if (rc != 0)
        *err = problems.v[0];
    connection_problems_free(&problems);
    if (rc != 0)
        return -1;
    rc = programs_check(&connection, err);
    connection_free(&connection);
    return rc;
}

/* The supervisor is asked what becomes of it, if it should run now, or did before. */
static void await(struct call *c, bool was_open)
{
    if (c->judged && (was_open || held_open(call_now(c))))
        c->outcome = COMMAND_AWAIT;
}

/* The document to store. The first problem is the error, all of them are told beside it. */
static int edit(struct call *c, struct buf *dst, struct json previous, struct ditto_error *err)
{
    struct connection_problems problems;
    bool any_type = call_header_true(c, S("ditto-sudo"));
    int rc = connection_edit(dst, c->document, previous, any_type, &problems);
    if (rc != 0)
        *err = problems.v[0];
    for (size_t i = 0; problems.n > 1 && i < problems.n; i++) {
        json_put_item(&c->problems);
        ditto_error_put(&c->problems, &problems.v[i], true);
    }
    connection_problems_free(&problems);
    return rc;
}

int change_create(struct call *c, struct ditto_error *err)
{
    struct buf doc = {0};
    if (c->held)
        return ditto_fail(err, 409, "connectivity:connection.conflict",
                          "Choose another id, or modify the connection.", NULL,
                          "The connection '%.*s' exists already.", SLICE_ARG(c->id));
    int rc = edit(c, &doc, none, err);
    if (rc == 0)
        rc = check_programs(buf_slice(&doc), false, err);
    if (rc == 0)
        rc = store_append(c->store, EVENT_CREATED, c->id, buf_slice(&doc), err);
    if (rc == 0) {
        call_open(c, 201, call_now(c));
        json_put_key(c->out, S("connection"));
        call_put_document(c->out, c, held_doc(call_now(c)));
        call_close(c);
    }
    buf_wipe(&doc);
    return rc;
}

int change_modify(struct call *c, struct ditto_error *err)
{
    struct buf doc = {0};
    if (!c->held)
        return call_not_found(c->id, err);
    bool was_open = held_open(c->held);
    int rc = edit(c, &doc, held_doc(c->held), err);
    if (rc == 0)
        rc = check_programs(buf_slice(&doc), false, err);
    if (rc == 0)
        rc = store_append(c->store, EVENT_MODIFIED, c->id, buf_slice(&doc), err);
    if (rc == 0) {
        call_open(c, 204, call_now(c));
        call_close(c);
        await(c, was_open);
    }
    buf_wipe(&doc);
    return rc;
}

static int change(struct call *c, enum event_type event, int status, struct ditto_error *err)
{
    if (store_append(c->store, event, c->id, SLICE_NONE, err) != 0)
        return -1;
    call_open(c, status, call_now(c));
    call_close(c);
    return 0;
}

int change_delete(struct call *c, struct ditto_error *err)
{
    return change(c, EVENT_DELETED, 204, err);
}

/* What is open already is opened again, as in Ditto: it is a wish, and followers may act on it. */
int change_open(struct call *c, struct ditto_error *err)
{
    if (check_again(c->held->doc, err) != 0 || change(c, EVENT_OPENED, 200, err) != 0)
        return -1;
    await(c, true);
    return 0;
}

int change_close(struct call *c, struct ditto_error *err)
{
    bool was_open = held_open(c->held);
    if (change(c, EVENT_CLOSED, 200, err) != 0)
        return -1;
    await(c, was_open);
    return 0;
}

/* Nothing is kept; the supervisor tries it out. */
int change_test(struct call *c, struct ditto_error *err)
{
    struct buf doc = {0};
    if (c->held) {
        call_open(c, 409, NULL);
        json_put_member_text(c->out, S("testResult"),
                             S("A connection with this id exists: test it under another one."));
        call_close(c);
        return 0;
    }
    int rc = edit(c, &doc, none, err);
    if (rc == 0)
        rc = check_programs(buf_slice(&doc), true, err);
    buf_wipe(&doc);
    return rc == 0 ? query_supervisor(c, err) : -1;
}

/* The store seals its log with the first key by itself, as soon as it knows it; this command tells how far that is. */
int change_migrate(struct call *c, struct ditto_error *err)
{
    char iso[ISO_SIZE];
    bool dry = json_get(c->signal, S("dryRun")).type == JSON_TRUE;
    if (!c->store->vault.n)
        return ditto_fail(err, 400, "connectivity:connection.configuration.invalid",
                          "Give conn-store a file of keys (-K).", NULL, "There is no key to encrypt with.");
    call_open(c, c->store->stale ? 202 : 200, NULL);
    json_put_member_text(c->out, S("phase"), c->store->stale ? S("journal") : S("already_completed"));
    json_put_member(c->out, S("dryRun"), dry ? S("true") : S("false"));
    json_put_member(c->out, S("resumed"), S("false"));
    json_put_member_text(c->out, S("startedAt"), slice_str(clock_iso(iso, wall_ms())));
    call_close(c);
    return 0;
}

int change_migrate_abort(struct call *c, struct ditto_error *err)
{
    (void)c;
    return ditto_fail(err, 409, "connectivity:signal.illegal",
                      "It costs no availability, and while it is under way all keys have to be there.", NULL,
                      "There is no migration of the encryption that could be aborted.");
}
