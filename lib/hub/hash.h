/* hash.h: FNV-1a, for the tables of the hub. */
#ifndef HUB_HASH_H
#define HUB_HASH_H

#include <stdint.h>

#include "base/slice.h"

static inline size_t hash_of(struct slice s)
{
    uint64_t h = 14695981039346656037u;
    for (size_t i = 0; i < s.len; i++)
        h = (h ^ (unsigned char)s.p[i]) * 1099511628211u;
    return (size_t)(h ^ h >> 32);
}

#endif
