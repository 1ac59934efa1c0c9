/* directory.h: who is there, and who should be.
 *
 * Indexes over the members that take messages: what they subscribe, by stream; the acknowledgement labels that they issue or
 * declare; the outbound rings of a connection; the topics that services serve; and the connections that `control` expects.
 * Changes only mark it stale; the next look-up rebuilds (directory_rebuild), so that a thousand rings that come at once cost
 * one rebuild.
 * Ownership: owns the expected connections, borrows members and all they parsed. */
#ifndef HUB_DIRECTORY_H
#define HUB_DIRECTORY_H

#include "hub/member.h"

enum { EXPECT_MAX = 10000 };

struct subscription {
    struct member *member;
    size_t outlet;
    const struct filter *filter;
};

struct subscriptions {
    struct subscription *v;
    size_t n, size;
};

struct label {
    struct slice text;
    struct slice connection;     /* whose it is; SLICE_NONE: of a service */
    const struct member *member; /* who is there; NULL: it is only expected */
    bool declared;               /* devices of the connection answer it, through a source */
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
    struct member **services;
    size_t n_services;
    struct label *labels; /* by text */
    size_t n_labels, size_labels;
    struct expected *expected;
    size_t n_expected;
    struct filter_scratch scratch;
};

/* Who is to get a message. */
struct match {
    struct member *to;
    size_t outlet;
    const struct filter *filter;
};

struct matches {
    struct match *v;
    size_t n, size;
    struct match *skipped; /* whose filters kept it back */
    size_t n_skipped, size_skipped;
};

/* Where a message comes from, and who may see it. */
struct origin {
    const struct member *from; /* NULL: the hub itself */
    struct slice connection;   /* SLICE_NONE: of no connection */
    struct json readers;       /* subjects; JSON_ABSENT: everybody */
};

enum label_state {
    LABEL_NOBODY,
    LABEL_PRESENT,  /* of somebody who is there */
    LABEL_DECLARED, /* of devices behind a connection that is there */
    LABEL_AWAY      /* of somebody who should be there */
};

void directory_free(struct directory *d);
/* members: the list to index, linked by next. Does nothing unless stale. */
void directory_rebuild(struct directory *d, struct member *members);

/* Who gets a message: stream, namespaces and filter match, somebody of its readers is meant, it is not the origin's, and of the
 * clients of a connection the one that is always the same for an entity while the same clients are there. A filter
 * that depends on extra fields counts as matching. The directory must be fresh. */
void directory_match(struct directory *d, enum stream s, const struct line *l, const struct topic *t,
                     const struct origin *o, struct matches *out);
/* Who answers to a label? Present wins over away. The origin does not: it never gets its own messages. *by: the connection
 * of a declared one. */
enum label_state directory_label(const struct directory *d, struct slice label, const struct origin *o,
                                 struct slice *by);
/* The first label of m's, a newcomer, that another connection or service issues, or SLICE_NONE. live-response may be
 * everybody's. */
struct slice directory_label_conflict(const struct directory *d, const struct member *m);
/* The first topic of an offer that a service serves, or SLICE_NONE. */
struct slice directory_topic_conflict(const struct directory *d, const struct offer *o);

/* The service that serves a topic, other than `not`; NULL: there is none. */
struct member *directory_service(const struct directory *d, struct slice topic, const struct member * not );
/* The outbound ring of a client of a connection; NULL if it is not there. */
struct member *directory_ring(const struct directory *d, struct slice connection, unsigned client);
/* One of the outbound rings of a connection: for an entity always the same. */
struct member *directory_any_ring(const struct directory *d, struct slice connection, const struct topic *t);
bool directory_expects(const struct directory *d, struct slice connection);

/* The connections that should be there. Takes c over, replaces one with its id; -1 (and c freed) over EXPECT_MAX. */
int directory_expect(struct directory *d, struct connection *c);
void directory_forget(struct directory *d, struct slice id);
void directory_forget_all(struct directory *d);

#endif
