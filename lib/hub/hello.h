/* hello.h: the first line of a member: {"hello":1,"role":"in|out|service|tap|control", …}, see HACKING.md. */
#ifndef HUB_HELLO_H
#define HUB_HELLO_H

#include "hub/member.h"

struct hello {
    enum role role;
    unsigned client;
    struct connection connection; /* of in and out: the caller's from then on */
    struct offer offer;           /* of service and tap: the same */
};

/* 0, or -1 with json.invalid, connectivity:connection.configuration.invalid, or what connection_parse or offer_read say; then
 * nothing is to be freed. */
int hello_read(struct slice line, struct hello *out, struct ditto_error *err);
/* Parses the masked connection of a hello or an expectation. What is secret in it is left out first: masked keys and
 * certificates are none, and the hub has no use for them. 0, or -1 with *err; *c is the caller's after 0. */
int hello_connection(struct json document, struct connection *c, struct ditto_error *err);
/* Appends the answer; err NULL: welcome. */
void hello_answer(struct buf *dst, const struct ditto_error *err);

#endif
