/* answer.h: answers that are Ditto Protocol lines: of services, by the hub's id; of devices, by correlation id. */
#ifndef HUB_ANSWER_H
#define HUB_ANSWER_H

#include "hub/reply.h"

/* A line of a service with an id of ours. False: the id is none of ours, the line is its own. */
bool answer_of_service(struct member *m, const struct line *l);
/* A line of an inbound ring with a status: a response, error or acknowledgement of a device, which settles its delivery. False:
 * devices do not say that. */
bool answer_of_device(struct hub *h, struct member *from, const struct line *l, const struct topic *t,
                      const struct reply_to *to);

#endif
