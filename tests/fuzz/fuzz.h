/* fuzz.h: what the fuzzers share. Each of them is a libFuzzer target (`make fuzz`): it reads its input as one language,
 * and ends the process where a promise is broken. Crashes become unit tests. */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "json/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PROMISE(held)                                                                                        \
    do {                                                                                                     \
        if (!(held)) {                                                                                       \
            fprintf(stderr, "broken promise: %s\n", #held);                                                  \
            abort();                                                                                         \
        }                                                                                                    \
    } while (0)

static inline struct slice fuzz_input(const uint8_t *data, size_t size)
{
    return slice_of((const char *)data, size);
}

/* Must be JSON of this type. */
static inline struct json fuzz_json(const struct buf *b, enum json_type type)
{
    struct json v = {JSON_ABSENT, NULL, 0};
    PROMISE(json_parse(buf_slice(b), &v, NULL) == 0);
    PROMISE(v.type == type);
    return v;
}

#endif
