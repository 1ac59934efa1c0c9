#include "twin/journal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/scan.h"

#include "base/banned.h"

enum { KEEP_BYTES = 4 * 1024 * 1024, SLOTS = 65536 };

/* --- recent changes -------------------------------------------------------------------------------------------------- */

static struct recent *recent_at(const struct journal *j, uint64_t position)
{
    if (position < j->first || position >= j->first + j->n)
        return NULL;
    return &j->recent[(j->start + (size_t)(position - j->first)) & (j->cap - 1)];
}

static bool has_key(const struct recent *r)
{
    return r->key[0] | r->key[1];
}

static uint64_t *slot_of(struct journal *j, const uint64_t key[2])
{
    if (!j->n_slots) {
        j->n_slots = SLOTS;
        j->slots = xcalloc(j->n_slots, sizeof *j->slots);
    }
    return &j->slots[key[0] & (j->n_slots - 1)];
}

static void unlink_key(struct journal *j, uint64_t position)
{
    struct recent *r = recent_at(j, position);
    if (!has_key(r))
        return;
    uint64_t *at = slot_of(j, r->key);
    while (*at && *at != position)
        at = &recent_at(j, *at)->next;
    *at = r->next;
}

static void grow(struct journal *j)
{
    size_t cap = j->cap ? j->cap * 2 : 1024;
    struct recent *v = xcalloc(cap, sizeof *v);
    for (size_t i = 0; i < j->n; i++)
        v[i] = j->recent[(j->start + i) & (j->cap - 1)];
    free(j->recent);
    j->recent = v;
    j->cap = cap;
    j->start = 0;
}

static struct recent *recent_push(struct journal *j, uint64_t position, const struct recent *r)
{
    if (!j->n)
        j->first = position;
    if (j->n == j->cap)
        grow(j);
    j->n++;
    struct recent *new = recent_at(j, position);
    *new = *r;
    if (has_key(new)) {
        uint64_t *slot = slot_of(j, new->key);
        new->next = *slot;
        *slot = position;
    }
    return new;
}

static void recent_drop_oldest(struct journal *j)
{
    unlink_key(j, j->first);
    j->first++;
    j->n--;
    j->start = (j->start + 1) & (j->cap - 1);
}

static void recent_drop_newest(struct journal *j)
{
    unlink_key(j, j->first + j->n - 1);
    j->n--;
}

static void forget_old(struct journal *j)
{
    int64_t horizon = wall_ms() - j->recent_ms;
    while (j->n && j->first <= j->published && j->first <= j->committed &&
           (j->n > JOURNAL_RECENT || recent_at(j, j->first)->time < horizon))
        recent_drop_oldest(j);
}

/* --- what a command is recognised by ---------------------------------------------------------------------------------- */

static void mix(uint64_t key[2], struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        key[0] = (key[0] ^ (unsigned char)s.p[i]) * 0x100000001b3ULL;
        key[1] = (key[1] + (unsigned char)s.p[i] + 1) * 0x9e3779b97f4a7c15ULL;
        key[1] ^= key[1] >> 32;
    }
    key[0] = (key[0] ^ 0xff) * 0x100000001b3ULL;
    key[1] = (key[1] + 0x1ff) * 0x9e3779b97f4a7c15ULL;
}

void journal_key(uint64_t key[2], const struct command *c)
{
    struct json correlation = command_header(c, S("correlation-id"));
    key[0] = key[1] = 0;
    if (correlation.type != JSON_STRING)
        return;
    key[0] = 0xcbf29ce484222325ULL;
    mix(key, c->origin);
    mix(key, json_slice(correlation));
    mix(key, row_type(c->plan->command));
    mix(key, c->id);
    mix(key, c->place);
    mix(key, json_slice(c->value));
    key[0] ^= key[0] >> 29;
}

/* A hash may lie: what the record says of its command decides. */
static bool is_of(struct slice payload, const struct command *c)
{
    struct json v;
    struct buf scratch = {0};
    if (json_parse(payload, &v, NULL) < 0)
        return false;
    struct json said = json_pointer(v, S("/answer/headers/correlation-id"));
    struct slice origin = json_text(json_get(v, S("origin")), &scratch);
    bool same = slice_eq(json_slice(said), json_slice(command_header(c, S("correlation-id")))) &&
                slice_eq(origin, c->origin) && json_text_is(json_get(v, S("entity")), c->id);
    buf_free(&scratch);
    return same;
}

