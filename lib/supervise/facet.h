/* facet.h: the part of a connection's document that one of its rings depends on.
 *
 * A modification touches a ring if the ring's facet is another one afterwards. To neither ring belong name, tags and the
 * desired status; targets do not belong to the inbound one; of sources only what answers need (reply target, mappers)
 * belongs to the outbound one. Everything else belongs to both. */
#ifndef SUPERVISE_FACET_H
#define SUPERVISE_FACET_H

#include "json/json.h"
#include "supervise/runner.h"

void facet_put(struct buf *dst, struct json document, enum direction d);
/* Have both documents the same facet? As they are written: an order of members that changed is a change. */
bool facet_same(struct json a, struct json b, enum direction d);

#endif
