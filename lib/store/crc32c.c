#include "store/crc32c.h"

#include "base/banned.h"

enum { LANES = 8 };
static const uint32_t REFLECTED_POLYNOMIAL = 0x82f63b78;

/* lane[k][b] is the effect of byte b followed by k zero bytes: eight bytes then cost eight independent look-ups. */
static uint32_t lane[LANES][256];

static void fill_lanes(void)
{
    for (uint32_t b = 0; b < 256; b++) {
        uint32_t r = b;
        for (int bit = 0; bit < 8; bit++)
            r = (r >> 1) ^ (r & 1 ? REFLECTED_POLYNOMIAL : 0);
        lane[0][b] = r;
    }
    for (int k = 1; k < LANES; k++)
        for (int b = 0; b < 256; b++)
            lane[k][b] = (lane[k - 1][b] >> 8) ^ lane[0][lane[k - 1][b] & 0xff];
}

static uint32_t eight(uint32_t r, const unsigned char *p)
{
    uint32_t low = r ^ ((uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24);
    return lane[7][low & 0xff] ^ lane[6][low >> 8 & 0xff] ^ lane[5][low >> 16 & 0xff] ^ lane[4][low >> 24] ^
           lane[3][p[4]] ^ lane[2][p[5]] ^ lane[1][p[6]] ^ lane[0][p[7]];
}

uint32_t crc32c(struct slice bytes)
{
    const unsigned char *p = (const unsigned char *)bytes.p;
    size_t left = bytes.len;
    uint32_t r = UINT32_MAX;
    if (!lane[0][1])
        fill_lanes();
    for (; left >= LANES; left -= LANES, p += LANES)
        r = eight(r, p);
    for (; left; left--)
        r = (r >> 8) ^ lane[0][(r ^ *p++) & 0xff];
    return ~r;
}
