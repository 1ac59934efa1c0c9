/* scan.h: strict readers for small texts. All return 0, or -1 with errno EINVAL or ERANGE; the whole slice must match. */
#ifndef BASE_SCAN_H
#define BASE_SCAN_H

#include <stdint.h>

#include "base/slice.h"

int scan_u64(struct slice s, uint64_t *out);
int scan_i64(struct slice s, int64_t *out);
/* "true" or "false" */
int scan_bool(struct slice s, bool *out);
/* HOCON-like duration: "500ms" "10s" "1m" "2h" "1d"; a bare number is milliseconds. */
int scan_duration_ms(struct slice s, int64_t *out);
/* Is it well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates)? */
bool utf8_valid(struct slice s);

#endif
