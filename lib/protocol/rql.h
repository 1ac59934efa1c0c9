/* rql.h: filters in RQL, as Ditto's search, conditions and target topics take them.
 *
 *   query    := WS* expr
 *   expr     := ("and"|"or") "(" expr *( "," WS* expr ) ")"  |  "not" "(" expr ")"
 *             | ("eq"|"ne"|"gt"|"ge"|"lt"|"le"|"like"|"ilike") "(" property "," literal ")"
 *             | "in" "(" property 1*( "," literal ) ")"  |  ("exists"|"empty") "(" property ")"
 *   property := characters but , ) " \ and escapes
 *   literal  := (double | long | "string" | 'string' | "time:" name | "true" | "false" | "null") WS*
 *
 * A double has digits before and behind its point and no exponent; a long fits int64. Escapes are those of JSON, of the two
 * quotes only the string's own. This header knows the grammar; rql_query.h what the properties mean and how a filter is
 * evaluated. Source: Ditto's documentation, "RQL expressions"; protocol reference 10.2.
 *
 * Nesting is bounded (RQL_DEPTH_MAX), memory is a small multiple of the text's length. Ownership: a struct rql owns all that
 * it holds and borrows nothing. */
#ifndef PROTOCOL_RQL_H
#define PROTOCOL_RQL_H

#include "protocol/error.h"

enum { RQL_DEPTH_MAX = 400 };

enum rql_op {
    RQL_AND,
    RQL_OR,
    RQL_NOT,
    RQL_EQ,
    RQL_NE,
    RQL_GT,
    RQL_GE,
    RQL_LT,
    RQL_LE,
    RQL_LIKE,
    RQL_ILIKE,
    RQL_IN,
    RQL_EXISTS,
    RQL_EMPTY
};

enum rql_type { RQL_NULL, RQL_FALSE, RQL_TRUE, RQL_LONG, RQL_DOUBLE, RQL_STRING, RQL_PLACEHOLDER };

struct rql_literal {
    enum rql_type type;
    struct slice
        text; /* a number as JSON writes it, a string decoded, a placeholder as written ("time:now-1h") */
};

/* Nodes stand in the order of the text: what is below one follows it. */
struct rql_node {
    enum rql_op op;
    size_t end;            /* index of the first node that is not below this one */
    struct slice property; /* decoded; not of and, or, not */
    size_t literal, n_literals;
};

struct rql {
    size_t n_nodes, n_literals;
    struct rql_node *nodes;
    struct rql_literal *literals;
    char *texts;
};

/* 0, or -1 with rql.expression.invalid (400) in *err; *q is only to be freed after 0. */
int rql_parse(struct rql *q, struct slice text, struct ditto_error *err);
void rql_free(struct rql *q);
/* Appends the tree as JSON: {"op","property","value"}, {"op","property","values"}, {"op","children"}; a placeholder is
 * {"placeholder":"time:now"}. */
void rql_put(struct buf *dst, const struct rql *q);
const char *rql_op_text(enum rql_op op);

#endif
