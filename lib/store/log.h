/* log.h: the event log, an interface. A backend keeps records durable; everybody else sees only this.
 *
 *   open ─▶ (append … append ─▶ commit | discard) … ─▶ close
 *
 * Records are in order of their position, which counts from 1 without gaps. What is appended becomes part of the log,
 * all of it or nothing, with the next commit: only then do read and read_id show it.
 *
 * Ownership: the backend owns the log; records given to a visitor are borrowed for the call. */
#ifndef STORE_LOG_H
#define STORE_LOG_H

#include "store/record.h"

struct event_log {
    const struct log_backend *backend;
};

/* Why a log cannot be opened, ready for a log line: "cannot open '<path>': <reason>". */
struct log_error {
    int exit_code; /* EXIT_PERMANENT: somebody has to repair something; EXIT_TEMPORARY: try again */
    char text[384];
};
/* Fills err; returns -1. */
int log_fail(struct log_error *err, int exit_code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

enum log_mode {
    LOG_WRITE,
    LOG_CHECK, /* nothing is written and nothing created; append is an error */
};

/* False ends the reading. */
typedef bool log_visit(void *arg, const struct record *r);

struct log_health {
    uint64_t position; /* newest durable position, 0 for an empty log */
    bool clean;        /* closed in order the last time; else it was read record by record */
    bool writable;     /* false after a failed commit (or a failed repair at open), until a commit succeeds */
    size_t dropped; /* unfinished records at the end that an unclean stop left and that nobody was told of */
};

struct log_backend {
    const char *name;
    /* Opens the log in dir and shows every record to visit, oldest first: that is how a state is rebuilt. NULL with
     * *err: not our file, damaged (a gap is named), of a newer format, in use, no room. */
    struct event_log *(*open)(const char *dir, enum log_mode mode, log_visit *visit, void *arg,
                              struct log_error *err);
    /* Adds an event (or tombstone) to the next commit and fills r->revision (expected + 1), position and durable; kind,
     * id, time and payload are the caller's. expected_revision is the newest one of this id, counting what is appended
     * but not committed; 0: none yet. 0, or -1 with errno ESTALE (another revision), EMSGSIZE, EROFS. */
    int (*append)(struct event_log *log, struct record *r, uint64_t expected_revision);
    /* Adds a snapshot of r->id at its newest revision, likewise. */
    int (*snapshot)(struct event_log *log, struct record *r);
    /* Makes all that was appended durable. 0, or -1 with errno (ENOSPC, EIO, …): then nothing of it is in the log, and
     * nothing of it will ever be. Blocks. */
    int (*commit)(struct event_log *log);
    void (*discard)(struct event_log *log);
    /* Shows committed records with a position > after. 0, or -1 with errno if one cannot be read. */
    int (*read)(struct event_log *log, uint64_t after, log_visit *visit, void *arg);
    /* Shows committed records of one id with a revision >= from. */
    int (*read_id)(struct event_log *log, struct slice id, uint64_t from, log_visit *visit, void *arg);
    void (*health)(const struct event_log *log, struct log_health *out);
    /* Discards what is not committed. 0, or -1 with errno when the log is not marked as closed in order (it is
     * complete all the same). The log is gone in any case. */
    int (*close)(struct event_log *log);
};

extern const struct log_backend log_gdbm;   /* one file, $CONN_DIR/events.gdbm */
extern const struct log_backend log_memory; /* gone with the process: for tests; dir is not looked at */

#endif
