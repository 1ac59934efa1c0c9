#include "store/followers.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "connection/connection.h"
#include "store/export.h"

#include "base/banned.h"

void follower_free(struct follower *f)
{
    free((char *)f->sent.p);
    buf_wipe(&f->late);
    *f = (struct follower){0};
}

/* --- starting --------------------------------------------------------------------------------------------------- */

static int bad_request(const char *pointer, const char *want, struct ditto_error *err)
{
    return ditto_fail(err, 400, "json.invalid", NULL, pointer, "To follow, '%s' must be %s.", pointer + 1,
                      want);
}

static void start_with_state(struct follower *f, const struct store *s)
{
    f->stated = true;
    f->phase = FOLLOW_STATE;
    f->position = store_position(s);
}

int follower_start(struct follower *f, const struct store *s, struct json request, bool trusted,
                   struct ditto_error *err)
{
    struct json from = json_get(request, S("from")), role = json_get(request, S("role"));
    uint64_t head = store_position(s);
    int64_t n = -1;
    if (request.type != JSON_OBJECT)
        return bad_request("/follow", "an object", err);
    if (json_present(from) && (json_int(from, &n) != 0 || n < 0))
        return bad_request("/follow/from", "a position of the log", err);
    if (json_present(role) && !json_text_is(role, S("supervise")))
        return bad_request("/follow/role", "\"supervise\", if it is given", err);
    follower_free(f);
    /* a position that the log has not reached is of another log */
    if (n < 0 || (uint64_t)n > head || (uint64_t)n < store_cut(s))
        start_with_state(f, s);
    else {
        f->phase = FOLLOW_TAIL;
        f->position = (uint64_t)n;
    }
    f->secrets = trusted && json_get(request, S("secrets")).type == JSON_TRUE;
    f->supervise = json_present(role);
    f->verdicts = f->supervise && json_get(request, S("verdicts")).type == JSON_TRUE;
    return 0;
}

/* --- feeding ---------------------------------------------------------------------------------------------------- */

struct feed {
    struct follower *f;
    struct buf *out;
    size_t room; /* no event is begun when out has more */
};

static bool put_event(void *arg, const struct record *r)
{
    struct feed *feed = arg;
    if (feed->out->len >= feed->room)
        return false;
    feed->f->position = r->position;
    if (r->kind != RECORD_SNAPSHOT)
        event_put_line(feed->out, r, feed->f->secrets);
    return true;
}

/* While the state is being sent: an event of a connection that was sent already comes after it; one of a connection that
 * is still to be sent will be in it. */
static bool put_late(void *arg, const struct record *r)
{
    struct feed *feed = arg;
    if (feed->f->sent.p && slice_cmp(r->id, feed->f->sent) <= 0)
        return put_event(feed, r);
    feed->f->position = r->position;
    return true;
}

static int read_log(struct feed *feed, const struct store *s, log_visit *visit, struct ditto_error *err)
{
    if (feed->f->position == store_position(s))
        return 0;
    if (store_read(s, feed->f->position, visit, feed) == 0)
        return 0;
    return ditto_fail(err, 503, "connectivity:connection.unavailable", "Follow again from there.", NULL,
                      "The event log cannot be read after position %" PRIu64 ": %s.", feed->f->position,
                      strerror(errno));
}

static void put_state(const struct follower *f, struct buf *out, const struct held *h)
{
    buf_puts(out, "{\"state\":{\"position\":");
    buf_put_u64(out, h->position);
    buf_puts(out, ",\"revision\":");
    buf_put_u64(out, h->revision);
    buf_puts(out, ",\"connection\":");
    if (f->secrets)
        buf_put_slice(out, h->doc);
    else
        connection_put_masked(out, held_doc(h));
    buf_puts(out, "}}\n");
}

static void go_live(struct follower *f, struct buf *out)
{
    buf_puts(out, "{\"live\":{\"position\":");
    buf_put_u64(out, f->position);
    buf_puts(out, f->stated ? ",\"state\":true}}\n" : "}}\n");
    f->phase = FOLLOW_LIVE;
}

static int feed_state(struct follower *f, const struct store *s, struct buf *out, struct ditto_error *err)
{
    struct feed late = {f, &f->late, FOLLOW_QUEUE_BYTES};
    const struct held *h;
    if (read_log(&late, s, put_late, err) != 0)
        return -1;
    while (out->len < FOLLOW_FILL_BYTES && (h = state_next(&s->state, f->sent))) {
        if (!h->deleted)
            put_state(f, out, h);
        free((char *)f->sent.p);
        f->sent = slice_dup(h->id);
    }
    if (out->len >= FOLLOW_FILL_BYTES)
        return 0;
    buf_put_slice(out, buf_slice(&f->late));
    buf_wipe(&f->late);
    go_live(f, out);
    return 0;
}

static int feed_tail(struct follower *f, const struct store *s, struct buf *out, struct ditto_error *err)
{
    struct feed feed = {f, out, FOLLOW_FILL_BYTES};
    if (f->position < store_cut(s)) { /* cut off meanwhile */
        start_with_state(f, s);
        return 0;
    }
    if (read_log(&feed, s, put_event, err) != 0)
        return -1;
    if (f->position == store_position(s))
        go_live(f, out);
    return 0;
}

/* --- exporting ---------------------------------------------------------------------------------------------------- */

void follower_export(struct follower *f, const struct store *s, struct buf *out)
{
    struct log_health h;
    s->log->backend->health(s->log, &h);
    follower_free(f);
    f->phase = FOLLOW_EXPORT;
    f->end = h.position;
    f->cut = h.cut;
    export_put_head(out, &h);
}

static bool put_record(void *arg, const struct record *r)
{
    struct feed *feed = arg;
    if (feed->out->len >= feed->room || r->position > feed->f->end)
        return false;
    feed->f->position = r->position;
    export_put(feed->out, r);
    return true;
}

static int feed_export(struct follower *f, const struct store *s, struct buf *out, struct ditto_error *err)
{
    struct feed feed = {f, out, FOLLOW_FILL_BYTES};
    uint64_t before = f->position;
    if (f->cut != store_cut(s))
        return ditto_fail(err, 409, "connectivity:signal.illegal", "Export again.", NULL,
                          "The log was compacted meanwhile.");
    if (s->log->backend->read(s->log, before, put_record, &feed) != 0)
        return ditto_fail(err, 503, "connectivity:connection.unavailable", NULL, NULL,
                          "The event log cannot be read after position %" PRIu64 ": %s.", f->position,
                          strerror(errno));
    if (f->position == f->end || (f->position == before && out->len < FOLLOW_FILL_BYTES)) {
        export_put_end(out, f->end);
        f->phase = FOLLOW_NOTHING;
    }
    return 0;
}

int follower_feed(struct follower *f, const struct store *s, struct buf *out, struct ditto_error *err)
{
    struct feed live = {f, out, FOLLOW_QUEUE_BYTES};
    switch (f->phase) {
    case FOLLOW_NOTHING: return 0;
    case FOLLOW_STATE: return feed_state(f, s, out, err);
    case FOLLOW_TAIL: return feed_tail(f, s, out, err);
    case FOLLOW_LIVE: return read_log(&live, s, put_event, err);
    case FOLLOW_EXPORT: return feed_export(f, s, out, err);
    }
    return 0;
}

bool follower_lags(const struct follower *f, const struct store *s)
{
    return f->phase == FOLLOW_LIVE && f->position < store_position(s);
}
