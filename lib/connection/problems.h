/* problems.h: collecting what is wrong with a document (private to lib/connection).
 *
 * A checker never stops: it reports into a slot and goes on. The first problem at a place wins; later ones at the same
 * place or below it are follow-ups and are dropped, so that "wrong type" is not answered with "missing" as well. */
#ifndef CONNECTION_PROBLEMS_H
#define CONNECTION_PROBLEMS_H

#include "connection/connection.h"

/* A JSON pointer (RFC 6901), cut at its size. Cheap enough to be passed by value. */
struct where {
    char z[sizeof((struct ditto_error *)0)->pointer];
};
#define WHERE_ROOT ((struct where){""})
struct where where_key(struct where at, struct slice key);
struct where where_name(struct where at, const char *name);
struct where where_index(struct where at, size_t index);

/* Where to ditto_fail a problem at this place; valid until the next call. */
struct ditto_error *problem_slot(struct connection_problems *p, struct where at);

/* PROBLEM(problems, where, code, description or NULL, format, …): status 400 */
#define PROBLEM(p, at, code, description, ...)                                                               \
    ditto_fail(problem_slot(p, at), 400, code, description, (at).z, __VA_ARGS__)
#define CONFIG_INVALID "connectivity:connection.configuration.invalid"
#define URI_INVALID    "connectivity:connection.uri.invalid"
#define ID_INVALID     "connectivity:connection.id.invalid"
#define LABEL_INVALID  "acknowledgement:label.invalid"

#endif
