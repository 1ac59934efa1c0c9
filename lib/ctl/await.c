#include "ctl/await.h"

#include <poll.h>

#include "base/log.h"
#include "base/banned.h"

/* Not open yet, but may become so: a live status, or no supervisor to tell one. */
static bool may_open(const struct line *answer)
{
    struct json refusal = client_refusal(answer);
    return refusal.type == JSON_ABSENT ||
           json_text_is(json_get(refusal, S("error")), S("connectivity:connection.unavailable"));
}

/* The store tells nobody about live status, so it is asked again, ever less often. */
int await_open(struct ctl *ctl, const char *id, unsigned long seconds)
{
    enum { DELAY_LEAST_MS = 20, DELAY_MOST_MS = 500 };
    msec until = clock_ms() + (msec)seconds * 1000;
    struct line answer;
    for (int delay = DELAY_LEAST_MS;; delay = delay < DELAY_MOST_MS ? delay * 2 : delay) {
        ctl_ask_about(ctl, "retrieveConnectionStatus", slice_str(id), false, &answer);
        if (!may_open(&answer) || json_text_is(json_get(answer.signal, S("liveStatus")), S("open")))
            return ctl_print_answer(ctl, &answer, S(""));
        msec left = until - clock_ms();
        if (left <= 0)
            break;
        (void)poll(NULL, 0, left < delay ? (int)left : delay);
    }
    (void)ctl_print_answer(ctl, &answer, S(""));
    return EXIT_TIMEOUT;
}
