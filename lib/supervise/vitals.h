/* vitals.h: what is known of a connection's messages: how many, and the last ones of each sort.
 *
 * Everything is kept per *place* (a category and an address, as users know them from the document), measure and level:
 * counts over time (windows.h) and the last log entries. It outlives the rings that count, and modifications of the
 * connection (vitals_prune says how long); not the supervisor. Entries are kept only while logging is on; what was counted meanwhile and is not shown,
 * because there were too many, is told as suppressed: shown and suppressed together are all that was counted.
 *
 * Sources: Ditto's documentation, "Connection metrics", "Connection logs"; limits are Ditto's.
 * Time is injected: now is the monotonic, wall the wall clock, in ms. Ownership: vitals own all they hold. */
#ifndef SUPERVISE_VITALS_H
#define SUPERVISE_VITALS_H

#include "connection/connection.h"
#include "line/meter.h"
#include "supervise/windows.h"

enum {
    LOG_CAPACITY = 10,       /* entries of a place, measure and level */
    LOG_MAX_BYTES = 250000,  /* of all entries in an answer */
    LOG_MS = 60 * 60 * 1000, /* logging stays on for so long after it was enabled or asked for */
    FORMER_PLACES = 32,      /* that the document does not name any more */
};

struct log_entry {
    int64_t at;           /* wall clock */
    enum measure measure; /* at one time, in the order in which a message meets them */
    char *json;           /* as it is answered */
};

struct cell {
    struct windows windows;
    uint64_t logged_from; /* total when logging began */
    struct log_entry entries[LOG_CAPACITY];
    unsigned n_entries, next;
};

struct record {
    enum category category;
    char *address;
    struct cell *cells[MEASURES][LEVELS]; /* NULL: never counted */
    struct record *next;
};

struct reporter; /* reports.h */

struct vitals {
    struct record *records;
    struct reporter *reporters;
    int64_t logs_since, logs_until; /* wall clock; 0: logging is off */
    struct log_entry last_error;    /* json: what its message says; NULL: there was none */
};

void vitals_free(struct vitals *v);

/* The document is another one: of the places that it does not name, those stay that counted something within a day, the
 * latest FORMER_PLACES of them. */
void vitals_prune(struct vitals *v, const struct connection *c, msec now);

/* The cell of a place; made if it is not there. */
struct cell *vitals_cell(struct vitals *v, enum category category, struct slice address, enum measure measure,
                         enum outcome_level level);

/* --- metrics.c --- */

/* Ditto's retrieveConnectionMetrics response, as the signal object, with members of our own: "totals" since the supervisor
 * knows the connection, "backlog" (messages on their way: not yet acknowledged to a source's peer, not yet by a target's),
 * "lastError" {at, message}, whether logging is on or not. c: its places are shown even if they never counted; NULL:
 * unknown. */
void vitals_put_metrics(struct buf *dst, const struct vitals *v, struct slice id, const struct connection *c,
                        msec now);
void vitals_reset_metrics(struct vitals *v);

/* --- logs.c --- */

/* What an entry says; all but message may be SLICE_NONE. */
struct log_text {
    struct slice correlation_id, entity_type, entity_id, message;
};
/* Nothing but the last error while logging is off. */
void vitals_log(struct vitals *v, enum category category, struct slice address, enum measure measure,
                enum outcome_level level, int64_t at, const struct log_text *text, int64_t wall);
void vitals_enable_logs(struct vitals *v, int64_t wall);
/* Forgets the entries; logging stays as it is. */
void vitals_reset_logs(struct vitals *v);
/* Ditto's retrieveConnectionLogs response; logging stays on for longer if it is on. What is not shown is told in a member
 * of our own, "suppressed". */
void vitals_put_logs(struct buf *dst, struct vitals *v, struct slice id, int64_t wall);

/* Names of places: the addresses of a source as one, Ditto's name of all reply targets. */
void source_address_put(struct buf *dst, const struct source *s, int address);
#define RESPONSES "_responses"

#endif
