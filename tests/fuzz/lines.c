/* lines: the input is what a program finds on its standard input. What line_read takes, line_skim takes, and sees the same in
 * it; a filter judges both alike. */
#include <unistd.h>

#include "base/io.h"
#include "base/lines.h"
#include "protocol/filter.h"

#include "fuzz.h"

enum { LINE_LEAST = 600 }; /* lines may be longer than this: then they are dropped */

static struct filter filters[3];
static struct filter_scratch scratch;

static void compile(void)
{
    static const char *const texts[] = {
        "_/_/things/twin/events?filter=or(eq(attributes/a,1),like(thing:id,'*b'),exists(feature:id),gt(_modified,'2'))",
        "_/_/things/twin/events?filter=empty(features/f)&extraFields=features/f/properties,attributes",
        "_/_/things/live/messages?namespaces=a,b&filter=like(resource:path,'/inbox/*')",
    };
    struct ditto_error err = {0};
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++)
        PROMISE(filter_compile(&filters[i], slice_str(texts[i]), &err) == 0);
}

static bool same(struct json a, struct json b)
{
    return a.type == b.type && a.p == b.p && a.len == b.len;
}

static void check(struct slice text)
{
    struct line l, skimmed;
    struct json_error why = {0, NULL};
    bool valid = line_read(text, &l, &why) == 0, skims = line_skim(text, &skimmed) == 0;
    PROMISE(valid || why.reason);
    if (skims)
        for (size_t i = 0; i < sizeof filters / sizeof *filters; i++)
            (void)filter_matches(&filters[i], &skimmed, &scratch);
    if (!valid)
        return;
    PROMISE(skims && l.kind == skimmed.kind && slice_eq(l.id, skimmed.id) && l.n_other == skimmed.n_other);
    PROMISE(same(l.topic, skimmed.topic) && same(l.path, skimmed.path) && same(l.value, skimmed.value));
    PROMISE(same(l.extra, skimmed.extra) && same(l.revision, skimmed.revision) &&
            same(l.status, skimmed.status));
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++)
        PROMISE(filter_matches(&filters[i], &l, &scratch) == filter_matches(&filters[i], &skimmed, &scratch));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!filters[0].text)
        compile();
    struct lines in;
    struct slice line, input = fuzz_input(data, size);
    size_t taken = 0;
    enum lines_status st;
    int fd = io_memfd("lines", input);
    PROMISE(fd >= 0);
    lines_init(&in, fd);
    in.max = LINE_LEAST;
    do {
        while ((st = lines_next(&in, &line)) == LINES_LINE || st == LINES_LONG) {
            struct slice rest = slice_skip(input, taken), whole = slice_cut(&rest, '\n');
            PROMISE(st == LINES_LONG ? whole.len > LINE_LEAST && slice_starts(whole, line)
                                     : slice_eq(whole, line));
            taken += whole.len + 1;
            check(whole);
        }
        PROMISE(st != LINES_LINE);
    } while (st == LINES_MORE && lines_fill(&in) >= 0);
    PROMISE(st == LINES_END || st == LINES_CUT);
    PROMISE((st == LINES_END) == (taken == size));
    lines_free(&in);
    close(fd);
    return 0;
}
