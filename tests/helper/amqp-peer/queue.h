/* queue.h: the messages of one address, in the order in which they first came.
 *
 * Every message has a number n that only grows; putting back keeps that order whatever was taken in between.
 * A message belongs to the queue while it stands in it, to the taker afterwards (message_free). */
#ifndef AMQP_PEER_QUEUE_H
#define AMQP_PEER_QUEUE_H

#include "message.h"

struct message {
    struct message *next;
    uint64_t n;
    struct header header;
    bool settled;     /* to be sent pre-settled */
    uint64_t sent_us; /* when it was sent last */
    size_t len;
    char bytes[]; /* encoded, no header section */
};

struct messages {
    struct message *head, *tail;
    size_t count;
};

struct message *message_new(uint64_t n, struct slice encoded, struct header h);
void message_free(struct message *m);

void messages_push(struct messages *q, struct message *m);
struct message *messages_take(struct messages *q);
/* Puts m where its number belongs: O(messages in front of it). */
void messages_put_back(struct messages *q, struct message *m);
/* Puts n messages back, in one pass from the last to the first. Reorders the array. */
void messages_put_all_back(struct messages *q, struct message **m, size_t n);
void messages_free(struct messages *q);

#endif
