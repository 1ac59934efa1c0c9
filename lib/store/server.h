/* server.h: the store's clients, and the rhythm in which they are served.
 *
 * Before each poll: every complete line that has arrived is worked on, in turn among the peers; then one commit makes all
 * of it durable; only then are answers sent and followers fed. When the commit fails, the same lines are worked on once
 * more with every event refused, so that no answer tells of what did not happen.
 *
 * Limits: SERVER_PEERS clients. A client too many takes the place of the one that has been silent longest, at least
 * SERVER_SILENCE_MS since it connected, or is told and closed if there is none. All unfinished lines together have SERVER_INPUT_BYTES; whose line
 * goes over that is told and closed. All queues of answers together have SERVER_OUTPUT_BYTES: whoever has not read what it was
 * sent for the longest time is told, as far as it still can be, and closed. One batch makes SERVER_MADE_BYTES of answers, and
 * one answer more, at most (of CALL_ANSWER_BYTES, commands.h). */
#ifndef STORE_SERVER_H
#define STORE_SERVER_H

#include "store/peer.h"

enum {
    SERVER_PEERS = 256,
    SERVER_SILENCE_MS = 1000,
    SERVER_BATCH = 1024, /* lines a commit */
    SERVER_INPUT_BYTES = 64 * 1024 * 1024,
    SERVER_OUTPUT_BYTES = 64 * 1024 * 1024,
    SERVER_MADE_BYTES = 16 * 1024 * 1024,
    SERVER_ANSWER_MS = 10 * 1000, /* for the supervisor … */
    SERVER_TEST_MS = 30 * 1000,   /* … and for one that has to test a connection first */
    SERVER_DRAIN_MS = 5 * 1000,   /* for the last answers to be read */
};

struct server_counts {
    uint64_t peers, refused_peers, closed_peers, lines, batches;
};

/* Serves on this loop, whose before-poll hook it takes. The store is borrowed. */
struct server *server_new(struct loop *loop, struct store *store);
void server_free(struct server *s);
/* Listens, until server_free; the socket's mode is 0600, and only the store's own uid and root are served. 0, or -1 with
 * errno. */
int server_listen(struct server *s, const char *path);
/* Serves stdin and stdout as one client and stops the loop after it. */
void server_pipe(struct server *s);
/* No more clients and lines; the loop is stopped when the last answers are read, at most SERVER_DRAIN_MS later. */
void server_stop(struct server *s);
/* Did stdin end inside a line? */
bool server_cut(const struct server *s);
struct server_counts server_counts(const struct server *s);

#endif
