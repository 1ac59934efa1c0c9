/* template.h: which placeholders a template uses (private to lib/connection).
 *
 * Checks names only; resolving is the mapper's. Source: Ditto, "Placeholders": "{{ prefix:name | fn:function(…) }}" and
 * the older "${ … }". */
#ifndef CONNECTION_TEMPLATE_H
#define CONNECTION_TEMPLATE_H

#include "base/slice.h"

enum placeholder {
    PLACEHOLDER_CONNECTION = 1 << 0,
    PLACEHOLDER_ENTITY = 1 << 1,
    PLACEHOLDER_FEATURE = 1 << 2,
    PLACEHOLDER_HEADER = 1 << 3,
    PLACEHOLDER_POLICY = 1 << 4,
    PLACEHOLDER_REQUEST = 1 << 5,
    PLACEHOLDER_RESOURCE = 1 << 6,
    PLACEHOLDER_SOURCE = 1 << 7,
    PLACEHOLDER_THING = 1 << 8,
    PLACEHOLDER_THING_JSON = 1 << 9,
    PLACEHOLDER_TIME = 1 << 10,
    PLACEHOLDER_TOPIC = 1 << 11,
};
/* What addresses and header mappings may use. */
#define PLACEHOLDERS_OF_MESSAGE                                                                              \
    (PLACEHOLDER_CONNECTION | PLACEHOLDER_ENTITY | PLACEHOLDER_FEATURE | PLACEHOLDER_HEADER |                \
     PLACEHOLDER_REQUEST | PLACEHOLDER_RESOURCE | PLACEHOLDER_THING | PLACEHOLDER_THING_JSON |               \
     PLACEHOLDER_TIME | PLACEHOLDER_TOPIC)

/* Takes literal text up to the next expression off *rest; false at the end. expr is SLICE_NONE if text ends there. */
bool template_next(struct slice *rest, struct slice *literal, struct slice *expr);
/* Are all expressions of the template well formed, with placeholders of this set only? If not, *bad is the first other. */
bool template_ok(struct slice template, unsigned allowed, struct slice *bad);

#endif
