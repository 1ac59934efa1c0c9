/* ctl.h: what the verbs of conn-ctl share: the store, stdout, and giving up.
 *
 * Functions that ask do not return without an answer: they log one line and exit, 99 if none came in time, 111 if the store
 * cannot be reached or hangs up. Failing to write stdout is 111. Answers borrow the client's buffer until the next question. */
#ifndef CTL_CTL_H
#define CTL_CTL_H

#include "ctl/client.h"
#include "protocol/error.h"

struct ctl {
    unsigned long timeout_s; /* for each answer */
    bool secrets;            /* print them, if the store agrees */
    bool plain;              /* print what answers say as text for people */
    bool at_once;            /* do not wait for what the supervisor makes of a command */
    struct client store;     /* .fd -1: opened when it is needed */
    struct buf out;
};

void ctl_open(struct ctl *ctl);
/* Until then an answer has to come; ctl_ask sets it anew. */
void ctl_set_deadline(struct ctl *ctl);
_Noreturn void ctl_die_without_answer(const struct ctl *ctl);

void ctl_ask(struct ctl *ctl, const struct request *r, struct line *answer);
/* A command whose signal names a connection. */
void ctl_ask_about(struct ctl *ctl, const char *command, struct slice id, bool secrets, struct line *answer);

/* Writes what stands in out. */
void ctl_flush(struct ctl *ctl);
void ctl_print(struct ctl *ctl, struct json v);
void ctl_print_problem(struct ctl *ctl, const struct ditto_error *e);
/* Prints the named member of the answer's signal, the signal itself for "", or the refusal, which is EXIT_NEGATIVE. */
int ctl_print_answer(struct ctl *ctl, const struct line *answer, struct slice member);

#endif
