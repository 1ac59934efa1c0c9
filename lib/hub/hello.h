/* hello.h: the first line of a member:
 *   {"hello":1,"role":"in|out|service|tap|control","client":0,"connection":{masked connection JSON}} */
#ifndef HUB_HELLO_H
#define HUB_HELLO_H

#include "hub/member.h"

struct hello {
    enum role role;
    unsigned client;
    struct connection connection; /* for in and out: the caller's from then on */
};

/* 0, or -1 with json.invalid, connectivity:connection.configuration.invalid or what connection_parse says; then
 * nothing is to be freed. Roles service and tap, and target topics with filter or extraFields, are not served yet. */
int hello_read(struct slice line, struct hello *out, struct ditto_error *err);
/* Parses the masked connection of a hello or an expectation. What is secret in it is left out first: masked keys and
 * certificates are none, and the hub has no use for them. 0, or -1 with *err; *c is the caller's after 0. */
int hello_connection(struct json document, struct connection *c, struct ditto_error *err);
/* Appends the answer; err NULL: welcome. */
void hello_answer(struct buf *dst, const struct ditto_error *err);

#endif
