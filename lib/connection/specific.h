/* specific.h: reading specificConfig, whose values are texts (private to lib/connection).
 *
 * Each function returns 0 with *out set; 1 when the key is absent, with *out as it was; -1 when the text is no such value. */
#ifndef CONNECTION_SPECIFIC_H
#define CONNECTION_SPECIFIC_H

#include <stdint.h>

#include "connection/connection.h"

/* HOCON durations: a sign and a fraction are allowed, the unit is ns us ms s m h d or its long name ("10 seconds"); without
 * one it is milliseconds. In milliseconds, cut towards zero. */
int specific_duration_ms(const struct connection *c, const char *key, int64_t *out);
/* Digits with an optional sign. */
int specific_int(const struct connection *c, const char *key, int64_t *out);
/* As Java reads a boolean: "true" in any case; all else, absent too, is false. */
bool specific_flag(const struct connection *c, const char *key);
/* Takes the next of a comma-separated list off *rest, untrimmed; false at the end. */
bool list_next(struct slice *rest, struct slice *item);

#endif
