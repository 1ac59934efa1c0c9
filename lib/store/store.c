#include "store/store.h"

#include <errno.h>
#include <stdio.h>

#include "base/clock.h"

#include "base/banned.h"

static bool rebuild(void *arg, const struct record *r)
{
    struct state *state = arg;
    state_apply(state, r);
    state_keep(state);
    return true;
}

int store_open(struct store *s, const struct log_backend *backend, const char *dir, enum log_mode mode,
               struct log_error *err)
{
    *s = (struct store){0};
    s->log = backend->open(dir, mode, rebuild, &s->state, err);
    if (s->log)
        return 0;
    state_free(&s->state);
    return -1;
}

int store_close(struct store *s)
{
    int rc = s->log->backend->close(s->log), why = errno;
    state_free(&s->state);
    s->log = NULL;
    errno = why;
    return rc;
}

static int refuse(struct slice id, int why, struct ditto_error *err)
{
    char text[128];
    (void)snprintf(text, sizeof text, "The event log cannot be written: %s. Nothing has changed.",
                   strerror(why));
    return ditto_fail(err, 503, "connectivity:connection.unavailable", text, NULL,
                      "The connection '%.*s' cannot be changed at the moment.", SLICE_ARG(id));
}

int store_append(struct store *s, enum event_type type, struct slice id, struct slice doc,
                 struct ditto_error *err)
{
    if (s->refusing)
        return refuse(id, s->refusing, err);
    const struct held *held = state_find(&s->state, id);
    uint64_t revision = held ? held->revision : 0;
    struct record r = {
        .kind = type == EVENT_DELETED ? RECORD_TOMBSTONE : RECORD_EVENT, .id = id, .time = wall_ms()};
    struct buf payload = {0};
    event_put(&payload, type, id, revision + 1, r.time, doc);
    r.payload = buf_slice(&payload);
    int rc = s->log->backend->append(s->log, &r, revision);
    if (rc == 0)
        state_apply(&s->state, &r);
    else
        (void)refuse(id, errno, err);
    s->events += rc == 0;
    buf_wipe(&payload);
    return rc;
}

int store_commit(struct store *s)
{
    if (!s->state.n_changes)
        return 0;
    s->commits++;
    if (s->log->backend->commit(s->log) == 0) {
        state_keep(&s->state);
        return 0;
    }
    int why = errno;
    s->failures++;
    state_undo(&s->state);
    errno = why;
    return -1;
}

uint64_t store_position(const struct store *s)
{
    struct log_health h;
    s->log->backend->health(s->log, &h);
    return h.position;
}
