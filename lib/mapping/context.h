/* context.h: facts as somebody writes them down, to try templates on.
 *
 * An object whose members are what the placeholders of that prefix see:
 *
 *   header        object of strings; headerCaseSensitive: true, if the case of names counts
 *   entity thing policy   "ns:name", or {"type": thing|policy|connection, "id"}
 *   feature       array of ids; resource: {"type","path"}; both also as a Ditto Protocol message
 *   thing-json    object; jwt: object
 *   topic         "ns/name/things/…"; request: array of subjects; connection: id; source: address
 *   time          true; now: "2024-01-06T14:23:42.123Z", the time that it is
 *
 * A prefix that is no member is not known; one that is null has no value. A line that flows between programs will do, too: an
 * external message, or a Ditto Protocol message; all prefixes are known then.
 *
 * Ownership: a context owns what it reads, and borrows the object. */
#ifndef MAPPING_CONTEXT_H
#define MAPPING_CONTEXT_H

#include "mapping/placeholder.h"

struct context {
    unsigned known; /* a set of enum placeholder: what templates may name */
    struct facts facts;
    struct headers headers;
    struct topic topic, message_topic;
    struct entity entity, thing, policy;
    struct line line;
    struct buf texts[16]; /* private: more than there are members */
    size_t n_texts;
};

/* 0, or -1 with json.invalid (400), or what is wrong with a message, in *err. *c is to be freed in any case. */
int context_read(struct context *c, struct slice object, struct ditto_error *err);
void context_free(struct context *c);

#endif
