#include "mapping/uuid.h"

#include <errno.h>
#include <sys/random.h>

#include "base/log.h"

#include "base/banned.h"

enum { UUID_BYTES = 16, POOL_BYTES = 256 }; /* getrandom gives up to 256 bytes whole */

static const unsigned char *take(void)
{
    static unsigned char pool[POOL_BYTES];
    static size_t used = POOL_BYTES;
    if (used == POOL_BYTES) {
        ssize_t n;
        do
            n = getrandom(pool, sizeof pool, 0);
        while (n < 0 && errno == EINTR);
        if (n != POOL_BYTES)
            die_sys(EXIT_TEMPORARY, "cannot get random bytes");
        used = 0;
    }
    used += UUID_BYTES;
    return pool + used - UUID_BYTES;
}

void uuid_put(struct buf *dst)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *random = take();
    char text[36], *p = text;
    for (size_t i = 0; i < UUID_BYTES; i++) {
        unsigned char c = random[i];
        if (i == 6)
            c = 0x40 | (c & 0x0f);
        if (i == 8)
            c = 0x80 | (c & 0x3f);
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *p++ = '-';
        *p++ = digits[c >> 4];
        *p++ = digits[c & 15];
    }
    buf_put(dst, text, sizeof text);
}
