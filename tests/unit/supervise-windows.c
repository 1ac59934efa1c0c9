/* supervise-windows: what is counted leaves the windows of a minute, an hour and a day in its time, and never earlier. */
#include "supervise/windows.h"

#include <stdlib.h>
#include <string.h>

#include "tap.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR };

static long long sum(const struct windows *w, enum window which, msec now)
{
    return (long long)windows_sum(w, which, now);
}

static void test_one(void)
{
    struct windows w = {0};
    msec start = 7 * DAY + 5 * SECOND; /* the machine is up for a while */
    is_int(sum(&w, WINDOW_DAY, start), 0, "nothing was counted");
    windows_add(&w, 3, start, 111);
    for (enum window i = 0; i < WINDOWS; i++)
        is_int(sum(&w, i, start), 3, "it is in the window %s", window_text(i));
    is_int(sum(&w, WINDOW_MINUTE, start + MINUTE), 3, "after a minute it may still be in the first one");
    is_int(sum(&w, WINDOW_MINUTE, start + MINUTE + 10 * SECOND), 0, "a slot later it is not");
    is_int(sum(&w, WINDOW_HOUR, start + HOUR), 3, "an hour: still there");
    is_int(sum(&w, WINDOW_HOUR, start + HOUR + MINUTE), 0, "… gone");
    is_int(sum(&w, WINDOW_DAY, start + DAY), 3, "a day: still there");
    is_int(sum(&w, WINDOW_DAY, start + DAY + HOUR), 0, "… gone");
    is_int(sum(&w, WINDOW_DAY, start + 1000LL * DAY), 0, "long after, too");
    is_int((long long)w.total, 3, "the total stays");
    is_int(w.last, 111, "and so does the time of the last one");
}

static void test_reset(void)
{
    struct windows w = {0};
    windows_add(&w, 5, 10, 20);
    windows_reset(&w);
    is_int(sum(&w, WINDOW_MINUTE, 10), 0, "reset: the windows are empty");
    is_int((long long)w.total, 5, "… the total stays");
    is_int(w.last, 0, "… nothing is the last one");
    windows_add(&w, 2, 11, 21);
    is_int(sum(&w, WINDOW_DAY, 11), 2, "counting goes on");
}

/* Random counts at random times, against a list of them: each is there for at least the window, at most a slot longer. */
static void test_random(void)
{
    static const msec lengths[] = {MINUTE, HOUR, DAY}, slots[] = {10 * SECOND, MINUTE, HOUR};
    enum { EVENTS = 4000 };
    static struct {
        msec at;
        unsigned n;
    } events[EVENTS];
    struct windows w = {0};
    msec now = DAY;
    unsigned wrong[WINDOWS] = {0};
    srand(17);
    for (int i = 0; i < EVENTS; i++) {
        now += rand() % 100 == 0 ? rand() % (2 * HOUR) : rand() % (20 * SECOND);
        events[i].at = now;
        events[i].n = (unsigned)rand() % 5;
        windows_add(&w, events[i].n, now, 1);
        for (enum window k = 0; k < WINDOWS; k++) {
            long long least = 0, most = 0, got = sum(&w, k, now);
            for (int j = 0; j <= i; j++) {
                least += now - events[j].at < lengths[k] ? events[j].n : 0;
                most += now - events[j].at < lengths[k] + slots[k] ? events[j].n : 0;
            }
            wrong[k] += got < least || got > most;
        }
    }
    for (enum window k = 0; k < WINDOWS; k++)
        is_int(wrong[k], 0, "%s holds what a list says, %d times", window_text(k), EVENTS);
}

int main(void)
{
    test_one();
    test_reset();
    test_random();
    return done();
}
