/* export.h: a log as lines, sealed secrets as they are:
 *
 *   {"export":1,"position":P,"cut":C,"bases":B}
 *   {"kind":"event","position":…,"revision":…,"time":…,"id":"…","payload":{…}}      (or "snapshot", "tombstone")
 *   {"end":P}
 *
 * Bases first, then events, in order. Without the last line it is no whole log. */
#ifndef STORE_EXPORT_H
#define STORE_EXPORT_H

#include "base/lines.h"
#include "store/log.h"

void export_put_head(struct buf *dst, const struct log_health *h);
void export_put(struct buf *dst, const struct record *r);
void export_put_end(struct buf *dst, uint64_t position);
/* Reads a whole export from in and makes it the log, which must be empty. 0, or -1 with *err naming the line, and the log is
 * still empty. */
int export_take(struct lines *in, struct event_log *log, struct log_error *err);

#endif
