/* pending.h: the bookkeeping of whoever gives ids: what is unsettled, and how it ended.
 *
 * A giver's id is "<prefix>-<counter>", the prefix random per process, so ids never repeat across restarts; no '/'.
 * Below it stand the ids of parts: "<id>/1" … "<id>/N", nested to any depth. An entry is complete when every leaf
 * is settled; its class is the worst of them (accept < reject < redeliver). Zero parts: accept.
 * Unknown and repeated ids are counted and otherwise ignored.
 *
 * Ownership: entries belong to the table; entry->data to the caller. Bounded: at most max entries and
 * PENDING_MAX_LEAVES open leaves an entry (more: the entry ends as redeliver 503… see pending_parts). */
#ifndef LINE_PENDING_H
#define LINE_PENDING_H

#include "base/clock.h"
#include "line/line.h"

enum { PENDING_MAX_LEAVES = 1024, PENDING_ID_SIZE = 40 };

struct entry {
    uint64_t counter;
    void *data;  /* the caller's: a delivery, a message */
    size_t open; /* leaves not yet settled */
    enum line_class worst;
    int status;                  /* the first status of the worst class; 200 if all ended without one */
    msec since;                  /* the caller's to set: when it was added, dispatched… */
    struct leaves *leaves;       /* private: the parts that are still open; NULL without parts */
    struct entry *next;          /* private: hash chain */
    struct entry *older, *newer; /* in order of adding; NULL at the ends */
};

struct pending {
    char prefix[16];
    uint64_t counter;
    size_t n;         /* entries */
    uint64_t unknown; /* settlements ignored: foreign prefix excluded, unknown or repeated id */
    struct entry **slots;
    size_t n_slots;
    struct entry *oldest, *newest;
    struct entry *spare;         /* private: to be used again, so that a steady state does not allocate */
    struct leaves *spare_leaves; /* private: the same */
};

/* A random prefix of 6 characters [a-z0-9], after tag (at most 8 characters, e.g. "a"). */
void pending_init(struct pending *p, const char *tag);
void pending_free(struct pending *p);
/* A new entry; its id text into id (PENDING_ID_SIZE bytes, NUL-terminated). */
struct entry *pending_add(struct pending *p, void *data, char *id);
/* The same without printing. */
size_t pending_id(const struct pending *p, const struct entry *e, char *id);
/* Is id ours (same prefix)? Then a settlement or parts line with it is consumed, else passed on. */
bool pending_owns(const struct pending *p, struct slice id);
/* The entry with exactly this id, complete or not; NULL: there is none, or the id is that of a part. */
struct entry *pending_find(const struct pending *p, struct slice id);
/* A settlement with an id of ours. Returns the entry when it is now complete (the caller acts, then pending_remove),
 * else NULL. Once parts are announced the id itself is no longer open. */
struct entry *pending_settle(struct pending *p, struct slice id, int status);
/* A parts line with an id of ours: that leaf becomes n leaves. Returns the entry when it is now complete (n == 0). Over
 * PENDING_MAX_LEAVES open leaves the surplus is not tracked and the entry's class becomes redeliver. */
struct entry *pending_parts(struct pending *p, struct slice id, size_t n);
void pending_remove(struct pending *p, struct entry *e);
/* Reads a settlement's status: its number, or 500 if it is none in 100..599. */
int pending_status_of(const struct line *l);

#endif
