/* offer.h: what a service offers in its hello, and what a tap wants to see: names and patterns of topics.
 *
 * A pattern is a topic path, or its beginning up to a "/"; "_" in the place of namespace or name stands for any. Of two
 * that match the longer one is meant. Ownership: an offer owns its texts and lists. */
#ifndef HUB_OFFER_H
#define HUB_OFFER_H

#include "connection/connection.h"

enum { OFFER_MAX_ENTRIES = 100 }; /* of each list */

struct offer {
    struct buf texts;
    struct slice name;                       /* of a service */
    struct slices topics, subscribe, labels; /* patterns, target topics, acknowledgement labels */
    struct slice connection, correlation_id; /* of a tap; SLICE_NONE */
};

/* Of a hello (an object). 0, or -1 with connectivity:connection.configuration.invalid or acknowledgement:label.invalid (400)
 * in *err; nothing is to be freed then. needs_name: a service must have one. */
int offer_read(struct offer *o, struct json hello, bool needs_name, struct ditto_error *err);
void offer_free(struct offer *o);

/* Does the topic (namespace/name/…) match the pattern? */
bool pattern_matches(struct slice pattern, struct slice topic);

#endif
