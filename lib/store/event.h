/* event.h: connectivity events as JSON ("Signals", connectivity.events:…).
 *
 *   {"type":"connectivity.events:connectionCreated","_timestamp":"…","revision":7,"connectionId":"…","connection":{…}}
 *
 * That is the payload of a record, secrets included. connectionOpened, connectionClosed and connectionDeleted have no
 * connection. Events of the log passed a checksum, so they are read without checking their grammar again. */
#ifndef STORE_EVENT_H
#define STORE_EVENT_H

#include "json/json.h"
#include "store/record.h"

enum event_type { EVENT_CREATED, EVENT_MODIFIED, EVENT_DELETED, EVENT_OPENED, EVENT_CLOSED, EVENT_UNKNOWN };

/* doc: the connection for EVENT_CREATED and EVENT_MODIFIED, else SLICE_NONE. time: wall milliseconds. */
void event_put(struct buf *dst, enum event_type type, struct slice id, uint64_t revision, int64_t time,
               struct slice doc);
enum event_type event_type_of(struct json event);
/* The JSON object of a record. */
struct json event_of(const struct record *r);
/* Appends `{"position":P,"signal":{event}}\n`, as followers get it, masked unless secrets. */
void event_put_line(struct buf *dst, const struct record *r, bool secrets);
/* Does it tell of its connection what a record of its kind has to? Of records that came from elsewhere. */
bool event_sound(const struct record *r);

#endif
