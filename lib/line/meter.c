#include "line/meter.h"

#include "base/banned.h"

static const char *const measures[MEASURES] = {
    [MEASURE_CONSUMED] = "consumed",     [MEASURE_ENFORCED] = "enforced",
    [MEASURE_MAPPED] = "mapped",         [MEASURE_DROPPED] = "dropped",
    [MEASURE_DISPATCHED] = "dispatched", [MEASURE_FILTERED] = "filtered",
    [MEASURE_PUBLISHED] = "published",   [MEASURE_ACKNOWLEDGED] = "acknowledged",
    [MEASURE_THROTTLED] = "throttled",   [MEASURE_OTHER] = "other",
};
static const char *const categories[CATEGORIES] = {
    [CATEGORY_SOURCE] = "source",
    [CATEGORY_TARGET] = "target",
    [CATEGORY_RESPONSE] = "response",
    [CATEGORY_CONNECTION] = "connection",
};
static const char *const levels[LEVELS] = {[LEVEL_FAILURE] = "failure", [LEVEL_SUCCESS] = "success"};

const char *measure_text(enum measure m)
{
    return measures[m];
}

const char *category_text(enum category c)
{
    return categories[c];
}

const char *level_text(enum outcome_level l)
{
    return levels[l];
}

static size_t find(const char *const *words, size_t n, struct slice text)
{
    size_t i = 0;
    while (i < n && !slice_eq(slice_str(words[i]), text))
        i++;
    return i;
}

enum measure measure_of(struct slice text)
{
    return (enum measure)find(measures, MEASURES, text);
}

enum category category_of(struct slice text)
{
    return (enum category)find(categories, CATEGORIES, text);
}

enum outcome_level level_of(struct slice text)
{
    return (enum outcome_level)find(levels, LEVELS, text);
}

void place_put(struct buf *dst, const struct place *p)
{
    json_put_member_text(dst, S("category"), slice_str(categories[p->category]));
    json_put_member_int(dst, S("index"), p->index);
    if (p->address != ALL_ADDRESSES)
        json_put_member_int(dst, S("address"), p->address);
}

void meter_put_counts(struct buf *dst, const struct meter *m)
{
    for (size_t i = 0; i < MEASURES; i++) {
        const uint64_t *n = m->counts[i];
        if (!n[LEVEL_SUCCESS] && !n[LEVEL_FAILURE])
            continue;
        json_put_key(dst, slice_str(measures[i]));
        buf_printf(dst, "[%llu,%llu]", (unsigned long long)n[LEVEL_SUCCESS],
                   (unsigned long long)n[LEVEL_FAILURE]);
    }
}

int place_read(struct json report, struct place *p)
{
    struct json address = json_get(report, S("address"));
    int64_t index, at = ALL_ADDRESSES;
    p->category = category_of(json_raw(json_get(report, S("category"))));
    if (p->category == CATEGORIES || json_int(json_get(report, S("index")), &index) < 0 || index < 0 ||
        index > INT32_MAX || (json_present(address) && json_int(address, &at) < 0) || at < ALL_ADDRESSES ||
        at > INT32_MAX)
        return -1;
    p->index = (unsigned)index;
    p->address = (int)at;
    return 0;
}

static uint64_t count_of(struct json pair, size_t i)
{
    int64_t n;
    return json_int(json_at(pair, i), &n) == 0 && n > 0 ? (uint64_t)n : 0;
}

void meter_read_counts(struct json report, uint64_t counts[MEASURES][LEVELS])
{
    for (size_t i = 0; i < MEASURES; i++) {
        struct json pair = json_get(report, slice_str(measures[i]));
        counts[i][LEVEL_SUCCESS] = count_of(pair, 0);
        counts[i][LEVEL_FAILURE] = count_of(pair, 1);
    }
}