uint64_t journal_find(struct journal *j, const struct command *c, const uint64_t key[2])
{
    struct buf payload = {0};
    uint64_t found = 0;
    if (!(key[0] | key[1]) || !j->n_slots)
        return 0;
    int64_t horizon = wall_ms() - j->recent_ms;
    for (uint64_t p = *slot_of(j, key); p && !found; p = recent_at(j, p)->next) {
        const struct recent *r = recent_at(j, p);
        buf_reset(&payload, KEEP_BYTES);
        if (r->key[0] == key[0] && r->key[1] == key[1] && r->time >= horizon &&
            journal_payload(j, p, &payload) == 0 && is_of(buf_slice(&payload), c))
            found = p;
    }
    buf_free(&payload);
    return found;
}

/* --- records ---------------------------------------------------------------------------------------------------------- */

static void put_bucket_id(char id[16], unsigned bucket)
{
    static const char hex[] = "0123456789abcdef";
    id[0] = bucket == BUCKETS ? 'm' : 'b';
    id[1] = hex[bucket >> 8 & 15];
    id[2] = hex[bucket >> 4 & 15];
    id[3] = hex[bucket & 15];
    id[4] = '\0';
}

static bool read_bucket_id(struct slice id, unsigned *bucket)
{
    unsigned n = 0;
    if (id.len != 4 || (id.p[0] != 'b' && id.p[0] != 'm'))
        return false;
    for (size_t i = 1; i < 4; i++) {
        char c = id.p[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
        n = n * 16 + (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    *bucket = id.p[0] == 'm' ? BUCKETS : n;
    return true;
}

static const char *kind_text(enum kind kind)
{
    return kind == KIND_POLICY ? "policy" : "thing";
}

static enum kind kind_of(struct json v)
{
    return json_text_is(v, S("policy")) ? KIND_POLICY : KIND_THING;
}

static void put_part(struct buf *dst, struct slice name, struct slice members)
{
    if (!members.p)
        return;
    json_put_key(dst, name);
    buf_putc(dst, '{');
    buf_put_slice(dst, members);
    buf_putc(dst, '}');
}

static void put_payload(struct buf *dst, const struct journal *j, const struct entry_of_change *e,
                        int64_t revision)
{
    const struct change *c = e->change;
    buf_putc(dst, '{');
    json_put_member_int(dst, S("published"), (int64_t)j->published);
    json_put_member_text(dst, S("kind"), slice_str(kind_text(c->kind)));
    json_put_member_text(dst, S("entity"), e->entity->id);
    json_put_member_int(dst, S("revision"), revision);
    json_put_member_text(dst, S("deed"), slice_str(deed_text(c->deed)));
    json_put_member_text(dst, S("place"), c->place);
    if (c->value.type != JSON_ABSENT)
        json_put_member(dst, S("value"), json_slice(c->value));
    if (e->metadata.p)
        json_put_member(dst, S("metadata"), e->metadata);
    json_put_member(dst, S("protocol"), e->command->protocol ? S("true") : S("false"));
    put_part(dst, S("event"), e->event);
    put_part(dst, S("answer"), e->answer);
    if (e->readers.p)
        json_put_member(dst, S("readers"), e->readers);
    if (e->command->origin.p)
        json_put_member_text(dst, S("origin"), e->command->origin);
    if (e->key[0] | e->key[1]) {
        char text[40];
        int n = snprintf(text, sizeof text, "%016" PRIx64 "%016" PRIx64, e->key[0], e->key[1]);
        json_put_member_text(dst, S("key"), slice_of(text, (size_t)n));
    }
    buf_putc(dst, '}');
}

static int append(struct journal *j, unsigned bucket, int64_t time, struct slice payload)
{
    char id[16];
    put_bucket_id(id, bucket);
    struct record r = {.kind = RECORD_EVENT, .id = slice_str(id), .time = time, .payload = payload};
    if (j->backend->append(j->log, &r, j->revisions[bucket]) != 0)
        return -1;
    j->revisions[bucket] = r.revision;
    j->head = r.position;
    j->saying = j->published;
    return 0;
}

bool journal_append(struct journal *j, const struct entry_of_change *e)
{
    struct state now = e->entity->now;
    size_t at = j->staged.len;
    if (j->events.n >= JOURNAL_UNPUBLISHED)
        return false;
    now.revision++;
    now.modified = e->time;
    if (!now.text.p)
        now.created = e->time;
    put_payload(&j->staged, j, e, now.revision);
    if (append(j, e->entity->bucket, e->time, slice_skip(buf_slice(&j->staged), at)) != 0) {
        buf_cut(&j->staged, at);
        return false;
    }
    struct recent r = {.key = {e->key[0], e->key[1]},
                       .time = e->time,
                       .offset = at,
                       .len = j->staged.len - at,
                       .bucket = e->entity->bucket,
                       .published = !e->event.p,
                       .accepted = !e->event.p};
    recent_push(j, j->head, &r);
    now.text = e->text;
    now.metadata = e->text.p ? e->metadata : SLICE_NONE;
    entities_change(&j->entities, e->entity, &now);
    return true;
}

static void batch_ends(struct journal *j)
{
    buf_reset(&j->staged, KEEP_BYTES);
    j->committed = j->head;
    j->batch_counter = j->events.counter;
}

static void advance(struct journal *j)
{
    const struct recent *r;
    while (j->published < j->committed && (!(r = recent_at(j, j->published + 1)) || r->published))
        j->published++;
}

static void end_event(struct journal *j, struct entry *e, bool accepted)
{
    struct recent *r = recent_at(j, (uint64_t)(uintptr_t)e->data);
    if (r) {
        r->published = true;
        r->accepted |= accepted;
    }
    pending_remove(&j->events, e);
    advance(j);
}

/* What nobody settles must not hold up the rest for ever. */
static void expire(struct journal *j)
{
    struct entry *e;
    uint64_t before = j->expired;
    while ((e = j->events.oldest) &&
           (clock_ms() - e->since > JOURNAL_EXPIRY_MS || j->committed - j->published > JOURNAL_SPAN)) {
        end_event(j, e, false);
        j->expired++;
    }
    if (j->expired > before)
        warn("cannot tell if %" PRIu64 " events were published: nobody settled them", j->expired - before);
}

bool journal_commit(struct journal *j)
{
    if (j->head == j->committed) {
        batch_ends(j);
        return true;
    }
    if (j->backend->commit(j->log) != 0) {
        int why = errno;
        journal_discard(j);
        errno = why;
        return false;
    }
    j->log_bytes += j->staged.len + (j->head - j->committed) * 64;
    j->noted = j->saying;
    entities_keep(&j->entities);
    batch_ends(j);
    expire(j);
    forget_old(j);
    return true;
}

void journal_discard(struct journal *j)
{
    j->backend->discard(j->log);
    while (j->events.newest && j->events.newest->counter > j->batch_counter)
        pending_remove(&j->events, j->events.newest); /* lines that were never written */
    while (j->head > j->committed) {
        const struct recent *r = recent_at(j, j->head);
        j->revisions[r->bucket]--;
        recent_drop_newest(j);
        j->head--;
    }
    entities_take_back(&j->entities);
    batch_ends(j);
}

/* --- reading ----------------------------------------------------------------------------------------------------------- */

static bool copy_payload(void *arg, const struct record *r)
{
    buf_put_slice(arg, r->payload);
    return false;
}

int journal_payload(struct journal *j, uint64_t position, struct buf *dst)
{
    const struct recent *r = recent_at(j, position);
    if (position > j->committed) {
        buf_put_slice(dst, slice_of(buf_p(&j->staged) + r->offset, r->len));
        return 0;
    }
    return j->backend->read(j->log, position - 1, copy_payload, dst);
}

/* --- publishing --------------------------------------------------------------------------------------------------------- */

void journal_give_id(struct journal *j, uint64_t position, char id[PENDING_ID_SIZE])
{
    id[0] = '\0';
    if (!j->trusting)
        pending_add(&j->events, (void *)(uintptr_t)position, id)->since = clock_ms();
}

bool journal_settle(struct journal *j, const struct line *l)
{
    int64_t parts;
    if (!l->id.p || !pending_owns(&j->events, l->id))
        return false;
    struct entry *e = l->kind == LINE_PARTS
                          ? pending_parts(&j->events, l->id,
                                          json_int(l->parts, &parts) == 0 && parts > 0 ? (size_t)parts : 0)
                          : pending_settle(&j->events, l->id, pending_status_of(l));
    if (!e)
        return true;
    j->refused += e->worst != CLASS_ACCEPT;
    end_event(j, e, e->worst == CLASS_ACCEPT);
    return true;
}

bool journal_accepted(const struct journal *j, uint64_t position)
{
    const struct recent *r = recent_at(j, position);
    return !r || r->accepted;
}

void journal_written(struct journal *j)
{
    if (j->trusting)
        j->published = j->committed;
}

struct shower {
    struct journal *j;
    void (*show)(void *arg, uint64_t position, struct slice payload);
    void *arg;
};

static bool show_unpublished(void *arg, const struct record *r)
{
    struct shower *s = arg;
    const struct recent *known = recent_at(s->j, r->position);
    if (known && !known->published && r->kind == RECORD_EVENT)
        s->show(s->arg, r->position, r->payload);
    return true;
}

int journal_unpublished(struct journal *j, void (*show)(void *arg, uint64_t position, struct slice payload),
                        void *arg)
{
    struct shower s = {j, show, arg};
    return j->backend->read(j->log, j->published, show_unpublished, &s);
}

bool journal_idle_work(const struct journal *j)
{
    return j->published > j->noted;
}

int journal_note(struct journal *j)
{
    struct recent r = {.time = wall_ms(), .bucket = BUCKETS, .published = true, .accepted = true};
    size_t at = j->staged.len;
    if (!journal_idle_work(j))
        return 0;
    buf_printf(&j->staged, "{\"published\":%" PRIu64 "}", j->published);
    if (append(j, BUCKETS, r.time, slice_skip(buf_slice(&j->staged), at)) != 0)
        return -1;
    r.offset = at;
    r.len = j->staged.len - at;
    recent_push(j, j->head, &r);
    uint64_t noted = j->published;
    if (!journal_commit(j))
        return -1;
    advance(j);
    /* the note itself is nothing that has to be noted */
    j->noted = j->published > noted + 1 ? noted : j->published;
    return 0;
}

/* --- snapshots ---------------------------------------------------------------------------------------------------------- */

static void put_entity(struct buf *dst, const struct entity *e)
{
    json_put_item(dst);
    buf_putc(dst, '{');
    json_put_member_text(dst, S("kind"), slice_str(kind_text(e->kind)));
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

static void put_bucket(void *arg, struct slice id, struct buf *dst)
{
    struct journal *j = arg;
    unsigned bucket;
    if (!read_bucket_id(id, &bucket))
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
    struct entity *e = entities_need(&j->entities, kind_of(json_get(v, S("kind"))), id);
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
    enum kind kind = kind_of(json_get(v, S("kind")));
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
    if (!read_bucket_id(r->id, &bucket) || json_parse(r->payload, &v, NULL) < 0) {
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
    if (!read_bucket_id(r->id, &new.bucket) || json_parse(r->payload, &v, NULL) < 0)
        return true;
    int64_t published = 0;
    if (json_int(json_get(v, S("published")), &published) == 0 && (uint64_t)published > j->published)
        j->published = (uint64_t)published;
    read_key(json_get(v, S("key")), new.key);
    new.published = json_get(v, S("event")).type == JSON_ABSENT;
    new.accepted = new.published;
    recent_push(j, r->position, &new);
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
        recent_at(j, p)->published = true; /* whether it was accepted nobody knows any more */
    advance(j);
    j->noted = j->published;
    return 0;
}

int journal_open(struct journal *j, const struct log_backend *backend, const char *dir, int64_t recent_ms,
                 struct log_error *err)
{
    struct opening o = {j, err};
    *j = (struct journal){.backend = backend, .recent_ms = recent_ms};
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
        if (j->backend->snapshot(j->log, put_bucket, j) != 0)
            warn_sys("cannot keep a snapshot of the twins");
        rc = j->backend->close(j->log);
    }
    int why = errno;
    free_all(j);
    errno = why;
    return rc;
}

/* --- compaction ---------------------------------------------------------------------------------------------------------- */

enum { REWRITE_MIN = 64 * 1024 * 1024, STEP_BUCKETS = 64, STEP_RECORDS = 1024 };

static bool worth_it(const struct journal *j)
{
    return j->log_bytes > REWRITE_MIN && j->log_bytes > 4 * (uint64_t)j->entities.bytes && j->n &&
           j->first > 1 && j->first - 1 <= j->committed;
}

static bool give_up(struct journal *j)
{
    warn_sys("cannot compact the log of the twins");
    j->backend->rewrite_abandon(j->log);
    free(j->rewrite.revisions);
    j->rewrite = (struct journal_rewrite){0};
    j->log_bytes = 0; /* tried again after as much again */
    return false;
}

/* Revisions as they were at the cut: what came after it is recent. */
static bool rewrite_start(struct journal *j)
{
    struct journal_rewrite *w = &j->rewrite;
    uint64_t bases = 0;
    *w = (struct journal_rewrite){.active = true, .cut = j->first - 1};
    w->revisions = xcalloc(BUCKETS + 1, sizeof *w->revisions);
    memcpy(w->revisions, j->revisions, sizeof j->revisions);
    for (uint64_t p = w->cut + 1; p <= j->committed; p++)
        w->revisions[recent_at(j, p)->bucket]--;
    for (unsigned b = 0; b <= BUCKETS; b++)
        bases += w->revisions[b] > 0;
    w->position = w->cut;
    return j->backend->rewrite_begin(j->log, w->cut, bases) == 0 || give_up(j);
}

static bool read_position(void *arg, const struct record *r)
{
    *(struct record *)arg = *r;
    return false;
}

static int put_base(struct journal *j, unsigned bucket)
{
    char id[16];
    struct buf payload = {0};
    struct record r = {0};
    put_bucket_id(id, bucket);
    uint64_t revision = j->rewrite.revisions[bucket];
    if (!revision)
        return 0;
    if (j->backend->read_id(j->log, slice_str(id), revision, read_position, &r) != 0)
        return -1;
    put_bucket(j, slice_str(id), &payload);
    r = (struct record){.kind = RECORD_SNAPSHOT,
                        .id = slice_str(id),
                        .revision = revision,
                        .position = r.position,
                        .time = r.time,
                        .payload = buf_slice(&payload)};
    int rc = j->backend->rewrite_put(j->log, &r);
    buf_free(&payload);
    return rc;
}

struct copying {
    struct journal *j;
    size_t left;
    bool failed;
};

static bool copy_record(void *arg, const struct record *r)
{
    struct copying *c = arg;
    if (!c->left)
        return false;
    c->left--;
    c->failed = c->j->backend->rewrite_put(c->j->log, r) != 0;
    if (c->failed)
        return false;
    c->j->rewrite.position = r->position;
    return true;
}

static bool rewrite_tail(struct journal *j)
{
    struct copying c = {j, STEP_RECORDS, false};
    if (j->backend->read(j->log, j->rewrite.position, copy_record, &c) != 0 || c.failed)
        return give_up(j);
    if (j->rewrite.position < j->committed)
        return true;
    if (j->backend->rewrite_end(j->log) != 0)
        return give_up(j);
    info("compacted the log of the twins up to position %" PRIu64, j->rewrite.cut);
    free(j->rewrite.revisions);
    j->rewrite = (struct journal_rewrite){0};
    j->log_bytes = j->entities.bytes;
    return false;
}

bool journal_compact(struct journal *j)
{
    struct journal_rewrite *w = &j->rewrite;
    if (!w->active)
        return worth_it(j) && rewrite_start(j);
    for (unsigned n = 0; n < STEP_BUCKETS && w->bucket <= BUCKETS; n++)
        if (put_base(j, w->bucket++) != 0)
            return give_up(j);
    return w->bucket <= BUCKETS || rewrite_tail(j);
}
