/* house.h: all connections of a machine as they should be, and the rings that make it so.
 *
 * Desired state comes in as documents (the store's states and events), is compared with what runs, and becomes wishes to
 * the runners: a connection that is open has an inbound ring if it has sources and an outbound ring if it has targets or
 * reply targets, for each of its clients. A modification drains, ends and starts anew only the rings that depend on what
 * it changed (facet.h); other connections are not touched. Desired and live state are different things: nothing here
 * writes to the store, but what became of an event is told as a verdict.
 *
 * Ownership: the house owns its connections and runners. */
#ifndef SUPERVISE_HOUSE_H
#define SUPERVISE_HOUSE_H

#include "supervise/runner.h"
#include "supervise/vitals.h"

struct managed {
    char *id;
    struct buf doc;   /* the latest document, secrets included */
    int64_t revision; /* of the newest event or state of it; -1: unknown */
    bool open;        /* what should be */
    bool seen;        /* since the last house_sync_begin */
    bool gone;        /* deleted: to be freed when its rings are down */
    bool stale;       /* doc is newer than connection */
    bool built;       /* connection and memfds stand */
    bool broken;      /* doc cannot be used: why says it */
    bool due;         /* the verdict about revision */
    bool announced;   /* that it is open */
    bool leaving;     /* it was announced that it closes, and the announcement may still be on its way */
    struct ditto_error why;
    struct connection connection; /* that the runners have */
    int full_fd, masked_fd;
    struct runner **runners; /* by client, outbound first */
    size_t n_runners;
    struct timer look; /* something changed: compare again, from the loop */
    struct timer patience;
    struct vitals vitals; /* what its programs report */
    struct house *house;
};

/* What the house tells: all may come from within any call to it. */
struct house_ears {
    /* To the hub: a connection should be there (again, when it was modified), or not any more. */
    void (*expect)(void *arg, const struct managed *m, bool there);
    /* To its own targets: opened (or closed, which is then waited for: house_said). */
    void (*announce)(void *arg, const struct managed *m, bool opened);
    /* To the store: what became of the event with that revision; err NULL: as it should be. */
    void (*verdict)(void *arg, const struct managed *m, const struct ditto_error *err);
    /* Everything is down after house_close. */
    void (*closed)(void *arg);
};

struct house {
    struct yard yard;
    struct managed **v; /* sorted by id */
    size_t n, cap;
    struct house_ears ears;
    void *arg;
    bool closing;
};

void house_init(struct house *h);
void house_free(struct house *h);
/* A full state follows: what it does not name is gone at house_sync_end. */
void house_sync_begin(struct house *h);
void house_sync_end(struct house *h);
/* This document is the latest of its connection; its connectionStatus says whether it should be open. wanted: somebody
 * may wait for a verdict. */
void house_put(struct house *h, struct slice id, struct slice doc, int64_t revision, bool wanted);
/* Its document stays, its desired status changes. What has failed or is misconfigured tries anew. False: unknown id. */
bool house_set_open(struct house *h, struct slice id, bool open, int64_t revision);
void house_delete(struct house *h, struct slice id);
/* The announcement of its closing has arrived everywhere. */
void house_said(struct house *h, struct slice id);
/* Drains and ends everything, then calls closed. */
void house_close(struct house *h);
struct managed *house_find(const struct house *h, struct slice id);

/* A report of the hub's about an outbound ring of a connection. */
void house_hub_reports(struct house *h, struct slice id, struct json report, struct slice line);

#endif
