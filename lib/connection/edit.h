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
 * any_type: its connectionType may be another than the previous one (the header ditto-sudo). 0, or -1 with every problem in *p
 * (as connection_examine; to be freed in any case): those that connection_judge finds, Ditto's first;
 * connectivity:connection.configuration.invalid for another connectionType, and for a masked secret that has no previous value
 * or is meant for another server. */
int connection_edit(struct buf *dst, struct json sent, struct json previous, bool any_type,
                    struct connection_problems *p);
/* The document to store for openConnection and closeConnection: connectionStatus replaced, all else as stored. */
void connection_edit_status(struct buf *dst, struct json stored, bool open);

#endif
