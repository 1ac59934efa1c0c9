/* log.h: the event log, an interface. A backend keeps records durable; everybody else sees only this.
 *
 *   open ─▶ (append … append ─▶ commit | discard) … ─▶ snapshot ─▶ close
 *
 * Events are in order of their position, which counts from 1 without gaps. What is appended becomes part of the log,
 * all of it or nothing, with the next commit: only then do read and read_id show it.
 *
 *   1 … cut                           cut + 1 … position
 *   a base of each connection         every event
 *
 * The beginning of a log may have been cut off: then the newest event up to there of each connection is replaced by a
 * snapshot, its base, with the same revision and position.
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
/* Appends the payload of a snapshot of this connection as it is now. */
typedef void log_state(void *arg, struct slice id, struct buf *payload);

struct log_health {
    uint64_t position; /* newest durable position, 0 for an empty log */
    uint64_t cut;      /* up to here there are only bases; 0: all events are there */
    uint64_t bases;
    uint64_t replayed; /* records that open showed behind a snapshot */
    bool clean;        /* closed in order the last time; else it was read record by record */
    bool writable;     /* false after a failed commit (or a failed repair at open), until a commit succeeds */
    size_t dropped; /* unfinished records at the end that an unclean stop left and that nobody was told of */
    size_t
        damaged; /* … of those, the ones that are not just cut off: whole in length, with a wrong checksum */
};

struct log_backend {
    const char *name;
    /* Opens the log in dir (a folder; to check, a copy of the file will do), checks every record and shows what a state is rebuilt from: the newest snapshots if they are
     * of this log, then all later records; else all records, bases first. NULL with *err: not our file, damaged (a gap is
     * named), of a newer format, in use, no room; or the visitor returned false, having filled err: then nothing has
     * changed on the disk. */
    struct event_log *(*open)(const char *dir, enum log_mode mode, log_visit *visit, void *arg,
                              struct log_error *err);
    /* Adds an event (or tombstone) to the next commit and fills r->revision (expected + 1), position and durable; kind,
     * id, time and payload are the caller's. expected_revision is the newest one of this id, counting what is appended
     * but not committed; 0: none yet. 0, or -1 with errno ESTALE (another revision), EMSGSIZE, EROFS. */
    int (*append)(struct event_log *log, struct record *r, uint64_t expected_revision);
    /* Makes all that was appended durable. 0, or -1 with errno (ENOSPC, EIO, …): then nothing of it is in the log, and
     * nothing of it will ever be. Blocks. */
    int (*commit)(struct event_log *log);
    void (*discard)(struct event_log *log);
    /* Shows committed records with a position > after, bases among them. 0, or -1 with errno if one cannot be read. */
    int (*read)(struct event_log *log, uint64_t after, log_visit *visit, void *arg);
    /* Shows committed records of one id with a revision >= from. */
    int (*read_id)(struct event_log *log, struct slice id, uint64_t from, log_visit *visit, void *arg);
    /* Keeps the state at the newest position for the next open, which need not replay what led to it. Nothing depends on
     * it: 0, or -1 with errno. Blocks. */
    int (*snapshot)(struct event_log *log, log_state *state, void *arg);
    /* A log to take the place of this one: begin with the new cut (and the number of bases), put the bases, then the
     * records from cut + 1 on, in order, up to the newest one; end makes it the log, durably, or leaves the old one as it
     * is. An empty log takes any. Commits may come between. All 0, or -1 with errno; after an error, and a failed commit, it is abandoned. */
    int (*rewrite_begin)(struct event_log *log, uint64_t cut, uint64_t bases);
    int (*rewrite_put)(struct event_log *log, const struct record *r);
    int (*rewrite_end)(struct event_log *log);
    void (*rewrite_abandon)(struct event_log *log);
    void (*health)(const struct event_log *log, struct log_health *out);
    /* Discards what is not committed. 0, or -1 with errno when the log is not marked as closed in order (it is
     * complete all the same). The log is gone in any case. */
    int (*close)(struct event_log *log);
};

extern const struct log_backend log_gdbm;   /* one file, events.gdbm, in dir */
extern const struct log_backend log_memory; /* gone with the process: for tests; dir is not looked at */

#endif
