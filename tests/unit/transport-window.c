/* transport-window: places granted, taken and given back; the extra ones of a window that stands still. */
#include "transport/window.h"

#include "tap.h"

static void test_places(void)
{
    struct window w = {.size = 3};
    is_int(window_open(&w), 3, "an empty window grants its size");
    is_int(window_open(&w), 0, "… once");
    window_take(&w, 10);
    is_int(window_open(&w), 0, "a place that is taken stays taken");
    window_give(&w, 20);
    is_int(window_open(&w), 1, "what is given back is granted again");
    window_take(&w, 30);
    window_take(&w, 30);
    window_take(&w, 30);
    window_take(&w, 30);
    is_int(w.taken, 4, "a peer that ignores credit takes places, too");
    window_give(&w, 40);
    is_int(window_open(&w), 0, "… and the window waits until it is below its size");
}

static void test_extra(void)
{
    struct window w = {.size = 2};
    window_open(&w);
    ok(window_extra_at(&w) == NEVER, "nothing is due while places are free");
    window_take(&w, 1000);
    ok(window_extra_at(&w) == NEVER, "… nor while one is");
    window_take(&w, 5000);
    is_int(window_extra_at(&w), 7000, "full: the first extra place is due after 2 s");
    ok(!window_extra(&w, 6999), "not before");
    ok(window_extra(&w, 7000), "then it is granted");
    ok(window_extra_at(&w) == NEVER, "and must be taken before the next one");
    window_take(&w, 7100);
    is_int(window_extra_at(&w), 8000, "which is due a second after it was granted");
    ok(window_extra(&w, 8500), "late is late");
    window_take(&w, 8500);
    ok(window_extra_at(&w) == NEVER, "there are never more than twice the size");
    window_give(&w, 9000);
    is_int(window_extra_at(&w), 11000, "a settlement starts the 2 s anew");
    is_int(window_open(&w), 0, "but grants nothing while there are extra ones");
    window_give(&w, 9000);
    window_give(&w, 9000);
    is_int(window_open(&w), 1, "below the size it does");
}

int main(void)
{
    test_places();
    test_extra();
    return done();
}
