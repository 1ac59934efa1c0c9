/* charset.h: bytes as text, in the charset that a content type names.
 *
 * The charset stands behind "charset=", after ";" and at most one character. Known are UTF-8, which is also for what is
 * unknown or not said, US-ASCII, ISO-8859-1, UTF-16 (with a byte order mark, else big-endian), UTF-16BE and UTF-16LE.
 * What is not valid in it becomes U+FFFD. Source: mapping reference 1.5. */
#ifndef MAPPING_CHARSET_H
#define MAPPING_CHARSET_H

#include "base/buf.h"

/* Appends the text in UTF-8. content_type may be SLICE_NONE. */
void charset_put(struct buf *dst, struct slice bytes, struct slice content_type);
/* Is it UTF-8, so that bytes that are valid are the text? */
bool charset_is_utf8(struct slice content_type);

#endif
