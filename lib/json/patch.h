/* patch.h: JSON merge patch (RFC 7396), and what Ditto adds to it.
 *
 * An object patches an object member by member: null removes, objects patch on, everything else replaces; anything but an
 * object replaces the whole. Members keep their place and, where nothing patches them, their text; new ones follow in the
 * order of the patch. */
#ifndef JSON_PATCH_H
#define JSON_PATCH_H

#include "json/json.h"

enum patch_dialect {
    PATCH_RFC7396,
    /* A null whose key reads "{{ ~regex~ }}" or "{{ /regex/ }}" (blanks optional) removes every member whose whole name
     * matches the POSIX extended regular expression (\d is known too), before the others are applied. A regex that
     * does not compile matches nothing. */
    PATCH_DITTO
};

/* Appends target with the patch applied. An absent target counts as {}. */
void json_put_patched(struct buf *dst, struct json target, struct json patch, enum patch_dialect dialect);
/* Appends the smallest RFC 7396 patch that makes `to` of `from`. False, and nothing is appended, if they are equal: members
 * in any order, numbers by their text. */
bool json_put_diff(struct buf *dst, struct json from, struct json to);
/* The regex of such a key, SLICE_NONE if it is none. */
struct slice patch_pattern(struct slice key);

#endif
