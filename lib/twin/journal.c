#include "twin/journal_parts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"

#include "base/banned.h"

enum { KEEP_BYTES = 4 * 1024 * 1024 };

/* --- records ---------------------------------------------------------------------------------------------------------- */

void journal_put_bucket_id(char id[16], unsigned bucket)
{
    static const char hex[] = "0123456789abcdef";
    id[0] = bucket == BUCKETS ? 'm' : 'b';
    id[1] = hex[bucket >> 8 & 15];
    id[2] = hex[bucket >> 4 & 15];
    id[3] = hex[bucket & 15];
    id[4] = '\0';
}

bool journal_read_bucket_id(struct slice id, unsigned *bucket)
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

const char *journal_kind_text(enum kind kind)
{
    return kind == KIND_POLICY ? "policy" : "thing";
}

enum kind journal_kind_of(struct json v)
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
    json_put_member_text(dst, S("kind"), slice_str(journal_kind_text(c->kind)));
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
    journal_put_bucket_id(id, bucket);
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
    journal_recent_push(j, j->head, &r);
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

void journal_advance(struct journal *j)
{
    const struct recent *r;
    while (j->published < j->committed && (!(r = journal_recent_at(j, j->published + 1)) || r->published))
        j->published++;
}

static void end_event(struct journal *j, struct entry *e, bool accepted)
{
    struct recent *r = journal_recent_at(j, (uint64_t)(uintptr_t)e->data);
    if (r) {
        r->published = true;
        r->accepted |= accepted;
    }
    pending_remove(&j->events, e);
    journal_advance(j);
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
    journal_forget_old(j);
    return true;
}

void journal_discard(struct journal *j)
{
    j->backend->discard(j->log);
    while (j->events.newest && j->events.newest->counter > j->batch_counter)
        pending_remove(&j->events, j->events.newest); /* lines that were never written */
    while (j->head > j->committed) {
        const struct recent *r = journal_recent_at(j, j->head);
        j->revisions[r->bucket]--;
        journal_recent_drop_newest(j);
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
    const struct recent *r = journal_recent_at(j, position);
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
    const struct recent *r = journal_recent_at(j, position);
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
    const struct recent *known = journal_recent_at(s->j, r->position);
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
    journal_recent_push(j, j->head, &r);
    uint64_t noted = j->published;
    if (!journal_commit(j))
        return -1;
    journal_advance(j);
    /* the note itself is nothing that has to be noted */
    j->noted = j->published > noted + 1 ? noted : j->published;
    return 0;
}
