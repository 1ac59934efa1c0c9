#include "twin/journal_parts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"

#include "base/banned.h"

/* --- compaction ---------------------------------------------------------------------------------------------------------- */

enum { STEP_BUCKETS = 64, STEP_RECORDS = 1024 };

/* What came before the oldest recent change can go. */
static uint64_t find_cut(const struct journal *j)
{
    return j->n ? j->first - 1 : j->committed;
}

static bool worth_it(const struct journal *j)
{
    return j->log_bytes > j->compact_bytes && j->log_bytes > j->rewrite.copied &&
           j->log_bytes > 4 * (uint64_t)j->entities.bytes && find_cut(j) > 0 && find_cut(j) <= j->published;
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
    *w = (struct journal_rewrite){.active = true, .cut = find_cut(j)};
    w->revisions = xcalloc(BUCKETS + 1, sizeof *w->revisions);
    memcpy(w->revisions, j->revisions, sizeof j->revisions);
    for (uint64_t p = w->cut + 1; p <= j->committed; p++)
        w->revisions[journal_recent_at(j, p)->bucket]--;
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
    journal_put_bucket_id(id, bucket);
    uint64_t revision = j->rewrite.revisions[bucket];
    if (!revision)
        return 0;
    if (j->backend->read_id(j->log, slice_str(id), revision, read_position, &r) != 0)
        return -1;
    journal_put_bucket(j, slice_str(id), &payload);
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
    c->j->rewrite.copied += r->payload.len;
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
    j->rewrite = (struct journal_rewrite){.copied = j->rewrite.copied};
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
