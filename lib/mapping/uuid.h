/* uuid.h: random UUIDs (RFC 4122, version 4) in bulk: one call of the kernel for many of them. */
#ifndef MAPPING_UUID_H
#define MAPPING_UUID_H

#include "base/buf.h"

/* Appends 36 characters. */
void uuid_put(struct buf *dst);

#endif
