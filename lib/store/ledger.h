/* ledger.h: what every backend has to know about its log: who is at which revision, where the records of an id are, and
 * what was appended but not committed.
 *
 * It is the one place that gives revisions and positions, so that backends only move bytes.
 * Ownership: everything belongs to the ledger; a zeroed one is empty. */
#ifndef STORE_LEDGER_H
#define STORE_LEDGER_H

#include "store/log.h"

struct account { /* one id */
    struct slice id;
    uint64_t revision, committed;
    uint64_t first; /* revision of the oldest record: 1, or that of the base */
    size_t n, cap;
    uint64_t *v; /* positions of the committed records, oldest first */
};

struct staged {
    struct account *account;
    uint64_t revision, position;
    size_t offset, len; /* in bytes */
};

struct ledger {
    size_t n, cap;
    struct account **v; /* in order of id */
    uint64_t head;      /* newest committed position */
    uint64_t cut, want; /* up to here there are only bases, and that many */
    size_t n_bases, cap_bases;
    uint64_t *bases;  /* their positions, in order once settled */
    struct buf bytes; /* appended records, one behind the other */
    size_t n_staged, cap_staged;
    struct staged *staged;
};

void ledger_free(struct ledger *l);
/* Takes over a record that is in the log already: the cut, if there is one, then the bases in any order, then the events.
 * 0, or -1 with *err when it does not fit: not the next position, or not the next revision of its id. */
int ledger_add(struct ledger *l, const struct record *r, struct log_error *err);
/* After the last one: are all bases there? 0, or -1 with *err. */
int ledger_settle(struct ledger *l, struct log_error *err);
/* The record of the cut; there is none if cut is 0. */
struct record ledger_cut(uint64_t cut, uint64_t bases);
/* log_backend.append */
int ledger_append(struct ledger *l, struct record *r, uint64_t expected_revision);
struct slice ledger_bytes(const struct ledger *l, const struct staged *s);
/* Appended records become committed ones, or are forgotten. */
void ledger_commit(struct ledger *l);
void ledger_discard(struct ledger *l);
/* Position of the newest record, a base if there is no event; 0: there is none. */
uint64_t ledger_newest(const struct ledger *l);
void ledger_health(const struct ledger *l, struct log_health *out);

/* log_backend.read and .read_id; fetch appends the bytes of the record at a position to dst: 0, or -1 with errno. */
typedef int ledger_fetch(void *backend, uint64_t position, struct buf *dst);
int ledger_read(const struct ledger *l, uint64_t after, ledger_fetch *fetch, void *backend, log_visit *visit,
                void *arg);
int ledger_read_id(const struct ledger *l, struct slice id, uint64_t from, ledger_fetch *fetch, void *backend,
                   log_visit *visit, void *arg);

#endif
