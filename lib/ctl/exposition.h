/* exposition.h: all connections as Prometheus text (exposition format 0.0.4). Names and labels of what Ditto has, too, are
 * Ditto's ("Operating Ditto", Prometheus). */
#ifndef CTL_EXPOSITION_H
#define CTL_EXPOSITION_H

#include "ctl/client.h"

/* Asks the store and appends. 0, or -1 with errno (client.h), nothing appended. */
int exposition_put(struct buf *dst, struct client *c);

#endif
