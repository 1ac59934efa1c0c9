/* reply.h: responses on their way to whom they are for: the reply target of the connection and client that asked, another
 * connection where they are diverted, the service that asked.
 *
 * While a response cannot be delivered (the outbound ring is full, or away though it should be there) the settlement of its
 * message is held back, and so the sender is slowed down; it is settled when the ring has confirmed the response. Without an
 * outbound ring that is there or expected the response is dropped and counted. Source: mapping reference 4.7, 4.9. */
#ifndef HUB_REPLY_H
#define HUB_REPLY_H

#include "hub/wait.h"

/* What the context of a line says of a reply target, of the connection (SLICE_NONE: the one that the context names). */
struct reply_to reply_to_read(struct json context, struct slice connection, unsigned client);

/* A wait is over: composes the response, sends it where it is to go, settles. w may be gone afterwards. */
void reply_finish(struct wait *w);
/* What became of a response: of the normal one (0) or the diverted one (1). */
void reply_settled(struct wait *w, size_t which, int status);
/* Tries once more to hand on what is held. */
void reply_again(struct wait *w);
/* The same for all that are held: a ring came, left, or got room. */
void reply_resume(struct hub *h);
/* The wait goes: it is held no more. */
void reply_forget(struct wait *w);

/* A line that goes to a reply target as it is, behind id and context: an error of a mapper, one of many answers of a service.
 * id: of the sender's, or SLICE_NONE. */
void reply_pass(struct hub *h, struct member *from, const struct line *l, const struct topic *t,
                const struct reply_to *to);
/* The message is refused: an error for whom it came from, and the settlement. */
void reply_refuse(struct hub *h, struct member *from, const struct line *l, const struct topic *t,
                  struct request *r, const struct reply_to *to, const struct ditto_error *err);

#endif
