/* acks.h: the header requested-acks: a list of acknowledgement labels.
 *
 * A list is taken as JSON array, as the text of one, or as a comma list; it is written as a JSON array. Source: mapping
 * reference 3.3, 4.3; Ditto's documentation, "Acknowledgements". */
#ifndef MAPPING_ACKS_H
#define MAPPING_ACKS_H

#include "connection/connection.h"
#include "protocol/topic.h"

/* May this message request acknowledgements at all: commands that modify a twin, live commands, live messages; no answers
 * (messages with a status). */
bool acks_can_be_requested(const struct topic *t, bool has_status);
/* The list as an array, of the value itself or of scratch. JSON_ABSENT if there is no header. */
struct json acks_list(struct json value, struct buf *scratch);
/* Appends the list (JSON_ABSENT: an empty one) with the labels that it does not have yet. */
void acks_put_with(struct buf *dst, struct json list, const struct slices *labels);
/* Appends the list without the built-in labels and the given one (SLICE_NONE: none). False, and nothing appended, if that
 * leaves nothing of a list that had labels. */
bool acks_put_visible(struct buf *dst, struct json list, struct slice issued);

#endif
