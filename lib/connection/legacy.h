/* legacy.h: documents as Ditto's journal has them, from before its connections looked as they do now.
 *
 * Only what was stored is read so: over its API Ditto refuses such documents. What is of today stays as it is. Source:
 * connections reference 1.1. */
#ifndef CONNECTION_LEGACY_H
#define CONNECTION_LEGACY_H

#include "json/json.h"

/* Appends the document as it would be written today:
 *   authorizationContext of the connection    goes to every source and target that has none
 *   filters of a source                       become enforcement, of the input {{ source:address }}
 *   topic:action|subject                      is topic:action-subject, in addresses of targets and header mappings
 *   a target without headerMapping            gets correlation-id and reply-to, except over MQTT
 * The types of members are not judged. */
void connection_put_migrated(struct buf *dst, struct json stored);

#endif
