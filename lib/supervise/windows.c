#include "supervise/windows.h"

#include <string.h>

#include "base/banned.h"

static const struct {
    const char *text;
    unsigned first, n; /* of the slots */
    msec width;
} rings[WINDOWS] = {
    [WINDOW_MINUTE] = {"PT1M", 0, SLOTS_MINUTE, 10 * 1000},
    [WINDOW_HOUR] = {"PT1H", SLOTS_MINUTE, SLOTS_HOUR, 60 * 1000},
    [WINDOW_DAY] = {"PT24H", SLOTS_MINUTE + SLOTS_HOUR, SLOTS_DAY, 60 * 60 * 1000},
};

const char *window_text(enum window which)
{
    return rings[which].text;
}

/* The slots between the newest and this one are over without a count. */
static void advance(struct windows *w, enum window i, int64_t slot)
{
    int64_t n = slot - w->newest[i];
    if (n <= 0)
        return;
    for (int64_t k = 0; k < n && k < rings[i].n; k++)
        w->slots[rings[i].first + (size_t)((slot - k) % rings[i].n)] = 0;
    w->newest[i] = slot;
}

void windows_add(struct windows *w, uint64_t n, msec now, int64_t wall)
{
    for (enum window i = 0; i < WINDOWS; i++) {
        int64_t slot = now / rings[i].width;
        advance(w, i, slot);
        w->slots[rings[i].first + (size_t)(slot % rings[i].n)] += n;
    }
    w->total += n;
    w->last = wall;
}

uint64_t windows_sum(const struct windows *w, enum window which, msec now)
{
    int64_t slot = now / rings[which].width, age = slot - w->newest[which];
    uint64_t sum = 0;
    for (int64_t k = 0; k < rings[which].n - age; k++) {
        int64_t at = w->newest[which] - k;
        if (at < 0)
            break;
        sum += w->slots[rings[which].first + (size_t)(at % rings[which].n)];
    }
    return sum;
}

void windows_reset(struct windows *w)
{
    memset(w->slots, 0, sizeof w->slots);
    w->last = 0;
}
