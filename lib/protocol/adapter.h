/* adapter.h: Ditto Protocol messages to signals and back, line by line.
 *
 *   {"id":…,"topic":…,"headers":…,"path":…,"value":…,"context":…}   ⇄   {"id":…,"headers":…,"signal":{"type":…},"context":…}
 *
 * What the table (table.h) says decides; what a line carries and nobody has to understand is spliced byte for byte, id and
 * context go along. The answer to a line that is no valid message is a Ditto Protocol error message without id, and, where
 * the line has an id, its settlement. Lines of other kinds pass.
 *
 * Ownership: an adapter owns what it needs for one line and keeps nothing of it. */
#ifndef PROTOCOL_ADAPTER_H
#define PROTOCOL_ADAPTER_H

#include "line/line.h"
#include "protocol/error.h"

enum adapter_way { ADAPT_TO_SIGNAL, ADAPT_TO_PROTOCOL };

struct adapter;

struct adapter *adapter_new(enum adapter_way way);
void adapter_free(struct adapter *a);

enum adapter_result { ADAPTED, ADAPT_PASSED, ADAPT_REFUSED };

/* Takes a line (without '\n') and appends its answer, lines with '\n', to out. */
enum adapter_result adapter_take(struct adapter *a, struct slice raw, struct buf *out);
/* Appends the answer to a line that is too long to be read, of which head is known. */
void adapter_refuse_long(struct adapter *a, struct slice head, struct buf *out);

#endif
