/* jq_value.h: JSON to and from the values of libjq.
 *
 * The parser and the printer of libjq 1.6 are slow, and not strict: they take and print what is no JSON. Numbers are
 * doubles on this way: what a double does not hold is lost (12345678901234567890 becomes 12345678901234567000). */
#ifndef MAPPING_JQ_VALUE_H
#define MAPPING_JQ_VALUE_H

#include <jv.h>

#include "json/json.h"

/* A value that passed json_parse and is followed by a byte that is in no number. The caller frees the jv. */
jv jq_value(struct json v);
/* Appends compact JSON; v stays the caller's. 0, or -1 with dst in any state: nested too deeply, or more than max_bytes. */
int jq_value_put(struct buf *dst, jv v, size_t max_bytes);

#endif
