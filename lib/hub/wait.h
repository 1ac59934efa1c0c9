/* wait.h: a message whose fate somebody waits for: acknowledgements, a response, or that it got where it was to go.
 *
 * A wait has one answer for each label that its message requests. Lines handed to members are legs: the settlement of a leg
 * answers what a wait claims of it: a label, all labels that the member issues, or only that it arrived. A leg has at most
 * two claims: of the message's own wait, and of that of the command which caused it. The first answer of a label counts. When
 * nothing is open, or at the timeout, which answers the rest with 408, the wait is over: the response goes its way
 * (reply.h), then the sender's id is settled by the rule of settle.h, and the wait is gone; what comes later is unknown.
 * The settlement carries the error of the first answer of the worst class.
 *
 * Ownership: a wait belongs to its sender's list and frees itself; a leg belongs to the table of unsettled lines of the member
 * it was handed to and goes when it is settled or when nothing claims it. */
#ifndef HUB_WAIT_H
#define HUB_WAIT_H

#include <limits.h>

#include "hub/hub.h"
#include "hub/request.h"

/* What a claim is about: the index of a label, or */
enum {
    CLAIM_ARRIVED = -1, /* that the line arrived */
    CLAIM_LABELS = -2,  /* all labels of the member that the wait misses */
    CLAIM_NOTHING = -3, /* a service's answer that no label counts; an error ends the wait */
    CLAIM_REPLY = -4    /* that the response arrived; -5: the diverted one */
};

struct fetch;
struct parked;

struct claim {
    struct wait *wait; /* NULL: none */
    struct leg *leg;
    int about;
    struct claim *prev, *next; /* of the wait */
};

struct leg {
    struct member *to;
    const struct outlet *outlet; /* NULL: the line is for whom serves it, or a response */
    struct entry *entry;         /* in to->unsettled */
    struct claim claims[2];
    struct fetch *fetch;   /* the hub's own question (enrich.h) */
    struct parked *parked; /* waits for its extra fields */
};

/* What an answer says, beside its status; all may be absent. */
struct said {
    struct json error;          /* of a settlement */
    struct json value, headers; /* of an acknowledgement */
    bool weak, by_hub;
};

struct span {
    size_t at, len; /* in the wait's texts */
};

struct answer {
    struct slice label; /* in the wait's own bytes */
    int status;         /* 0: still to come */
    bool weak, by_hub;
    struct span value, headers;
};

/* A response on its way through a reply target, or to where it is diverted. */
struct sending {
    bool open, held; /* held: to be handed on when there is room */
    struct slice connection;
    unsigned client;
    struct span context, rest;
};
enum { SENDINGS_MAX = 2 };

/* Who is to be told the response: a reply target, as the context of a line names it. */
struct reply_to {
    bool present;
    unsigned client;
    int64_t source;
    struct slice connection;
    struct slice context; /* members: "reply":N,"expects":[…],"mapper":"…" */
    struct json expects;
};

struct wait {
    struct hub *hub;
    struct member *from;
    struct wait *prev, *next; /* of from */
    struct slice id;          /* in the wait's own bytes; SLICE_NONE: only the response is wanted */
    enum request_kind kind;
    msec timeout;
    struct timer timer;
    size_t open; /* what has no answer, and one more until wait_start */
    size_t n_answers;
    struct answer *answers;
    struct claim *claims;
    struct buf reason;
    enum line_class reason_class, worst; /* worst: of what was to arrive */
    int error_status;                    /* of a service's error that ended it */
    bool lenient;                        /* whatever the response says, the message was accepted */
    bool lost;                           /* but not if nobody answered */
    bool over;

    /* the message, in the wait's own bytes */
    struct slice topic, path, correlation_id, divert_to, divert_types;
    struct wait *same, **same_at; /* with the same hash of the correlation id */

