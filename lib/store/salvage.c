#include "store/salvage.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/log.h"
#include "json/json.h"

#include "base/banned.h"

static void say(struct salvage *s, const char *problem, struct slice id)
{
    s->problems++;
    buf_putc(s->out, '{');
    json_put_member_text(s->out, S("problem"), slice_str(problem));
    if (id.p)
        json_put_member_text(s->out, S("connection"), id);
}

static void say_two(struct salvage *s, const char *a, uint64_t x, const char *b, uint64_t y)
{
    json_put_member_int(s->out, slice_str(a), (int64_t)x);
    json_put_member_int(s->out, slice_str(b), (int64_t)y);
    buf_puts(s->out, "}\n");
}

/* --- positions ---------------------------------------------------------------------------------------------------- */

static const struct carved *damaged_at(const struct carve *c, uint64_t position)
{
    for (size_t i = 0; i < c->n_damaged && i < CARVE_DAMAGED_MAX; i++)
        if (c->damaged[i].position == position)
            return &c->damaged[i];
    return NULL;
}

static void say_missing(struct salvage *s, uint64_t from, uint64_t to)
{
    for (uint64_t p = from; p <= to; p++) {
        const struct carved *d = damaged_at(&s->carve, p);
        if (!d && p == from)
            continue;
        if (d && p > from) {
            say(s, "missing", SLICE_NONE);
            say_two(s, "from", from, "to", p - 1);
        }
        if (!d)
            continue;
        say(s, "damaged", SLICE_NONE);
        say_two(s, "position", p, "offset", d->offset);
        from = p + 1;
    }
    if (from <= to) {
        say(s, "missing", SLICE_NONE);
        say_two(s, "from", from, "to", to);
    }
}

static bool is_event(const struct carved *c)
{
    return c->kind == RECORD_EVENT || c->kind == RECORD_TOMBSTONE;
}

static void check_bases(struct salvage *s)
{
    const struct carve *c = &s->carve;
    size_t there = 0;
    for (size_t i = 0; i < c->n; i++)
        there += c->v[i].kind == RECORD_SNAPSHOT;
    if (there == c->bases)
        return;
    for (size_t i = 0; i < c->n_damaged && i < CARVE_DAMAGED_MAX; i++)
        if (c->damaged[i].kind == RECORD_SNAPSHOT) {
            say(s, "damaged", SLICE_NONE);
            say_two(s, "position", c->damaged[i].position, "offset", c->damaged[i].offset);
        }
    say(s, "bases", SLICE_NONE);
    say_two(s, "want", c->bases, "there", there);
    s->cut = c->cut;
}

/* Gaps among what was confirmed; what stands behind one that was not is unfinished. */
static void check_positions(struct salvage *s)
{
    const struct carve *c = &s->carve;
    uint64_t next = c->cut + 1;
    for (size_t i = 0; i < c->n; i++) {
        uint64_t p = c->v[i].position;
        if (!is_event(&c->v[i]) || p < next)
            continue;
        if (p > next && next > s->confirmed)
            break;
        if (p > next) {
            say_missing(s, next, p - 1);
            s->cut = p - 1;
        }
        next = p + 1;
        s->events++;
    }
    if (next <= s->confirmed) {
        say_missing(s, next, s->confirmed);
        s->cut = s->confirmed;
        next = s->confirmed + 1;
    }
    s->position = next - 1;
    s->unfinished = c->n_damaged;
    for (size_t i = 0; i < c->n; i++)
        s->unfinished += c->v[i].position > s->position;
}

/* --- records ------------------------------------------------------------------------------------------------------ */

/* Calls take for each record that belongs to the log, once. 0, or -1 with errno. */
static int each(struct salvage *s, int (*take)(struct salvage *s, const struct record *r, void *arg),
                void *arg)
{
    struct buf bytes = {0};
    uint64_t next = 0;
    int rc = 0;
    for (size_t i = 0; i < s->carve.n && rc == 0; i++) {
        const struct carved *c = &s->carve.v[i];
        struct record r;
        size_t len;
        if (c->kind == RECORD_CUT || c->position > s->position || (is_event(c) && c->position < next))
            continue;
        buf_reset(&bytes, RECORD_MAX);
        rc = carve_fetch(&s->carve, i, &bytes);
        errno = EBADMSG;
        if (rc == 0 && record_read(buf_slice(&bytes), &r, &len) != RECORD_WHOLE)
            rc = -1;
        if (rc == 0)
            rc = take(s, &r, arg);
        if (is_event(c))
            next = c->position + 1;
    }
    buf_free(&bytes);
    return rc;
}

static int check_revision(struct salvage *s, const struct record *r, void *arg)
{
    const struct held *h = state_find(&s->state, r->id);
    uint64_t next = h ? h->revision + 1 : 1;
    (void)arg;
    if (r->kind != RECORD_SNAPSHOT && r->revision != next) {
        say(s, "revision", r->id);
        say_two(s, "from", next, "to", r->revision - 1);
        if (r->position > s->cut)
            s->cut = r->position;
    }
    state_apply(&s->state, r);
    state_keep(&s->state);
    return 0;
}

static bool makes_sense(const struct held *h)
{
    return h->deleted || json_present(json_get(held_doc(h), S("id")));
}

