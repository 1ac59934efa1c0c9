/* journal.h: what a twin keeps: its changes, in the store's log, and with each one what is still to be done about it.
 *
 *   a change = one record: {"published":W,"deed":…,"place":…,"event":{…},"answer":{…},"origin":…,"key":…,…}
 *
 * It holds the event, the answer to the command, and what the command is recognised by, should it come again. Which events
 * are out is written down lazily: "published" says up to which position all were settled when the record was written, so
 * after a crash some events leave twice, and none is missing. Changes between two commits are all in the log or none.
 *
 * Entities are logged in groups (buckets), so that the log has few ids, however many things there are; a snapshot of a bucket
 * holds its entities. A snapshot may be newer than the events behind it: what an entity has seen already is left out by its
 * revision.
 *
 * Recent changes, those that are not published or whose command may come again, are kept by position: at most
 * JOURNAL_RECENT and none older than recent_ms, unless unpublished. Of unpublished ones there are at most
 * JOURNAL_UNPUBLISHED; then changes are refused. One that nobody settles for JOURNAL_EXPIRY_MS, or while JOURNAL_SPAN other
 * changes are made, is given up: counted, logged, and held for published. Compaction cuts off what is no longer recent, in steps.
 *
 * Ownership: a journal owns its log and its entities. */
#ifndef TWIN_JOURNAL_H
#define TWIN_JOURNAL_H

#include "line/pending.h"
#include "store/log.h"
#include "twin/change.h"

enum {
    JOURNAL_RECENT = 262144,
    JOURNAL_UNPUBLISHED = 65536,
    JOURNAL_SPAN = 1024 * 1024,
    JOURNAL_EXPIRY_MS = 10 * 60 * 1000
};

struct recent {
    uint64_t key[2];    /* of its command; zero: it cannot be recognised */
    uint64_t next;      /* position of the next one of the same slot */
    int64_t time;       /* wall milliseconds */
    size_t offset, len; /* of its record's payload, while it is not committed */
    unsigned bucket;
    bool published, accepted;
};

struct journal {
    const struct log_backend *backend;
    struct event_log *log;
    struct entities entities;
    int64_t recent_ms;
    uint64_t compact_bytes; /* compaction begins above that size of the log, if it is worth it */
    bool trusting;          /* an event is published when it is written: nobody settles */

    uint64_t revisions[BUCKETS +
                       1]; /* of the log's ids, what is not committed counted; the last one is the mark's */
    uint64_t head, committed; /* newest positions */
    uint64_t published;       /* up to here all events are out … */
    uint64_t noted;           /* … and this is what the log says of it, */
    uint64_t saying;          /* or will say with the next commit */

    uint64_t first;       /* position of the oldest recent change */
    size_t n, cap, start; /* a ring of them, cap a power of two */
    struct recent *recent;
    size_t n_slots;
    uint64_t *slots;       /* positions, by key */
    struct pending events; /* ids of event lines; data: the position */

    struct buf staged;      /* payloads that are not committed */
    uint64_t batch_counter; /* events.counter when it began */
    uint64_t log_bytes, refused, expired;
    struct journal_rewrite {
        bool active;
        uint64_t cut, position;
        unsigned bucket;
        uint64_t *revisions; /* of the ids at the cut */
        uint64_t copied;     /* bytes of recent changes, also of the last one that was finished */
    } rewrite;
};

/* -1 with *err. dir is not looked at by a backend without a disk. */
int journal_open(struct journal *j, const struct log_backend *backend, const char *dir, int64_t recent_ms,
                 struct log_error *err);
/* Says what was published, keeps a snapshot. -1 with errno: the log was not closed in order, it is complete all the same. */
int journal_close(struct journal *j);

struct entry_of_change {
    const struct change *change;
    struct entity *entity;
    int64_t time;
    struct slice event, answer; /* members of a line, see answer.h; SLICE_NONE: none */
    struct slice text;          /* of the entity from now on; SLICE_NONE: it is deleted */
    struct slice metadata;      /* likewise; SLICE_NONE: none */
    struct slice readers;       /* array of subjects that may see the event; SLICE_NONE: all */
    const struct command *command;
    uint64_t key[2];
};
/* Changes the entity and appends the record; false: there are too many unpublished events, or it is too large. */
bool journal_append(struct journal *j, const struct entry_of_change *e);
/* All of that is durable: true, or is as it was before: false with errno. */
bool journal_commit(struct journal *j);
void journal_discard(struct journal *j);

/* What a command is recognised by, if it has a correlation-id. */
void journal_key(uint64_t key[2], const struct command *c);
/* Position of the change that it made already; 0: none. */
uint64_t journal_find(struct journal *j, const struct command *c, const uint64_t key[2]);
/* Appends the payload of a record. -1 with errno if it cannot be read. */
int journal_payload(struct journal *j, uint64_t position, struct buf *dst);

/* Gives an id to an event line; "" if nobody settles them. */
void journal_give_id(struct journal *j, uint64_t position, char id[PENDING_ID_SIZE]);
/* Consumes a settlement or parts line of an id that was given; false if it is none. */
bool journal_settle(struct journal *j, const struct line *l);
/* Was the event of this change out, and taken by all? */
bool journal_accepted(const struct journal *j, uint64_t position);
/* Everything written so far is published, where nobody settles. */
void journal_written(struct journal *j);
/* Shows the changes that are not published, in order: position and payload. */
int journal_unpublished(struct journal *j, void (*show)(void *arg, uint64_t position, struct slice payload),
                        void *arg);
/* Is there something to be noted, once there is nothing better to do? */
bool journal_idle_work(const struct journal *j);
/* Notes it. -1 with errno. */
int journal_note(struct journal *j);
/* A step of compaction, if there is need; false: there is none (any more). Nothing may be uncommitted. */
bool journal_compact(struct journal *j);

#endif
