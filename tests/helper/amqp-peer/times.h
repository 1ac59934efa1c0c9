/* times.h: how long messages were under way: from the call that sent one until it was accepted. */
#ifndef AMQP_PEER_TIMES_H
#define AMQP_PEER_TIMES_H

#include <stdint.h>

#include "base/buf.h"

struct times {
    struct buf us; /* uint32_t each */
};

uint64_t times_now_us(void);
void times_add(struct times *t, uint64_t sent_us);
/* Prints {"times":{"address","count","p50_us","p99_us","max_us"}} of what was added since the last time, of four million messages at most. */
void times_print(struct times *t, const char *address);
void times_free(struct times *t);

#endif