static void check_state(struct salvage *s)
{
    for (const struct held *h = state_next(&s->state, SLICE_NONE); h; h = state_next(&s->state, h->id))
        if (!makes_sense(h)) {
            say(s, "lost", h->id);
            buf_puts(s->out, "}\n");
            s->cut = s->position;
        }
}

static bool apply_snapshot(void *arg, const struct record *r)
{
    state_apply(arg, r);
    state_keep(arg);
    return true;
}

static int apply_later(struct salvage *s, const struct record *r, void *arg)
{
    if (r->position > s->snapshot->position)
        (void)apply_snapshot(arg, r);
    return 0;
}

struct claim {
    struct state state;
    uint64_t position;
    bool untrue;
};

/* It must know every connection that has a record before it, and not as it was earlier. */
static int compare(struct salvage *s, const struct record *r, void *arg)
{
    struct claim *c = arg;
    const struct held *h = state_find(&c->state, r->id);
    (void)s;
    c->untrue |= r->position <= c->position && (!h || h->revision < r->revision);
    return 0;
}

/* Something is missing that a snapshot of the state knows: what counts is where the connections are, not how they came
 * there. */
static int use_snapshot(struct salvage *s, const struct snapshot *snapshot)
{
    if (!s->problems || !snapshot || !snapshot->position || snapshot->position > s->position)
        return 0;
    struct claim claim = {.position = snapshot->position};
    (void)snapshot_show(snapshot, apply_snapshot, &claim.state);
    int rc = each(s, compare, &claim);
    if (rc != 0 || claim.untrue) {
        if (rc == 0)
            warn("cannot use '%s': it is of another log", SNAPSHOT_FILE);
        state_free(&claim.state);
        return rc;
    }
    s->snapshot = snapshot;
    if (s->cut < snapshot->position)
        s->cut = snapshot->position;
    state_free(&s->state);
    s->state = claim.state;
    return each(s, apply_later, &s->state);
}

/* Where a log was, an empty or another file is one that lost everything. */
static int scan_file(struct salvage *s, int fd, uint64_t must, struct log_error *err)
{
    struct stat st;
    bool empty = must && fstat(fd, &st) == 0 && !st.st_size;
    s->carve = (struct carve){.fd = fd};
    if (empty || carve_scan(&s->carve, fd, err) == 0)
        return 0;
    if (!must || !s->carve.foreign)
        return -1;
    say(s, "foreign", SLICE_NONE);
    buf_puts(s->out, "}\n");
    return 0;
}

int salvage_read(struct salvage *s, int fd, uint64_t must, const struct snapshot *snapshot, struct buf *out,
                 struct log_error *err)
{
    *s = (struct salvage){.out = out};
    if (scan_file(s, fd, must, err) != 0) {
        salvage_free(s);
        return -1;
    }
    carve_sort(&s->carve);
    s->confirmed = must > s->carve.durable ? must : s->carve.durable;
    check_bases(s);
    check_positions(s);
    if (each(s, check_revision, NULL) != 0 || use_snapshot(s, snapshot) != 0) {
        salvage_free(s);
        return log_fail(err, EXIT_TEMPORARY, "%s", strerror(errno));
    }
    check_state(s);
    return 0;
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

struct target {
    struct event_log *log;
    struct state bases;
    uint64_t cut;
};

static int take_old(struct salvage *s, const struct record *r, void *arg)
{
    struct target *t = arg;
    bool known = s->snapshot && r->position <= s->snapshot->position;
    if (!known && r->position <= t->cut) {
        state_apply(&t->bases, r);
        state_keep(&t->bases);
    }
    return 0;
}

static int put_new(struct salvage *s, const struct record *r, void *arg)
{
    struct target *t = arg;
    (void)s;
    return r->position > t->cut ? t->log->backend->rewrite_put(t->log, r) : 0;
}

static int put_bases(struct target *t)
{
    int rc = 0;
    for (const struct held *h = state_next(&t->bases, SLICE_NONE); h && rc == 0;
         h = state_next(&t->bases, h->id)) {
        struct held base = *h;
        struct buf payload = {0};
        base.deleted = h->deleted || !makes_sense(h);
        held_put_snapshot(&payload, &base, "");
        struct record r = {.kind = RECORD_SNAPSHOT,
                           .id = h->id,
                           .revision = h->revision,
                           .position = h->position,
                           .time = h->time,
                           .payload = buf_slice(&payload)};
        rc = t->log->backend->rewrite_put(t->log, &r);
        buf_wipe(&payload);
    }
    return rc;
}

int salvage_write(struct salvage *s, struct event_log *log)
{
    struct target t = {.log = log, .cut = s->cut > s->carve.cut ? s->cut : s->carve.cut};
    if (s->snapshot)
        (void)snapshot_show(s->snapshot, apply_snapshot, &t.bases);
    int rc = each(s, take_old, &t);
    if (rc == 0)
        rc = log->backend->rewrite_begin(log, t.cut, t.bases.n);
    if (rc == 0)
        rc = put_bases(&t);
    if (rc == 0)
        rc = each(s, put_new, &t);
    if (rc == 0)
        rc = log->backend->rewrite_end(log);
    int why = errno;
    state_free(&t.bases);
    errno = why;
    return rc;
}

void salvage_free(struct salvage *s)
{
    int why = errno;
    carve_free(&s->carve);
    state_free(&s->state);
    errno = why;
}
