/* answer.h: the lines that the store writes back.
 *
 *   {"id":…,"headers":{"correlation-id":…},"signal":{"type":"connectivity.responses:…","status":…,…}}
 *
 * question is the line that is answered, checked; JSON_ABSENT if it could not be read. */
#ifndef STORE_ANSWER_H
#define STORE_ANSWER_H

#include "json/json.h"
#include "protocol/error.h"

/* Appends everything up to the signal object, which the caller appends, then answer_end. revision: Ditto's
 * entity-revision header, 0 for none. */
void answer_begin(struct buf *out, struct json question, uint64_t revision);
void answer_end(struct buf *out);
/* The whole line of an errorResponse, whose payload has the pointer, too, if there is one. */
void answer_error(struct buf *out, struct json question, const struct ditto_error *err);
/* A line that answers no command: {"error":{…}}. */
void answer_notice(struct buf *out, const struct ditto_error *err);
/* False with the header response-required: false. */
bool answer_wanted(struct json question);

#endif
