/* house.h: all connections of a machine as they should be, and the rings that make it so.
 *
 * Desired state comes in as documents (the store's states and events), is compared with what runs, and becomes wishes to
 * the runners: a connection that is open has an inbound ring if it has sources and an outbound ring if it has targets,
 * for each of its clients. A modified connection is drained, ended and started anew with its new document; others are
 * not touched. Desired and live state are different things: nothing here writes to the store.
 *
 * Ownership: the house owns its connections and runners. */
#ifndef SUPERVISE_HOUSE_H
#define SUPERVISE_HOUSE_H

#include "supervise/runner.h"

struct managed {
    char *id;
    struct buf doc; /* the latest document, secrets included */
    bool open;      /* what should be */
    bool seen;      /* since the last house_sync_begin */
    bool gone;      /* deleted: to be freed when its rings are down */
    bool stale;     /* doc is newer than what runs */
    bool stopping;  /* its rings were told to end: they must be down before anything else */
    bool built;     /* connection, memfds and runners stand */
    bool broken;    /* doc cannot be used: why says it */
    struct ditto_error why;
    struct connection connection;
    int full_fd, masked_fd;
    struct runner *runners;
    size_t n_runners;
    struct timer look; /* a runner went down: compare again, from the loop */
    struct house *house;
};

struct house {
    struct yard yard;
    struct managed **v; /* sorted by id */
    size_t n, cap;
    /* tells the hub: a connection should be there, or not any more */
    void (*expect)(void *arg, const struct managed *m, bool there);
    void *arg;
    bool closing;
    void (*closed)(void *arg); /* everything is down after house_close */
};

void house_init(struct house *h);
void house_free(struct house *h);
/* A full state follows: what it does not name is gone at house_sync_end. */
void house_sync_begin(struct house *h);
void house_sync_end(struct house *h);
/* This document is the latest of its connection; its connectionStatus says whether it should be open. */
void house_put(struct house *h, struct slice id, struct slice doc);
/* Its document stays, its desired status changes. False: unknown id. */
bool house_set_open(struct house *h, struct slice id, bool open);
void house_delete(struct house *h, struct slice id);
/* Drains and ends everything, then calls closed. */
void house_close(struct house *h);
struct managed *house_find(struct house *h, struct slice id);

/* Ditto's retrieveConnectionStatus response (reference: "Connection status"), as the signal object. */
void house_put_status(struct buf *dst, const struct managed *m);

#endif
