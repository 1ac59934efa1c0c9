#include "transport/window.h"

#include "base/banned.h"

enum {
    STILL_MS = 2000,       /* full, and nothing settled for so long … */
    EXTRA_EVERY_MS = 1000, /* … lets one more in, then one each second */
};

unsigned window_open(struct window *w)
{
    unsigned used = w->granted + w->taken;
    unsigned n = used < w->size ? w->size - used : 0;
    w->granted += n;
    return n;
}

void window_take(struct window *w, msec now)
{
    if (w->granted)
        w->granted--;
    if (++w->taken == w->size)
        w->stirred = now;
}

void window_give(struct window *w, msec now)
{
    w->taken--;
    w->stirred = now;
}

msec window_extra_at(const struct window *w)
{
    bool full = w->granted == 0 && w->taken >= w->size;
    return full && w->taken < 2 * w->size ? w->stirred + STILL_MS : NEVER;
}

bool window_extra(struct window *w, msec now)
{
    if (window_extra_at(w) > now)
        return false;
    w->granted++;
    w->stirred = now - STILL_MS + EXTRA_EVERY_MS;
    return true;
}
