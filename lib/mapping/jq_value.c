#include "mapping/jq_value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

/* --- reading ---------------------------------------------------------------------------------------------------- */

static jv text_value(struct slice raw)
{
    struct buf decoded = {0};
    struct slice text = json_raw_text(raw, &decoded);
    jv v = jv_string_sized(text.p, (int)text.len);
    buf_free(&decoded);
    return v;
}

/* Short integers, which most numbers are, without strtod. */
static double number(struct json v)
{
    enum { EXACT_DIGITS = 15 };
    double n = 0;
    bool negative = v.p[0] == '-';
    size_t i = negative;
    for (; i < v.len && v.p[i] >= '0' && v.p[i] <= '9'; i++)
        n = n * 10 + (v.p[i] - '0');
    if (i < v.len || v.len > EXACT_DIGITS)
        return strtod(v.p, NULL);
    return negative ? -n : n;
}

static jv array_value(struct json v)
{
    struct json_iter it = json_iter(v);
    jv a = jv_array();
    while (json_next(&it))
        a = jv_array_append(a, jq_value(it.value));
    return a;
}

static jv object_value(struct json v)
{
    struct json_iter it = json_iter(v);
    jv o = jv_object();
    while (json_next(&it))
        o = jv_object_set(o, text_value(it.key), jq_value(it.value));
    return o;
}

jv jq_value(struct json v)
{
    switch (v.type) {
    case JSON_TRUE: return jv_true();
    case JSON_FALSE: return jv_false();
    case JSON_NUMBER: return jv_number(number(v));
    case JSON_STRING: return text_value(json_raw(v));
    case JSON_ARRAY: return array_value(v);
    case JSON_OBJECT: return object_value(v);
    default: return jv_null();
    }
}

/* --- writing ---------------------------------------------------------------------------------------------------- */

struct put {
    struct buf *dst;
    size_t end; /* dst may not grow beyond */
    unsigned depth;
};

static int put_value(struct put *p, jv v);

static void put_integer(struct buf *dst, double d)
{
    if (signbit(d))
        buf_putc(dst, '-');
    buf_put_u64(dst, (unsigned long long)fabs(d));
}

/* As jq writes them: NaN is null, infinity the largest number; else the shortest text that reads back the same. */
static void put_number(struct buf *dst, double d)
{
    char text[40];
    int precision = 15;
    if (isnan(d)) {
        buf_put_slice(dst, S("null"));
        return;
    }
    if (fabs(d) < 1e17 && d == floor(d)) {
        put_integer(dst, d);
        return;
    }
    if (isinf(d))
        d = d < 0 ? -1.7976931348623157e308 : 1.7976931348623157e308;
    do
        (void)snprintf(text, sizeof text, "%.*g", precision, d);
    while (precision++ < 17 && strtod(text, NULL) != d);
    buf_puts(dst, text);
}

static void put_text(struct buf *dst, jv v)
{
    json_put_text(dst, slice_of(jv_string_value(v), (size_t)jv_string_length_bytes(jv_copy(v))));
}

static int put_owned(struct put *p, jv v)
{
    int r = put_value(p, v);
    jv_free(v);
    return r;
}

static int put_array(struct put *p, jv v)
{
    int n = jv_array_length(jv_copy(v));
    buf_putc(p->dst, '[');
    for (int i = 0; i < n; i++) {
        if (i)
            buf_putc(p->dst, ',');
        if (put_owned(p, jv_array_get(jv_copy(v), i)) < 0)
            return -1;
    }
    buf_putc(p->dst, ']');
    return 0;
}

static int put_object(struct put *p, jv v)
{
    bool first = true;
    buf_putc(p->dst, '{');
    for (int i = jv_object_iter(v); jv_object_iter_valid(v, i); i = jv_object_iter_next(v, i)) {
        jv key = jv_object_iter_key(v, i);
        if (!first)
            buf_putc(p->dst, ',');
        first = false;
        put_text(p->dst, key);
        jv_free(key);
        buf_putc(p->dst, ':');
        if (put_owned(p, jv_object_iter_value(v, i)) < 0)
            return -1;
    }
    buf_putc(p->dst, '}');
    return 0;
}

static int put_container(struct put *p, jv v, bool object)
{
    if (++p->depth > JSON_MAX_DEPTH)
        return -1;
    int r = object ? put_object(p, v) : put_array(p, v);
    p->depth--;
    return r;
}

static int put_value(struct put *p, jv v)
{
    if (p->dst->len > p->end)
        return -1;
    switch (jv_get_kind(v)) {
    case JV_KIND_NULL: buf_put_slice(p->dst, S("null")); return 0;
    case JV_KIND_FALSE: buf_put_slice(p->dst, S("false")); return 0;
    case JV_KIND_TRUE: buf_put_slice(p->dst, S("true")); return 0;
    case JV_KIND_NUMBER: put_number(p->dst, jv_number_value(v)); return 0;
    case JV_KIND_STRING: put_text(p->dst, v); return 0;
    case JV_KIND_ARRAY: return put_container(p, v, false);
    case JV_KIND_OBJECT: return put_container(p, v, true);
    default: return -1;
    }
}

int jq_value_put(struct buf *dst, jv v, size_t max_bytes)
{
    struct put p = {.dst = dst, .end = dst->len + max_bytes};
    return put_value(&p, v) < 0 || dst->len > p.end ? -1 : 0;
}
