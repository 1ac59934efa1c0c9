/* request.h: what a message asks for: acknowledgements, a response, how long it waits.
 *
 * Read from its headers requested-acks (a JSON array of labels, or the same as text, or a comma list), timeout (Ditto's
 * durations; at most 65 s) and response-required; the defaults of commands are applied. Header names are compared
 * without case; the last of equal names counts. Source: protocol reference 8.3, 8.4.
 * Ownership: labels and texts borrow the line, or scratch. */
#ifndef HUB_REQUEST_H
#define HUB_REQUEST_H

#include "base/clock.h"
#include "line/line.h"
#include "protocol/topic.h"

enum { REQUEST_MAX_LABELS = 100, REQUEST_MAX_MS = 65000 };

struct request {
    size_t n; /* labels, each once; 0: no acknowledgement is waited for */
    struct slice labels[REQUEST_MAX_LABELS];
    msec timeout;
    bool response;               /* the sender wants one, and there can be one */
    struct slice correlation_id; /* as it stands between its quotes; SLICE_NONE */
    struct json divert_to,
        divert_types; /* of the response: headers divert-response-to-connection, …-expected-response-types */
};

enum request_kind {
    REQUEST_OF_TWIN,   /* a command that changes a thing: twin-persisted is implied */
    REQUEST_OF_LIVE,   /* a live command or message: live-response is implied */
    REQUEST_OF_QUERY,  /* a command that is answered and cannot be acknowledged */
    REQUEST_OF_STREAM, /* search, streaming: has its own answers */
    REQUEST_OF_NEWS    /* events, announcements: acknowledgements, no response */
};
enum request_kind request_kind(const struct topic *t);
/* The label that is implied, SLICE_NONE without one. */
struct slice request_implied(enum request_kind k);

/* 0, or -1 with timeout.invalid, header.invalid, command.headers.invalid or acknowledgement:label.invalid (400); texts and
 * `response` are good then, too. scratch is emptied first. */
int request_read(const struct line *l, const struct topic *t, struct buf *scratch, struct request *out,
                 struct ditto_error *err);

#endif
