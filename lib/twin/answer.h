/* answer.h: signals that a twin gives: answers, errors, events. Each is {"headers":{…},"signal":{…}} without its braces, so
 * that who writes a line puts id and context beside it.
 *
 * The headers of a command go along, but for those that were for the twin alone. */
#ifndef TWIN_ANSWER_H
#define TWIN_ANSWER_H

#include "twin/command.h"

struct answer {
    int status;
    struct json value;     /* the entity of the answer; JSON_ABSENT: none */
    struct slice tag;      /* etag, empty: none */
    struct slice metadata; /* ditto-metadata, SLICE_NONE */
};
void answer_put(struct buf *dst, const struct command *c, const struct answer *a);
void answer_put_error(struct buf *dst, const struct command *c, const struct ditto_error *e);

struct event {
    const struct signal_row *row;
    int64_t revision, time; /* wall milliseconds */
    struct json value;      /* JSON_ABSENT: none */
    struct slice metadata;  /* _metadata, SLICE_NONE */
};
void answer_put_event(struct buf *dst, const struct command *c, const struct event *e);

#endif
