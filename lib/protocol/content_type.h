/* content_type.h: what a content type says about a payload, as Ditto reads it: in any case of letters, up to the first ";",
 * blanks not trimmed.
 *
 *   application/merge-patch+json                         a merge patch (RFC 7396)
 *   application/json, application/…+json                 JSON
 *   text/…, application/javascript, application/…+ecmascript and the like   text
 *   all else                                             bytes */
#ifndef PROTOCOL_CONTENT_TYPE_H
#define PROTOCOL_CONTENT_TYPE_H

#include "base/slice.h"

enum content_class { CONTENT_TEXT, CONTENT_JSON, CONTENT_MERGE_PATCH, CONTENT_BINARY };

enum content_class content_class_of(struct slice content_type);
/* "TEXT", "JSON", "JSON_MERGE_PATCH", "BINARY" */
const char *content_class_text(enum content_class c);
/* Is it application/vnd.eclipse.ditto+json? */
bool content_is_ditto(struct slice content_type);

#endif
