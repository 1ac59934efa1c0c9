/* call.h: one command under way. Private to the parts of commands.h:
 *
 *   commands.c      the table, what commands need
 *   changes.c       what appends events
 *   queries.c       what reads
 *   conditions.c    preconditions
 *
 * Ownership: borrowed from commands_run. Functions return 0, or -1 with *err. */
#ifndef STORE_CALL_H
#define STORE_CALL_H

#include "store/commands.h"

struct call {
    struct store *store;
    struct json line, headers, signal;
    bool secrets; /* asked for and allowed */
    bool supervised, judged;
    enum outcome outcome;
    const struct command *command;
    struct slice id;         /* of the connection; decoded */
    struct json document;    /* the member connection */
    const struct held *held; /* NULL: there is no such connection now */
    struct buf *out;
    size_t before;               /* bytes of out that stand already */
    struct buf id_text, scratch; /* decoded: what id points to; other texts */
    struct buf problems; /* of the document, if there are several: error objects with commas between */
};

enum need {
    NEEDS_NOTHING,
    NEEDS_DOCUMENT,   /* connection */
    NEEDS_CONNECTION, /* the connectionId of one that exists */
};

struct command {
    const char *name;
    enum need needs;
    int (*run)(struct call *c, struct ditto_error *err);
    bool changes; /* a failed if-none-match is 412, not 304 */
    bool sudo;    /* connectivity.sudo.commands: */
};

/* The response up to its own members; call_close ends it. held: whose revision and tag the headers tell, NULL for none. */
void call_open(struct call *c, int status, const struct held *held);
void call_close(struct call *c);
/* A connection, masked unless secrets are shown. */
void call_put_document(struct buf *dst, const struct call *c, struct json doc);
const struct held *call_now(const struct call *c);
/* Is the answer longer than CALL_ANSWER_BYTES? Then *err says so, and -1; else 0. */
int call_check_size(const struct call *c, struct ditto_error *err);

int call_not_found(struct slice id, struct ditto_error *err);
int call_not_this_type(const char *pointer, const char *type, struct ditto_error *err);
int call_missing(const char *pointer, struct ditto_error *err);

/* Header as an integer, typed or as text: 0 absent, 1 there; -1 with *err (400). */
int call_header_int(const struct call *c, struct slice name, int64_t *n, struct ditto_error *err);
bool call_header_true(const struct call *c, struct slice name);

/* connectivity:precondition.failed (412), connectivity:precondition.notmodified (304). */
int conditions_check(const struct call *c, struct ditto_error *err);

int change_create(struct call *c, struct ditto_error *err);
int change_modify(struct call *c, struct ditto_error *err);
int change_delete(struct call *c, struct ditto_error *err);
int change_open(struct call *c, struct ditto_error *err);
int change_close(struct call *c, struct ditto_error *err);
int change_test(struct call *c, struct ditto_error *err);
int change_migrate(struct call *c, struct ditto_error *err);
int change_migrate_abort(struct call *c, struct ditto_error *err);

int query_connection(struct call *c, struct ditto_error *err);
int query_connections(struct call *c, struct ditto_error *err);
int query_resolved(struct call *c, struct ditto_error *err);
int query_ids(struct call *c, struct ditto_error *err);
int query_ids_by_tag(struct call *c, struct ditto_error *err);
int query_tags(struct call *c, struct ditto_error *err);
int query_supervisor(struct call *c, struct ditto_error *err);
int query_tell(struct call *c, struct ditto_error *err);
int query_migration(struct call *c, struct ditto_error *err);

#endif
