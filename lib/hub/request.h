/* request.h: which acknowledgements a message asks for.
 *
 * Read from its headers requested-acks (a JSON array of labels, or the same as text, or a comma list), timeout
 * (Ditto's durations: digits are seconds, or with one of ms s m h d w mo y; at most 65 s) and response-required.
 * Header names are compared without case; the last of equal names counts. Built-in labels that can never be answered
 * are left out, as Ditto does: twin-persisted and search-persisted of anything but a twin command, live-response of
 * what requires no response. Implicit labels are not added.
 * Ownership: labels borrow the line, or scratch. */
#ifndef HUB_REQUEST_H
#define HUB_REQUEST_H

#include "base/clock.h"
#include "line/line.h"
#include "protocol/topic.h"

enum { REQUEST_MAX_LABELS = 100, REQUEST_MAX_MS = 65000 };

struct request {
    size_t n; /* labels, each once; 0: nothing is waited for, so with an empty list and with timeout 0 */
    struct slice labels[REQUEST_MAX_LABELS];
    msec timeout;
};

/* 0, or -1 with timeout.invalid, header.invalid or acknowledgement:label.invalid (400). scratch is emptied first. */
int request_read(const struct line *l, const struct topic *t, struct buf *scratch, struct request *out,
                 struct ditto_error *err);

#endif
