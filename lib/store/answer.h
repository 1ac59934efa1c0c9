/* answer.h: the lines that the store writes back.
 *
 *   {"id":…,"headers":{"correlation-id":…},"signal":{"type":"connectivity.responses:…","status":…,…}}
 *
 * question is the line that is answered, checked; JSON_ABSENT if it could not be read. */
#ifndef STORE_ANSWER_H
#define STORE_ANSWER_H

#include "json/json.h"
#include "protocol/error.h"

struct answer_headers {
    uint64_t revision; /* entity-revision; 0: none */
    uint64_t tag;      /* etag "rev:N"; 0: none */
    bool historical;   /* historical-headers */
};
/* Appends everything up to the signal object, which the caller appends, then answer_end. */
void answer_begin(struct buf *out, struct json question, struct answer_headers h);
void answer_end(struct buf *out);
/* The whole line of an errorResponse, whose payload has the pointer, too, if there is one. */
void answer_error(struct buf *out, struct json question, const struct ditto_error *err);
/* The same with all problems beside the first: the payload has "problems", error objects with commas between, unless that is
 * empty. */
void answer_errors(struct buf *out, struct json question, const struct ditto_error *err,
                   struct slice problems);
/* A line that answers no command: {"error":{…}}. */
void answer_notice(struct buf *out, const struct ditto_error *err);
/* False with the header response-required: false. */
bool answer_wanted(struct json question);
/* Nor with wait-for-verdict: false: does the answer wait for the supervisor's verdict? */
bool answer_waits(struct json question);

#endif
