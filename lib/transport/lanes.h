/* lanes.h: the lanes of a source's engine, each with its window (private to lib/transport).
 *
 * Ownership: struct lanes owns its arrays; addresses are borrowed from the connection. */
#ifndef TRANSPORT_LANES_H
#define TRANSPORT_LANES_H

#include "transport/transport.h"
#include "transport/window.h"

struct lanes {
    size_t n;
    struct lane *v;
    struct window *windows;
    struct buf *contexts; /* `,"context":{…}`, as its lines have it */
};

/* Of the sources of a connection (only: of that one; -1: of all): a lane for each address and consumer, or one each. The
 * window of a source is shared out evenly among its lanes, at least one place each. */
void lanes_make(struct lanes *l, const struct connection *c, int only, bool per_address, unsigned window);
void lanes_free(struct lanes *l);

#endif
