/* settle.h: how a delivery ends once the answers are in. The one place of this rule.
 *
 * Source: Eclipse Ditto's connectivity service, "acknowledgements" and "redelivery" of consumed messages:
 *   - a response fails with a status >= 400; a device's response (to a live command or message) fails with 408 only;
 *   - aggregated acknowledgements have a combined status: of one its own, of several 200 if all are 2xx, else 424;
 *   - all expected responses there and none failed: accept. Else redeliver if something is only missing or if any
 *     failed status is 408, 424 or >= 500 (of aggregated acknowledgements the single ones count), otherwise reject;
 *   - a Ditto error in place of responses: 412 accepts, others follow their class; any other failure redelivers.
 * Pure functions: nothing is kept, nothing allocated. */
#ifndef HUB_SETTLE_H
#define HUB_SETTLE_H

#include "line/line.h"

struct response {
    int status; /* of a single response */
    bool live;  /* a device's answer to a live command or message */
    const int
        *acks; /* aggregated acknowledgements: their statuses in place of status; NULL: a single response */
    size_t n_acks;
};

/* The status that several acknowledgements have together. */
int settle_combined(const int *acks, size_t n);
/* expected: how many responses were to come; -1 if that never became known. */
enum line_class settle_responses(long expected, const struct response *r, size_t n);
/* status: of the Ditto error, or 0 for a failure that is none. */
enum line_class settle_error(int status);

#endif
