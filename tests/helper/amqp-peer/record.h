/* record.h: one JSON object a line on stdout, gathered and written at the end of each round of the loop. */
#ifndef AMQP_PEER_RECORD_H
#define AMQP_PEER_RECORD_H

#include "json/json.h"

enum loudness { LOUD_SUMMARY, LOUD_DISPOSITIONS, LOUD_ALL };

void record_loudness(enum loudness loudness);
/* Starts {"event":E,"connection":N (unless 0) and returns the buffer to append members to; NULL if events of that
 * loudness are not printed, so that nobody builds what nobody reads. */
struct buf *record_begin(enum loudness loudness, const char *event, unsigned connection);
/* The same without event, always printed: the caller puts the whole object. */
struct buf *record_plain(void);
void record_end(struct buf *b, const char *tail); /* tail: "}" or "" */
/* Writes what was gathered; dies with 111 if stdout is gone. */
void record_flush(void);

/* A member, left out if z is NULL. */
void record_text(struct buf *b, const char *name, const char *z);
void record_bool(struct buf *b, const char *name, bool on);
void record_number(struct buf *b, const char *name, uint64_t n);

#endif
