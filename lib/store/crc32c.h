/* crc32c.h: the CRC-32C (Castagnoli) checksum, RFC 3720 appendix B.4: "123456789" gives 0xe3069283. */
#ifndef STORE_CRC32C_H
#define STORE_CRC32C_H

#include <stdint.h>

#include "base/slice.h"

uint32_t crc32c(struct slice bytes);

#endif
