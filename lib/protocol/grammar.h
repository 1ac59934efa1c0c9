/* grammar.h: the small languages of Ditto by name, each with a reader that shows what it made of a text.
 *
 *   topic            parts, serialized, wildcard
 *   thing-id         namespace, entityName                       policy-id the same
 *   connection-id    nothing but that it is valid                ack-label the same
 *   duration         millis, string
 *   content-type     strategy, dittoProtocol
 *   pointer          keys, string
 *   fields-protocol  pointers                                    fields-selector, fields-extra the same
 *   target-topic     topic, namespaces, filter, extraFields, string
 *   rql              ast
 *
 * What a member holds is told by the headers of the readers (topic.h, ids.h, …). Everything is static. */
#ifndef PROTOCOL_GRAMMAR_H
#define PROTOCOL_GRAMMAR_H

#include "protocol/error.h"

struct grammar {
    const char *name;
    const char *what; /* a text of it is called */
    /* Appends the members of an open object. 0, or -1 with *err; dst may then hold some of them. */
    int (*put)(struct buf *dst, struct slice text, struct ditto_error *err);
};

/* Ended by one without a name. */
extern const struct grammar grammars[];
/* NULL if there is none of that name. */
const struct grammar *grammar_of(struct slice name);
/* Appends {"valid":true, members} or {"valid":false,"status","error","message","description"}. */
void grammar_put(struct buf *dst, const struct grammar *g, struct slice text);

#endif
