#include "twin/journal_parts.h"

#include <stdlib.h>

#include "base/banned.h"

enum { KEEP_BYTES = 4 * 1024 * 1024, SLOTS = 65536 };

/* --- recent changes -------------------------------------------------------------------------------------------------- */

struct recent *journal_recent_at(const struct journal *j, uint64_t position)
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
    struct recent *r = journal_recent_at(j, position);
    if (!has_key(r))
        return;
    uint64_t *at = slot_of(j, r->key);
    while (*at && *at != position)
        at = &journal_recent_at(j, *at)->next;
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

struct recent *journal_recent_push(struct journal *j, uint64_t position, const struct recent *r)
{
    if (!j->n)
        j->first = position;
    if (j->n == j->cap)
        grow(j);
    j->n++;
    struct recent *new = journal_recent_at(j, position);
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

void journal_recent_drop_newest(struct journal *j)
{
    unlink_key(j, j->first + j->n - 1);
    j->n--;
}

void journal_forget_old(struct journal *j)
{
    int64_t horizon = wall_ms() - j->recent_ms;
    while (j->n && j->first <= j->published && j->first <= j->committed &&
           (j->n > JOURNAL_RECENT || journal_recent_at(j, j->first)->time < horizon))
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
    for (uint64_t p = *slot_of(j, key); p && !found; p = journal_recent_at(j, p)->next) {
        const struct recent *r = journal_recent_at(j, p);
        buf_reset(&payload, KEEP_BYTES);
        if (r->key[0] == key[0] && r->key[1] == key[1] && r->time >= horizon &&
            journal_payload(j, p, &payload) == 0 && is_of(buf_slice(&payload), c))
            found = p;
    }
    buf_free(&payload);
    return found;
}
