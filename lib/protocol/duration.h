/* duration.h: durations of the Ditto Protocol, as the header "timeout" and others have them.
 *
 *   [ "+" ] digits [ "ms" | "s" | "m" | "h" | "d" | "w" | "mo" | "y" ]
 *
 * Without a unit they are seconds. A month has 2629746 s, a year 31556952 s: the averages of the Gregorian calendar. */
#ifndef PROTOCOL_DURATION_H
#define PROTOCOL_DURATION_H

#include <stdint.h>

#include "protocol/error.h"

enum time_unit {
    UNIT_MS,
    UNIT_SECOND,
    UNIT_MINUTE,
    UNIT_HOUR,
    UNIT_DAY,
    UNIT_WEEK,
    UNIT_MONTH,
    UNIT_YEAR,
    UNIT_NONE
};

/* The unit of this name ("" is a second), UNIT_NONE if there is no such. */
enum time_unit time_unit_of(struct slice name);
const char *time_unit_text(enum time_unit u);
int64_t time_unit_ms(enum time_unit u);

struct duration {
    int64_t amount;
    enum time_unit unit;
    bool bare; /* no unit was written */
};

/* 0, or -1 with timeout.invalid (400) in *err; what does not fit int64 as milliseconds is refused, too. */
int duration_parse(struct slice text, struct duration *out, struct ditto_error *err);
int64_t duration_ms(struct duration d);
/* Appends it as Ditto prints it: no leading zeros, no sign. */
void duration_put(struct buf *dst, struct duration d);

#endif
