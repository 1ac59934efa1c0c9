/* wait.h: a delivery whose requested acknowledgements are awaited.
 *
 * A wait has one answer for each label. Lines handed to targets that issue a label are its legs: the settlement of a
 * leg answers the label; the first answer counts. When all labels are answered, or at the timeout, which answers the
 * rest with 408, the delivery is settled towards its inbound ring by the rule of settle.h, and the wait is gone: what
 * comes later is unknown. The settlement carries the error of the first answer of the worst class.
 * Ownership: a wait belongs to its inbound member's list and frees itself. */
#ifndef HUB_WAIT_H
#define HUB_WAIT_H

#include "hub/hub.h"
#include "hub/request.h"

struct leg {
    struct wait *wait;
    struct member *to;
    struct entry *entry; /* in to->unsettled; NULL once settled */
    size_t label;
};

/* The request's labels, at most max_legs legs. Add legs and answers, then call wait_start. */
struct wait *wait_new(struct hub *h, struct member *from, struct slice id, const struct request *r,
                      size_t max_legs);
/* A line is handed to a target that issues label number label: its id goes into id (PENDING_ID_SIZE bytes). */
void wait_leg(struct wait *w, size_t label, struct member *to, char *id);
bool wait_has_answer(const struct wait *w, size_t label);
bool wait_has_leg(const struct wait *w, size_t label);
/* Answers a label; error is the error as JSON, or SLICE_NONE. */
void wait_answer(struct wait *w, size_t label, int status, struct slice error);
/* The same with 503 connectivity:connection.unavailable. */
void wait_unavailable(struct wait *w, size_t label, const char *reason);
/* Settles it, if nothing is open, or starts the clock. */
void wait_start(struct wait *w);

/* A settlement or parts line of an outbound ring. False: nobody waits for that id. */
bool wait_settlement(struct member *m, const struct line *l);
/* A ring left: everything it had unsettled is answered 503. Returns how many lines that were. */
size_t wait_lost(struct member *m, const char *reason);
/* A line with this id will never reach the ring: 503. */
void wait_unsent(struct member *m, struct slice id, const char *reason);
/* The inbound ring left: its waits are ended without a word. */
void wait_abandon(struct member *from);

/* Settles a delivery of `from` itself: 200, or with an error (its status as it is). No id: only counted. */
void settle_accept(struct hub *h, struct member *from, struct slice id);
void settle_refuse(struct hub *h, struct member *from, struct slice id, const struct ditto_error *err);

#endif
