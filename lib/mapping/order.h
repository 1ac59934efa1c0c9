/* order.h: lines that wait for answers of scripts, so that what goes out is in the order of what came in.
 *
 * Bounded: ORDER_MAX lines, ORDER_BYTES of them (one line is always taken). When there is no room the caller reads no more.
 *
 * Ownership: a waiting line is a copy; it and its answers are the order's, until it is dropped. */
#ifndef MAPPING_ORDER_H
#define MAPPING_ORDER_H

#include "mapping/worker.h"

enum { ORDER_MAX = 256, ORDER_BYTES = 32 * 1024 * 1024 };

/* What the script of a mapper answered. */
struct answer {
    unsigned script;
    bool failed;
    struct buf text; /* its results, one a line; or why it failed */
};
struct answers {
    size_t n;
    const struct answer *v;
};

struct waiting {
    struct buf line;
    size_t n_jobs, n_open;
    struct job jobs[MAPPERS_MAX];
    struct answer answers[MAPPERS_MAX];
};

struct order {
    struct waiting *slots; /* a ring */
    size_t first, n;
    size_t bytes;
};

void order_init(struct order *o);
void order_free(struct order *o);
bool order_has_room(const struct order *o);
/* A copy of the line at the end. */
struct waiting *order_add(struct order *o, struct slice line);
/* Puts an answer to the job that asked for it. */
void order_answer(struct order *o, struct job *j, bool failed, struct slice text);
/* The line at the head, if it waits for nothing more; else NULL. */
struct waiting *order_ready(struct order *o);
void order_drop(struct order *o);
/* The waiting line that a job belongs to. */
struct waiting *order_of(const struct order *o, const struct job *j);

#endif
