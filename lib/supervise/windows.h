/* windows.h: one counter over the last minute, hour and day.
 *
 * Time slides in slots: a minute in slots of 10 s, an hour in slots of a minute, a day in slots of an hour. A window holds
 * the slot that runs and all that began in the time before it, so that it may be late by a slot in forgetting, and never
 * in counting. Source: Ditto's documentation, "Connection metrics"; the resolutions are Ditto's.
 *
 * Pure arithmetic: now is the caller's monotonic clock, wall its wall clock, both in ms. */
#ifndef SUPERVISE_WINDOWS_H
#define SUPERVISE_WINDOWS_H

#include <stdint.h>

#include "base/clock.h"

enum window { WINDOW_MINUTE, WINDOW_HOUR, WINDOW_DAY, WINDOWS };
enum { SLOTS_MINUTE = 7, SLOTS_HOUR = 61, SLOTS_DAY = 25, SLOTS = SLOTS_MINUTE + SLOTS_HOUR + SLOTS_DAY };

struct windows {
    uint64_t slots[SLOTS]; /* the rings of the windows, one after the other */
    int64_t
        newest[WINDOWS]; /* number of the slot that was counted into last; slots are numbered from now = 0 */
    uint64_t total;      /* since it was made */
    int64_t last;        /* wall clock when something was counted last; 0: never */
};

void windows_add(struct windows *w, uint64_t n, msec now, int64_t wall);
/* What was counted in the window before now. */
uint64_t windows_sum(const struct windows *w, enum window which, msec now);
/* Empties the windows; total stays. */
void windows_reset(struct windows *w);
/* Ditto's name: "PT1M", "PT1H", "PT24H". */
const char *window_text(enum window which);

#endif
