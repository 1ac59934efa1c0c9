#include "twin/journal_parts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"

#include "base/banned.h"

/* --- snapshots ---------------------------------------------------------------------------------------------------------- */

static void put_entity(struct buf *dst, const struct entity *e)
{
    json_put_item(dst);
    buf_putc(dst, '{');
    json_put_member_text(dst, S("kind"), slice_str(journal_kind_text(e->kind)));
    json_put_member_text(dst, S("entity"), e->id);
    json_put_member_int(dst, S("revision"), e->now.revision);
    json_put_member_int(dst, S("created"), e->now.created);
    json_put_member_int(dst, S("modified"), e->now.modified);
    if (e->now.text.p)
        json_put_member(dst, S("value"), e->now.text);
    if (e->now.metadata.p)
        json_put_member(dst, S("metadata"), e->now.metadata);
    buf_putc(dst, '}');
}

void journal_put_bucket(void *arg, struct slice id, struct buf *dst)
{
    struct journal *j = arg;
    unsigned bucket;
    if (!journal_read_bucket_id(id, &bucket))
        bug("an id of the log that is not ours");
    buf_puts(dst, "{");
    json_put_member_int(dst, S("published"), (int64_t)j->published);
    json_put_key(dst, S("entities"));
    buf_putc(dst, '[');
    for (const struct entity *e = bucket < BUCKETS ? j->entities.buckets[bucket] : NULL; e;
         e = e->next_of_bucket)
        if (e->now.revision)
            put_entity(dst, e);
    buf_puts(dst, "]}");
}

static struct slice slice_or_none(struct json v)
{
    return v.type == JSON_OBJECT ? json_slice(v) : SLICE_NONE;
}

static void load_entity(struct journal *j, struct json v)
{
    struct buf scratch = {0};
    struct slice id = json_text(json_get(v, S("entity")), &scratch);
    struct state s = {.text = slice_or_none(json_get(v, S("value"))),
                      .metadata = slice_or_none(json_get(v, S("metadata")))};
    json_int(json_get(v, S("revision")), &s.revision);
    json_int(json_get(v, S("created")), &s.created);
    json_int(json_get(v, S("modified")), &s.modified);
    struct entity *e = entities_need(&j->entities, journal_kind_of(json_get(v, S("kind"))), id);
    if (s.revision > e->now.revision) {
        entities_change(&j->entities, e, &s);
        entities_keep(&j->entities);
    }
    buf_free(&scratch);
}

/* --- opening ------------------------------------------------------------------------------------------------------------ */

struct opening {
    struct journal *j;
    struct log_error *err;
};

static void load_change(struct journal *j, const struct record *r, struct json v)
{
    struct buf id = {0}, place = {0}, text = {0};
    enum kind kind = journal_kind_of(json_get(v, S("kind")));
    struct change c = {.kind = kind,
                       .deed = DEED_RETRIEVE,
                       .dialect = kind == KIND_POLICY ? POINTER_RFC6901 : POINTER_DITTO,
                       .place = json_text(json_get(v, S("place")), &place),
                       .value = json_get(v, S("value"))};
    struct json deed = json_get(v, S("deed"));
    struct slice name = json_text(json_get(v, S("entity")), &id);
    int64_t revision = 0;
    if (deed.type == JSON_STRING)
        c.deed = deed_of(json_raw(deed));
    if (!name.p || json_int(json_get(v, S("revision")), &revision) < 0)
        return; /* a note */
    struct entity *e = entities_need(&j->entities, kind, name);
    struct state s = e->now;
    if (revision > s.revision) {
        s.revision = revision;
        s.created = s.text.p ? s.created : r->time;
        s.modified = r->time;
        s.metadata = slice_or_none(json_get(v, S("metadata")));
        if (!change_ends(&c))
            change_apply(&text, &c, entity_json(e));
        s.text = change_ends(&c) ? SLICE_NONE : buf_slice(&text);
        entities_change(&j->entities, e, &s);
        entities_keep(&j->entities);
    }
    buf_free(&id);
    buf_free(&place);
    buf_free(&text);
}

