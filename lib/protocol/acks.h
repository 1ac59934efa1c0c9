/* acks.h: acknowledgements: what a command requests by default, what several say together, how they are told.
 *
 * Source: Ditto's documentation, "Acknowledgements / Requesting ACKs"; protocol reference 8. */
#ifndef PROTOCOL_ACKS_H
#define PROTOCOL_ACKS_H

#include "json/json.h"
#include "protocol/error.h"
#include "protocol/ids.h"

enum ack_kind {
    ACK_OF_TWIN, /* commands that change a twin: twin-persisted is implied */
    ACK_OF_LIVE  /* live commands, messages, queries with a live-channel-condition: live-response */
};

/* Appends the header object with requested-acks and response-required as they are for such a command. 0, or -1 with
 * header.invalid (400) in *err if the timeout is zero although something is waited for; the object is complete then, too. */
int acks_put_defaults(struct buf *dst, struct json headers, enum ack_kind kind, struct ditto_error *err);

/* Appends the list without Ditto's own labels and the given one (SLICE_NONE: none): they do not concern anybody outside.
 * False, and nothing appended, if that leaves nothing of a list that had labels: it is not shown. */
bool acks_put_shown(struct buf *dst, struct json list, struct slice issued);

struct ack {
    struct slice label;
    int status;
    struct json payload; /* JSON_ABSENT: none */
    struct json headers; /* JSON_ABSENT: none */
};

/* One status for all: that of a single one; 200 for none, or if all are 2xx; else 424. */
int acks_status(const struct ack *v, size_t n);
/* Does any of them say no? Whoever asked for responses of type "nack" gets them then. */
bool acks_refuse(const struct ack *v, size_t n);
/* Appends the signal: {"type":"acknowledgement",…}, and of several {"type":"acknowledgements",…}. */
void ack_put_signal(struct buf *dst, struct slice id, enum entity_type type, const struct ack *a);
void acks_put_signal(struct buf *dst, struct slice id, enum entity_type type, const struct ack *v, size_t n);
/* What a label that nobody answered in time is answered with: 408 and an error as payload, appended to text. */
struct ack ack_of_timeout(struct slice label, int64_t timeout_ms, struct buf *text);
/* What is said for a subscriber that a filter kept the message from: 200, and the header ditto-weak-ack. */
struct ack ack_of_filtered(struct slice label);

#endif
