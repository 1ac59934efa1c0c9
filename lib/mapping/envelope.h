/* envelope.h: a Ditto Protocol message inside a payload, and the splicing of its members.
 *
 * Only Ditto's own members are ever copied, in Ditto's order: topic, headers, path, value, extra, status, revision,
 * timestamp, metadata, fields. So a payload can set neither `id` nor `context` of a line. Each member leaves byte for byte
 * as it came; one that is spread over several lines loses the white space between its tokens, since a line of ours cannot
 * hold a newline.
 *
 * Ownership: an envelope borrows the text it was read from and the scratch. */
#ifndef MAPPING_ENVELOPE_H
#define MAPPING_ENVELOPE_H

#include "line/line.h"
#include "protocol/topic.h"

struct envelope {
    struct line line; /* the members; its kind and id mean nothing here */
    struct topic topic;
};

/* 0, or -1 with json.invalid, json.field.missing or protocoladapter:unknown.topicpath (400) in *err. */
int envelope_read(struct envelope *e, struct slice text, struct buf *scratch, struct ditto_error *err);
/* The same for members that were read already. */
int envelope_check(struct envelope *e, struct buf *scratch, struct ditto_error *err);

/* Appends a value as it stands, on one line. */
void envelope_splice(struct buf *dst, struct json value);
/* Appends {"topic":…,"headers": — the header object is next — and then ,"path":… up to the last member, without the
 * closing brace. */
void envelope_put_topic(struct buf *dst, const struct line *l);
void envelope_put_rest(struct buf *dst, const struct line *l);

#endif
