/* link.h: a Unix socket that is kept connected: lines in, lines out, connecting again after it broke.
 *
 * The socket is ours alone and non-blocking. What is put while it is down is lost: up() says everything again. */
#ifndef SUPERVISE_LINK_H
#define SUPERVISE_LINK_H

#include "base/lines.h"
#include "base/loop.h"

struct link {
    struct loop *loop;
    const char *path;
    const char *what; /* for messages: "store", "hub" */
    void (*up)(void *arg);
    void (*line)(void *arg, struct slice line);
    void (*down)(void *arg); /* it was up */
    void *arg;

    bool connected;
    struct watch watch;
    struct lines in;
    struct buf out;
    struct timer retry;
    unsigned failures;
};

/* Set loop, path, what, the callbacks and arg first. */
void link_open(struct link *l);
void link_close(struct link *l);
/* Writes what is in out, as far as it goes; the rest follows. */
void link_flush(struct link *l);
/* Breaks it and connects again after a pause. */
void link_break(struct link *l);

#endif
