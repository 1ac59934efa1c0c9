/* server_parts.h: what the four parts of the server share. Private to them:
 *
 *   server.c     who is there, limits, the rhythm
 *   batch.c      lines: from what has arrived to what is durable
 *   questions.c  what only the supervisor can answer
 *   verdicts.c   what waits for the supervisor's verdict */
#ifndef STORE_SERVER_PARTS_H
#define STORE_SERVER_PARTS_H

#include "store/answer.h"
#include "store/server.h"
#include "store/verdicts.h"

#define UNAVAILABLE "connectivity:connection.unavailable"

struct work { /* one line of a batch */
    struct peer *peer;
    enum lines_status status;
    struct slice line; /* in the peer's reader, which is not filled before the batch is done */
};

struct server {
    struct loop *loop;
    struct store *store;
    struct watch listener;
    char *path;                /* of its socket */
    struct timer drain, pause; /* … of listening, for want of descriptors */
    struct peer *peers;        /* in the order in which they came */
    size_t n_peers;
    size_t n_work;
    struct work work[SERVER_BATCH];
    bool may_ask;       /* questions about live state can be answered in this batch */
    bool may_judge;     /* … and changes wait for a verdict */
    size_t made;        /* bytes of answers in this batch */
    uint64_t questions; /* asked so far */
    bool once, stopping, cut;
    int failing;      /* errno of the last commit, 0: it worked */
    uint64_t refused; /* lines of the batches that failed since */
    struct server_counts counts;
};

/* No more lines in this batch: there are enough, or enough answers. */
static inline bool batch_is_full(const struct server *s)
{
    return s->n_work == SERVER_BATCH || s->made >= SERVER_MADE_BYTES;
}

/* Works on every complete line that has arrived, SERVER_BATCH of them at most, and commits. Answers stand in the peers'
 * queues then, but nothing is sent. */
void batch_serve(struct server *s);

/* The follower that is asked about live state: the newest one with the role, or NULL. */
struct peer *questions_supervisor(const struct server *s);
/* A peer's command becomes a question: the peer's next lines wait for its answer. */
void questions_add(struct server *s, struct peer *p, struct json line);
/* Passes a command on to the supervisor, if there is one; nobody answers it. */
void questions_tell(struct server *s, struct json line);
/* A response of the supervisor. */
void questions_reply(struct server *s, struct json line, struct json signal);
/* Passes on new questions and replies, once the batch is durable. True if a peer that waited need not wait any more. */
bool questions_exchange(struct server *s);

#endif
