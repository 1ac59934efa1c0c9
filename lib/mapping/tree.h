/* tree.h: objects put together of others, as the Normalized mapper needs them. Values that are not touched stay as written. */
#ifndef MAPPING_TREE_H
#define MAPPING_TREE_H

#include "json/json.h"

/* Appends an object with the members of both, first those of low in their order. Of a name that both have the value of high
 * counts, null too; objects are merged, and arrays, element by element, as Ditto does it. */
void tree_put_merged(struct buf *dst, struct json low, struct json high);
/* Appends v without members that are null or, then, empty objects; in arrays nothing is left out. False, and nothing
 * appended, if that leaves nothing of an object. */
bool tree_put_pruned(struct buf *dst, struct json v);
/* Appends what of v is null as an object with leaf, raw JSON, in the place of each; v itself may be one. Names that are
 * patterns of a merge patch are left out. False, and nothing appended, if nothing is. */
bool tree_put_nulls(struct buf *dst, struct json v, struct slice leaf);

#endif
