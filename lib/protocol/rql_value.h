/* rql_value.h: how RQL compares one value with a literal.
 *
 *   number with number, or with a text that is one   by decimal value, of any length
 *   text with text, boolean with boolean             by UTF-16 units, false before true
 *   all else                                         by what Java prints for them
 *   null                                             equals null only, has no order
 *
 * Numbers with a fraction or an exponent are doubles, as in Ditto, and so are compared in the shortest form that means the
 * same double. Source: protocol reference 10.4; Ditto's in-memory evaluation. Nothing here allocates but for the scratch,
 * which callers keep. */
#ifndef PROTOCOL_RQL_VALUE_H
#define PROTOCOL_RQL_VALUE_H

#include "json/json.h"
#include "protocol/rql.h"

/* A number, a string, a boolean or null, of a document or of a literal. */
struct rql_value {
    enum rql_type type; /* RQL_LONG and RQL_DOUBLE are numbers as written; RQL_PLACEHOLDER is none */
    struct slice text;  /* of numbers and strings; decoded */
};

/* The value of a JSON scalar; its text borrows the document, or scratch (emptied first) if it holds escapes. */
struct rql_value rql_value_of(struct json scalar, struct buf *scratch);

/* Order of a value and a literal: negative, zero or positive. Neither is null. */
int rql_compare(struct rql_value value, struct rql_value literal);

/* Does the whole text match? "*" is any run of characters, "?" is one, neither a line break; fold: ASCII letters in any
 * case. */
bool rql_like(struct slice pattern, struct slice text, bool fold);
/* What like matches against: of a number what Java prints for it (in dst, NUMBER_TEXT_SIZE bytes, if it prints another form). */
enum { NUMBER_TEXT_SIZE = 48 };
struct slice rql_like_text(struct rql_value value, char *dst);

#endif
