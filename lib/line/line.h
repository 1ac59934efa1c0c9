/* line.h: the lines that flow between programs (NDJSON, one JSON object a line).
 *
 *   kind            recognised by
 *   external        "address"
 *   Ditto Protocol  "topic"
 *   signal          "signal"
 *   settlement      none of these, "id" and "status"
 *   parts           none of these, "id" and "parts"
 *
 * line_read checks the whole line in one pass and keeps slices of its members; unknown members are checked and
 * otherwise ignored, but stay in raw, so that a line is passed on untouched. Every value borrows the line.
 * The names and meaning of the members: HACKING.md, "The lines". */
#ifndef LINE_LINE_H
#define LINE_LINE_H

#include "json/view.h"

enum line_kind { LINE_UNKNOWN, LINE_EXTERNAL, LINE_DITTO, LINE_SIGNAL, LINE_SETTLEMENT, LINE_PARTS };

struct line {
    enum line_kind kind;
    struct slice raw; /* the whole line, without '\n' */
    /* As it was written between the quotes, escapes and all: so it is compared, and so it goes back. SLICE_NONE without one;
     * what is no string, empty or longer than 256 bytes is none. */
    struct slice id;
    /* members as they stand; JSON_ABSENT if missing, last one wins */
    struct json address, headers, text, bytes, context;
    struct json topic, path, value, extra, status, revision, timestamp, metadata, fields;
    struct json signal, channel, error, weak, parts;
    size_t n_other; /* members that are none of these (duplicates counted) */
};

/* 0, or -1 with *err (not JSON, no object). A line that is JSON but of no kind gives 0 and LINE_UNKNOWN.
 * The first row of the table that fits decides; a member that is null counts as missing for that. */
int line_read(struct slice raw, struct line *out, struct json_error *err);
/* line_read that gathers what is in the headers and in the signal, and notes what the line holds (json/view.h). The views
 * are those of out->headers and out->signal where these are objects, else empty. */
struct line_inside {
    struct json_view headers, signal;
    struct json_notes notes;
};
int line_read_deep(struct slice raw, struct line *out, struct line_inside *inside, struct json_error *err);

/* The id that the value of a member "id" is, SLICE_NONE if it is none: for who looks into lines that cannot be read. */
struct slice line_id(struct json v);
/* The id of a line that begins with `{"id":"…"`, where givers write it, however the line goes on; else SLICE_NONE. */
struct slice line_id_in_front(struct slice line);

/* line_read for who forwards lines and looks into few members: what stands inside of members is not checked (json/skim.h),
 * nor are keys with bad escapes found. -1: the line does not end as an object; line_read says why. */
int line_skim(struct slice raw, struct line *out);

/* Classes of status: what a status means to whoever settles a delivery. */
enum line_class { CLASS_ACCEPT, CLASS_REJECT, CLASS_REDELIVER };
/* <400 accept; 408, 424, >=500 redeliver; other 4xx reject. */
enum line_class line_class_of(int status);
/* The status that stands for a class on the way home: 200, 400, 503. */
int line_class_status(enum line_class c);

/* Appends `{"id":…,"status":…}\n`; id as it is in struct line. */
void line_put_settlement(struct buf *out, struct slice id, int status);
/* The same with `"error":{status,error,message,description}`; description may be SLICE_NONE. */
void line_put_refusal(struct buf *out, struct slice id, int status, struct slice code, struct slice message,
                      struct slice description);
/* The code that a line is refused with which cannot be read: 413 for one that is too long, 400 for what is no JSON. */
const char *line_error_code(int status);
/* Appends `{"id":…,"parts":N}\n`. */
void line_put_parts(struct buf *out, struct slice id, size_t n);

#endif
