/* edit.h: from a command to the document that is stored.
 *
 * Documents in and out are connection objects with their secrets. Nothing is owned: results are appended to dst, which is
 * as it was after an error. */
#ifndef CONNECTION_EDIT_H
#define CONNECTION_EDIT_H

#include "connection/connection.h"

/* What stands in the place of a secret in every answer; sent back it means "unchanged". */
#define CONNECTION_MASK "*****"

/* The document to store for createConnection (previous JSON_ABSENT) or modifyConnection: sent, with each masked secret
 * taken from the same place of previous (in a source or target: of the one with the same address) if it goes to the same host
 * and user and not from TLS to none, judged by all rules (control.h), in its effective form (connection_put_effective).
 * 0, or -1 with *err: the first problem that connection_judge finds; connectivity:connection.configuration.invalid for a masked secret
 * that has no previous value or is meant for another server, and for a connectionType other than the previous one. */
int connection_edit(struct buf *dst, struct json sent, struct json previous, struct ditto_error *err);
/* The same with every problem (as connection_examine); any_type: it may be another than the previous one (the header
 * ditto-sudo). */
int connection_edit_all(struct buf *dst, struct json sent, struct json previous, bool any_type,
                        struct connection_problems *p);
/* The document to store for openConnection and closeConnection: connectionStatus replaced, all else as stored. */
void connection_edit_status(struct buf *dst, struct json stored, bool open);

#endif
