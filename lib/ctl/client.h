/* client.h: talking to conn-store over $CONN_RUN/store.sock: lines out, lines in (HACKING.md, "The store's socket").
 *
 * Blocking, with one absolute deadline for everything. Ownership: struct client owns the descriptor; lines borrow its
 * buffer until the next call. Failures: -1 with errno, ETIMEDOUT past the deadline, ECONNRESET when the store hung up. */
#ifndef CTL_CLIENT_H
#define CTL_CLIENT_H

#include "base/clock.h"
#include "base/lines.h"
#include "line/line.h"

struct client {
    int fd;
    msec deadline;
    struct lines in;
    unsigned sent; /* requests so far, for their correlation-ids */
    char path[108];
};

int client_open(struct client *c, msec deadline); /* c->path is set in any case */
void client_close(struct client *c);
int client_send(struct client *c, struct slice text);
int client_line(struct client *c, struct slice *line);

/* A command to the connectivity service. */
struct request {
    const char *command;  /* "connectivity.commands:" is put before a name that has no ':' */
    struct slice members; /* of the signal, besides its type: raw "name":value,… ; may be empty */
    struct slice headers; /* the same, besides correlation-id */
    bool secrets;         /* answer with them, if the store agrees */
};
void client_put_request(struct client *c, struct buf *dst, const struct request *r);
/* The same sent, and the answer to it. EPROTO: the store said something else than a signal. */
int client_ask(struct client *c, const struct request *r, struct line *answer);
/* Lines as they are, without a deadline: sends request, then what comes from in (-1: nothing), and copies what the store
 * says to out. After the end of in the store is told that no more comes. Reads no more than it could send.
 * 0 when the store has answered all, or when nobody reads out any more; -1 when the store hung up before
 * (an answer to each line of in, at least). What cannot be
 * read from in or written to out dies with 111. */
int client_pump(struct client *c, struct buf *request, int in, int out);
/* The error object in an answer, JSON_ABSENT if the command was carried out. */
struct json client_refusal(const struct line *answer);

#endif
