/* journal_parts.h: what the parts of the journal share. Private to lib/twin/journal*.c:
 *
 *   journal.c           changes: appended, committed, published
 *   journal_recent.c    recent changes, and the commands that they are of
 *   journal_open.c      what is read at the start and kept at the end
 *   journal_compact.c   the log, written anew without what is old */
#ifndef TWIN_JOURNAL_PARTS_H
#define TWIN_JOURNAL_PARTS_H

#include "twin/journal.h"

enum { JOURNAL_COMPACT_BYTES = 64 * 1024 * 1024 };

/* NULL: it is no recent one. */
struct recent *journal_recent_at(const struct journal *j, uint64_t position);
/* Copies r, the next position's. */
struct recent *journal_recent_push(struct journal *j, uint64_t position, const struct recent *r);
void journal_recent_drop_newest(struct journal *j);
/* What is published, and too old or too much. */
void journal_forget_old(struct journal *j);
/* Moves on what is known to be published. */
void journal_advance(struct journal *j);

/* Ids of the log: "b000" to "bfff", "m000" the mark's. */
void journal_put_bucket_id(char id[16], unsigned bucket);
bool journal_read_bucket_id(struct slice id, unsigned *bucket);
/* log_state: the entities of a bucket; arg is the journal. */
void journal_put_bucket(void *arg, struct slice id, struct buf *dst);

const char *journal_kind_text(enum kind kind);
enum kind journal_kind_of(struct json v);

#endif