static bool load(void *arg, const struct record *r)
{
    struct opening *o = arg;
    struct journal *j = o->j;
    unsigned bucket;
    int64_t published = 0;
    struct json v;
    if (r->kind == RECORD_CUT)
        return true;
    if (!journal_read_bucket_id(r->id, &bucket) || json_parse(r->payload, &v, NULL) < 0) {
        log_fail(o->err, EXIT_PERMANENT, "it has a record that is not of a twin");
        return false;
    }
    j->revisions[bucket] = r->revision;
    j->log_bytes += r->payload.len + 64;
    if (json_int(json_get(v, S("published")), &published) == 0 && (uint64_t)published > j->published)
        j->published = (uint64_t)published;
    if (r->kind != RECORD_SNAPSHOT) {
        load_change(j, r, v);
        return true;
    }
    struct json_iter it = json_iter(json_get(v, S("entities")));
    while (json_next(&it))
        load_entity(j, it.value);
    return true;
}

static bool read_key(struct json v, uint64_t key[2])
{
    struct slice text = json_raw(v);
    key[0] = key[1] = 0;
    if (text.len != 32)
        return false;
    for (size_t i = 0; i < 32; i++) {
        char c = text.p[i];
        key[i / 16] = key[i / 16] << 4 | (uint64_t)(c <= '9' ? c - '0' : (c - 'a' + 10) & 15);
    }
    return true;
}

static bool load_recent(void *arg, const struct record *r)
{
    struct journal *j = arg;
    struct recent new = {.time = r->time};
    struct json v;
    if (r->kind == RECORD_SNAPSHOT || r->kind == RECORD_CUT)
        return true;
    if (!journal_read_bucket_id(r->id, &new.bucket) || json_parse(r->payload, &v, NULL) < 0)
        return true;
    int64_t published = 0;
    if (json_int(json_get(v, S("published")), &published) == 0 && (uint64_t)published > j->published)
        j->published = (uint64_t)published;
    read_key(json_get(v, S("key")), new.key);
    new.published = json_get(v, S("event")).type == JSON_ABSENT;
    new.accepted = new.published;
    journal_recent_push(j, r->position, &new);
    return true;
}

static bool read_time(void *arg, const struct record *r)
{
    *(int64_t *)arg = r->time;
    return false;
}

/* The first position whose record is younger than that. */
static uint64_t position_of(struct journal *j, uint64_t low, uint64_t high, int64_t time)
{
    while (low < high) {
        uint64_t mid = low + (high - low) / 2;
        int64_t t = 0;
        if (j->backend->read(j->log, mid - 1, read_time, &t) != 0 || t >= time)
            high = mid;
        else
            low = mid + 1;
    }
    return low;
}

static int find_recent(struct journal *j)
{
    struct log_health h;
    j->backend->health(j->log, &h);
    j->head = j->committed = h.position;
    if (j->published < h.cut)
        j->published = h.cut;
    uint64_t start = position_of(j, h.cut + 1, h.position + 1, wall_ms() - j->recent_ms);
    if (h.position > JOURNAL_RECENT && start < h.position - JOURNAL_RECENT)
        start = h.position - JOURNAL_RECENT;
    if (start > j->published + 1)
        start = j->published + 1;
    j->first = start;
    if (j->backend->read(j->log, start - 1, load_recent, j) != 0)
        return -1;
    for (uint64_t p = j->first; p < j->first + j->n && p <= j->published; p++)
        journal_recent_at(j, p)->published = true; /* whether it was accepted nobody knows any more */
    journal_advance(j);
    j->noted = j->published;
    return 0;
}

int journal_open(struct journal *j, const struct log_backend *backend, const char *dir, int64_t recent_ms,
                 struct log_error *err)
{
    struct opening o = {j, err};
    *j = (struct journal){.backend = backend, .recent_ms = recent_ms, .compact_bytes = JOURNAL_COMPACT_BYTES};
    pending_init(&j->events, "tw");
    j->log = backend->open(dir, LOG_WRITE, load, &o, err);
    if (!j->log)
        return -1;
    if (find_recent(j) == 0)
        return 0;
    return log_fail(err, EXIT_TEMPORARY, "its newest changes cannot be read: %s", strerror(errno));
}

static void free_all(struct journal *j)
{
    pending_free(&j->events);
    entities_free(&j->entities);
    free(j->recent);
    free(j->slots);
    free(j->rewrite.revisions);
    buf_free(&j->staged);
}

int journal_close(struct journal *j)
{
    int rc = 0;
    if (j->log) {
        if (j->rewrite.active)
            j->backend->rewrite_abandon(j->log);
        if (journal_note(j) != 0)
            warn_sys("cannot note which events are published");
        if (j->backend->snapshot(j->log, journal_put_bucket, j) != 0)
            warn_sys("cannot keep a snapshot of the twins");
        rc = j->backend->close(j->log);
    }
    int why = errno;
    free_all(j);
    errno = why;
    return rc;
}