    /* its response */
    bool response;
    struct reply_to to;
    struct buf texts;
    bool has_rest;
    struct span rest; /* what stands in the response's line behind id and context */
    size_t n_sendings;
    struct sending sendings[SENDINGS_MAX];
    struct wait *held_prev, *held_next;
    bool held;
};

/* id: the sender's, or SLICE_NONE. Add legs, claims and answers, then call wait_start. */
struct wait *wait_new(struct hub *h, struct member *from, const struct line *l, const struct topic *t,
                      const struct request *r, const struct reply_to *to);
/* Settles it, if nothing is open, or starts the clock. w may be gone afterwards. */
void wait_start(struct wait *w);
/* Between these it does not end, whatever is answered; it may end, and be gone, with the second one. */
void wait_hold(struct wait *w);
void wait_release(struct wait *w);
/* The label's number, -1 if the wait does not miss it. */
int wait_missing(const struct wait *w, struct slice label);
/* Is a leg on its way that may answer the label? */
bool wait_has_leg(const struct wait *w, size_t label);

/* A line is handed to a member: its id goes into id (PENDING_ID_SIZE bytes). */
struct leg *leg_new(struct member *to, const struct outlet *outlet, char *id);
void leg_claim(struct leg *l, struct wait *w, int about);
/* The leg is over: what claims it is answered. */
void leg_settle(struct leg *l, int status, const struct said *s);
/* The same with 503. */
void leg_lose(struct leg *l, const char *reason);
/* Nobody waits for it any more. */
void leg_drop(struct leg *l);
/* The wait does not want to know any more; the leg stays. */
void claim_drop(struct claim *c);

/* Answers a label that has no answer yet. */
void wait_answer(struct wait *w, size_t label, int status, const struct said *s);
/* The error of a label (an empty one: of a message) that nobody can answer now. */
void wait_put_unavailable(struct ditto_error *err, struct slice label, const char *reason);
/* What the hub says itself; the text of the error is appended to text and borrowed. */
struct said said_error(struct buf *text, const struct ditto_error *err);
/* The same with 503 connectivity:connection.unavailable. */
void wait_unavailable(struct wait *w, size_t label, const char *reason);
/* Ends it with a Ditto error (its object); rest: what of its line stands behind id and context. */
void wait_fail(struct wait *w, int status, struct json error, struct slice rest);
/* The response to its message: kept to be told. */
void wait_keep_response(struct wait *w, struct slice rest);
/* Text that is kept as long as the wait. */
struct span wait_keep_text(struct wait *w, struct slice s);
struct slice wait_text(const struct wait *w, struct span s);
/* The response is composed: what it was composed of is not needed any more. */
void wait_forget_texts(struct wait *w);
/* What of the line was to arrive will not, or did not need to. */
void wait_missed(struct wait *w, int status, const struct said *s);
/* Everything is told: settles the sender's id with c and frees. */
void wait_close(struct wait *w, enum line_class c);
/* How it ends, by the answers that are there. */
enum line_class wait_decide(const struct wait *w);

/* A settlement or parts line of a member that was handed lines. False: nobody waits for that id. */
bool wait_settlement(struct member *m, const struct line *l);
/* A member left: everything it had unsettled is answered 503. Returns how many lines that were. */
size_t wait_lost(struct member *m, const char *reason);
/* A line with this id will never reach the member: 503. */
void wait_unsent(struct member *m, struct slice id, const char *reason);
/* The sender left: its waits are ended without a word. */
void wait_abandon(struct member *from);
/* The newest wait that a device's answer with this correlation id, about this entity (namespace/name), can be for: it misses
 * the label. NULL if there is none. */
struct wait *wait_for_device(struct hub *h, struct slice correlation_id, const struct topic *t,
                             struct slice label);

/* Settles an id of `from` itself: 200, or with an error (its status as it is). No id: only counted. */
void settle_accept(struct hub *h, struct member *from, struct slice id);
void settle_refuse(struct hub *h, struct member *from, struct slice id, const struct ditto_error *err);

#endif
