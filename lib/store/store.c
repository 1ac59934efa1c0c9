#include "store/store.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"

#include "base/banned.h"

/* --- opening ------------------------------------------------------------------------------------------------------ */

struct opening {
    struct store *store;
    struct log_error *err;
    struct buf scratch;
};

/* What was sealed when the first key was another one may be sealed with that one. */
static bool other_seal(const struct store *s, const struct record *r)
{
    return r->kind == RECORD_SNAPSHOT && s->vault.n &&
           !json_text_is(json_get(event_of(r), S("seal")), slice_str(s->vault.mark));
}

static bool rebuild(void *arg, const struct record *r)
{
    struct opening *o = arg;
    struct store *s = o->store;
    struct record plain = *r;
    buf_reset(&o->scratch, RECORD_MAX);
    if (vault_open(&s->vault, r->payload, &o->scratch, &plain.payload, &s->stale) != 0) {
        (void)log_fail(o->err, EXIT_PERMANENT, "record %" PRIu64 " is sealed with a key that is not %s",
                       r->position, s->vault.n ? "among those given" : "given");
        return false;
    }
    s->stale |= other_seal(s, r);
    state_apply(&s->state, &plain);
    state_keep(&s->state);
    return true;
}

int store_open(struct store *s, const struct log_backend *backend, const char *dir, enum log_mode mode,
               struct vault *vault, struct log_error *err)
{
    struct opening o = {.store = s, .err = err};
    *s = (struct store){0};
    if (vault)
        s->vault = *vault;
    s->log = backend->open(dir, mode, rebuild, &o, err);
    buf_wipe(&o.scratch);
    if (vault)
        vault_free(vault);
    if (s->log)
        return 0;
    state_free(&s->state);
    vault_free(&s->vault);
    return -1;
}

/* --- closing ------------------------------------------------------------------------------------------------------ */

static void put_state(void *arg, struct slice id, struct buf *payload)
{
    const struct store *s = arg;
    const struct held *h = state_find(&s->state, id);
    struct buf plain = {0};
    if (h)
        held_put_snapshot(&plain, h, s->vault.mark);
    if (h && vault_seal(&s->vault, payload, buf_slice(&plain)) != 0)
        buf_cut(payload, 0);
    buf_wipe(&plain);
}

int store_close(struct store *s)
{
    const struct log_backend *b = s->log->backend;
    if (!s->stale && !s->vault.blind && b->snapshot(s->log, put_state, s) != 0)
        warn_sys("cannot keep a snapshot: the next start replays the log");
    int rc = b->close(s->log), why = errno;
    state_free(&s->state);
    vault_free(&s->vault);
    s->log = NULL;
    errno = why;
    return rc;
}

static bool has_key(const struct vault *v, const struct vault_key *key)
{
    for (size_t i = 0; i < v->n; i++)
        if (v->v[i].plain == key->plain && memcmp(v->v[i].bytes, key->bytes, VAULT_KEY_BYTES) == 0)
            return true;
    return key->plain;
}

