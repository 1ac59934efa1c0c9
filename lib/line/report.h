/* report.h: what a program of a ring tells its supervisor, on the descriptor named by $CONN_REPORT_FD (HACKING.md,
 * "Reports").
 *
 * Each write is non-blocking, of whole lines, at most REPORT_MAX bytes. What finds no room is tried again with the next
 * report, and as counters are running totals nothing is lost for good while the program lives. Of log entries few are
 * told, for each measure of a meter; the rest is only counted. Without the variable every call does nothing.
 *
 * Reports are made when something changed, within REPORT_MS of the first change, by a timer of the loop that is armed
 * only then: an idle program makes no system call. */
#ifndef LINE_REPORT_H
#define LINE_REPORT_H

#include "base/loop.h"
#include "line/meter.h"

enum { REPORT_MAX = 4096, REPORT_MS = 500 };

/* Reads and unsets $CONN_REPORT_FD; makes the descriptor close-on-exec. program: the name that stands in every report
 * ("from"); borrowed. From now on every error that is logged
 * is reported, too: {"report":"error","from":…,"detail":<the text>}. */
void report_init(const char *program);
bool report_wanted(void);
/* From now on reports are made by themselves. The loop is borrowed until report_end. */
void report_attach(struct loop *loop);
/* The last report: waits up to a second for room. Frees the meters. */
void report_end(void);

/* The meter of a place; makes it if it is not there yet. It lives until report_end. NULL if nobody wants reports: the
 * calls below take that and do nothing. */
struct meter *report_meter(enum category category, unsigned index, int address);
/* One more. True: an entry in the log is welcome (report_log); else it is only counted. */
bool meter_count(struct meter *m, enum measure what, bool success);

/* What an entry is about; all may be SLICE_NONE. */
struct report_about {
    struct slice correlation_id, entity_type, entity_id;
    struct slice headers,
        payload; /* of a message whose header connectivity-debug-log asks for them in its entries */
};
/* An entry of the connection's log, for what meter_count just counted. A sentence for people, without payload and
 * without secrets; about may be NULL. Its headers and payload are put behind the sentence. Texts are cut so that an entry
 * fits into a report. */
void report_log(struct meter *m, enum measure what, bool success, const struct report_about *about,
                const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* Both, of the connection itself (category connection, type other). */
void report_event(bool success, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The transport: "connected" or "disconnected". detail may be NULL. Told at once. */
void report_state(const char *state, const char *detail);
/* One source or target of it, where the peer tells: state is Ditto's live status: "open", "failed", "misconfigured" or
 * "closed"; detail: words that a person can act on, or NULL. Until it is told, a place is as its transport is. At once. */
void report_place(enum category category, unsigned index, int address, const char *state, const char *detail);

/* {"report":"alive","from":…}: the answer to SIGUSR2, by which a supervisor asks. */
void report_alive(void);

/* Counters of a program itself, for USR1: one info line on stderr, always printed, whatever the log level. */
struct counter {
    const char *name; /* a JSON member name: [a-z_]+ */
    uint64_t n;
};
void counters_print(const struct counter *c, size_t n);

#endif
