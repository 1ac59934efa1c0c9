/* same.h: are two JSON values the same? Members in any order, the last of duplicates; numbers by value if they are integers,
 * else by their text. */
#ifndef UNIT_SAME_H
#define UNIT_SAME_H

#include "json/json.h"

static inline bool same_json(struct json a, struct json b);

static inline bool same_scalar(struct json a, struct json b)
{
    int64_t x, y;
    if (a.type == JSON_NUMBER && json_int(a, &x) == 0 && json_int(b, &y) == 0)
        return x == y;
    return slice_eq(json_slice(a), json_slice(b));
}

static inline bool same_string(struct json a, struct json b)
{
    struct buf x = {0}, y = {0};
    bool same = slice_eq(json_text(a, &x), json_text(b, &y));
    buf_free(&x);
    buf_free(&y);
    return same;
}

static inline bool same_container(struct json a, struct json b)
{
    struct buf key = {0};
    struct json_iter it = json_iter(a);
    bool same = json_count(a) == json_count(b);
    for (size_t i = 0; same && json_next(&it); i++) {
        buf_cut(&key, 0);
        same = same_json(it.value,
                         a.type == JSON_ARRAY ? json_at(b, i) : json_get(b, json_raw_text(it.key, &key)));
    }
    buf_free(&key);
    return same;
}

static inline bool same_json(struct json a, struct json b)
{
    if (a.type != b.type)
        return false;
    if (a.type == JSON_STRING)
        return same_string(a, b);
    return a.type == JSON_OBJECT || a.type == JSON_ARRAY ? same_container(a, b) : same_scalar(a, b);
}

static inline struct json json_of(struct slice text)
{
    struct json v = {JSON_ABSENT, NULL, 0};
    (void)json_parse(text, &v, NULL);
    return v;
}

#endif
