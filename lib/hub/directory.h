/* directory.h: who is there, and who should be.
 *
 * Indexes over the members with role `out`: their targets by stream, their issued acknowledgement labels, the clients
 * of a connection; and the connections that `control` expects. Changes only mark it stale; the next look-up rebuilds
 * (directory_stale), so that a thousand rings that come at once cost one rebuild.
 * Ownership: owns the expected connections, borrows members and all they parsed. */
#ifndef HUB_DIRECTORY_H
#define HUB_DIRECTORY_H

#include "connection/connection.h"

struct member;

enum { EXPECT_MAX = 10000 };

struct subscription {
    struct member *member;
    size_t target;
    const struct target_topic *topic;
};

struct subscriptions {
    struct subscription *v;
    size_t n, size;
};

struct label {
    struct slice text, connection; /* who issues it */
    bool present;                  /* by an outbound ring that is there; else it is only expected */
};

struct expected {
    struct connection connection;
    struct expected *next;
};

struct directory {
    bool stale;
    struct subscriptions streams[STREAM_NONE];
    struct member **rings; /* role out, by connection and client */
    size_t n_rings;
    struct label *labels; /* by text */
    size_t n_labels, size_labels;
    struct expected *expected;
    size_t n_expected;
};

/* A target that is to get a message. */
struct match {
    struct member *to;
    size_t target;
};

struct matches {
    struct match *v;
    size_t n, size;
};

enum label_state { LABEL_NOBODY, LABEL_PRESENT, LABEL_AWAY };

void directory_free(struct directory *d);
/* members: the list to index, linked by next. Does nothing unless stale. */
void directory_rebuild(struct directory *d, struct member *members);

/* The targets that a message gets: stream and namespace match, not of the connection it came from (origin), one client
 * of each connection: always the same for an entity while the same clients are there. The directory must be fresh. */
void directory_match(const struct directory *d, enum stream s, const struct topic *t, struct slice origin,
                     struct matches *out);
/* Who answers to a label? Present wins over away. The connection origin does not: it never gets its own messages. */
enum label_state directory_label(const struct directory *d, struct slice label, struct slice origin);
/* The first label of c that a ring of another connection issues, or SLICE_NONE. live-response may be everybody's. */
struct slice directory_conflict(const struct directory *d, const struct connection *c);

/* The connections that should be there. Takes c over, replaces one with its id; -1 (and c freed) over EXPECT_MAX. */
int directory_expect(struct directory *d, struct connection *c);
void directory_forget(struct directory *d, struct slice id);
void directory_forget_all(struct directory *d);

#endif
