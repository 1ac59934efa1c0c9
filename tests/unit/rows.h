/* rows.h: for unit tests that read the rows of $VECTORS (default ../shared/vectors): NDJSON files. */
#ifndef UNIT_ROWS_H
#define UNIT_ROWS_H

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/lines.h"
#include "json/json.h"
#include "tap.h"

static struct buf row_scratch; /* what text_of decodes; large enough never to move */

/* Calls check for each row; that there are more than `least` is a test, too. Without the file it is skipped. */
static inline void each_row(const char *file, unsigned least, void (*check)(struct json row))
{
    char path[512];
    const char *vectors = getenv("VECTORS");
    snprintf(path, sizeof path, "%s/%s", vectors ? vectors : "../shared/vectors", file);
    struct lines in;
    struct slice line;
    unsigned rows = 0, broken = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        ok(true, "rows of %s # SKIP there are none here", file);
        return;
    }
    buf_room(&row_scratch, 8 * 1024 * 1024);
    lines_init(&in, fd);
    do {
        while (lines_next(&in, &line) == LINES_LINE) {
            struct json row;
            if (json_parse(line, &row, NULL) == 0)
                check(row), rows++;
            else
                broken++;
            buf_cut(&row_scratch, 0);
        }
    } while (lines_fill(&in) > 0);
    lines_free(&in);
    close(fd);
    buf_free(&row_scratch);
    ok(rows > least && !broken, "%u rows of %s, all JSON", rows, file);
}

static inline struct json member(struct json v, const char *name)
{
    return json_get(v, slice_str(name));
}

/* A string member of a row, decoded; SLICE_NONE if absent. */
static inline struct slice text_of(struct json row, const char *name)
{
    return json_text(member(row, name), &row_scratch);
}

/* The same document, but for the order of members and the way texts are written. */
static inline bool same_json(struct json a, struct json b)
{
    struct json_iter it = json_iter(a), other = json_iter(b);
    struct buf x = {0}, y = {0};
    bool same = a.type == b.type;
    if (same && a.type == JSON_STRING)
        same = slice_eq(json_text(a, &x), json_text(b, &y));
    else if (same && (a.type == JSON_OBJECT || a.type == JSON_ARRAY))
        same = json_count(a) == json_count(b);
    else if (same)
        same = slice_eq(json_slice(a), json_slice(b));
    while (same && json_next(&it)) {
        if (a.type == JSON_OBJECT)
            same = same_json(it.value, json_get(b, json_raw_text(it.key, &x)));
        else
            same = json_next(&other) && same_json(it.value, other.value);
    }
    buf_free(&x);
    buf_free(&y);
    return same;
}

#endif
