#include "store/history.h"

#include <time.h>

#include "protocol/instant.h"

#include "base/banned.h"

/* Of the form that instant_put writes. */
static int64_t milliseconds(const char *z)
{
    struct tm t = {0};
    const char *rest = strptime(z, "%Y-%m-%dT%H:%M:%S", &t);
    int64_t ms = 0;
    if (rest && *rest == '.')
        for (int i = 1, weight = 100; weight && rest[i] >= '0' && rest[i] <= '9'; i++, weight /= 10)
            ms += (rest[i] - '0') * weight;
    return (int64_t)timegm(&t) * 1000 + ms;
}

int history_instant(struct slice text, int64_t *ms)
{
    struct buf z = {0};
    int rc = text.p && instant_put(&z, text) == 0 ? 0 : -1;
    if (rc == 0)
        *ms = milliseconds(buf_z(&z));
    buf_free(&z);
    return rc;
}
