/* outlet.h: where a member takes messages: a target of an outbound ring, or all that a service subscribes.
 *
 * Ownership: an outlet owns its filters and its texts; labels and subjects are borrowed from the member's connection or
 * offer. */
#ifndef HUB_OUTLET_H
#define HUB_OUTLET_H

#include "connection/connection.h"
#include "protocol/filter.h"

struct outlet {
    size_t n_filters;
    struct filter *filters;     /* those with extraFields first: of several that match the first one counts */
    const struct slice *labels; /* acknowledgement labels that it issues */
    size_t n_labels;
    const struct slices *subjects; /* of a target; NULL: whoever may read the message */
    struct buf context;            /* `"context":{"connection":…,"target":0`, still open */
    struct buf
        asking; /* `"subjects":[…]`: in whose name extra fields are asked for; empty without subjects */
};

/* Target i of c. */
void outlet_of_target(struct outlet *o, const struct connection *c, size_t i);
/* What a service subscribes: 0, or -1 with the error of the topic that is none. */
int outlet_of_topics(struct outlet *o, const struct slices *topics, const struct slices *labels,
                     struct ditto_error *err);
void outlet_free(struct outlet *o);

/* Is one of the readers (an array of subjects; JSON_ABSENT: everybody) among its subjects? */
bool outlet_may_read(const struct outlet *o, struct json readers);

#endif
