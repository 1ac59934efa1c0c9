/* time_expression.h: points in time as placeholders name them: "now-1h[h]" behind "time:".
 *
 *   expression := ( "now" | "now_epoch_millis" ) [ ( "+" | "-" ) digits unit ] [ "[" unit "]" … ]
 *
 * with blanks before and behind the middle part. The units are those of durations; the last part cuts off what is less
 * than such a unit (weeks begin on Monday; all in UTC), and what follows it is ignored. Source: mapping reference 2.6. */
#ifndef PROTOCOL_TIME_EXPRESSION_H
#define PROTOCOL_TIME_EXPRESSION_H

#include "protocol/duration.h"

struct time_expression {
    bool millis; /* resolves to milliseconds since 1970 rather than to an instant */
    int64_t offset_ms;
    enum time_unit truncate; /* UNIT_NONE: not at all */
};

/* false if name is none. */
bool time_expression_parse(struct slice name, struct time_expression *out);
/* Appends what it is at this time (milliseconds since 1970): a number, or 2024-05-06T07:08:09.120Z with three digits of a
 * second or none. Only the years 0000 to 9999 are sensible. */
void time_expression_put(struct buf *dst, const struct time_expression *e, int64_t now_ms);

#endif
