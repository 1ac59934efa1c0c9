/* labels.h: acknowledgement labels (private to lib/connection).
 * Grammar (Ditto): [ "{{" name ":" name "}}:" ] 3 to 165 of [a-zA-Z0-9-_:]; {{connection:id}} counts as the id. */
#ifndef CONNECTION_LABELS_H
#define CONNECTION_LABELS_H

#include "connection/reader.h"

/* Reads a label: acknowledgement:label.invalid if it is none, else {{connection:id}} resolved. SLICE_NONE if absent. */
struct slice read_label(struct reader *r, struct node n, const char *name);
struct slices read_labels(struct reader *r, struct node n, const char *name);

#endif
