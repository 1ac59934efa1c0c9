/* text.h: text for people, in columns. A column is a code point; control bytes, which could move a terminal's cursor, show
 * as '?'. */
#ifndef CTL_TEXT_H
#define CTL_TEXT_H

#include <stdint.h>

#include "base/buf.h"

enum { TEXT_COLUMNS = 80 };

size_t text_columns(struct slice s);
/* Appends s, and blanks up to width columns; what is longer is cut, its last column "…". */
void text_pad(struct buf *dst, struct slice s, size_t width);
/* Appends s as it is but for control bytes. */
void text_put(struct buf *dst, struct slice s);
/* Appends s as lines of at most TEXT_COLUMNS columns, broken at blanks where there are any, each after indent blanks. */
void text_wrap(struct buf *dst, struct slice s, size_t indent);
/* "2026-11-25 20:39:04Z" of "2026-11-25T20:39:04.123Z"; something else stays as it is. */
struct slice text_time(struct slice iso, char dst[32]);

#endif
