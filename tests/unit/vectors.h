/* vectors.h: the rows of $VECTORS/protocol (default ../shared/vectors), for unit tests. Without them a test skips. */
#ifndef UNIT_VECTORS_H
#define UNIT_VECTORS_H

#include <stdlib.h>

#include "base/io.h"
#include "json/json.h"
#include "tap.h"

/* Decoded texts of the row at hand; large enough never to move. */
static struct buf scratch;

/* A string member of a row, decoded; SLICE_NONE if absent. */
static inline struct slice row_text(struct json row, const char *name)
{
    return json_text(json_get(row, slice_str(name)), &scratch);
}

static inline bool row_is(struct json row, const char *name, const char *text)
{
    return json_text_is(json_get(row, slice_str(name)), slice_str(text));
}

/* Hands each row to holds, which says whether the row is content; a row that is no JSON is not. one check in all says how many are, the names of the
 * others follow as comments. */
static inline void each_row(const char *file, bool (*holds)(struct json row))
{
    const char *folder = getenv("VECTORS");
    struct buf path = {0}, rows = {0};
    size_t n = 0, held = 0;
    buf_printf(&path, "%s/protocol/%s", folder ? folder : "../shared/vectors", file);
    bool there = io_read_file(buf_z(&path), (size_t)1 << 28, &rows) == 0;
    buf_free(&path);
    if (!there) {
        ok(true, "rows of %s # SKIP there are none here", file);
        return;
    }
    for (struct slice rest = buf_slice(&rows); rest.len;) {
        struct slice line = slice_cut(&rest, '\n');
        struct json row;
        if (!line.len)
            continue;
        n++;
        if (json_parse(line, &row, NULL) < 0) {
            tap_bytes("no JSON", line);
            continue;
        }
        buf_reset(&scratch, (size_t)1 << 30);
        buf_room(&scratch, 4 * line.len + 1);
        if (holds(row))
            held++;
        else
            tap_bytes("row", row_text(row, "name").p ? row_text(row, "name") : line);
    }
    buf_free(&rows);
    buf_free(&scratch);
    ok(n > 20 && held == n, "%zu of %zu rows of %s", held, n, file);
}

#endif
