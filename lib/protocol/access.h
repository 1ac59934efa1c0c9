/* access.h: events for those who may read parts of a thing only.
 *
 * The internal header ditto-partial-access-paths says which subjects those are, and which paths each may read:
 *
 *   {"subjects":["s:a","s:b"],"paths":{"/attributes/x":[0,1],"/features":{"f/properties":[1]}}}
 *
 * A reader has full access if one of its subjects may read the thing and is not listed there. Paths are compared from the
 * root of an event's value, so events about a part of a thing that is an object lose it: Ditto does the same. Source:
 * protocol reference 10.7.
 *
 * Ownership: an access owns its paths. */
#ifndef PROTOCOL_ACCESS_H
#define PROTOCOL_ACCESS_H

#include "json/json.h"

enum access_kind {
    ACCESS_FULL,  /* nothing is taken away */
    ACCESS_PARTS, /* of the value only what the paths name */
    ACCESS_NONE   /* the value becomes {} */
};

struct access {
    enum access_kind kind;
    size_t n;
    struct slice *paths; /* without outer slashes; an empty one is the whole */
    struct buf texts;
};

/* header: its value, an object or a string of it; what cannot be understood counts as absent. readers: array of the subjects
 * that may read the thing; target: array of those of whom the event is for, none of them: full. */
void access_judge(struct access *a, struct json header, struct json readers, struct json target);
void access_free(struct access *a);

/* Appends what is left of an event's value (JSON_ABSENT: nothing is appended unless it is denied, then {}) that stands at path
 * of the thing. False if nothing is left of a value that had something: then the event is not to be sent. */
bool access_put_value(struct buf *dst, const struct access *a, struct slice path, struct json value);
/* Appends what is left of the extra object; false, and nothing appended, if nothing is. */
bool access_put_extra(struct buf *dst, const struct access *a, struct json extra);

#endif
