/* plan.h: a connection, compiled for one way of mapping: which mappers, templates and rules a message meets.
 *
 * Made once at start; every problem is reported then. Without a connection there is one source and one target of
 * everything, with the mappers that are asked for, or the Ditto mapper: no header mapping, no context, the topic as address.
 *
 * Ownership: a plan owns what it compiled and borrows the connection. */
#ifndef MAPPING_PLAN_H
#define MAPPING_PLAN_H

#include "mapping/acks.h"
#include "mapping/enforcement.h"
#include "mapping/mapper.h"

struct mapped_header {
    struct slice name;              /* inbound: lower case */
    const struct header_rule *rule; /* NULL: of the user's own */
    struct template value;
};
struct header_mapping {
    size_t n;
    struct mapped_header *v;
};
struct mapper_list {
    size_t n;
    const struct mapper *v[MAPPERS_MAX];
};
struct templates {
    size_t n;
    struct template *v;
};

/* From a source to Ditto. */
struct source_route {
    struct buf
        context; /* start of the context object: {"connection":…,"source":N; empty: the context stays as it is */
    struct templates subjects;
    struct header_mapping headers;
    struct mapper_list mappers;
    struct enforcement enforcement;
    struct ack_requests acks;
    bool error_reply;            /* it has a reply target, which takes errors */
    struct buf reply_context;    /* ,"reply":… of the context; empty: it has no reply target */
    bool tells_subjects;         /* a template of a header names request: */
    struct json subjects_as_set; /* templates of authorization subjects, an array */
    size_t index;
};

/* From Ditto to a target, or to the reply target of a source. */
struct target_route {
    struct buf context; /* the context object; empty: it stays as it is */
    bool present;       /* a source may have no reply target */
    bool is_reply;
    struct template address;
    struct header_mapping headers;
    struct mapper_list mappers; /* n 0: the one that the message names, as reply targets do */
    struct slice issued_label;  /* SLICE_NONE: none */
};

struct plan_options {
    const struct connection *connection;      /* NULL: none */
    const struct mapping_definition *mappers; /* without a connection: instead of the Ditto mapper */
    size_t n_mappers;
    enum way way;
    long only;     /* of the sources or targets only this one; -1: all */
    bool reply;    /* outbound: only is of reply targets */
    bool explains; /* the lines that come of a message are told step by step: explain.h */
};

struct plan {
    struct plan_options options;
    size_t n_sources, n_targets, n_replies;
    struct source_route *sources;
    struct target_route *targets, *replies;
    size_t n_mappers;
    struct mapper **mappers;
    struct mapper *ditto; /* for what names no mapper */
    struct scripts scripts;
    size_t problems;
};

/* Compiles; each problem is logged as an error. Returns how many there are. The plan is to be freed in any case. */
size_t plan_make(struct plan *p, const struct plan_options *options);
void plan_free(struct plan *p);
/* The mapper with this id among the compiled ones, NULL if none. */
const struct mapper *plan_mapper(const struct plan *p, struct slice id);

#endif
