/* acks.h: the header requested-acks: a list of acknowledgement labels.
 *
 * A source adds labels to what a message requests, and a filter may clear or replace the list; a target does not show the
 * labels that only concern this side. Source: mapping reference 3.3, 4.3; Ditto's documentation, "Acknowledgements". */
#ifndef MAPPING_ACKS_H
#define MAPPING_ACKS_H

#include "connection/connection.h"
#include "mapping/expression.h"

/* May this message request acknowledgements at all: commands that modify a twin, live commands, live messages; no answers
 * (messages with a status). */
bool acks_can_be_requested(const struct topic *t, bool has_status);
/* The list as an array, of the value itself (an array, the text of one, or a comma list) or of scratch. JSON_ABSENT if there is
 * no header. */
struct json acks_list(struct json value, struct buf *scratch);

/* What a source requests. Ownership: of the labels and the filter; the filter borrows its text. */
struct ack_requests {
    struct slices labels;
    bool filtered;
    struct expression filter; /* applied to the text of the list, "[]" if there is none */
};
void ack_requests_free(struct ack_requests *r);
/* Appends the member requested-acks as it is then, or nothing. list: an array, or JSON_ABSENT. facts: the external message.
 * 0, or -1 with header.invalid (400) if the filter makes no list, or the filter's own error, in *err. */
int acks_put_requested(struct buf *dst, struct json list, const struct ack_requests *r,
                       const struct facts *facts, struct scratch *s, struct ditto_error *err);

#endif
