/* filter-alloc: once it has seen the likes of a message, a filter asks for no more memory. */
#include "protocol/filter.h"
#include "tap.h"

#include "base/banned.h"

static unsigned long allocations;

#ifndef __SANITIZE_ADDRESS__
/* glibc's own, below the names that programs call */
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);

void *malloc(size_t n)
{
    allocations++;
    return __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
    allocations++;
    return __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
    allocations++;
    return __libc_realloc(p, n);
}
#endif

static const char target[] =
    "_/_/things/twin/events?namespaces=a,ns&filter=and(gt(attributes/n,1.5),like(attributes/s,'*%C3%A4*'),"
    "lt(_modified,time:now-1h[h]),in(topic:action,'created','modified'),eq(thing:id,'ns:d'),exists(feature:id),"
    "not(empty(attributes/list/k)),gt(thingId,'a'),eq(attributes/d,0.1000000000000000055511151231257827))";

static const char message[] =
    "{\"topic\":\"ns/d/things/twin/events/modified\",\"path\":\"/\",\"revision\":7,\"timestamp\":\"2024-05-06T07:08:09+02:00\","
    "\"value\":{\"attributes\":{\"n\":[1,[2]],\"s\":\"x\\u00e4y\",\"list\":[{\"k\":\"v\"}],\"d\":0.1},\"features\":{\"f\\u0061\":{}},"
    "\"_modified\":\"2024-05-06T05:08:09Z\"}}";

int main(void)
{
    struct filter f;
    struct line l;
    struct ditto_error err = {0};
    struct filter_scratch s = {0};
    is_int(filter_compile(&f, slice_str(target), &err), 0, "a filter%s", err.message);
    is_int(line_skim(slice_str(message), &l), 0, "a message");
    ok(filter_matches(&f, &l, &s), "that matches");
    unsigned long before = allocations, matches = 0;
    for (int i = 0; i < 1000; i++)
        matches += line_skim(slice_str(message), &l) == 0 && filter_matches(&f, &l, &s);
    is_int((long long)matches, 1000, "a thousand times");
    is_int((long long)(allocations - before), 0, "nothing is allocated");
    filter_free(&f);
    filter_scratch_free(&s);
    return done();
}