int store_rekey(struct store *s, const char *keys, struct log_error *err)
{
    struct vault fresh = {0};
    if (vault_load(&fresh, keys, err) != 0)
        return -1;
    size_t needed = s->stale ? s->vault.n : s->vault.n > 0, i = 0;
    while (i < needed && has_key(&fresh, &s->vault.v[i]))
        i++;
    int rc = i == needed
                 ? 0
                 : log_fail(err, EXIT_PERMANENT,
                            "cannot use '%s': it lacks a key that the log is still sealed with", keys);
    if (rc == 0) {
        s->stale |= strcmp(fresh.mark, s->vault.mark) != 0;
        s->vault = fresh;
    }
    vault_free(&fresh);
    return rc;
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

static int refuse(struct slice id, int why, struct ditto_error *err)
{
    char text[128];
    if (why == EINVAL)
        return ditto_fail(err, 400, "connectivity:connection.configuration.invalid",
                          "Choose another secret, or give the store a key.", NULL,
                          "A secret of connection '%.*s' has the form of an encrypted one.", SLICE_ARG(id));
    (void)snprintf(text, sizeof text, "The event log cannot be written: %s. Nothing has changed.",
                   strerror(why));
    return ditto_fail(err, 503, "connectivity:connection.unavailable", text, NULL,
                      "The connection '%.*s' cannot be changed at the moment.", SLICE_ARG(id));
}

/* The record in the log is sealed, the one for the state is not. */
static int append_sealed(struct store *s, struct record *r, uint64_t revision)
{
    struct buf sealed = {0};
    struct slice plain = r->payload;
    int rc = vault_seal(&s->vault, &sealed, plain);
    r->payload = buf_slice(&sealed);
    if (rc == 0)
        rc = s->log->backend->append(s->log, r, revision);
    r->payload = plain;
    int why = errno;
    buf_wipe(&sealed);
    errno = why;
    return rc;
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
    int rc = append_sealed(s, &r, revision);
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

/* --- reading ------------------------------------------------------------------------------------------------------ */

static struct log_health health(const struct store *s)
{
    struct log_health h;
    s->log->backend->health(s->log, &h);
    return h;
}

uint64_t store_position(const struct store *s)
{
    return health(s).position;
}

uint64_t store_cut(const struct store *s)
{
    return health(s).cut;
}

struct reading {
    const struct store *store;
    log_visit *visit;
    void *arg;
    struct buf scratch;
    bool locked;
};

static bool show_plain(void *arg, const struct record *r)
{
    struct reading *in = arg;
    struct record plain = *r;
    bool stale = false;
    buf_reset(&in->scratch, RECORD_MAX_PAYLOAD);
    in->locked = vault_open(&in->store->vault, r->payload, &in->scratch, &plain.payload, &stale) != 0;
    return !in->locked && in->visit(in->arg, &plain);
}

static int read_done(struct reading *in, int rc)
{
    int why = in->locked ? EACCES : errno;
    buf_wipe(&in->scratch);
    errno = why;
    return in->locked ? -1 : rc;
}

int store_read(const struct store *s, uint64_t after, log_visit *visit, void *arg)
{
    struct reading in = {.store = s, .visit = visit, .arg = arg};
    return read_done(&in, s->log->backend->read(s->log, after, show_plain, &in));
}

int store_read_id(const struct store *s, struct slice id, uint64_t from, log_visit *visit, void *arg)
{
    struct reading in = {.store = s, .visit = visit, .arg = arg};
    return read_done(&in, s->log->backend->read_id(s->log, id, from, show_plain, &in));
}

/* --- the past ----------------------------------------------------------------------------------------------------- */

struct moment {
    uint64_t revision; /* 0: time counts */
    int64_t time;
    struct state *past;
};

static bool go_back(void *arg, const struct record *r)
{
    struct moment *m = arg;
    if (m->revision ? r->revision > m->revision : r->time > m->time)
        return false;
    state_apply(m->past, r);
    state_keep(m->past);
    return true;
}

static int no_history(struct slice id, struct ditto_error *err)
{
    return ditto_fail(err, 404, "connectivity:connection.history.notfound",
                      "History begins with the oldest kept event; conn-journal list shows which.", NULL,
                      "The connection '%.*s' is not known as it was then.", SLICE_ARG(id));
}

int store_at(const struct store *s, struct slice id, uint64_t revision, int64_t time, struct state *past,
             const struct held **held, struct ditto_error *err)
{
    struct moment m = {revision, time, past};
    *past = (struct state){0};
    int rc = store_read_id(s, id, 0, go_back, &m);
    const struct held *h = state_find(past, id);
    bool there =
        h && !h->deleted && (!revision || h->revision == revision) && (revision || time <= wall_ms());
    *held = h;
    if (rc != 0)
        rc = ditto_fail(err, 503, "connectivity:connection.unavailable", strerror(errno), NULL,
                        "The history of connection '%.*s' cannot be read.", SLICE_ARG(id));
    else if (!there)
        rc = no_history(id, err);
    if (rc != 0)
        state_free(past);
    return rc;
}
