/* report.h: what a program of a ring tells its supervisor, on the descriptor named by $CONN_REPORT_FD.
 *
 * Each report is one non-blocking write of at most REPORT_MAX bytes; what does not fit or would block is lost, and that
 * is harmless: counters are running totals. Without the variable every call does nothing. */
#ifndef LINE_REPORT_H
#define LINE_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { REPORT_MAX = 4096 };

struct counter {
    const char *name; /* a JSON member name: [a-z_]+ */
    uint64_t n;
};

/* Reads and unsets $CONN_REPORT_FD; makes the descriptor close-on-exec. */
/* program: the name that stands in every report ("from"). */
void report_init(const char *program);
bool report_wanted(void);
/* {"report":"state","from":"amqp-in","state":"connected","detail":"…"} */
void report_state(const char *state, const char *detail);
/* {"report":"counters","from":"amqp-in","received":12,…} */
void report_counters(const struct counter *c, size_t n);
/* The same as one info line on stderr, for USR1: always printed, whatever the log level. */
void counters_print(const struct counter *c, size_t n);

#endif
