/* fault.h: how the peer misbehaves. Kept here, carried out by the broker.
 *
 * Faults are owned by their list; fault_passed hands one over (fault_free). */
#ifndef AMQP_PEER_FAULT_H
#define AMQP_PEER_FAULT_H

#include <stdint.h>

#include "base/slice.h"

enum cut { CUT_DETACH, CUT_END, CUT_CLOSE, CUT_DROP };

struct fault {
    struct fault *next;
    enum cut how;
    char *address;                 /* NULL: any */
    uint64_t left;                 /* messages that may still pass */
    char *condition, *description; /* may be NULL */
    char *redirect;                /* "host:port" of a redirect; may be NULL */
};

/* What becomes of messages of client senders. */
struct answer {
    char *address;    /* NULL: any */
    uint64_t left;    /* 0: accept as usual */
    uint64_t outcome; /* PN_ACCEPTED, … */
    bool failed, undeliverable;
    char *condition, *description;
};

struct modes {
    bool no_modified, no_open, no_credit, never_settle, deaf, frozen;
};

extern struct modes modes;

void fault_refuse(struct fault *f);
void fault_allow(void);
/* The refusal for a link of that address, borrowed, or NULL. */
const struct fault *fault_refusal(const char *address);

void fault_after(struct fault *f);
/* Counts one message of that address. The fault that is due now, or NULL. */
struct fault *fault_passed(const char *address);
bool fault_matches(const struct fault *f, const char *address);
void fault_free(struct fault *f);

void fault_set_answer(struct answer a); /* takes over its texts */
/* Counts one message; the answer for it, borrowed, or NULL. */
const struct answer *fault_answer(const char *address);

#endif
