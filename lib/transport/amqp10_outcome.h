/* amqp10_outcome.h: what a peer says of a message that it was sent, as an error of ours (private to amqp10_out.c). */
#ifndef TRANSPORT_AMQP10_OUTCOME_H
#define TRANSPORT_AMQP10_OUTCOME_H

#include <proton/condition.h>
#include <proton/delivery.h>
#include <stdbool.h>

#include "protocol/error.h"

/* A condition as a status, whose class carries the right fate; otherwise: for those that say nothing about it. */
int amqp10_outcome_status(pn_condition_t *c, int otherwise);
/* *err is connectivity:message.sending.failed with what happened, and the condition in words if there is one. */
void amqp10_outcome_fail(struct ditto_error *err, int status, const char *what, pn_condition_t *c);
/* The state that the peer gave the delivery (AMQP 1.0 part 3, 3.4). True if it is accepted, else *err says why not. */
bool amqp10_outcome_accepted(pn_delivery_t *d, struct ditto_error *err);

#endif
