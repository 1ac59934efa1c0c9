#include "store/export.h"

#include <errno.h>
#include <inttypes.h>

#include "base/log.h"
#include "json/json.h"
#include "store/event.h"

#include "base/banned.h"

enum { EXPORT_FORMAT = 1 };

static const char *const kinds[] = {
    [RECORD_EVENT] = "event", [RECORD_SNAPSHOT] = "snapshot", [RECORD_TOMBSTONE] = "tombstone"};

void export_put_head(struct buf *dst, const struct log_health *h)
{
    buf_printf(dst, "{\"export\":%d,\"position\":%" PRIu64 ",\"cut\":%" PRIu64 ",\"bases\":%" PRIu64 "}\n",
               EXPORT_FORMAT, h->position, h->cut, h->bases);
}

void export_put(struct buf *dst, const struct record *r)
{
    buf_putc(dst, '{');
    json_put_member_text(dst, S("kind"), slice_str(kinds[r->kind]));
    json_put_member_int(dst, S("position"), (int64_t)r->position);
    json_put_member_int(dst, S("revision"), (int64_t)r->revision);
    json_put_member_int(dst, S("time"), r->time);
    json_put_member_text(dst, S("id"), r->id);
    json_put_member(dst, S("payload"), r->payload);
    buf_puts(dst, "}\n");
}

void export_put_end(struct buf *dst, uint64_t position)
{
    buf_printf(dst, "{\"end\":%" PRIu64 "}\n", position);
}

/* --- taking ------------------------------------------------------------------------------------------------------- */

struct take {
    struct event_log *log;
    struct log_error *err;
    uint64_t number, position; /* of the line; that the head promises */
    bool begun, ended;
};

static int bad(struct take *t, const char *what)
{
    return log_fail(t->err, EXIT_PERMANENT, "line %" PRIu64 " %s", t->number, what);
}

static bool number(struct json line, struct slice name, uint64_t *n)
{
    int64_t i;
    if (json_int(json_get(line, name), &i) != 0 || i < 0)
        return false;
    *n = (uint64_t)i;
    return true;
}

static int take_head(struct take *t, struct json line)
{
    uint64_t format, cut, bases;
    if (!number(line, S("export"), &format) || !number(line, S("position"), &t->position) ||
        !number(line, S("cut"), &cut) || !number(line, S("bases"), &bases))
        return bad(t, "is not the head of an export");
    if (format != EXPORT_FORMAT)
        return bad(t, "is of an export of another format");
    t->begun = true;
    return t->log->backend->rewrite_begin(t->log, cut, bases) == 0
               ? 0
               : log_fail(t->err, EXIT_TEMPORARY, "%s", strerror(errno));
}

static enum record_kind kind_of(struct json line)
{
    struct json kind = json_get(line, S("kind"));
    for (enum record_kind k = RECORD_EVENT; k <= RECORD_TOMBSTONE; k++)
        if (json_text_is(kind, slice_str(kinds[k])))
            return k;
    return RECORD_CUT;
}

static int take_record(struct take *t, struct json line)
{
    uint64_t time = 0;
    struct buf scratch = {0};
    struct json payload = json_get(line, S("payload"));
    struct record r = {.kind = kind_of(line), .id = json_text(json_get(line, S("id")), &scratch)};
    int rc = 0;
    if (r.kind == RECORD_CUT || !r.id.p || payload.type != JSON_OBJECT || r.id.len > RECORD_MAX_ID ||
        payload.len > RECORD_MAX_PAYLOAD || !number(line, S("position"), &r.position) ||
        !number(line, S("revision"), &r.revision) || !number(line, S("time"), &time))
        rc = bad(t, "is no record");
    r.payload = json_slice(payload);
    r.time = (int64_t)time;
    if (rc == 0 && !event_sound(&r))
        rc = bad(t, "tells nothing of a connection");
    if (rc == 0 && t->log->backend->rewrite_put(t->log, &r) != 0)
        rc = errno == EINVAL ? bad(t, "does not follow from those before it")
                             : log_fail(t->err, EXIT_TEMPORARY, "%s", strerror(errno));
    buf_free(&scratch);
    return rc;
}

static int take_end(struct take *t, uint64_t end)
{
    struct log_health h;
    if (!t->begun || end != t->position)
        return bad(t, "ends another export");
    if (t->log->backend->rewrite_end(t->log) != 0)
        return errno == EINVAL ? bad(t, "comes before all records are there")
                               : log_fail(t->err, EXIT_TEMPORARY, "%s", strerror(errno));
    t->ended = true;
    t->log->backend->health(t->log, &h);
    return h.position == end ? 0 : bad(t, "comes before all records are there");
}

static int take_line(struct take *t, struct slice text)
{
    struct json line;
    struct json_error why;
    uint64_t end;
    t->number++;
    if (json_parse(text, &line, &why) != 0)
        return bad(t, "is not JSON");
    if (json_present(json_get(line, S("error"))))
        return bad(t, "is an error of the store: try again");
    if (t->ended)
        return bad(t, "stands behind the end");
    if (!t->begun)
        return take_head(t, line);
    return number(line, S("end"), &end) ? take_end(t, end) : take_record(t, line);
}

int export_take(struct lines *in, struct event_log *log, struct log_error *err)
{
    struct take t = {.log = log, .err = err};
    struct slice text;
    enum lines_status st;
    int rc = 0;
    while (rc == 0 && !t.ended) {
        st = lines_next(in, &text);
        if (st == LINES_LINE)
            rc = take_line(&t, text);
        else if (st == LINES_MORE)
            rc = lines_fill(in) < 0 ? log_fail(err, EXIT_TEMPORARY, "%s", strerror(errno)) : 0;
        else if (st == LINES_LONG)
            rc = log_fail(err, EXIT_PERMANENT, "line %" PRIu64 " is too long", t.number + 1);
        else
            rc = log_fail(err, EXIT_PERMANENT, "it ends after line %" PRIu64 ", without its end", t.number);
    }
    if (rc == 0 && lines_next(in, &text) == LINES_LINE) /* as far as it has been read: a socket stays open */
        rc = take_line(&t, text);
    if (rc != 0)
        log->backend->rewrite_abandon(log);
    return rc;
}
