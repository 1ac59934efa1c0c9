/* base64.h: RFC 4648 section 4 (standard alphabet, padding). */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include "base/buf.h"

void base64_put(struct buf *dst, const void *p, size_t len);
/* Appends the decoded bytes. -1 with errno EINVAL, dst as it was, if the text is not strict base64
 * (wrong alphabet, length not a multiple of 4, non-zero pad bits). */
int base64_get(struct buf *dst, struct slice text);

#endif
